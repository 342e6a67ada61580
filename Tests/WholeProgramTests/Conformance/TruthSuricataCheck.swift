import Foundation

/// What a check asks that a flow record can answer, and whether it does.
struct SuricataCheck {
  let match: [String: TruthValue]
  let count: Int
  /// Keys that need detection, an application's parser or Suricata's own internals.
  let beyond: [String]

  enum Kind { case flow, netflow, packet }
  let kind: Kind

  /// - Returns: the check, or why it is left out.
  static func make(_ check: TruthValue) -> (SuricataCheck?, String?) {
    guard let match = check["match"]?.map, let event = match["event_type"]?.text,
      let count = check["count"]?.integer
    else { return (nil, "no event type") }
    let kind: Kind
    switch event {
    case "flow": kind = .flow
    case "netflow": kind = .netflow
    case "stats", "engine", "anomaly": return (nil, "\(event) records")
    default: kind = .packet
    }
    if match["flow.state"] == .text("bypassed") { return (nil, "flows that are bypassed") }
    let known = match.filter { isKnown($0.key, kind) }
    let beyond = match.keys.filter { !isKnown($0, kind) && $0 != "event_type" }.sorted()
    if known.isEmpty && !beyond.isEmpty {
      return (nil, "asks only for detection, application or internals")
    }
    if count == 0 && (!beyond.isEmpty || kind == .packet) {
      return (nil, "says that something is not detected")
    }
    if kind == .packet && known.isEmpty { return (nil, "says nothing of a flow") }
    return (SuricataCheck(match: known, count: count, beyond: beyond, kind: kind), nil)
  }

  private static func isKnown(_ key: String, _ kind: Kind) -> Bool {
    let common: Set = [
      "src_ip", "src_port", "dest_ip", "dest_port", "proto", "ip_v", "community_id", "icmp_type",
      "icmp_code", "vlan",
    ]
    if common.contains(key) || key.hasPrefix("vlan[") { return true }
    switch kind {
    case .flow:
      if key.hasPrefix("flow.") {
        return !["alerted", "action", "exception_policy"].contains { key.hasPrefix("flow.\($0)") }
      }
      if key.hasPrefix("tcp.") { return !key.hasSuffix("max_regions") }
      return key.hasPrefix("ether.") || key.hasPrefix("tunnel.") || key == "response_icmp_type"
    case .netflow:
      return key.hasPrefix("netflow.") || key.hasPrefix("ether.")
    case .packet:
      return key.hasPrefix("tunnel.")
        || [
          "flow.src_ip", "flow.src_port", "flow.dest_ip", "flow.dest_port", "flow.start",
          "flow.pkts_toserver", "flow.pkts_toclient", "flow.bytes_toserver",
          "flow.bytes_toclient",
        ].contains(key)
    }
  }

  func verdict(_ flows: [TruthFlow]) -> TruthReport.Verdict {
    var equal = 0
    var forgiven = 0
    var reasons: Set<String> = []
    var nearest: [String]?
    for flow in flows {
      for candidate in candidates(flow) {
        var used: Set<String> = []
        var wrong: [String] = []
        for (key, expected) in match {
          let found = candidate[key]
          if let found, agrees(key, expected, found) { continue }
          if let reason = SuricataPolicy.forgives(key, expected, found, flow) {
            used.insert(reason)
          } else {
            wrong.append("\(key): expected \(expected); found \(found ?? .null)")
          }
        }
        if wrong.isEmpty && used.isEmpty {
          equal += 1
        } else if wrong.isEmpty {
          forgiven += 1
          reasons.formUnion(used)
        } else if wrong.count < nearest?.count ?? .max {
          nearest = wrong
        }
        // Of a packet's two ways round only one can be meant.
        if wrong.isEmpty && kind == .packet { break }
      }
    }
    let isBound = !beyond.isEmpty
    if kind == .packet ? equal > 0 : (isBound ? equal >= count : equal == count) { return .equal }
    let detail =
      "\(kind) × \(count)\(isBound ? " or more" : "") found \(equal) + \(forgiven): \(match.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))"
      + (nearest.map { "; nearest: \($0.joined(separator: ", "))" } ?? "")
    let sum = equal + forgiven
    if kind == .packet ? sum > 0 : (isBound ? sum >= count : sum == count), !reasons.isEmpty {
      return .explained(reason: reasons.sorted().joined(separator: " and "), detail: detail)
    }
    return .different(detail)
  }

