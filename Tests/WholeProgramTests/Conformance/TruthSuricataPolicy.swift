/// Where Martlet and Suricata differ on purpose; each is checked on the record.
enum SuricataPolicy {
  /// Of these it makes flows: TCP, UDP, ICMP, SCTP, ESP, and IP within IP.
  static func hasFlows(_ proto: Int) -> Bool { [1, 4, 6, 17, 41, 50, 58, 132].contains(proto) }

  /// Why a flow is seen from the other end, nil where it is not.
  static func turns(_ flow: TruthFlow) -> String? {
    if flow.record["history"]?.text?.contains("^") == true {
      return "Martlet turns a flow seen in the middle by the well-known port"
    }
    return flow.proto == 17 && flow.source.port == 53
      ? "Suricata turns DNS by what the message says" : nil
  }

  static func forgives(
    _ key: String, _ expected: TruthValue, _ found: TruthValue?, _ flow: TruthFlow
  ) -> String? {
    if key.hasPrefix("flow.bytes_"), flow.record.at("tunnel.type") == .text("erspan"),
      let expected = expected.integer, let found = found?.integer,
      expected == found + 8 * flow.count(key.replacing("flow.bytes_", with: "pkts_"))
    {
      return "Suricata counts ERSPAN's header of 8 bytes as the inner frame's"
    }
    if key.hasPrefix("ether."), let all = expected.list, let first = found?.list, all.count > 1,
      !first.isEmpty, Set(first).isSubset(of: Set(all))
    {
      return "Suricata lists all MAC addresses, a record has the first"
    }
    if key.hasPrefix("tcp.") || key == "flow.state", flow.proto == 6,
      flow.record.at("tcp.syn") == nil
    {
      return "Suricata does not follow TCP from the middle"
    }
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
    guard let start = flow.milliseconds("start"), let end = flow.milliseconds("end") else {
      return nil
    }
    return end / 1000 - start / 1000
  }
}
