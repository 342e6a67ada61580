/// Kinds of record a worker puts on its ring.
@usableFromInline
package enum FlowRecordKind {
  /// The flow has ended: its totals, once.
  @inlinable package static var flow: UInt8 { 1 }
  /// The flow lives on: totals so far and what has changed since the last update.
  @inlinable package static var flowUpdate: UInt8 { 2 }
  /// Something about a packet is against a rule: ``FlowRecord/event`` says which.
  @inlinable package static var anomaly: UInt8 { 3 }
}

/// Why a record was made, in the words of IPFIX's flowEndReason (RFC 5102, element 136).
@usableFromInline
package enum FlowEndReason {
  @inlinable package static var idleTimeout: UInt8 { 1 }
  @inlinable package static var activeTimeout: UInt8 { 2 }
  @inlinable package static var endOfFlow: UInt8 { 3 }
  @inlinable package static var forcedEnd: UInt8 { 4 }
  @inlinable package static var lackOfResources: UInt8 { 5 }
  /// A forced end to IPFIX, and not the engine's: an operator has ended the flow.
  @inlinable package static var operatorEnd: UInt8 { 6 }
}

/// What goes over a worker's record ring: a flow as it stood in the table, and what the record is about;
/// 424 bytes.
///
/// It and the types within are `@usableFromInline`, and so are members that are read often: without it
/// Swift inlines nothing of a `package` type in another module, not even what is `@inlinable`, and
/// every constant would be a call for those who write records down.
///
/// The record keeps the table's canonical end points A and B. ``originator`` and ``responder`` say
/// which is which; encoders use those and never A and B.
@usableFromInline @frozen
package struct FlowRecord: BitwiseCopyable, Sendable {
  @usableFromInline package var hot: FlowHot
  package var cold: FlowCold
  /// When the record was made, nanoseconds since 1970 on the engine's clock; of an anomaly the time of
  /// its packet.
  package var exportTime: Int64
  /// Counts per sensor, start epoch and worker, given before anything can drop the record.
  package var sequence: UInt64
  /// Anomaly: the packet's ordinal in its source.
  package var packetOrdinal: UInt64
  /// ``FlowRecordKind``
  package var kind: UInt8
  /// ``FlowEndReason``
  package var endReason: UInt8
  package var worker: UInt16
  /// Anomaly: ``Counter`` of what was wrong.
  package var event: UInt16
  /// Anomaly: the side that sent the packet, 0 A, 1 B.
  package var eventSide: UInt8
  /// ``Parts``
  package var parts: UInt8
  package var tunnel: Tunnel
  package var troubleA: FlowTrouble
  package var troubleB: FlowTrouble
  /// What it speaks; of a flow that nobody looked into, zeros.
  package var app: FlowApp

  /// Which parts of the record are there; the others hold nothing that means anything.
  @usableFromInline
  package enum Parts {
    @inlinable package static var tunnel: UInt8 { 1 << 0 }
    @inlinable package static var trouble: UInt8 { 1 << 1 }
    /// `hot` and `cold` are a flow's; else, of an anomaly, only the key and the first packet's fields.
    @inlinable package static var flow: UInt8 { 1 << 2 }
    /// The key's addresses are known.
    @inlinable package static var key: UInt8 { 1 << 3 }
  }

  package init(hot: FlowHot, cold: FlowCold) {
    self.hot = hot
    self.cold = cold
    exportTime = 0
    sequence = 0
    packetOrdinal = 0
    kind = FlowRecordKind.flow
    endReason = 0
    worker = 0
    event = 0
    eventSide = 0
    parts = Parts.flow | Parts.key
    tunnel = .none
    troubleA = FlowTrouble()
    troubleB = FlowTrouble()
    app = FlowApp()
  }

  /// `flow_update`: its ordinal within the flow, from 1.
  package var updateOrdinal: UInt32 { UInt32(cold.updates) }
}

