import Foundation
import Testing

/// Flows by the word of nDPI's reader, whose answers stand beside its captures.
///
/// It never ends a flow, leaves VLANs out of the key, and counts whole frames; Martlet is told to do the
/// same. What differs then is a stated policy of one of the two, and each is checked by a condition.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct NDPIConformanceTests {
  /// Share of flows that are equal once the policies are allowed for. It may only rise.
  static let baseline = 1.0

  enum Verdict: String, CaseIterable {
    case equal = "equal"
    case inner = "equal in packets; nDPI counts the frame around a tunnelled packet"
    case outer = "equal to the outer flow; nDPI does not look into this tunnel"
    case fragments = "nDPI leaves later fragments out"
    case beyond = "nDPI leaves out packets whose IP length goes beyond what was captured"
    case fabricPath = "nDPI does not look behind Cisco's FabricPath"
    case different = "different"

    /// What leaves out the packets that nDPI does; the first looks at an IP packet's last byte, and where
    /// that was not captured, the packet does not match.
    static let filters: [(Verdict, String)] = [
      (.beyond, "not ip or ip[ip[2:2] - 1] <= 255"), (.fabricPath, "not ether proto 0x8903"),
    ]

    var outcome: ConformanceTable.Outcome {
      switch self {
      case .equal: .equal
      case .different: .different
      default: .policy(rawValue)
      }
    }
  }

  typealias Sums = [FlowTuple: FlowTotals]

  /// `\t1\tTCP 192.168.1.13:55523 <-> 178.62.197.130:443 [proto: …][51 pkts/4260 bytes <-> 58 pkts/69722 bytes]…`
  static func truth(_ path: String) -> Sums {
    let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    var sums: Sums = [:]
    for line in text.split(separator: "\n") {
      guard
        let head = line.firstMatch(of: /^\t[0-9]+\t([^ ]+) ([^ ]+) (?:<->|->) ([^ ]+) \[/),
        let counts = line.firstMatch(
          of: /\[([0-9]+) pkts\/([0-9]+) bytes (?:<->|->) ([0-9]+) pkts\/([0-9]+) bytes\]/),
        let proto = number(of: head.1), let a = end(head.2, proto), let b = end(head.3, proto)
      else { continue }
      let tuple = FlowTuple(a, b, proto: proto)
      var totals = FlowTotals()
      totals.add(packets: Int(counts.1)!, bytes: Int(counts.2)!, fromLower: a == tuple.lower)
      totals.add(packets: Int(counts.3)!, bytes: Int(counts.4)!, fromLower: a != tuple.lower)
      sums[tuple, default: FlowTotals()] += totals
    }
    return sums
  }

  private static func number(of name: Substring) -> Int? {
    Int(name)
      ?? [
        "TCP": 6, "UDP": 17, "ICMP": 1, "ICMPV6": 58, "IGMP": 2, "SCTP": 132, "ESP": 50, "AH": 51,
        "GRE": 47, "IPIP": 4, "VRRP": 112, "PIM": 103,
      ][name.uppercased()]
  }

  private static func end(_ text: Substring, _ proto: Int) -> TupleEnd? {
    guard let colon = text.lastIndex(of: ":"),
      let port = Int(text[text.index(after: colon)...])
    else { return nil }
    let address = text[..<colon].filter { $0 != "[" && $0 != "]" }
    return TupleEnd(address, port: proto == 6 || proto == 17 ? port : 0)
  }

  /// Martlet's flows, with ports where nDPI has some.
  static func flows(
    _ capture: String, decapsulate: String, filter: String? = nil
  ) throws -> (Sums, Set<FlowTuple>) {
    var arguments = [
      capture, "--no-timeouts", "--ignore-vlan", "--decapsulate", decapsulate, "--format", "eve",
      "--quiet",
    ]
    if let filter { arguments += ["--filter", filter] }
    let run = try FileRead(arguments)
    var sums: Sums = [:]
    var fragmented: Set<FlowTuple> = []
    for record in try run.records() where record["event_type"] as? String == "flow" {
      let (full, totals) = try CompareFlows.read(record, vlansCount: false)
      let hasPorts = full.proto == 6 || full.proto == 17
      let ends = [full.lower, full.upper].map {
        TupleEnd(String($0.description.trimmingPortForConformance), port: hasPorts ? $0.port : 0)!
      }
      let tuple = FlowTuple(ends[0], ends[1], proto: full.proto)
      var turned = FlowTotals()
      let keeps = ends[0] == tuple.lower
      turned.add(
        packets: totals.packetsFromLower, bytes: totals.bytesFromLower, fromLower: keeps)
      turned.add(
        packets: totals.packetsFromUpper, bytes: totals.bytesFromUpper, fromLower: !keeps)
      sums[tuple, default: FlowTotals()] += turned
      if (record["flow"] as? [String: Any])?["fragmented"] as? Bool == true {
        fragmented.insert(tuple)
      }
    }
    return (sums, fragmented)
  }

  static func verdict(
    _ tuple: FlowTuple, _ expected: FlowTotals, inner: Sums, outer: () throws -> Sums,
    fragmented: Set<FlowTuple>
  ) rethrows -> Verdict {
    guard let found = inner[tuple] else {
      return try outer()[tuple] == expected ? .outer : .different
    }
    if found == expected || isTurned(found, expected, tuple) { return .equal }
    let samePackets =
      found.packetsFromLower == expected.packetsFromLower
      && found.packetsFromUpper == expected.packetsFromUpper
    if samePackets { return try outer()[tuple] == nil ? .inner : .different }
    if fragmented.contains(tuple) && found.packets > expected.packets { return .fragments }
    return .different
  }

  /// Two ends of one address and port, or of one address without ports: which is which cannot be told.
  private static func isTurned(
    _ found: FlowTotals, _ expected: FlowTotals, _ tuple: FlowTuple
  ) -> Bool {
    tuple.lower == tuple.upper && found.packets == expected.packets
      && found.bytes == expected.bytes
  }

  @Test func nDPI() throws {
    var table = ConformanceTable()
    for entry in Captures.manifest
    where entry.corpus.hasPrefix("ndpi") {
      guard let capture = Captures.path(entry.path), let folder = Captures.folder else { continue }
      let name = (entry.path as NSString).lastPathComponent
      let results = entry.path.replacing("/pcap/\(name)", with: "/result/\(name).out")
      let truth = Self.truth("\(folder)/\(results)")
      let (inner, fragmented) = try Self.flows(capture, decapsulate: "all")
      var outer: Sums?
      for (tuple, expected) in truth {
        var verdict = try Self.verdict(
          tuple, expected, inner: inner,
          outer: {
            if outer == nil { outer = try Self.flows(capture, decapsulate: "none").0 }
            return outer!
          }, fragmented: fragmented)
        if verdict == .different {
          for (reason, filter) in Verdict.filters {
            let (sums, _) = try Self.flows(capture, decapsulate: "all", filter: filter)
            if sums[tuple] == expected {
              verdict = reason
              break
            }
          }
        }
        let found = inner[tuple].map { "\($0)" } ?? "nothing"
        table.add(
          corpus: entry.corpus, capture: name, verdict.outcome,
          detail: "\(tuple): expected \(expected); found \(found)")
      }
    }
    print(table.printed())
    #expect(table.flows > 4000)
    #expect(table.shareEqualOrPolicy >= Self.baseline)
  }
}

extension String {
  /// `[2001:db8::1]:443` and `10.0.0.1:80` without their ports.
  fileprivate var trimmingPortForConformance: String {
    guard let colon = lastIndex(of: ":") else { return self }
    return self[..<colon].filter { $0 != "[" && $0 != "]" }
  }
}
