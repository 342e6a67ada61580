import Foundation
import Testing

/// Flows by the word of Suricata-verify, whose tests say how many EVE records must match what.
///
/// Taken are the checks on `flow` and `netflow` records, and of all other records what a flow record
/// can answer: ends, protocol, VLAN, Community ID, counters so far. What needs rules, parsers of
/// applications or an IPS is left out by key, and a check that then asks for nothing, entirely.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct SuricataConformanceTests {
  /// Shares of checks that are equal, and of those that are equal or differ by a checked policy: for
  /// version 7, and for what only later ones have. They may only rise.
  struct Baseline {
    let equal: Double
    let accounted: Double
  }
  static let flowBaselines: [SuricataTest.Version: Baseline] = [
    .seven: Baseline(equal: 0.91, accounted: 0.991), .latest: Baseline(equal: 0.954, accounted: 1),
  ]
  static let packetBaselines: [SuricataTest.Version: Baseline] = [
    .seven: Baseline(equal: 1, accounted: 1), .latest: Baseline(equal: 1, accounted: 1),
  ]

  /// Shares of events that are told as Suricata tells them, and of those or ones that Martlet does not
  /// have or means otherwise. They may only rise.
  static let events = Baseline(equal: 0.33, accounted: 1)

  @Test func everyCheck() throws {
    let folder = try #require(Captures.path("suricata-verify/tests"))
    var reports: [SuricataTest.Version: (flows: TruthReport, packets: TruthReport)] = [:]
    for (version, name) in [(SuricataTest.Version.seven, "7"), (.latest, "8 and later")] {
      reports[version] = (
        TruthReport(corpus: "suricata-verify for \(name), flow records", unit: "checks"),
        TruthReport(corpus: "suricata-verify for \(name), other records", unit: "checks")
      )
    }
    var anomalies = TruthReport(corpus: "suricata-verify, events", unit: "checks")
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
        guard let version = test.version(of: filter) else {
          reports[.seven]!.flows.leaveOut("for older versions")
          continue
        }
        let asked = test.asked(filter)
        for event in asked {
          anomalies.add(event.verdict(try test.records(&runs)), of: test.name)
        }
        if !asked.isEmpty { continue }
        let (made, reason) = SuricataCheck.make(filter)
        guard let check = made else {
          reports[version]!.flows.leaveOut(reason ?? "")
          continue
        }
        let flows = try known ?? test.flows(&runs)
        known = flows
        let verdict = check.verdict(flows)
        if check.kind == .packet {
          reports[version]!.packets.add(verdict, of: test.name)
        } else {
          reports[version]!.flows.add(verdict, of: test.name)
        }
      }
    }
    for version in SuricataTest.Version.allCases {
      reports[version]!.flows.printTable()
      reports[version]!.packets.printTable()
    }
    anomalies.printTable()
    #expect(anomalies.compared >= 20)
    #expect(anomalies.equalShare >= Self.events.equal)
    #expect(anomalies.accountedShare >= Self.events.accounted)
    for version in SuricataTest.Version.allCases {
      let (flows, packets) = try #require(reports[version])
      for (report, baseline) in [
        (flows, Self.flowBaselines[version]!), (packets, Self.packetBaselines[version]!),
      ] {
        #expect(report.equalShare >= baseline.equal, "\(report.corpus)")
        #expect(report.accountedShare >= baseline.accounted, "\(report.corpus)")
      }
    }
    #expect(reports[.seven]!.flows.compared >= 110)
    #expect(reports[.seven]!.packets.compared >= 550)
  }
}
