internal import FlowEngine

// What a flow speaks is told by its first bytes in either direction. What the ports promise is tried
// first; then everything, in the order of the lists here.

extension Dissection {
  /// Bytes of a direction after which a flow that fits nothing is given up.
  static var probeBytes: Int { 2048 }
  /// Datagrams of a flow after which it is given up.
  static var probeDatagrams: UInt8 { 6 }

  /// Over TCP, in the order in which they are tried.
  private static func tcpCandidate(_ place: Int) -> AppProtocol? {
    switch place {
    case 0: .tls
    case 1: .http
    case 2: .http2
    case 3: .ssh
    case 4: .smb
    case 5: .smtp
    case 6: .ftp
    case 7: .imap
    case 8: .pop3
    case 9: .dns
    case 10: .sip
    case 11: .mqtt
    case 12: .rdp
    case 13: .dcerpc
    case 14: .kerberos
    case 15: .ldap
    case 16: .nfs
    case 17: .modbus
    case 18: .dnp3
    case 19: .bittorrent
    case 20: .stun
    case 21: .openvpn
    case 22: .telnet
    case 23: .syslog
    default: nil
    }
  }

  /// Over UDP, in the order in which they are tried: those that are sure of themselves first.
  private static func udpCandidate(_ place: Int) -> AppProtocol? {
    switch place {
    case 0: .quic
    case 1: .dns
    case 2: .dhcp
    case 3: .sip
    case 4: .stun
    case 5: .snmp
    case 6: .kerberos
    case 7: .wireguard
    case 8: .bittorrent
    case 9: .dhcpv6
    case 10: .nfs
    case 11: .dnp3
    case 12: .ldap
    case 13: .syslog
    case 14: .rtcp
    case 15: .ntp
    case 16: .openvpn
    case 17: .tftp
    case 18: .mdns
    case 19: .llmnr
    case 20: .dcerpc
    case 21: .smb
    case 22: .rdp
    default: nil
    }
  }

  func probeContext(_ state: UnsafeMutablePointer<FlowState>, toServer: Bool) -> ProbeContext {
    let key = core.flows.hot[Int(state.pointee.entry)].key
    let isA = state.pointee.clientSide == 0
    return ProbeContext(
      isToServer: toServer, isTCP: key.proto == IPProtocol.tcp,
      serverPort: isA ? key.portB : key.portA, clientPort: isA ? key.portA : key.portB)
  }

  /// What the bytes are; `unknown` where more may tell, `failed` where nothing here can.
  mutating func detect(
    _ state: UnsafeMutablePointer<FlowState>, toServer: Bool, _ bytes: Bytes
  ) -> AppProtocol {
    let context = probeContext(state, toServer: toServer)
    var isOpen = false
    let expected = AppProtocol(rawValue: state.pointee.expected) ?? .unknown
    if expected != .unknown, isCandidate(expected, state) {
      switch Self.probe(expected, bytes, context) {
      case .yes: return expected
      case .maybe: isOpen = true
      case .no: exclude(expected, state)
      }
    }
    var place = 0
    while let candidate = context.isTCP ? Self.tcpCandidate(place) : Self.udpCandidate(place) {
      place &+= 1
      if candidate == expected || !isCandidate(candidate, state) { continue }
      switch Self.probe(candidate, bytes, context) {
      case .yes: return candidate
      case .maybe: isOpen = true
      case .no: exclude(candidate, state)
      }
    }
    return isOpen ? .unknown : .failed
  }

  private func isCandidate(
    _ proto: AppProtocol, _ state: UnsafeMutablePointer<FlowState>
  ) -> Bool {
    core.settings.isOn(proto) && !isExcluded(proto, state)
      && proto.rawValue != state.pointee.refused
      && proto.rawValue != state.pointee.refusedBefore
  }

  private func isExcluded(
    _ proto: AppProtocol, _ state: UnsafeMutablePointer<FlowState>
  ) -> Bool {
    state.pointee.excluded >> UInt64(proto.rawValue) & 1 != 0
  }

  private func exclude(_ proto: AppProtocol, _ state: UnsafeMutablePointer<FlowState>) {
    state.pointee.excluded |= 1 << UInt64(proto.rawValue)
  }