  private func agrees(_ key: String, _ expected: TruthValue, _ found: TruthValue) -> Bool {
    // A packet's record tells of its flow until then.
    if kind == .packet, key.hasPrefix("flow.pkts") || key.hasPrefix("flow.bytes"),
      let until = expected.integer, let total = found.integer
    {
      return until <= total
    }
    return expected.agrees(with: found)
  }

  /// A flow as the records that the check asks for have it: one, one a direction, or either way round.
  private func candidates(_ flow: TruthFlow) -> [Candidate] {
    switch kind {
    case .flow: [Candidate(flow: flow)]
    case .netflow:
      flow.count("pkts_toclient") == 0
        ? [Candidate(flow: flow, netflow: "toserver")]
        : [
          Candidate(flow: flow, netflow: "toserver"),
          Candidate(flow: flow, isTurned: true, netflow: "toclient"),
        ]
    case .packet: [Candidate(flow: flow), Candidate(flow: flow, isTurned: true)]
    }
  }

  struct Candidate {
    let flow: TruthFlow
    var isTurned = false
    var netflow: String?

    /// What a record has under one of Suricata's keys.
    subscript(key: String) -> TruthValue? {
      if let netflow, key.hasPrefix("netflow.") {
        switch String(key.dropFirst("netflow.".count)) {
        case "pkts": return flow.record.at("flow.pkts_\(netflow)")
        case "bytes": return flow.record.at("flow.bytes_\(netflow)")
        case "min_ttl", "max_ttl": return flow.record.at("flow.ttl_\(netflow)")
        case let name: return flow.record.at("flow.\(name)")
        }
      }
      if ["flow.src_ip", "flow.src_port", "flow.dest_ip", "flow.dest_port"].contains(key) {
        return flow.record.at(String(key.dropFirst("flow.".count)))
      }
      guard isTurned else { return flow.record.at(key) }
      if key.hasPrefix("src_") { return flow.record.at("dest_" + key.dropFirst(4)) }
      if key.hasPrefix("dest_") { return flow.record.at("src_" + key.dropFirst(5)) }
      if key.hasPrefix("ether.src") { return flow.record.at("ether.dest" + key.dropFirst(9)) }
      if key.hasPrefix("ether.dest") { return flow.record.at("ether.src" + key.dropFirst(10)) }
      if key == "icmp_type" { return flow.record.at("response_icmp_type") }
      return flow.record.at(key)
    }
  }
}

/// Where Martlet and Suricata differ on purpose; each is checked on the record.
enum SuricataPolicy {
  static func forgives(
    _ key: String, _ expected: TruthValue, _ found: TruthValue?, _ flow: TruthFlow
  ) -> String? {
    if key == "flow.reason", expected == .text("shutdown"), found == .text("timeout"),
      flow.record.at("flow.end_reason") == .text("end_of_flow")
    {
      return "Suricata keeps a closed connection until the file ends"
    }
    if key.hasSuffix("flow.age"), let age = expected.integer, age == begunSeconds(flow) {
      return "Suricata's age is the difference of whole seconds"
    }
    return nil
  }

  private static func begunSeconds(_ flow: TruthFlow) -> Int? {
    func seconds(_ key: String) -> Int? {
      guard let text = flow.record.at("flow.\(key)")?.text else { return nil }
      let formatter = ISO8601DateFormatter()
      return formatter.date(from: text.prefix(19) + "Z").map { Int($0.timeIntervalSince1970) }
    }
    guard let start = seconds("start"), let end = seconds("end") else { return nil }
    return end - start
  }
}
