import Foundation
import Testing

/// Flows by the word of Arkime, whose sessions stand beside its captures.
///
/// Arkime has no VLAN and no ICMP type in its keys, ends a session by limits of its own (so what is
/// compared is the sum over a tuple), and counts whole frames, of tunnels the outer ones.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct ArkimeConformanceTests {
  /// Share of sessions that are equal in all that is compared. It may only rise.
  static let equalBaseline = 0.769
  /// Share of those that are equal or differ by a policy of one of the two. It may only rise.
  static let accountedBaseline = 1.0

  /// What both say of one tuple.
  struct Pair {
    var sessions: [ArkimeSession] = []
    var flows: [TruthFlow] = []
  }

  @Test func everySession() throws {
    let folder = try #require(Captures.path("arkime/tests/pcap"))
    var report = TruthReport(corpus: "arkime", unit: "tuples")
    var fields = TruthReport(corpus: "arkime, field by field", unit: "fields")
    var split = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    where name.hasSuffix(".test") {
      let data = try #require(FileManager.default.contents(atPath: "\(folder)/\(name)"))
      let capture = String(name.dropLast(5))
      var pairs: [FlowTuple: Pair] = [:]
      for body in try TruthValue(json: data)["sessions3"]?.list ?? [] {
        guard let session = ArkimeSession(body["body"] ?? .null) else {
          report.leaveOut("not IP")
          continue
        }
        pairs[session.tuple, default: Pair()].sessions.append(session)
      }
      let options = ["\(folder)/\(capture).pcap", "--no-timeouts", "--ignore-vlan"]
      var runs = TruthRuns()
      for flow in try runs.flows(options) {
        pairs[flow.tuple, default: Pair()].flows.append(flow)
      }
      let surplus = pairs.values.filter(\.sessions.isEmpty).flatMap(\.flows)
      var used: Set<FlowTuple> = []
      for (tuple, pair) in pairs.sorted(by: { "\($0.key)" < "\($1.key)" })
      where !pair.sessions.isEmpty {
        split += pair.sessions.count - 1
        let comparison = ArkimeComparison(
          tuple: tuple, sessions: pair.sessions, flows: pair.flows, surplus: surplus)
        report.add(comparison.verdict(fields: &fields), of: capture)
        if let joined = comparison.joined { used.formUnion(joined.flows.map(\.tuple)) }
      }
      for flow in surplus where !used.contains(flow.tuple) {
        report.add(.different("surplus: \(flow.tuple): \(flow.totals())"), of: capture)
      }
    }
    report.printTable()
    fields.printTable()
    print("  Arkime made \(split) sessions more than there are tuples")
    #expect(report.compared >= 250)
    #expect(report.equalShare >= Self.equalBaseline)
    #expect(report.accountedShare >= Self.accountedBaseline)
  }
}