  /// Bytes of a stream whose protocol is not known yet.
  mutating func detectStream(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ bytes: Bytes
  ) -> Progress {
    let number: UInt8 = side == Self.side(state, 0) ? 0 : 1
    let other = Self.side(state, 1 &- number)
    // Behind a hole these are not the first bytes of anything: where the other direction is there, it tells.
    if side.pointee.missing > 0, other.pointee.missing == 0, bytes.count < Self.probeBytes,
      other.pointee.flags & (StreamSide.Flags.probed | StreamSide.Flags.done) == 0,
      isSeen(state, 1 &- number)
    {
      return .needs(bytes.count + 1)
    }
    // What one direction is not, the other one may be.
    if state.pointee.probedSide != number &+ 1 {
      state.pointee.probedSide = number &+ 1
      state.pointee.excluded = 0
    }
    let found = detect(state, toServer: toServer, bytes.prefix(Self.probeBytes))
    switch found {
    case .unknown:
      if bytes.count < Self.probeBytes { return .needs(bytes.count + 1) }
      fallthrough
    case .failed:
      if beginIfAnnounced(state) {
        feedOther(state, toServer)
        return .consumed(0)
      }
      // The other direction may still tell.
      state.pointee.excluded = 0
      side.pointee.flags |= StreamSide.Flags.probed
      if other.pointee.flags & StreamSide.Flags.probed != 0 { return .lost() }
      // Behind what was looked at nothing new is learned.
      side.pointee.unheard = UInt32(truncatingIfNeeded: max(bytes.count, 1))
      return .directionDone()
    default:
      settle(found, state, toServer)
      return .consumed(0)
    }
  }

  /// There are packets of a side.
  private func isSeen(_ state: UnsafeMutablePointer<FlowState>, _ number: UInt8) -> Bool {
    let hot = core.flows.hot + Int(state.pointee.entry)
    return (number == 0 ? hot.pointee.sideA.packets : hot.pointee.sideB.packets) > 0
  }

  /// One direction has told what the flow speaks.
  private mutating func settle(
    _ proto: AppProtocol, _ state: UnsafeMutablePointer<FlowState>, _ toServer: Bool
  ) {
    assign(proto, state)
    let app = core.flows.app + Int(state.pointee.entry)
    if toServer {
      app.pointee.toServer = proto.rawValue
    } else {
      app.pointee.toClient = proto.rawValue
    }
    let client = state.pointee.clientSide
    let other = Self.side(state, toServer ? 1 &- client : client)
    if other.pointee.flags & StreamSide.Flags.probed != 0 {
      // It was given up before, and what is still to come of it belongs to this protocol, behind a hole.
      if toServer {
        app.pointee.toClient = AppProtocol.failed.rawValue
      } else {
        app.pointee.toServer = AppProtocol.failed.rawValue
      }
      core.note(.appOneDirection)
      if other.pointee.flags & StreamSide.Flags.ended != 0 { return }
      other.pointee.flags &= ~StreamSide.Flags.done
      countUnheard(other)
    }
    tellHole(state, toServer: !toServer)
    if isLive(state) { feedOther(state, toServer) }
  }

  /// What came of a side while nobody could tell what it is, and waited no longer, is a hole for who has it
  /// now.
  private func countUnheard(_ side: UnsafeMutablePointer<StreamSide>) {
    guard side.pointee.unheard > 0 else { return }
    core.counters.add(.streamGaps)
    core.counters.add(.streamGapBytes, UInt64(side.pointee.unheard))
    addMissing(side, UInt64(side.pointee.unheard))
    side.pointee.unheard = 0
  }

  /// What waits of the other direction goes to whoever has the flow now, and so does its end.
  private mutating func feedOther(_ state: UnsafeMutablePointer<FlowState>, _ toServer: Bool) {
    let client = state.pointee.clientSide
    let other = Self.side(state, toServer ? 1 &- client : client)
    if other.pointee.carryCount > 0 { feedCarried(state, other, !toServer) }
    if isLive(state) { closeIfDue(state, other, !toServer) }
  }

  /// The other direction's first bytes: whether they are what the flow was taken for. False where more of
  /// them will tell; then the dissector waits for them, too, so that it does not matter where they were
  /// cut.
  mutating func confirm(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ bytes: Bytes
  ) -> Bool {
    let app = core.flows.app + Int(state.pointee.entry)
    guard state.pointee.changes == 0, (toServer ? app.pointee.toServer : app.pointee.toClient) == 0,
      let proto = AppProtocol(rawValue: state.pointee.proto)
    else {
      side.pointee.flags |= StreamSide.Flags.probed
      return true
    }
    var seen = proto
    // What is typed at a prompt may be anything, and is wanted while the prompt stands.
    let isTyped = proto == .telnet && toServer
    // No more of them than are waited for: the answer must not depend on how they came.
    let first = bytes.prefix(Self.confirmBytes)
    switch isTyped ? .yes : Self.probe(proto, first, probeContext(state, toServer: toServer)) {
    case .yes: break
    case .maybe: if bytes.count < Self.confirmBytes { return false }
    case .no:
      // What the other direction's bytes have excluded says nothing of these.
      if !isExcluded(proto, state) {
        state.pointee.excluded = 0
        exclude(proto, state)
      }
      seen = detect(state, toServer: toServer, bytes.prefix(Self.mismatchBytes))
      if seen == .unknown && bytes.count < Self.mismatchBytes { return false }
      if seen == .unknown { seen = .failed }
      core.note(seen == .failed ? .appOneDirection : .appMismatch)
    }
    side.pointee.flags |= StreamSide.Flags.probed
    if toServer {
      app.pointee.toServer = seen.rawValue
    } else {
      app.pointee.toClient = seen.rawValue
    }
    return true
  }

