internal import FlowEngine
internal import Records

// Records of type http, version 2, as Suricata's rust/src/http2/logger.rs has them.

extension HTTP2Flow {
  typealias Flags = HTTP2Exchange.Flags

  /// A stream that is over, or of which no more is waited for.
  func write(_ exchange: UnsafeMutablePointer<HTTP2Exchange>) {
    let one = exchange.pointee
    state.pointee.streams.draftBytes &-= min(
      one.draft.count, state.pointee.streams.draftBytes)
    guard one.has(Flags.hasRequest) || one.has(Flags.hasResponse) || !one.draft.isEmpty else {
      return d.drop(&exchange.pointee.draft)
    }
    var w = d.event()
    w.text(HTTPFields.version, "2")
    if one.has(Flags.hasResponse) {
      w.integer(HTTPFields.length, one.length > 0 ? one.length &- 1 : one.responseBytes)
      w.integer(HTTPFields.responseBodyLength, one.responseBytes)
      writeBody(exchange, isRequest: false, to: &w)
    }
    if one.has(Flags.hasRequest) {
      w.integer(HTTPFields.requestBodyLength, one.requestBytes)
      writeBody(exchange, isRequest: true, to: &w)
      w.time(HTTPFields.requestTime, nanoseconds: one.requestTime)
    }
    w.beginObject(HTTPFields.http2)
    w.integer(HTTPFields.streamID, one.number)
    w.beginObject(HTTP2Fields.request)
    if one.priority != HTTP2Exchange.noPriority { w.integer(HTTP2Fields.priority, one.priority) }
    if one.has(Flags.resetByClient) { writeError(one.errorCode, to: &w) }
    w.end()
    w.beginObject(HTTP2Fields.response)
    if one.has(Flags.resetByServer) { writeError(one.errorCode, to: &w) }
    w.end()
    if one.has(Flags.isPushed) { w.boolean(HTTP2Fields.pushed, true) }
    w.end()
    let missing = d.missingBytes
    if one.has(Flags.isIncomplete) || missing > 0 || d.isMidstream {
      w.boolean(HTTPFields.incomplete, true)
      if missing > 0 { w.integer(HTTPFields.missingBytes, missing) }
    }
    d.emit(.http, &exchange.pointee.draft, w, transaction: d.nextTransaction())
  }

  // MARK: Stream 0

  private func begin() -> EventWriter {
    var w = d.event()
    w.text(HTTPFields.version, "2")
    w.beginObject(HTTPFields.http2)
    w.integer(HTTPFields.streamID, UInt32(0))
    if !d.isToServer {
      w.beginObject(HTTP2Fields.request)
      w.end()
    }
    w.beginObject(d.isToServer ? HTTP2Fields.request : HTTP2Fields.response)
    return w
  }

  private func finish(_ writer: EventWriter) {
    var w = writer
    w.end()
    if d.isToServer {
      w.beginObject(HTTP2Fields.response)
      w.end()
    }
    w.end()
    d.emit(.http, w, toServer: d.isToServer, transaction: d.nextTransaction())
  }

  /// Pairs of a number and a value (RFC 9113, section 6.5).
  func writeSettings(_ body: Bytes) {
    var w = begin()
    w.beginArray(HTTP2Fields.settings)
    var cursor = ByteCursor(body)
    while let id = cursor.be16(), let value = cursor.be32() {
      w.beginObject(HTTP2Fields.settings)
      if let name = HTTP2Names.setting(id) {
        w.text(HTTP2Fields.settingsID, name)
      } else {
        w.integer(HTTP2Fields.settingsID, id)
      }
      w.integer(HTTP2Fields.settingsValue, value)
      w.end()
    }
    w.end()
    finish(w)
  }

  func writeGoAway(_ code: UInt32) {
    var w = begin()
    writeError(code, to: &w)
    finish(w)
  }

  private func writeError(_ code: UInt32, to w: inout EventWriter) {
    if let name = HTTP2Names.error(code) {
      w.text(HTTP2Fields.errorCode, name)
    } else {
      w.integer(HTTP2Fields.errorCode, code)
    }
  }
}

/// Names of settings and errors as Suricata writes them.
enum HTTP2Names {
  static func setting(_ id: UInt16) -> StaticString? {
    switch id {
    case 1: "SETTINGSHEADERTABLESIZE"
    case 2: "SETTINGSENABLEPUSH"
    case 3: "SETTINGSMAXCONCURRENTSTREAMS"
    case 4: "SETTINGSINITIALWINDOWSIZE"
    case 5: "SETTINGSMAXFRAMESIZE"
    case 6: "SETTINGSMAXHEADERLISTSIZE"
    case 8: "SETTINGSENABLECONNECTPROTOCOL"
    case 9: "SETTINGSNORFC7540PRIORITIES"
    default: nil
    }
  }

  /// Of RST_STREAM and GOAWAY.
  static func error(_ code: UInt32) -> StaticString? {
    switch code {
    case 0: "NOERROR"
    case 1: "PROTOCOLERROR"
    case 2: "INTERNALERROR"
    case 3: "FLOWCONTROLERROR"
    case 4: "SETTINGSTIMEOUT"
    case 5: "STREAMCLOSED"
    case 6: "FRAMESIZEERROR"
    case 7: "REFUSEDSTREAM"
    case 8: "CANCEL"
    case 9: "COMPRESSIONERROR"
    case 10: "CONNECTERROR"
    case 11: "ENHANCEYOURCALM"
    case 12: "INADEQUATESECURITY"
    case 13: "HTTP11REQUIRED"
    default: nil
    }
  }
}
