internal import FlowEngine
internal import Records

/// A flow's packets, read one after the other.
struct QUICFlow: BitwiseCopyable {
  let d: Delivery
  let state: UnsafeMutablePointer<QUICDatagrams.State>

  typealias Flags = QUICDatagrams.Flags

  /// Packets in one datagram (RFC 9000, section 12.2): there is one for each level of encryption.
  private static var mostCoalesced: Int { 8 }
  /// Initials that no key fits before no more are tried.
  private static var mostFailures: UInt8 { 16 }
  /// Packets behind the handshake, and datagrams in all, after which nobody waits for a hello.
  private static var mostShorts: UInt16 { 8 }
  private static var mostDatagrams: UInt16 { 256 }

  func has(_ flag: UInt16) -> Bool { state.pointee.flags & flag != 0 }
  func set(_ flag: UInt16) { state.pointee.flags |= flag }
  func clear(_ flag: UInt16) { state.pointee.flags &= ~flag }

  /// Whether the sender of the packet at hand is the one that began.
  var isFromClient: Bool { d.isToServer != has(Flags.reversed) }

  /// As the head of a record has it.
  func isToServer(fromClient: Bool) -> Bool { fromClient != has(Flags.reversed) }

  var isFinished: Bool {
    // Zeek's quic.log tells of every packet.
    if d.settings.wantsHiddenRecords && !has(Flags.google) { return state.pointee.zeek.isFull }
    if has(Flags.clientDone) && (has(Flags.serverDone) || has(Flags.google)) { return true }
    return state.pointee.shorts >= Self.mostShorts || state.pointee.datagrams >= Self.mostDatagrams
      || state.pointee.failures >= Self.mostFailures
  }

  func take(_ bytes: Bytes, missing: Int) {
    if state.pointee.datagrams == 0 { state.pointee.start = d.time }
    if state.pointee.datagrams < .max { state.pointee.datagrams &+= 1 }
    var rest = bytes
    var count = 0
    while let first = rest.u8(0), count < Self.mostCoalesced {
      count &+= 1
      if let header = QUICHeader.googlePublic(rest, missing: missing) {
        return takeGoogle(header, rest)
      }
      guard let header = QUICHeader(rest, missing: missing) else { return discard() }
      // The fixed bit (RFC 9000, section 17.2): padding behind the last packet has none either.
      if first & 0x40 == 0 && header.kind != .versionNegotiation { return discard() }
      take(header, rest)
      guard header.end > 0, header.end < rest.count else { return }
      rest = rest.dropFirst(header.end)
    }
  }

  private func discard() { state.pointee.zeek.discarded(self) }

  private func take(_ header: QUICHeader, _ packet: Bytes) {
    switch header.kind {
    case .short:
      if state.pointee.shorts < .max { state.pointee.shorts &+= 1 }
      state.pointee.zeek.short(self)
    case .versionNegotiation: takeNegotiation(header, packet)
    case .unknown:
      meet(header)
      state.pointee.zeek.unhandled(self)
    case .googleHello: takeGoogle(header, packet)
    case .retry: takeRetry(header)
    case .zeroRTT:
      meet(header)
      state.pointee.zeek.add(self, 0x5a)
    case .handshake:
      meet(header)
      state.pointee.zeek.add(self, 0x48)
    case .initial:
      meet(header)
      state.pointee.zeek.add(self, 0x49)
      takeInitial(header, packet)
    }
  }

  /// What every long header tells.
  func meet(_ header: QUICHeader) {
    if state.pointee.version.value == 0 { state.pointee.version = header.version }
    if isFromClient {
      if !state.pointee.initialID.isSet && !header.dcid.isEmpty {
        state.pointee.initialID.set(header.dcid)
      }
      state.pointee.clientID.set(header.scid)
    } else {
      if state.pointee.serverVersion.value == 0 { state.pointee.serverVersion = header.version }
      state.pointee.serverID.set(header.scid)
    }
  }

  /// The server wants to see a token first: the client begins again, with keys of the server's connection
  /// id. Only the first one counts (RFC 9000, section 17.2.5.2).
  private func takeRetry(_ header: QUICHeader) {
    if state.pointee.version.value == 0 { meet(header) }
    state.pointee.zeek.retry(self)
    guard !isFromClient, !has(Flags.retried) else { return }
    set(Flags.retried)
    restart()
  }

  /// Another connection begins in the same flow: of the first one only that it was there is kept.
  private func restart() {
    clear(Flags.clientDone | Flags.serverDone | Flags.isCut)
    state.pointee.keyID = QUICConnectionID()
    state.pointee.initialID = QUICConnectionID()
    state.pointee.serverID = QUICConnectionID()
    state.pointee.clientKeys = QUICKeys()
    state.pointee.serverKeys = QUICKeys()
    state.pointee.clientBuffer.drop(d)
    state.pointee.serverBuffer.drop(d)
  }

