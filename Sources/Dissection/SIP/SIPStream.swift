internal import FlowEngine
internal import Records

/// SIP over TCP (RFC 3261, 18.3): messages one behind the other, each with its Content-Length.
enum SIPStream: StreamDissector {
  struct State: BitwiseCopyable {
    struct Side: BitwiseCopyable {
      /// Bytes from the front in which no end of the headers was found.
      var scanned: UInt32 = 0
      /// A hole has hidden where the next message begins.
      var isLost = false
      /// What comes next stands within a line, of which the beginning was no message's.
      var isMidLine = false
    }
    var toServer = Side()
    var toClient = Side()
  }

  /// Of one message.
  static var longestHeaders: Int { 16 << 10 }
  /// A longer body is not looked at.
  static var longestBody: Int { 8 << 10 }

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    let start = skipEmptyLines(bytes)
    if start == bytes.count { return start <= 4 ? .maybe : .no }
    return start > 4 ? .no : SIPText.probeStream(bytes.dropFirst(start))
  }

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    var side = d.isToServer ? state.pointee.toServer : state.pointee.toClient
    let progress = take(d, &side, bytes)
    if d.isToServer { state.pointee.toServer = side } else { state.pointee.toClient = side }
    return progress
  }

  private static func take(_ d: Delivery, _ side: inout State.Side, _ bytes: Bytes) -> Progress {
    if side.isLost, let progress = seek(&side, bytes) { return progress }
    // RFC 5626, 3.5.1: empty lines keep a connection open.
    let empty = skipEmptyLines(bytes)
    if empty > 0 { return .consumed(empty) }
    guard let headers = bytes.endOfHead(from: Int(side.scanned)) else {
      guard bytes.count < longestHeaders else {
        d.note(.appHeadersTooLong)
        return .directionDone()
      }
      // The last three bytes may be the beginning of its end.
      side.scanned = UInt32(truncatingIfNeeded: max(0, bytes.count &- 3))
      return .needs(bytes.count + 1)
    }
    var lines = SIPLines(bytes.prefix(headers))
    var message = SIPMessage(d)
    var w = d.event()
    guard let line = lines.next(), message.writeStart(line, &w) else {
      side.scanned = 0
      d.note(.appMalformed)
      side.isLost = true
      return .consumed(headers)
    }
    message.writeHeaders(&lines, &w)
    let length = message.contentLength ?? 0
    var seen = 0
    if message.isSDP, length <= longestBody, !d.settings.isHeaderOnly {
      guard let body = bytes.slice(headers, length) else {
        return .needs(headers + length)
      }
      message.writeSDP(body, &w)
      seen = length
    }
    side.scanned = 0
    w.incomplete(d)
    d.emit(.sip, w, toServer: d.isToServer, transaction: d.nextTransaction())
    return Progress(consumed: headers + seen, skip: UInt64(length &- seen))
  }

  private static func skipEmptyLines(_ bytes: Bytes) -> Int {
    var count = 0
    while let byte = bytes.u8(count), byte == 0x0d || byte == 0x0a { count &+= 1 }
    return count
  }

  /// Goes to the next line that begins a message; nil where it is at one.
  private static func seek(_ side: inout State.Side, _ bytes: Bytes) -> Progress? {
    var place = 0
    if !side.isMidLine {
      switch SIPText.probe(bytes) {
      case .yes:
        side = State.Side()
        return nil
      case .maybe: return .needs(bytes.count + 1)
      case .no: break
      }
    }
    while let end = bytes.firstIndex(of: 0x0a, from: place) {
      place = end &+ 1
      if case .no = SIPText.probe(bytes.dropFirst(place)) { continue }
      side.isMidLine = false
      return .consumed(place)
    }
    side.isMidLine = true
    return .consumed(bytes.count)
  }

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    let isLost = d.isToServer ? state.pointee.toServer.isLost : state.pointee.toClient.isLost
    // A message whose headers are there waited for its body.
    if !isLost, let headers = rest.endOfHead(from: 0) {
      var lines = SIPLines(rest.prefix(headers))
      var message = SIPMessage(d)
      var w = d.event()
      if let line = lines.next(), message.writeStart(line, &w) {
        message.writeHeaders(&lines, &w)
        w.incomplete(d)
        d.emit(.sip, w, toServer: d.isToServer, transaction: d.nextTransaction())
      }
    }
    let lost = State.Side(scanned: 0, isLost: true)
    if d.isToServer { state.pointee.toServer = lost } else { state.pointee.toClient = lost }
    return .resume
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {}
}
