internal import FlowEngine
internal import Records

// What is not a handshake message, and the record at the end.

extension TLSStream {
  /// Encrypted records of a server that are waited through for its client's, in TLS 1.3.
  private static var mostEncryptedRecords: UInt16 { 64 }

  static func addHistory(
    _ state: UnsafeMutablePointer<State>, _ letter: UInt8, _ isClient: Bool
  ) {
    let place = Int(state.pointee.historyCount)
    guard place < 100 else { return }
    state.pointee.history[place] = isClient ? letter & ~0x20 : letter
    state.pointee.historyCount &+= 1
  }

  static func takeChangeCipherSpec(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ direction: inout TLSDirection
  ) {
    addHistory(state, UInt8(ascii: "i"), d.isToServer)
    // In TLS 1.3 it is there for middleboxes alone (RFC 8446, appendix D.4).
    if TLSVersion.is13(state.pointee.version) { return }
    direction.flags |= TLSDirection.Flags.encrypted
    dropMessage(d, &direction)
    // By a ticket, without the session's id (RFC 5077, section 3.4): no certificate, and no
    // exchange.
    let full =
      TLSState.Flags.serverCertificate | TLSState.Flags.serverHelloDone | TLSState.Flags.cut
    if !d.isToServer, state.pointee.has(TLSState.Flags.serverHello),
      state.pointee.has(TLSState.Flags.ticketOffered), state.pointee.flags & full == 0,
      d.missingBytes == 0
    {
      state.pointee.flags |= TLSState.Flags.resumed
    }
  }

  static func takeAlert(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ level: UInt8, _ description: UInt8
  ) {
    addHistory(state, UInt8(ascii: "l"), d.isToServer)
    let place = Int(state.pointee.alertCount)
    if place < 4 {
      state.pointee.alerts[place] = (d.isToServer ? 1 : 0, level, description)
      state.pointee.alertCount &+= 1
    }
    state.pointee.lastAlert = description
    if level == 2 { state.pointee.flags |= TLSState.Flags.over }
  }

  /// An encrypted record of any type.
  static func takeCiphertext(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ direction: TLSDirection, _ type: UInt8
  ) {
    let hasServerHello = state.pointee.has(TLSState.Flags.serverHello)
    let isData = type == TLSRecordHeader.Kind.applicationData
    // Data before the server's hello (RFC 8446, section 2.3) say nothing of the handshake.
    if state.pointee.has(TLSState.Flags.earlyData) && !hasServerHello { return }
    if hasServerHello && TLSVersion.is13(state.pointee.version) {
      guard isData else { return }
      date(d, state)
      if d.isToServer {
        if state.pointee.has(TLSState.Flags.clientHello) {
          state.pointee.flags |= TLSState.Flags.established
        }
        state.pointee.flags |= TLSState.Flags.over
        return
      }
      state.pointee.encryptedRecords &+= 1
      // Of the client nothing is to be seen, or nothing more.
      if !state.pointee.has(TLSState.Flags.clientHello)
        || state.pointee.encryptedRecords > mostEncryptedRecords
      {
        state.pointee.flags |= TLSState.Flags.over
      }
      return
    }
    let other = d.isToServer ? state.pointee.server : state.pointee.client
    if direction.has(TLSDirection.Flags.encrypted) && other.has(TLSDirection.Flags.encrypted) {
      state.pointee.flags |= TLSState.Flags.established | TLSState.Flags.over
    } else if isData {
      // One side's change of cipher was not seen.
      state.pointee.flags |= TLSState.Flags.cut | TLSState.Flags.over
    }
  }

  // MARK: The record

  /// The record is about this packet, unless it is about an earlier one.
  static func date(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    if state.pointee.has(TLSState.Flags.dated) { return }
    state.pointee.flags |= TLSState.Flags.dated
    state.pointee.time = d.time
    state.pointee.ordinal = d.ordinal
  }

  /// The handshake is over: the record is made with what there is, if there is anything to tell.
  static func conclude(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    if state.pointee.has(TLSState.Flags.emitted) { return }
    endCutMessages(d, state)
    if isInteresting(state) { emit(d, state) }
  }

