import FlowEngine
import Foundation
import Testing

@testable import Dissection

/// Protocol records by the word of Suricata's own tests: what each `filter` of theirs asks of http, tls, dns
/// and the other records.
@Suite(.enabled(if: PublicCaptures.areHere))
struct SuricataVerifyTests {
  static let eventTypes: Set = [
    "http", "tls", "dns", "quic", "dhcp", "ssh", "smtp", "ftp", "ftp_data", "fileinfo", "sip",
    "mqtt", "snmp", "tftp", "pop3", "anomaly", "flow",
  ]

  /// Checks that are as asked, of those for Suricata 7's schema; may only rise.
  static let equalAtLeast = 423
  static let shareAtLeast = 0.87
  static let differentAtMost = 2
  /// The protocols whose records are Suricata's own, beside those of MQTT, SNMP and TFTP.
  static let named: Set = [
    "http", "tls", "dns", "quic", "dhcp", "ssh", "smtp", "ftp", "ftp_data", "fileinfo", "flow",
    "anomaly",
  ]
  static let namedShareAtLeast = 0.9

  @Test func checks() throws {
    var tally = ConformanceTally("suricata-verify, Suricata 7's schema")
    var later = ConformanceTally("suricata-verify, what asks for later versions (not claimed)")
    for test in VerifyTest.all(in: PublicCaptures.folder!) {
      var asked: [VerifyCheck] = []
      for check in test.checks where Self.eventTypes.contains(check.eventType) {
        if check.eventType == "flow" && !VerifyPolicy.asksForProtocol(check) { continue }
        if let reason = VerifyPolicy.setAside(check, of: test) {
          tally.setAside(reason)
        } else {
          asked.append(VerifyPolicy.reduced(check))
        }
      }
      guard !asked.isEmpty else { continue }
      let bed = DissectionBed(VerifyPolicy.settings(for: test)) { worker in
        if VerifyPolicy.ignoresVLAN(test) { worker.vlanInKey = false }
      }
      bed.read(test.capture)
      bed.finish()
      #expect(bed.buffersInUse == 0 && bed.statesInUse == 0, "\(test.name)")
      let records = bed.records().map { TruthNode(json: $0) }
      for check in asked {
        let found = check.found(in: records)
        let outcome: ConformanceTally.Outcome
        if check.isMet(found) {
          outcome = .equal
        } else if let reason = VerifyReasons(
          check: check, test: test, found: found, records: records
        ).first {
          outcome = .explained(reason)
        } else {
          outcome = .different("\(check) found \(found); \(check.nearest(in: records))")
        }
        let source = "\(test.name) [\(check.number)]"
        if check.version == .seven {
          tally.add(outcome, to: check.eventType, of: source)
        } else {
          later.add(outcome, to: check.eventType, of: source)
        }
      }
    }
    tally.print()
    later.print(most: 60)
    #expect(tally.all > 200)
    #expect(tally.equal >= Self.equalAtLeast)
    #expect(tally.equalShare >= Self.shareAtLeast)
    #expect(tally.different <= Self.differentAtMost)
    let named = tally.sum(Self.named)
    print("  of http, tls, dns, quic, dhcp, ssh, smtp, ftp: \(named.equal) of \(named.all) equal\n")
    #expect(Double(named.equal) >= Double(named.all) * Self.namedShareAtLeast)
  }
}
