internal import FlowEngine
internal import Records

/// What Zeek's quic.log tells of a connection (scripts/base/protocols/quic/main.zeek): a letter for each
/// packet, in upper case where the client sent it. Kept where such logs are wanted, and written as a
/// record that EVE does not have.
struct QUICZeekSession: BitwiseCopyable {
  // 104 letters.
  private var letters:
    (
      UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
      UInt64, UInt64
    ) = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  private var count: UInt8 = 0
  private var isBegun = false
  private var draft = EventDraft()
  /// Of the entry's first packet.
  private var start: Int64 = 0
  /// Packets behind the handshake: every first, second, fourth … has a letter.
  private var clientShorts: UInt32 = 0
  private var serverShorts: UInt32 = 0
  private var discards: UInt8 = 0
  var decrypted: UInt16 = 0
  /// For ssl.log, which has one line however often the client began.
  private var tls = EventDraft()
  private var clientHellos: UInt8 = 0
  private var serverHellos: UInt8 = 0

  /// QUIC::max_history_length
  private static var most: UInt8 { 100 }

  var isFull: Bool { count >= Self.most }

  private func isWanted(_ flow: QUICFlow) -> Bool { flow.d.settings.wantsHiddenRecords }

  /// A packet with a long header.
  mutating func add(_ flow: QUICFlow, _ letter: UInt8) {
    guard isWanted(flow) else { return }
    if !isBegun {
      isBegun = true
      start = flow.d.time
    }
    put(flow.isFromClient ? letter : letter | 0x20)
  }

  private mutating func put(_ letter: UInt8) {
    guard count < Self.most else { return }
    let place = Int(count)
    // 104 bytes are there, and `place` is below 100.
    withUnsafeMutableBytes(of: &letters) {
      $0.storeBytes(of: letter, toByteOffset: place, as: UInt8.self)
    }
    count &+= 1
  }

  mutating func short(_ flow: QUICFlow) {
    let isClient = flow.isFromClient
    let sum = (isClient ? clientShorts : serverShorts) &+ 1
    if isClient { clientShorts = sum } else { serverShorts = sum }
    guard isWanted(flow), isBegun, sum & (sum &- 1) == 0 else { return }
    put(isClient ? 0x4f : 0x6f)
  }

  /// No packet, behind at least one that was: 100 at the most (QUIC::max_discarded_packet_events).
  mutating func discarded(_ flow: QUICFlow) {
    guard isWanted(flow), isBegun, decrypted > 0, discards < 100 else { return }
    discards &+= 1
    put(flow.isFromClient ? 0x58 : 0x78)
  }

  mutating func retry(_ flow: QUICFlow) {
    add(flow, 0x52)
    write(flow)
    decrypted = 0
  }

  mutating func unhandled(_ flow: QUICFlow) {
    add(flow, 0x55)
    write(flow)
  }

  mutating func closed(_ flow: QUICFlow) {
    guard isBegun else { return }
    add(flow, 0x43)
    write(flow)
  }

  // MARK: Hellos

  mutating func client(_ flow: QUICFlow, _ hello: TLSClientHello) {
    guard isWanted(flow), isBegun else { return }
    put(0x53)
    var w = flow.d.event()
    if !hello.serverName.isEmpty { w.string(QUICFields.serverName, hello.serverName) }
    var names = ByteCursor(hello.alpn)
    if let name = names.prefixed8() { w.string(QUICFields.clientProtocol, name) }
    flow.d.keep(w, in: &draft)
    if clientHellos == 0 {
      w = flow.d.event()
      if !hello.serverName.isEmpty { w.string(TLSFields.sni, hello.serverName) }
      flow.d.keep(w, in: &tls)
    }
    if clientHellos < 8 { clientHellos &+= 1 }
  }

  mutating func server(_ flow: QUICFlow, _ hello: TLSServerHello) {
    guard isWanted(flow), isBegun else { return }
    put(0x73)
    if serverHellos > 0 { return }
    serverHellos = 1
    var w = flow.d.event()
    TLSVersion.writeZeek(hello.version, TLSFields.zeekVersion, into: &w)
    if let name = TLSCiphers.name(hello.cipher) { w.text(TLSFields.cipher, name) }
    if let name = TLSGroups.name(hello.group) { w.text(TLSFields.curve, name) }
    w.boolean(TLSFields.sessionResumed, hello.hasPreSharedKey)
    flow.d.keep(w, in: &tls)
  }

  /// What Zeek's ssl.log tells of the hellos; the rest of the handshake is encrypted.
  private mutating func writeTLS(_ flow: QUICFlow) {
    guard clientHellos > 0 || serverHellos > 0 else { return }
    var w = flow.d.event()
    w.time(TLSFields.zeekStart, nanoseconds: flow.state.pointee.start)
    w.boolean(TLSFields.established, false)
    if let history = w.beginString(TLSFields.history) {
      for _ in 0..<clientHellos { w.piece(Bytes("C")) }
      if serverHellos > 0 { w.piece(Bytes("s")) }
      w.endString(history)
    }
    flow.d.emit(.tls, &tls, w, isHidden: true)
  }

  // MARK: The record

  private mutating func write(_ flow: QUICFlow) {
    guard isWanted(flow), isBegun else { return }
    let state = flow.state
    var w = flow.d.event()
    w.time(QUICFields.start, nanoseconds: start)
    // Zeek's names of versions are given by whoever writes the log.
    w.integer(QUICFields.version, state.pointee.version.value)
    withUnsafeMutablePointer(to: &state.pointee.initialID) {
      if $0.pointee.isSet { w.hex(QUICFields.clientInitialDCID, QUICConnectionID.bytes($0)) }
    }
    withUnsafeMutablePointer(to: &state.pointee.clientID) {
      if $0.pointee.isSet { w.hex(QUICFields.clientSCID, QUICConnectionID.bytes($0)) }
    }
    withUnsafeMutablePointer(to: &state.pointee.serverID) {
      if $0.pointee.isSet { w.hex(QUICFields.serverSCID, QUICConnectionID.bytes($0)) }
    }
    let length = Int(count)
    withUnsafeBytes(of: &letters) { letters in
      guard let base = letters.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      w.string(QUICFields.history, Bytes(base, length))
    }
    flow.d.emit(.quic, &draft, w, isHidden: true)
    isBegun = false
    count = 0
  }

  mutating func end(_ flow: QUICFlow) {
    write(flow)
    writeTLS(flow)
    flow.d.drop(&draft)
    flow.d.drop(&tls)
  }
}
