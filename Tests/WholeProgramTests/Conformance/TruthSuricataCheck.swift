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
    if match["flow.action"] == .text("drop") { return (nil, "flows that an IPS drops") }
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
    var tally = Tally()
    for flow in flows {
      for candidate in candidates(flow) {
        let (wrong, reasons) = compare(candidate)
        guard wrong.isEmpty else {
          if wrong.count < tally.nearest?.count ?? .max { tally.nearest = wrong }
          continue
        }
        if kind != .packet, match["proto"] == nil, !SuricataPolicy.hasFlows(flow.proto) {
          tally.reasons.insert("Suricata has no flows of IGMP, GRE and the like")
          continue
        }
        if reasons.isEmpty { tally.equal += 1 } else { tally.forgiven += 1 }
        tally.reasons.formUnion(reasons)
        // Of the ways round only one can be meant.
        if kind != .netflow { break }
      }
    }
    if isMet(tally.equal), tally.reasons.isEmpty { return .equal }
    var reasons = tally.reasons
    var isExplained = isMet(tally.equal + tally.forgiven) && !reasons.isEmpty
    if !isExplained, hasSamePackets(flows) {
      (isExplained, reasons) = (true, ["Suricata's key has the depth within tunnels in it"])
    }
    return isExplained
      ? .explained(reason: reasons.sorted().joined(separator: "; "), detail: "\(self)")
      : .different("\(self) found \(tally)")
  }

  struct Tally: CustomStringConvertible {
    var equal = 0
    /// Equal but for what a policy explains.
    var forgiven = 0
    var reasons: Set<String> = []
    var nearest: [String]?

    var description: String {
      "\(equal) + \(forgiven)" + (nearest.map { "; nearest: \($0.joined(separator: ", "))" } ?? "")
    }
  }

  private func isMet(_ found: Int) -> Bool {
    if kind == .packet { return found > 0 }
    return beyond.isEmpty ? found == count : found >= count
  }

  /// What of a candidate is wrong, and the policies by which the rest of its differences are forgiven.
  private func compare(_ candidate: Candidate) -> (wrong: [String], reasons: Set<String>) {
    var reasons: Set<String> = []
    if let reason = candidate.reason { reasons.insert(reason) }
    var wrong: [String] = []
    for (key, expected) in match {
      let found = candidate[key]
      if let found, agrees(key, expected, found) { continue }
      if let reason = SuricataPolicy.forgives(key, expected, found, candidate.flow) {
        reasons.insert(reason)
      } else {
        wrong.append("\(key): expected \(expected); found \(found ?? .null)")
      }
    }
    return (wrong, reasons)
  }

  /// One flow of ours may be several of Suricata's, which are so many packets together.
  private func hasSamePackets(_ flows: [TruthFlow]) -> Bool {
    guard kind == .flow, let out = match["flow.pkts_toserver"]?.integer,
      let back = match["flow.pkts_toclient"]?.integer
    else { return false }
    let rest = match.filter { !$0.key.hasPrefix("flow.pkts") }
    let meant = flows.filter { flow in
      rest.allSatisfy { flow.record.at($0.key)?.agrees(with: $0.value) ?? false }
    }
    let isTunnelled = flows.contains { [4, 41, 47].contains($0.proto) }
    return isTunnelled && meant.reduce(0) { $0 + $1.totals().packets } == count * (out + back)
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
    case .flow:
      [Candidate(flow: flow)]
        + (SuricataPolicy.turns(flow).map { [Candidate(flow: flow, isTurned: true, reason: $0)] }
          ?? [])
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
    /// Why it is looked at this way round, where that is a policy.
    var reason: String?

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
      // A packet may go either way in its flow, whose counters keep theirs.
      if reason == nil { return flow.record.at(key) }
      if key.hasSuffix("_toserver") {
        return flow.record.at(key.replacing("_toserver", with: "_toclient"))
      }
      if key.hasSuffix("_toclient") {
        return flow.record.at(key.replacing("_toclient", with: "_toserver"))
      }
      return flow.record.at(key)
    }
  }
}

extension SuricataCheck: CustomStringConvertible {
  var description: String {
    let keys = match.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    return "\(kind) × \(count)\(beyond.isEmpty ? "" : " or more") \(keys.joined(separator: " "))"
  }
}