  /// The server speaks other versions (RFC 8999, section 6); the client may begin again.
  private func takeNegotiation(_ header: QUICHeader, _ packet: Bytes) {
    guard !has(Flags.negotiated), !has(Flags.serverDone) else { return }
    set(Flags.negotiated)
    writeNegotiation(header, packet.dropFirst(header.numberOffset))
    restart()
    state.pointee.version = QUICVersion(value: 0)
  }

  // MARK: Initials

  private func takeInitial(_ header: QUICHeader, _ packet: Bytes) {
    guard !has(isFromClient ? Flags.clientDone : Flags.serverDone),
      state.pointee.failures < Self.mostFailures, header.version.hasInitialKeys,
      let crypto = d.core.pointee.crypto
    else { return }
    let whole = packet.prefix(header.end)
    guard let size = BlockPool.size(for: whole.count) else { return }
    let block = d.core.pointee.blocks.take(size)
    guard block != 0 else { return d.core.pointee.counters.add(.dissectionNoMemory) }
    let memory = d.core.pointee.blocks.at(block).assumingMemoryBound(to: UInt8.self)
    if let plain = open(crypto, header, whole, into: memory) {
      state.pointee.zeek.decrypted &+= 1
      if header.isCut { set(Flags.isCut) }
      if header.version.family == .googleEncrypted {
        takeGoogleHello(header, plain)
      } else {
        takeFrames(header, plain)
      }
    } else {
      state.pointee.failures &+= 1
    }
    d.core.pointee.blocks.giveBack(block, size)
  }

  private func open(
    _ crypto: OpaquePointer, _ header: QUICHeader, _ packet: Bytes,
    into output: UnsafeMutablePointer<UInt8>
  ) -> Bytes? {
    let keyed = state.pointee.keyID.isSet
    if keyed {
      // The server may answer in another version that is compatible (RFC 9368, section 2.3).
      let plain =
        isFromClient
        ? withUnsafeMutablePointer(to: &state.pointee.clientKeys) {
          open(crypto, $0, isClient: true, header, packet, into: output)
        }
        : withUnsafeMutablePointer(to: &state.pointee.serverKeys) {
          open(crypto, $0, isClient: false, header, packet, into: output)
        }
      if plain != nil || !isFromClient { return plain }
      let same = withUnsafeMutablePointer(to: &state.pointee.keyID) {
        QUICConnectionID.bytes($0).equals(header.dcid)
      }
      if same { return nil }
    }
    // Whoever sends the first packet that its own connection id decrypts is the client.
    var fresh = QUICKeys()
    let plain = withUnsafeMutablePointer(to: &fresh) { keys in
      QUICKeys.derive(keys, version: header.version, dcid: header.dcid, isClient: true)
      return QUICKeys.open(crypto, keys, packet, header, into: output)
    }
    guard let plain, !header.isCut || Self.isPlausible(plain) else { return nil }
    if keyed {
      restart()
    } else if !isFromClient {
      turnRoles()
    }
    meet(header)
    state.pointee.keyID.set(header.dcid)
    state.pointee.clientKeys = fresh
    return plain
  }

  private func open(
    _ crypto: OpaquePointer, _ keys: UnsafeMutablePointer<QUICKeys>, isClient: Bool,
    _ header: QUICHeader, _ packet: Bytes, into output: UnsafeMutablePointer<UInt8>
  ) -> Bytes? {
    if keys.pointee.version != header.version {
      withUnsafeMutablePointer(to: &state.pointee.keyID) {
        QUICKeys.derive(
          keys, version: header.version, dcid: QUICConnectionID.bytes($0), isClient: isClient)
      }
    }
    guard let plain = QUICKeys.open(crypto, keys, packet, header, into: output),
      !header.isCut || Self.isPlausible(plain)
    else { return nil }
    return plain
  }

  /// Frames that an Initial may begin with (RFC 9000, section 12.4): all that there is to judge a packet
  /// by whose end was not captured.
  private static func isPlausible(_ plain: Bytes) -> Bool {
    guard let first = plain.u8(0) else { return false }
    return first <= 3 || first == 6 || first == 0x1c
  }

  private func turnRoles() {
    state.pointee.flags ^= Flags.reversed
    let server = state.pointee.serverID
    state.pointee.serverID = state.pointee.clientID
    state.pointee.clientID = server
    state.pointee.initialID = QUICConnectionID()
  }
}
