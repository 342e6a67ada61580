import FlowEngine
import Records

// What the text and the JSON of a summary both tell, worked out once at the end.
extension ReadSummary {
  /// A line of the protocol hierarchy.
  struct ProtocolNode: Equatable, Sendable {
    var name: String
    var totals: Totals
    var children: [ProtocolNode] = []
  }

  /// IP version, protocol, and service by port, the most bytes first. Services without a name and
  /// those beyond the first `services` are together in the last one.
  func protocolTree(services: Int) -> [ProtocolNode] {
    [UInt8(4), 6].compactMap { version in
      let offset = version == 4 ? 0 : 256
      var node = ProtocolNode(name: "IPv\(version)", totals: Totals())
      for number in 0..<256 where protocols[offset + number].flows > 0 {
        let proto = UInt8(number)
        let totals = protocols[offset + number]
        node.totals += totals
        node.children.append(
          ProtocolNode(
            name: Self.protocolName(proto), totals: totals,
            children: serviceNodes(version, proto, limit: services)))
      }
      node.children = Self.inOrder(node.children)
      return node.totals.flows > 0 ? node : nil
    }
  }

  private func serviceNodes(_ version: UInt8, _ proto: UInt8, limit: Int) -> [ProtocolNode] {
    guard let table = Self.portTable(ipVersion: version, proto: proto) else { return [] }
    var named: [String: Totals] = [:]
    var others = Totals()
    for port in usedPorts[table] {
      if let name = ServiceNames.name(proto: proto, port: port) {
        named[name, default: Totals()] += ports[table][Int(port)]
      } else {
        others += ports[table][Int(port)]
      }
    }
    var nodes = Self.inOrder(named.map { ProtocolNode(name: $0.key, totals: $0.value) })
    for node in nodes.dropFirst(limit) { others += node.totals }
    nodes.removeLast(max(0, nodes.count - limit))
    if others.flows > 0 { nodes.append(ProtocolNode(name: "other ports", totals: others)) }
    return nodes
  }

  private static func inOrder(_ nodes: [ProtocolNode]) -> [ProtocolNode] {
    nodes.sorted {
      $0.totals.bytes != $1.totals.bytes ? $0.totals.bytes > $1.totals.bytes : $0.name < $1.name
    }
  }

  static func protocolName(_ number: UInt8) -> String {
    FlowWords.proto(number).map { "\($0)" } ?? "protocol \(number)"
  }

  /// A port with what went to and from it.
  struct Port: Equatable, Sendable {
    var proto: UInt8
    var port: UInt16
    var totals: Totals

    var service: String? { ServiceNames.name(proto: proto, port: port) }
    /// `443/tcp`
    var text: String { "\(port)/\(ReadSummary.protocolName(proto).lowercased())" }
  }

  /// The ports with the most bytes, over both IP versions.
  func topPorts(_ count: Int) -> [Port] {
    var best = Best<Port>(capacity: count) { a, b in
      if a.totals.bytes != b.totals.bytes { return a.totals.bytes > b.totals.bytes }
      return (a.proto, a.port) < (b.proto, b.port)
    }
    for proto in [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp] {
      var sums: [UInt16: Totals] = [:]
      for version in [UInt8(4), 6] {
        guard let table = Self.portTable(ipVersion: version, proto: proto) else { continue }
        for port in usedPorts[table] { sums[port, default: Totals()] += ports[table][Int(port)] }
      }
      for (port, totals) in sums { best.add(Port(proto: proto, port: port, totals: totals)) }
    }
    return best.elements
  }

  /// TCP connections by their state, the most frequent first.
  var tcpStates: [(state: ConnectionState, count: UInt64)] {
    ConnectionState.allCases.map { ($0, states[Int($0.rawValue)]) }.filter { $0.1 > 0 }
      .sorted { $0.1 != $1.1 ? $0.1 > $1.1 : $0.0.rawValue < $1.0.rawValue }
  }

  // MARK: - Totals and times

  /// All packets that were read, in flows or not.
  var packetsRead: UInt64 { max(input.counters?[.received] ?? 0, totals.packets) }
  var bytesRead: UInt64 { max(input.counters?[.receivedBytes] ?? 0, totals.bytes) }

  /// From the first packet to the latest one, nanoseconds since 1970; nil where there was none.
  var span: ClosedRange<Int64>? {
    let times = [
      input.firstPacket, input.lastPacket, timeLine.span?.lowerBound, timeLine.span?.upperBound,
    ].compactMap { $0 }
    guard let first = times.min(), let last = times.max() else { return nil }
    return first...last
  }

  var spanSeconds: Double {
    span.map { Double(UInt64(bitPattern: $0.upperBound &- $0.lowerBound)) / 1e9 } ?? 0
  }

  /// In how many equal parts of the flows' time the peak is looked for.
  static let peakParts = 100

  /// The most bits a second there were in one of ``peakParts`` equal parts of the time, flows
  /// spread evenly between their first and their latest packet, and that part's seconds.
  var peak: (bitsPerSecond: Double, seconds: Double)? {
    guard let times = timeLine.span,
      let most = timeLine.rates(\.bytes, columns: Self.peakParts).max()
    else { return nil }
    let length = UInt64(bitPattern: times.upperBound &- times.lowerBound)
    return (most * 8, Double(length) / 1e9 / Double(Self.peakParts))
  }

  // MARK: - What was odd

  /// A counter that is not nought and that a reader should know of.
  struct Finding: Equatable, Sendable {
    enum Kind: String, CaseIterable, Sendable {
      case lost
      case discarded
      case anomaly
      case notIP = "not IP"
    }

    var kind: Kind
    var counter: Counter
    var count: UInt64
  }

  /// Losses first, then discards, anomalies and what is not IP; the most frequent first.
  var findings: [Finding] {
    guard let counters = input.counters else { return [] }
    let found = Counter.allCases.compactMap { counter -> Finding? in
      let kind: Finding.Kind
      switch (counter.group, counter) {
      case (_, .recordsDropped), (_, .evicted), (_, .detailsNotKept), (_, .tunnelsNotKept),
        (_, .dissectionNoState), (_, .dissectionNoMemory), (_, .protocolRecordsDropped):
        kind = .lost
      case (.discard, _): kind = .discarded
      case (.anomaly, _), (_, .timeWentBackwards): kind = .anomaly
      case (.nonIP, _): kind = .notIP
      default: return nil
      }
      let count = counters[counter]
      return count > 0 ? Finding(kind: kind, counter: counter, count: count) : nil
    }
    return Finding.Kind.allCases.flatMap { kind in
      found.filter { $0.kind == kind }.sorted {
        $0.count != $1.count
          ? $0.count > $1.count : $0.counter.rawValue < $1.counter.rawValue
      }
    }
  }
}

extension ConnectionState {
  /// Zeek's state in words.
  var words: String {
    switch self {
    case .s0: "never answered"
    case .s1: "still open at the end"
    case .sf: "closed normally"
    case .rej: "refused"
    case .s2: "closed by the originator alone"
    case .s3: "closed by the responder alone"
    case .rsto: "reset by the originator"
    case .rstr: "reset by the responder"
    case .rstos0: "reset by the originator, unanswered"
    case .rstrh: "reset by the responder, SYN not seen"
    case .sh: "SYN and FIN, unanswered"
    case .shr: "SYN not seen, only the answer"
    case .oth: "begun before the capture"
    }
  }
}
