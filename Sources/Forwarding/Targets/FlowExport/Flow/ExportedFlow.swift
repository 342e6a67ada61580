/// What of a flow goes to a collector, as the record of its stream has it.
struct ExportedFlow: Equatable {
  /// One direction's share.
  struct Direction: Equatable {
    var packets: UInt64 = 0
    /// From the IP header on, as RFC 7012 counts octets.
    var octets: UInt64 = 0
    /// Whole frames.
    var frameOctets: UInt64 = 0
    var tcpFlags: UInt8 = 0
    var timeToLive: UInt8 = 0
    var dscp: UInt8 = 0
    /// Type << 8 | code.
    var icmp: UInt16 = 0
    /// Nanoseconds since 1970 of its first packet.
    var start: Int64 = 0
  }

  enum Kind: Equatable {
    /// The flow has ended.
    case flow
    /// It lives on. What is new since the update before, and this one's number from 1 on.
    case update(new: FlowPair<FlowCounts>, ordinal: UInt64)
  }

  var kind: Kind
  var id: UInt64
  var isIPv6: Bool
  /// 4 or 16 bytes, in network order.
  var source: [UInt8]
  var destination: [UInt8]
  /// nil: the protocol has none.
  var ports: FlowPair<UInt16>?
  var protocolNumber: UInt8
  /// Nanoseconds since 1970.
  var start: Int64
  var end: Int64
  /// flowEndReason, IANA's element 136.
  var endReason: UInt8
  /// Outermost.
  var vlan: UInt16?
  /// 6 bytes each.
  var macs: FlowPair<[UInt8]>?
  var interface: String?
  var application: String?
  /// What the originator sent, and what the responder sent. In totals.
  var sent: FlowPair<Direction>
  /// Martlet's own.
  var connectionState = ""
  var history = ""
  var communityID = ""
  var roundTripNanoseconds: UInt64 = 0
  /// For how many flows it stands.
  var samplingInterval: UInt32 = 1

  /// TCP's number, which alone has control bits.
  var isTCP: Bool { protocolNumber == 6 }
  var isICMP: Bool { protocolNumber == (isIPv6 ? 58 : 1) }

  /// What each direction has sent, in totals.
  var totals: FlowPair<FlowCounts> {
    FlowPair(FlowCounts(sent.originator), FlowCounts(sent.responder))
  }

  /// Sets what each direction is exported with.
  mutating func count(_ counts: FlowPair<FlowCounts>) {
    counts.originator.put(into: &sent.originator)
    counts.responder.put(into: &sent.responder)
  }
}

/// A value of each direction of a flow.
struct FlowPair<Value> {
  /// The originator's: `src` of the record.
  var originator: Value
  /// The responder's: `dest` of the record.
  var responder: Value

  init(_ originator: Value, _ responder: Value) {
    self.originator = originator
    self.responder = responder
  }

  /// With the directions exchanged.
  var reversed: FlowPair { FlowPair(responder, originator) }
}

extension FlowPair: Equatable where Value: Equatable {}
extension FlowPair: Sendable where Value: Sendable {}

/// What a direction of a flow has sent.
struct FlowCounts: Equatable, Sendable {
  var packets: UInt64
  var octets: UInt64
  var frameOctets: UInt64

  init(packets: UInt64 = 0, octets: UInt64 = 0, frameOctets: UInt64 = 0) {
    self.packets = packets
    self.octets = octets
    self.frameOctets = frameOctets
  }

  init(_ direction: ExportedFlow.Direction) {
    self.init(
      packets: direction.packets, octets: direction.octets, frameOctets: direction.frameOctets)
  }

  func put(into direction: inout ExportedFlow.Direction) {
    direction.packets = packets
    direction.octets = octets
    direction.frameOctets = frameOctets
  }

  /// What is in this and not in an earlier one: never less than 0.
  func less(_ earlier: FlowCounts) -> FlowCounts {
    FlowCounts(
      packets: packets - min(packets, earlier.packets),
      octets: octets - min(octets, earlier.octets),
      frameOctets: frameOctets - min(frameOctets, earlier.frameOctets))
  }

  /// The larger of each.
  func most(_ other: FlowCounts) -> FlowCounts {
    FlowCounts(
      packets: max(packets, other.packets), octets: max(octets, other.octets),
      frameOctets: max(frameOctets, other.frameOctets))
  }
}

extension ExportedFlow {
  /// The flow as its responder sees it: the other direction, from that one's first packet on.
  var turned: ExportedFlow {
    var flow = self
    flow.source = destination
    flow.destination = source
    flow.ports = ports?.reversed
    flow.macs = macs?.reversed
    flow.sent = sent.reversed
    flow.start = sent.responder.start
    return flow
  }

  /// Leaves out the time that an earlier record has told of.
  mutating func begin(notBefore time: Int64) {
    let time = min(time, end)
    start = max(start, time)
    sent.originator.start = max(sent.originator.start, time)
    sent.responder.start = max(sent.responder.start, time)
  }
}