/// One end point's view of a record.
@usableFromInline
package struct FlowEndpoint: Sendable {
  package var address: IPAddress
  package var port: UInt16
  /// What this end point sent.
  package var packets: UInt64
  package var bytes: UInt64
  package var ipBytes: UInt64
  /// Of the transport: TCP by sequence numbers, UDP and ICMP what their headers leave.
  package var payloadBytes: UInt64
  /// Of it, since the last `flow_update`.
  package var packetsDelta: UInt64
  package var bytesDelta: UInt64
  package var ipBytesDelta: UInt64
  package var tcpFlags: UInt8
  package var tcpWindow: UInt16
  package var ttl: UInt8
  package var trafficClass: UInt8
  package var mac: (UInt16, UInt16, UInt16)
  /// Loss, and what else went wrong; zeros where nothing did.
  package var trouble: FlowTrouble
}

extension FlowRecord {
  @inlinable
  package var originatorIsB: Bool { hot.flags & FlowFlags.originatorIsB != 0 }

  /// Who began the flow: by SYN, else the first packet, else the well-known port.
  package var originator: FlowEndpoint { endpoint(isB: originatorIsB) }
  package var responder: FlowEndpoint { endpoint(isB: !originatorIsB) }

  package var endpointA: FlowEndpoint { endpoint(isB: false) }
  package var endpointB: FlowEndpoint { endpoint(isB: true) }

  /// Each value is chosen for itself, so that nothing depends on a branch that no one can foresee.
  private func endpoint(isB: Bool) -> FlowEndpoint {
    let side = isB ? hot.sideB : hot.sideA
    return FlowEndpoint(
      address: isB ? hot.key.addressB : hot.key.addressA,
      port: isB ? hot.key.portB : hot.key.portA,
      packets: side.packets, bytes: side.bytes, ipBytes: side.ipBytes,
      payloadBytes: payloadBytes(isB ? 1 : 0),
      packetsDelta: (isB ? cold.reportedPacketsB : cold.reportedPacketsA)
        .distance(to: side.packets),
      bytesDelta: (isB ? cold.reportedBytesB : cold.reportedBytesA).distance(to: side.bytes),
      ipBytesDelta: (isB ? cold.reportedIPBytesB : cold.reportedIPBytesA)
        .distance(to: side.ipBytes),
      tcpFlags: isB ? hot.tcpFlagsB : hot.tcpFlagsA, tcpWindow: side.window,
      ttl: isB ? cold.ttlB : cold.ttlA, trafficClass: isB ? cold.tosB : cold.tosA,
      mac: isB ? cold.macB : cold.macA,
      trouble: parts & Parts.trouble != 0 ? (isB ? troubleB : troubleA) : FlowTrouble())
  }

  /// Bytes of payload that side 0 (A) or 1 (B) sent.
  private func payloadBytes(_ number: UInt8) -> UInt64 {
    let side = number == 0 ? hot.sideA : hot.sideB
    switch hot.key.proto {
    case IPProtocol.tcp:
      // By sequence numbers, as Zeek counts: what was missed is in it, what was sent twice is not.
      guard cold.tcpState(number) != .inactive else { return 0 }
      let start = cold.start(number)
      var size = UInt64(side.nextSequence &- start)
      if Int32(bitPattern: side.nextSequence &- start) < 0 && side.ipBytes < 1 << 31 { return 0 }
      // They have wrapped as often as brings this nearest to what was seen.
      if side.ipBytes > size { size &+= (side.ipBytes &- size &+ (1 << 31)) & ~0xffff_ffff }
      if size > 0 { size &-= 1 }
      if size > 0 && side.history & HistoryBits.fin != 0 { size &-= 1 }
      return size
    case IPProtocol.udp, IPProtocol.icmp, IPProtocol.icmpv6:
      let usual: UInt64 = hot.key.ipVersion == 6 ? 48 : 28
      let more = Int64(Int32(bitPattern: cold.start(number)))
      return UInt64(max(Int64(bitPattern: side.ipBytes &- side.packets &* usual) &- more, 0))
    default: return 0
    }
  }
}
