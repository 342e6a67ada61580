/// Parameters of `flows.top`; both may be left out.
package struct TopFlowsParameters: ControlParameters, Equatable {
  /// What "busiest" means.
  package enum Order: String, Codable, Sendable, CaseIterable {
    /// Bytes both ways since the flow began.
    case bytes
    /// Packets both ways since the flow began.
    case packets
    /// Bits a second over the last interval.
    case rate
    /// Packets a second over the last interval.
    case packetRate
  }

  package static let names = ["count", "by"]
  package static let countRange = 1...1000
  package static let defaultCount = 20

  /// How many flows at the most, ``countRange``; 20 unless given.
  package var count: Int
  /// `rate` unless given.
  package var by: Order

  package init(count: Int = defaultCount, by: Order = .rate) {
    self.count = count
    self.by = by
  }

  /// - Throws: ``RPCError`` that names the parameter and what it may be.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    count = try container.decodeIfPresent(Int.self, forKey: .count) ?? Self.defaultCount
    guard Self.countRange.contains(count) else {
      throw RPCError(
        .invalidParams, "count is \(count), but must be 1 to \(Self.countRange.upperBound)",
        data: [
          "parameter": "count", "minimum": 1,
          "maximum": .number(String(Self.countRange.upperBound)),
        ])
    }
    let order = try container.decodeIfPresent(String.self, forKey: .by) ?? Order.rate.rawValue
    guard let known = Order(rawValue: order) else {
      let allowed = Order.allCases.map(\.rawValue)
      throw RPCError(
        .invalidParams, "by is \"\(order)\", but must be one of \(allowed.joined(separator: ", "))",
        data: ["parameter": "by", "allowed": .array(allowed.map { .string($0) })])
    }
    by = known
  }
}

/// Answer of `flows.top`.
package struct TopFlows: Codable, Equatable, Sendable {
  /// Wall clock, ``ControlTime``.
  package var timestamp = ""
  /// What the rates are taken over; 0 where there was no interval yet and rates are 0.
  package var intervalSeconds: Double = 0
  /// How many flows were live when they were looked through.
  package var flowsLive: UInt64 = 0
  /// Busiest first.
  package var flows: [TopFlow] = []

  package init() {}
}

/// One live flow, seen from its originator as in the records.
package struct TopFlow: Codable, Equatable, Sendable {
  package var flowId: UInt64 = 0
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
  /// Both ways, over ``TopFlows/intervalSeconds``.
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
