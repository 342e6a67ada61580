internal import FlowEngine
internal import Records

extension TLSStream {
  /// A handshake message's body; of one that is cut the beginning.
  static func takeMessage(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ type: UInt8, _ body: Bytes, isCut: Bool
  ) {
    if isCut { state.pointee.flags |= TLSState.Flags.cut }
    var letter = TLSMessage.letter(type) ?? UInt8(ascii: "z")
    switch type {
    case TLSMessage.clientHello: takeClientHello(d, state, body, isCut: isCut)
    case TLSMessage.serverHello:
      if takeServerHello(d, state, body, isCut: isCut) { letter = UInt8(ascii: "j") }
    case TLSMessage.helloRetryRequest: state.pointee.flags |= TLSState.Flags.retryRequest
    case TLSMessage.certificate: takeCertificate(d, state, body)
    case TLSMessage.serverKeyExchange: takeKeyExchange(state, body)
    case TLSMessage.certificateRequest:
      state.pointee.flags |= TLSState.Flags.certificateRequest
    case TLSMessage.serverHelloDone: state.pointee.flags |= TLSState.Flags.serverHelloDone
    default: break
    }
    addHistory(state, letter, d.isToServer)
  }

  private static func takeClientHello(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ body: Bytes, isCut: Bool
  ) {
    // A second one answers a retry request, or is of another handshake on the same connection.
    guard !state.pointee.has(TLSState.Flags.clientHello), let hello = TLSClientHello(body) else {
      return
    }
    if hello.isMalformed && !isCut { d.note(.appMalformed) }
    state.pointee.flags |= TLSState.Flags.clientHello
    if !hello.sessionTicket.isEmpty { state.pointee.flags |= TLSState.Flags.ticketOffered }
    if hello.hasEarlyData { state.pointee.flags |= TLSState.Flags.earlyData }
    let session = hello.sessionID.prefix(32)
    state.pointee.sessionCount = UInt8(truncatingIfNeeded: session.count)
    withUnsafeMutableBytes(of: &state.pointee.session) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: session.base, count: session.count))
    }
    let name = hello.serverName.prefix(255)
    state.pointee.serverNameCount = UInt8(truncatingIfNeeded: name.count)
    withUnsafeMutableBytes(of: &state.pointee.serverName) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: name.base, count: name.count))
    }
    var w = d.event()
    hello.write(d, into: &w)
    d.keep(w, in: &state.pointee.draft)
  }

  /// True where it is a retry request.
  private static func takeServerHello(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ body: Bytes, isCut: Bool
  ) -> Bool {
    guard let hello = TLSServerHello(body) else { return false }
    if hello.isRetryRequest {
      state.pointee.flags |= TLSState.Flags.retryRequest
      state.pointee.version = hello.version
      state.pointee.cipher = hello.cipher
      state.pointee.group = hello.group
      return true
    }
    guard !state.pointee.has(TLSState.Flags.serverHello) else { return false }
    if hello.isMalformed && !isCut { d.note(.appMalformed) }
    state.pointee.flags |= TLSState.Flags.serverHello
    state.pointee.version = hello.version
    state.pointee.cipher = hello.cipher
    state.pointee.group = hello.group
    if hello.isTLS13 {
      if hello.hasPreSharedKey { state.pointee.flags |= TLSState.Flags.resumed }
    } else if isSameSession(state, hello.sessionID) {
      state.pointee.flags |= TLSState.Flags.resumed
    }
    var w = d.event()
    hello.write(d, into: &w)
    d.keep(w, in: &state.pointee.draft)
    return false
  }

  /// The server goes on with the session whose id the client has sent (RFC 5246, section 7.4.1.3).
  private static func isSameSession(_ state: UnsafeMutablePointer<State>, _ session: Bytes) -> Bool
  {
    guard state.pointee.sessionCount > 0, session.count == Int(state.pointee.sessionCount) else {
      return false
    }
    return withUnsafeBytes(of: &state.pointee.session) { own in
      own.baseAddress.map {
        Bytes($0.assumingMemoryBound(to: UInt8.self), session.count).equals(session)
      } ?? false
    }
  }

  private static func takeCertificate(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ body: Bytes
  ) {
    let flag = d.isToServer ? TLSState.Flags.clientCertificate : TLSState.Flags.serverCertificate
    guard !state.pointee.has(flag) else { return }
    var list = TLSCertificates(body)
    // A client without one sends an empty list.
    guard list.next() != nil else { return }
    state.pointee.flags |= flag
    var w = d.event()
    if d.isToServer {
      TLSCertificates.writeClient(body, d, into: &w)
    } else {
      date(d, state)
      withUnsafeBytes(of: &state.pointee.serverName) { name in
        guard let base = name.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        let host = Bytes(base, Int(state.pointee.serverNameCount))
        TLSCertificates.writeServer(body, d, host: host, into: &w)
      }
    }
    d.keep(w, in: &state.pointee.draft)
  }

  /// The named curve of an exchange over elliptic curves (RFC 8422, section 5.4).
  private static func takeKeyExchange(_ state: UnsafeMutablePointer<State>, _ body: Bytes) {
    guard let name = TLSCiphers.name(state.pointee.cipher),
      Bytes(name).firstIndex(of: "ECDH") != nil, body.u8(0) == 3, let curve = body.be16(1)
    else { return }
    state.pointee.group = curve
  }

  // MARK: SSL 2.0

  static func takeSSL2(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ message: Bytes
  ) {
    if state.pointee.start == 0 { state.pointee.start = d.time }
    var w = d.event()
    if message.u8(2) == 1 {
      addHistory(state, UInt8(ascii: "c"), true)
      state.pointee.flags |= TLSState.Flags.clientHello
      TLSSSL2.writeClient(message, into: &w)
      d.keep(w, in: &state.pointee.draft)
      return
    }
    addHistory(state, UInt8(ascii: "s"), false)
    state.pointee.flags |= TLSState.Flags.serverHello
    state.pointee.version = TLSVersion.ssl2
    date(d, state)
    TLSCertificates.writeSSL2(TLSSSL2.certificate(message), into: &w)
    d.keep(w, in: &state.pointee.draft)
    // What follows is encrypted but for the key.
    state.pointee.flags |= TLSState.Flags.over
  }
}
