/// Parameters of `trace.packets`; all may be left out.
package struct TraceParameters: ControlParameters, Equatable {
  package static let names = [
    "expression", "packets", "timeoutSeconds", "inner", "ports", "pcapng",
  ]
  package static let packetsRange = 1...256
  package static let timeoutRange = 0.1...60.0

  /// A libpcap expression; empty: the next packets whatever they are.
  package var expression: String
  /// ``packetsRange``; 10 unless given.
  package var packets: Int
  /// Where fewer come, the answer is given after this; 5 unless given.
  package var timeoutSeconds: Double
  /// The expression sees the innermost IP packet instead of the frame on the wire; false unless given.
  package var inner: Bool
  /// Names of the ports whose packets are looked at; all unless given.
  package var ports: [String]?
  /// Their bytes are wanted, too; false unless given.
  package var pcapng: Bool

  package init(
    expression: String = "", packets: Int = 10, timeoutSeconds: Double = 5, inner: Bool = false,
    ports: [String]? = nil, pcapng: Bool = false
  ) {
    self.expression = expression
    self.packets = packets
    self.timeoutSeconds = timeoutSeconds
    self.inner = inner
    self.ports = ports
    self.pcapng = pcapng
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    expression = try container.decodeIfPresent(String.self, forKey: .expression) ?? ""
    packets = try container.decodeIfPresent(Int.self, forKey: .packets) ?? 10
    try ParameterCheck.range(packets, Self.packetsRange, "packets")
    timeoutSeconds = try container.decodeIfPresent(Double.self, forKey: .timeoutSeconds) ?? 5
    try ParameterCheck.range(timeoutSeconds, Self.timeoutRange, "timeoutSeconds")
    inner = try container.decodeIfPresent(Bool.self, forKey: .inner) ?? false
    ports = try container.decodeIfPresent([String].self, forKey: .ports)
    pcapng = try container.decodeIfPresent(Bool.self, forKey: .pcapng) ?? false
  }
}

/// Answer of `trace.packets`.
package struct TraceAnswer: Codable, Equatable, Sendable {
  package var packets: [TracedPacket] = []
  /// False where the time was over first.
  package var isComplete = true
  /// The packets as a pcapng file in base64 (RFC 4648, section 4); nil unless asked for.
  package var pcapng: String?

  package init() {}
}

/// One packet, and what became of it.
package struct TracedPacket: Codable, Equatable, Sendable {
  /// Wall clock, ``ControlTime``.
  package var timestamp = ""
  /// The port's name.
  package var port = ""
  package var worker = 0
  /// Bytes on the wire.
  package var wireLength = 0
  /// Bytes of it that are in `pcapng`.
  package var capturedLength = 0
  /// In the order in which they were taken.
  package var path: [TraceStep] = []
  /// Nil where it is in no flow of this worker.
  package var flowId: UInt64?
  package var communityId: String?

  package init() {}
}

/// One step of a packet's way.
package struct TraceStep: Codable, Equatable, Sendable {
  package enum Stage: String, Codable, Sendable, CaseIterable { case parse, filter, flow, event }
  package var stage: Stage
  /// One word or two: `dropped`, `new flow`, `handed over` …
  package var outcome: String
  /// The rest of the sentence: headers, rule, end points …
  package var detail: String

  package init(_ stage: Stage, _ outcome: String, _ detail: String = "") {
    self.stage = stage
    self.outcome = outcome
    self.detail = detail
  }
}
