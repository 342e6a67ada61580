import Foundation

/// Holds the records that came out against what tshark found in the capture.
enum CompareFlows {
  /// Adds `flow` records up by tuple: a conversation may well be several records (timeouts, end and
  /// new begin), and what must agree is the sum.
  static func totals(
    ofEVE records: [[String: Any]], vlansCount: Bool = true
  ) throws -> [FlowTuple: FlowTotals] {
    var sums: [FlowTuple: FlowTotals] = [:]
    for record in records where record["event_type"] as? String == "flow" {
      let (tuple, totals) = try read(record, vlansCount: vlansCount)
      sums[tuple, default: FlowTotals()] += totals
    }
    return sums
  }

  /// One record's tuple and what it counts.
  static func read(
    _ record: [String: Any], vlansCount: Bool = true
  ) throws -> (FlowTuple, FlowTotals) {
    func fail(_ what: String) -> SupportError { SupportError("\(what) in the record \(record)") }
    func integer(_ value: Any?) -> Int? { (value as? NSNumber)?.intValue }
    guard let source = record["src_ip"] as? String, let destination = record["dest_ip"] as? String
    else { throw fail("no src_ip or dest_ip") }
    guard let proto = number(of: record["proto"]) else { throw fail("no known proto") }
    guard let flow = record["flow"] as? [String: Any],
      let packetsOut = integer(flow["pkts_toserver"]),
      let packetsIn = integer(flow["pkts_toclient"]),
      let bytesOut = integer(flow["bytes_toserver"]), let bytesIn = integer(flow["bytes_toclient"])
    else { throw fail("no flow.pkts_… or flow.bytes_…") }
    let vlans = vlansCount ? (record["vlan"] as? [Any] ?? []).compactMap(integer) : []
    guard
      let (tuple, from) = FlowTuple.make(
        source: source, sourcePort: integer(record["src_port"]) ?? 0, destination: destination,
        destinationPort: integer(record["dest_port"]) ?? 0, proto: proto,
        icmpType: integer(record["icmp_type"]) ?? 0, icmpCode: integer(record["icmp_code"]) ?? 0,
        vlans: vlans)
    else { throw fail("no addresses") }
    var totals = FlowTotals()
    let fromLower = from == tuple.lower
    totals.add(packets: packetsOut, bytes: bytesOut, fromLower: fromLower)
    totals.add(packets: packetsIn, bytes: bytesIn, fromLower: !fromLower)
    return (tuple, totals)
  }

  /// Where the two disagree, one readable line each, sorted; empty is what a test wants.
  static func differences(
    truth: [FlowTuple: FlowTotals], records: [FlowTuple: FlowTotals], limit: Int = 20
  ) -> [String] {
    var lines: [String] = []
    for (tuple, expected) in truth {
      guard let found = records[tuple] else {
        lines.append("missing: \(tuple): \(expected)")
        continue
      }
      if found != expected {
        lines.append("differs: \(tuple): expected \(expected); found \(found)")
      }
    }
    for (tuple, found) in records where truth[tuple] == nil {
      lines.append("surplus: \(tuple): \(found)")
    }
    lines.sort()
    guard lines.count > limit else { return lines }
    return lines.prefix(limit) + ["… and \(lines.count - limit) more of \(truth.count) flows"]
  }

  /// EVE has names for some protocols and numbers for the rest.
  static func number(of proto: Any?) -> Int? {
    if let number = proto as? NSNumber { return number.intValue }
    guard let name = proto as? String else { return nil }
    if let number = Int(name) { return number }
    return protocols[name.uppercased()]
  }

  private static let protocols = [
    "ICMP": 1, "IGMP": 2, "IPV4": 4, "IPIP": 4, "IP-IN-IP": 4, "TCP": 6, "UDP": 17, "IPV6": 41,
    "GRE": 47,
    "ESP": 50, "AH": 51, "IPV6-ICMP": 58, "ICMPV6": 58, "OSPF": 89, "PIM": 103, "VRRP": 112,
    "SCTP": 132, "UDPLITE": 136, "HOPOPT": 0, "DDP": 37, "NSFNET-IGP": 85, "EIGRP": 88,
    "ETHERIP": 97, "ANY": 99, "EGP": 8, "RSVP": 46, "IPV6-NONXT": 59, "L2TP": 115,
  ]
}
