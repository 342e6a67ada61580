import Foundation
import Testing

/// Flows by the word of Suricata-verify, whose tests say how many EVE records must match what.
///
/// Taken are the checks on `flow` and `netflow` records, and of all other records what a flow record
/// can answer: ends, protocol, VLAN, Community ID, counters so far. What needs rules, parsers of
/// applications or an IPS is left out by key, and a check that then asks for nothing, entirely.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct SuricataConformanceTests {
  /// Share of checks that are equal, or differ by a checked policy: for version 7, and for those that
  /// only later ones meet. It may only rise.
  static let baseline = 0.0
  static let laterBaseline = 0.0

  @Test func everyCheck() throws {
    let folder = try #require(Captures.path("suricata-verify/tests"))
    var reports: [SuricataTest.Version: (flows: TruthReport, packets: TruthReport)] = [:]
    for (version, name) in [(SuricataTest.Version.seven, "7"), (.latest, "8 and later")] {
      reports[version] = (
        TruthReport(corpus: "suricata-verify for \(name), flow records", unit: "checks"),
        TruthReport(corpus: "suricata-verify for \(name), other records", unit: "checks")
      )
    }
    var anomalies: [String: Int] = [:]
    let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    for path in paths.sorted() where path.hasSuffix("/test.yaml") {
      let (loaded, reason) = try SuricataTest.load(path, in: folder)
      guard let test = loaded else {
        reports[.seven]!.flows.leaveOut("test: \(reason ?? "")")
        continue
      }
      var runs = TruthRuns()
      var known: [TruthFlow]?
      for filter in test.checks {
        if let event = filter.at("match")?["anomaly.event"]?.text {
          anomalies["\(event) × \(filter["count"]!) in \(test.name)", default: 0] += 1
        }
        guard let version = test.version(of: filter) else {
          reports[.seven]!.flows.leaveOut("for older versions")
          continue
        }
        let (made, reason) = SuricataCheck.make(filter)
        guard let check = made else {
          reports[version]!.flows.leaveOut(reason ?? "")
          continue
        }
        let flows = try known ?? test.flows(&runs)
        known = flows
        if check.kind == .packet {
          reports[version]!.packets.add(check.verdict(flows), of: test.name)
        } else {
          reports[version]!.flows.add(check.verdict(flows), of: test.name)
        }
      }
    }
    for version in SuricataTest.Version.allCases {
      reports[version]!.flows.printTable()
      reports[version]!.packets.printTable()
    }
    print("anomalies that are asked for:")
    for line in anomalies.keys.sorted() { print("  \(line)") }
    let seven = try #require(reports[.seven])
    let later = try #require(reports[.latest])
    for report in [seven.flows, seven.packets] { #expect(report.accountedShare >= Self.baseline) }
    for report in [later.flows, later.packets] {
      #expect(report.accountedShare >= Self.laterBaseline)
    }
    #expect(seven.flows.compared > 100)
  }
}