  /// A direction that is not what the flow was taken for, and was held back until more of it would tell
  /// what it is: there will be no more.
  mutating func feedUntold(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) {
    guard side.pointee.carryCount > 0, side.pointee.flags & StreamSide.Flags.probed == 0,
      let proto = AppProtocol(rawValue: state.pointee.proto), proto != .unknown,
      isExcluded(proto, state)
    else { return }
    let app = core.flows.app + Int(state.pointee.entry)
    // It may be the one that has told.
    guard (toServer ? app.pointee.toServer : app.pointee.toClient) == 0 else { return }
    side.pointee.flags |= StreamSide.Flags.probed
    if toServer {
      app.pointee.toServer = AppProtocol.failed.rawValue
    } else {
      app.pointee.toClient = AppProtocol.failed.rawValue
    }
    core.note(.appOneDirection)
    feedCarried(state, side, toServer)
  }

  /// Bytes of a direction that is not what the flow was taken for, by which it is told what else it is: few,
  /// as the other direction goes on in the meantime.
  private static var mismatchBytes: Int { 32 }

  /// Bytes of the second direction after which it is not held back any more.
  private static var confirmBytes: Int { 256 }

  // MARK: Datagrams

  /// What no single datagram proves. What is remembered lies in the part of the state that is the
  /// dissector's, and zeros again when there is one.
  private func isRTP(
    _ state: UnsafeMutablePointer<FlowState>, toServer: Bool, _ bytes: Bytes
  ) -> Bool {
    guard core.settings.isOn(.rtp) else { return false }
    state.pointee.isOwnUsed = true
    let evidence = (UnsafeMutableRawPointer(state) + FlowState.ownOffset)
      .assumingMemoryBound(to: RTPEvidence.self)
    return evidence.pointee.proves(
      bytes, isToServer: toServer, probeContext(state, toServer: toServer))
  }

  /// One datagram of a flow in dissection.
  mutating func takeDatagram(
    _ state: UnsafeMutablePointer<FlowState>, _ packet: UnsafePointer<ParsedPacket>
  ) {
    let p = packet.pointee
    guard
      p.flags & ParsedPacket.Flags.badTransportHeader == 0, p.payloadLength > 0, let data = p.data
    else { return }
    let captured = min(p.payloadLength, p.captured &- min(UInt32(p.payloadOffset), p.captured))
    core.counters.add(.payloadsShown)
    core.counters.add(.payloadBytesShown, UInt64(captured))
    let bytes = Bytes(data + Int(p.payloadOffset), Int(captured))
    let toServer = p.side == state.pointee.clientSide
    // A flow that is not what it was taken for is looked at anew, twice at the most.
    while isLive(state), settleDatagram(state, toServer: toServer, bytes) {
      switch dissectDatagram(state, toServer, bytes, Int(p.payloadLength &- captured)) {
      case .more: return
      case .idle: return park(state)
      case .done: return release(state)
      case .lost:
        if forgetTransfer(state) { continue }
        core.note(.appMalformed)
        guard refuse(state) else { return release(state) }
      }
    }
  }

  /// Whether it is known what the flow's datagrams are.
  @inline(__always)
  private mutating func settleDatagram(
    _ state: UnsafeMutablePointer<FlowState>, toServer: Bool, _ bytes: Bytes
  ) -> Bool {
    if state.pointee.proto != AppProtocol.unknown.rawValue { return true }
    if beginTransfer(state, bytes, isLast: false) { return true }
    var found = detect(state, toServer: toServer, bytes)
    if found == .unknown || found == .failed, isRTP(state, toServer: toServer, bytes) {
      found = .rtp
    }
    if found == .unknown || found == .failed {
      if beginTransfer(state, bytes, isLast: true) { return true }
      state.pointee.excluded = 0
      state.pointee.probes &+= 1
      if state.pointee.probes >= Self.probeDatagrams { release(state) }
      return false
    }
    settle(found, state, toServer)
    return isLive(state)
  }

  /// The flow's datagrams are not what they were taken for, and will not be taken for that again. What was
  /// recorded until now stands, and the flow says so. False where that has happened too often.
  @inline(never)
  private mutating func refuse(_ state: UnsafeMutablePointer<FlowState>) -> Bool {
    guard state.pointee.refusedBefore == 0 else { return false }
    endDissector(state)
    state.pointee.refusedBefore = state.pointee.refused
    state.pointee.refused = state.pointee.proto
    state.pointee.proto = AppProtocol.unknown.rawValue
    state.pointee.excluded = 0
    let app = core.flows.app + Int(state.pointee.entry)
    app.pointee.toServer = 0
    app.pointee.toClient = 0
    if state.pointee.transactions == 0 {
      app.pointee.proto = AppProtocol.unknown.rawValue
    }
    clearOwn(state)
    return true
  }
}
