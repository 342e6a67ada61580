/// What flows are ordered by.
package enum FlowOrder: String, Codable, Sendable, CaseIterable {
  /// Bytes both ways since the flow began.
  case bytes
  /// Packets both ways since the flow began.
  case packets
  /// Bits a second over the last interval.
  case rate
  /// Packets a second over the last interval.
  case packetRate
  /// Time since the first packet.
  case age
  /// Time since the last packet.
  case idle
}

/// What flows are added up by.
package enum FlowKeyKind: String, Codable, Sendable, CaseIterable {
  /// Not at all: each flow by itself.
  case flow
  /// Either end point's address; a flow counts for both.
  case address
  /// The originator's address.
  case source
  /// The responder's address.
  case destination
  /// Both addresses, whoever began.
  case pair
  /// The responder's port, with the protocol.
  case port
  case `protocol`
  /// The outermost VLAN.
  case vlan
  /// What they speak, in the words of `app_proto`.
  case app
}

/// Parameters of `flows.top`; all may be left out.
package struct FlowsTopParameters: ControlParameters, Equatable {
  package static let names = ["count", "by", "key", "where"]
  package static let countRange = 1...1000
  package static let defaultCount = 20
  package static let orders: [FlowOrder] = [.bytes, .packets, .rate, .packetRate]

  /// How many at the most, ``countRange``; 20 unless given.
  package var count: Int
  /// One of ``orders``; `rate` unless given.
  package var by: FlowOrder
  /// `flow` unless given.
  package var key: FlowKeyKind
  /// A record expression: only flows for which it is true; all unless given.
  package var `where`: String?

  package init(
    count: Int = defaultCount, by: FlowOrder = .rate, key: FlowKeyKind = .flow,
    where expression: String? = nil
  ) {
    self.count = count
    self.by = by
    self.key = key
    self.where = expression
  }

  /// - Throws: ``RPCError`` that names the parameter and what it may be.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    count = try container.decodeIfPresent(Int.self, forKey: .count) ?? Self.defaultCount
    try ParameterCheck.range(count, Self.countRange, "count")
    by = try ParameterCheck.word(container, .by, of: Self.orders) ?? .rate
    key = try ParameterCheck.word(container, .key, of: FlowKeyKind.allCases) ?? .flow
    `where` = try container.decodeIfPresent(String.self, forKey: .where)
  }
}

/// Answer of `flows.top`.
package struct FlowsTop: Codable, Equatable, Sendable {
  /// Wall clock, ``ControlTime``.
  package var timestamp = ""
  /// What the rates are taken over; 0 where there was no interval yet and rates are 0.
  package var intervalSeconds: Double = 0
  /// How many flows were live when they were looked through.
  package var flowsLive: UInt64 = 0
  /// How many of them fulfil `where`.
  package var matched: UInt64 = 0
  /// Not all flows could be looked through: a worker did not answer in time, or there are more
  /// different keys than are kept.
  package var isPartial = false
  /// Busiest first; empty where another key is asked for.
  package var flows: [LiveFlow] = []
  /// Busiest first; empty for the key `flow`.
  package var groups: [FlowGroup] = []

  package init() {}
}

/// Live flows that share a key.
package struct FlowGroup: Codable, Equatable, Sendable {
  /// `192.0.2.1`, `192.0.2.1 198.51.100.7`, `TCP/443` (`ICMP` where a protocol has no ports), `UDP`,
  /// `100`, `-` (no VLAN), `tls`, `-` (nothing said yet).
  package var key = ""
  package var flows: UInt64 = 0
  package var packets: UInt64 = 0
  package var bytes: UInt64 = 0
  package var bitsPerSecond: Double = 0
  package var packetsPerSecond: Double = 0

  package init() {}
}

/// Parameters of `flows.list`; all may be left out.
package struct FlowsListParameters: ControlParameters, Equatable {
  package static let names = ["where", "order", "ascending", "limit"]
  package static let limitRange = 1...10_000
  package static let defaultLimit = 100

  /// A record expression; all flows unless given.
  package var `where`: String?
  /// `bytes` unless given.
  package var order: FlowOrder
  /// Least first; most first unless given.
  package var ascending: Bool
  /// ``limitRange``; 100 unless given.
  package var limit: Int

  package init(
    where expression: String? = nil, order: FlowOrder = .bytes, ascending: Bool = false,
    limit: Int = defaultLimit
  ) {
    self.where = expression
    self.order = order
    self.ascending = ascending
    self.limit = limit
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    `where` = try container.decodeIfPresent(String.self, forKey: .where)
    order = try ParameterCheck.word(container, .order, of: FlowOrder.allCases) ?? .bytes
    ascending = try container.decodeIfPresent(Bool.self, forKey: .ascending) ?? false
    limit = try container.decodeIfPresent(Int.self, forKey: .limit) ?? Self.defaultLimit
    try ParameterCheck.range(limit, Self.limitRange, "limit")
  }
}