  private static func emit(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    state.pointee.flags |= TLSState.Flags.emitted
    date(d, state)
    var w = d.event()
    writeOutcome(d, state, into: &w)
    writeAlerts(state, into: &w)
    if isIncomplete(d, state) { w.boolean(CommonFields.incomplete, true) }
    if d.missingBytes > 0 { w.integer(CommonFields.missingBytes, d.missingBytes) }
    let dated = Delivery(
      core: d.core, flow: d.flow, isToServer: d.isToServer, time: state.pointee.time,
      ordinal: state.pointee.ordinal, offset: d.offset)
    dated.emit(.tls, &state.pointee.draft, w)
  }

  /// Of both directions, whichever has brought the end.
  private static func isIncomplete(_ d: Delivery, _ state: UnsafeMutablePointer<State>) -> Bool {
    let flags = d.side(toServer: true).pointee.flags | d.side(toServer: false).pointee.flags
    return d.missingBytes > 0 || flags & StreamSide.Flags.midstream != 0
      || state.pointee.has(TLSState.Flags.cut)
  }

  private static func writeOutcome(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, into w: inout EventWriter
  ) {
    let version = state.pointee.version
    TLSVersion.write(version, TLSFields.version, into: &w)
    if version != 0 {
      TLSVersion.writeZeek(version, TLSFields.zeekVersion, into: &w)
      writeCipher(state, into: &w)
    }
    if state.pointee.group != 0 {
      writeNumbered(
        state.pointee.group, TLSGroups.name(state.pointee.group), TLSFields.curve, into: &w)
    }
    let isResumed = state.pointee.has(TLSState.Flags.resumed)
    if isResumed { w.boolean(TLSFields.sessionResumed, true) }
    w.boolean(TLSFields.zeekResumed, isResumed)
    if state.pointee.has(TLSState.Flags.retryRequest) {
      w.boolean(TLSFields.retryRequest, true)
    }
    if state.pointee.has(TLSState.Flags.certificateRequest) {
      w.boolean(TLSFields.clientCertificateRequested, true)
    }
    let original = d.core.pointee.flows.app[Int(d.flow.pointee.entry)].original
    if original != 0, let proto = AppProtocol(rawValue: original) {
      w.text(TLSFields.fromProto, proto.name)
    }
    w.boolean(TLSFields.established, state.pointee.has(TLSState.Flags.established))
    withUnsafeBytes(of: &state.pointee.history) { history in
      guard let base = history.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      w.string(TLSFields.history, Bytes(base, Int(state.pointee.historyCount)))
    }
    w.time(TLSFields.zeekStart, nanoseconds: state.pointee.start)
  }

  private static func writeCipher(
    _ state: UnsafeMutablePointer<State>, into w: inout EventWriter
  ) {
    // SSL 2.0's server has only offered some.
    if state.pointee.version == TLSVersion.ssl2 { return }
    writeNumbered(
      state.pointee.cipher, TLSCiphers.name(state.pointee.cipher), TLSFields.cipher, into: &w)
  }

  /// A name, or as Zeek has what it does not know.
  private static func writeNumbered(
    _ number: UInt16, _ name: StaticString?, _ field: EventField, into w: inout EventWriter
  ) {
    if let name { return w.text(field, name) }
    w.string(field) { text in
      text.text("unknown-")
      text.decimal(number)
    }
  }

  private static func writeAlerts(
    _ state: UnsafeMutablePointer<State>, into w: inout EventWriter
  ) {
    let count = Int(min(state.pointee.alertCount, 4))
    if count == 0 { return }
    writeAlert(state.pointee.lastAlert, TLSFields.lastAlert, into: &w)
    w.beginArray(TLSFields.alerts)
    for place in 0..<count {
      let (isClient, level, description) = state.pointee.alerts[place]
      w.beginObject(TLSFields.alerts)
      w.text(TLSFields.alertFrom, isClient != 0 ? "client" : "server")
      w.text(TLSFields.alertLevel, level == 2 ? "fatal" : "warning")
      writeAlert(description, TLSFields.alertDescription, into: &w)
      w.end()
    }
    w.end()
  }

  private static func writeAlert(
    _ description: UInt8, _ field: EventField, into w: inout EventWriter
  ) {
    writeNumbered(UInt16(description), TLSAlerts.name(description), field, into: &w)
  }
}
