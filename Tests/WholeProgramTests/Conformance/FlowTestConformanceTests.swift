import Foundation
import Testing

/// Flows by the word of CESNET's FlowTest: what an exporter must say of each of its captures.
///
/// Bytes are those from the inner IP header on, and flows have no VLAN in their key.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct FlowTestConformanceTests {
  /// Share of flows that are equal. It may only rise.
  static let baseline = 1.0

  /// A flow that the truth describes.
  struct Expected {
    let tuple: FlowTuple
    let source: TupleEnd
    var totals = FlowTotals()
    let fields: TruthValue

    init?(_ fields: TruthValue) {
      guard let from = fields["src_ip"]?.text, let to = fields["dst_ip"]?.text,
        let source = TupleEnd(from, port: fields["src_port"]?.integer ?? 0),
        let destination = TupleEnd(to, port: fields["dst_port"]?.integer ?? 0),
        let proto = fields["protocol"]?.integer
      else { return nil }
      tuple = FlowTuple(source, destination, proto: proto)
      self.source = source
      self.fields = fields
      for (suffix, forward) in [("", true), ("@rev", false)] {
        totals.add(
          packets: fields["packets\(suffix)"]?.integer ?? 0,
          bytes: fields["bytes\(suffix)"]?.integer ?? 0,
          fromLower: forward == (source == tuple.lower))
      }
    }
  }

  /// Fields of the truth and where a record has them. MPLS labels and TCP options are in no record.
  static let fields = [
    ("ip_version", "ip_v"), ("ttl", "flow.ttl_toserver"), ("ttl@rev", "flow.ttl_toclient"),
    ("src_mac", "ether.src_macs[0]"), ("dst_mac", "ether.dest_macs[0]"), ("vlan_id", "vlan[0]"),
    ("icmp_type", "icmp_type"), ("icmp_code", "icmp_code"),
  ]

  /// What a flow's records say that the truth does not.
  static func differences(_ expected: Expected, _ found: [TruthFlow]) -> [String] {
    guard let first = found.first else { return ["no record"] }
    var lines: [String] = []
    let totals = found.reduce(into: FlowTotals()) { $0 += $1.totals(bytes: "ip_bytes") }
    if totals != expected.totals { lines.append("expected \(expected.totals); found \(totals)") }
    if first.source != expected.source { lines.append("begun by \(first.source)") }
    for (name, path) in fields {
      guard let value = expected.fields[name], let seen = first.record.at(path) else { continue }
      if !value.agrees(with: seen) { lines.append("\(name): expected \(value); found \(seen)") }
    }
    // The traffic class, of which a record has the upper six bits.
    for (name, path) in [("tos", "dscp_toserver"), ("tos@rev", "dscp_toclient")] {
      guard let value = expected.fields[name]?.integer else { continue }
      let seen = first.record["flow"]?[path]?.integer
      if seen != value >> 2 { lines.append("\(name): expected \(value); found dscp \(seen ?? -1)") }
    }
    for (name, path) in [("tcp_flags", "tcp_flags_ts"), ("tcp_flags@rev", "tcp_flags_tc")] {
      guard let value = expected.fields[name]?.integer else { continue }
      let seen = first.record["tcp"]?[path]?.text.flatMap { Int($0, radix: 16) }
      if seen != value { lines.append("\(name): expected \(value); found \(seen ?? -1)") }
    }
    return lines
  }

  @Test func everyFlow() throws {
    let folder = try #require(Captures.path("flowtest"))
    var report = TruthReport(corpus: "flowtest", unit: "flows")
    var runs = TruthRuns()
    let answers = try FileManager.default.contentsOfDirectory(
      atPath: "\(folder)/testing/validation")
    for name in answers.sorted() where name.hasSuffix(".yml") {
      let text = try String(contentsOfFile: "\(folder)/testing/validation/\(name)", encoding: .utf8)
      let truth = try TruthValue(yaml: text)
      let capture = try #require(truth["pcap"]?.text)
      let path = "\(folder)/pcap/\(capture)"
      let flows = Dictionary(
        grouping: try runs.flows([path, "--no-timeouts", "--ignore-vlan"]), by: \.tuple)
      // WireGuard's answers are one a session, of which a 5-tuple has several.
      var expected: [FlowTuple: Expected] = [:]
      for fields in truth["flows"]?.list ?? [] {
        let flow = try #require(Expected(fields), "\(name): \(fields)")
        if expected[flow.tuple] == nil {
          expected[flow.tuple] = flow
        } else {
          expected[flow.tuple]!.totals += flow.totals
        }
      }
      for flow in expected.values {
        let lines = Self.differences(flow, flows[flow.tuple] ?? [])
        report.add(
          lines.isEmpty
            ? .equal : .different("\(flow.tuple): \(lines.joined(separator: "; "))"), of: name)
      }
    }
    report.printTable()
    #expect(report.compared >= 29)
    #expect(report.equalShare >= Self.baseline)
  }
}