/// Answer of `flows.list`.
package struct FlowsList: Codable, Equatable, Sendable {
  package var timestamp = ""
  package var intervalSeconds: Double = 0
  package var flowsLive: UInt64 = 0
  package var matched: UInt64 = 0
  /// As of ``FlowsTop``.
  package var isPartial = false
  package var flows: [LiveFlow] = []

  package init() {}
}

/// Parameters of `flows.get`: one of the two.
package struct FlowsGetParameters: ControlParameters, Equatable {
  package static let names = ["flowId", "communityId"]
  /// `flow_id` of its records.
  package var flowId: UInt64?
  /// `community_id` of its records.
  package var communityId: String?

  package init(flowId: UInt64? = nil, communityId: String? = nil) {
    self.flowId = flowId
    self.communityId = communityId
  }
}

/// Answer of `flows.get`.
package struct FlowsGetAnswer: Codable, Equatable, Sendable {
  package var timestamp = ""
  package var isPartial = false
  /// The flows as EVE records of this moment; several may share a Community ID (VLANs).
  package var records: [JSONValue] = []

  package init() {}
}

/// Parameters of `flows.kill`: exactly one of `flowId`, `communityId` and `where`.
package struct FlowsKillParameters: ControlParameters, Equatable {
  package static let names = ["flowId", "communityId", "where", "limit"]
  package static let limitRange = 1...1_000_000
  package static let defaultLimit = 1_000
  /// `flow_id` of its records.
  package var flowId: UInt64?
  /// `community_id` of its records.
  package var communityId: String?
  /// A record expression: every flow for which it is true.
  package var `where`: String?
  /// No more than so many; 1,000 unless given.
  package var limit: Int?

  package init(
    flowId: UInt64? = nil, communityId: String? = nil, where expression: String? = nil,
    limit: Int? = nil
  ) {
    self.flowId = flowId
    self.communityId = communityId
    self.where = expression
    self.limit = limit
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    flowId = try container.decodeIfPresent(UInt64.self, forKey: .flowId)
    communityId = try container.decodeIfPresent(String.self, forKey: .communityId)
    `where` = try container.decodeIfPresent(String.self, forKey: .where)
    limit = try ParameterCheck.value(container, .limit, in: Self.limitRange)
  }
}

/// Answer of `flows.kill`.
package struct FlowsKilled: Codable, Equatable, Sendable {
  /// Flows that were asked for and were live.
  package var matched: UInt64 = 0
  /// Of these, those that have ended now; the others ended by themselves meanwhile, or were beyond the limit.
  package var killed: UInt64 = 0
  package var isPartial = false

  package init() {}
}

/// One live flow, seen from its originator as in the records.
package struct LiveFlow: Codable, Equatable, Sendable {
  /// As in the records.
  package var flowId: UInt64 = 0
  package var communityId = ""
  package var srcIP = ""
  /// 0 where the protocol has no ports.
  package var srcPort: UInt16 = 0
  package var destIP = ""
  package var destPort: UInt16 = 0
  /// EVE's `proto`: `TCP`, `UDP`, `ICMP`, `IPv6-ICMP` …
  package var proto = ""
  /// Outermost first; empty where there is none.
  package var vlan: [UInt16] = []
  package var packetsToServer: UInt64 = 0
  package var packetsToClient: UInt64 = 0
  /// Whole frames on the wire.
  package var bytesToServer: UInt64 = 0
  package var bytesToClient: UInt64 = 0
  /// Both ways, over ``FlowsTop/intervalSeconds``.
  package var bitsPerSecond: Double = 0
  package var packetsPerSecond: Double = 0
  /// Since the first packet.
  package var ageSeconds: Double = 0
  /// Since the last one.
  package var idleSeconds: Double = 0
  /// EVE's `flow.state`: `new`, `established` or `closed`.
  package var state = ""
  /// Nil where it is not known.
  package var appProto: String?
  package var worker = 0

  package init() {}

  package var bytes: UInt64 { bytesToServer &+ bytesToClient }
  package var packets: UInt64 { packetsToServer &+ packetsToClient }
}
