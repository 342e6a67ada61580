import FlowEngine
import Foundation
import Records
import Testing

@testable import Dissection

/// Martlet's logs in Zeek's form by the word of Zeek's own tests, field by field.
@Suite(.enabled(if: PublicCaptures.areHere))
struct ZeekLogTests {
  /// Logs of tests that change what Zeek does, or are of what Martlet does not look into: by the test, or by
  /// one log of it.
  static let excluded: [String: String] = [
    "scripts.base.protocols.dhcp.dhcp-prevent-large-msgtypes": options,
    "scripts.base.protocols.dhcp.dhcp-prevent-large-uids": options,
    "scripts.base.protocols.dhcp.dhcp-max-tracked-transactions": options,
    "scripts.base.protocols.quic.discarded-packet": options,
    "scripts.base.protocols.quic.max-history-length": options,
    "scripts.base.files.x509.files/files": "certificates are no files here",
    "scripts.base.files.zip.descriptor/files": "what is within an archive is no file here",
    "scripts.base.protocols.smb.smb2-read-write/files": "files over SMB: no records of it yet",
    "scripts.base.protocols.ftp.gridftp/ssl": startTLS,
    "scripts.base.protocols.irc.starttls/ssl": startTLS,
    "scripts.base.protocols.ldap.starttls/ssl": startTLS,
    "scripts.base.protocols.mysql.encrypted/ssl": startTLS,
    "scripts.base.protocols.xmpp.client-dpd/ssl": startTLS,
    "scripts.base.protocols.xmpp.server-dialback-dpd/ssl": startTLS,
    "scripts.base.protocols.xmpp.starttls/ssl": startTLS,
    "scripts.base.protocols.websocket.wstunnel-https/ssl": webSocket,
    "scripts.base.protocols.websocket.wstunnel-ssh/ssh": webSocket,
    "scripts.base.protocols.websocket.wstunnel-ssh-configure/ssh": webSocket,
    "scripts.base.protocols.websocket.wstunnel-ssh-spicy/ssh": webSocket,
    "scripts.base.frameworks.notice.file-info-multiple-conns/files": ranges,
    "scripts.base.protocols.http.concurrent-range-requests/files": ranges,
    "scripts.base.frameworks.file-analysis.byteranges/files": ranges,
    "spicy.protocol-analyzer-data-in": analyzer,
    "spicy.file-analysis-data-in": analyzer,
    "spicy.protocol-analyzer-tcp-over-udp": analyzer,
    "core.tunnels.teredo": "Teredo away from its port is a flow of UDP",
  ]

  private static let options = "the test's options change what is written"
  private static let startTLS = "STARTTLS of a protocol that Martlet does not follow"
  private static let webSocket = "what is within WebSocket is not looked at"
  private static let ranges = "Zeek joins ranges of several answers into one file"
  private static let analyzer = "the test's own analyzer feeds it"

  /// Fields that are as Zeek has them, by log; may only rise.
  static let equalAtLeast = [
    "dhcp": 13, "dns": 456, "files": 88, "http": 2635, "quic": 134, "smtp": 374, "ssh": 333,
    "ssl": 392,
  ]

  /// Lines that are not as Zeek's, and lines that Zeek has not; may only fall.
  static let linesDifferentAtMost = 26
  static let surplusAtMost = 5

  @Test func logs() throws {
    var surplus = 0
    var byLog: [String: ConformanceTally] = [:]
    var lines = ConformanceTally("zeek's logs, line by line")
    for truth in ZeekTruth.all(in: PublicCaptures.folder!) {
      if let reason = Self.excluded[truth.test] {
        lines.setAside(reason)
        continue
      }
      let own = Self.read(truth)
      for log in truth.logs {
        if let reason = Self.excluded["\(truth.test)/\(log.path)"] {
          for _ in log.rows { lines.setAside(reason) }
          continue
        }
        let comparison = ZeekLogComparison(log, own[log.path]!)
        surplus += comparison.surplus
        if comparison.surplus > 0 {
          lines.add(
            .different("\(comparison.surplus) lines that Zeek has not"), to: log.path,
            of: "\(truth.test)/\(log.path)")
        }
        for (expected, found) in comparison.pairs {
          guard let found else {
            lines.add(
              .different("no line for \(expected.joined(separator: " ").prefix(160))"),
              to: log.path, of: "\(truth.test)/\(log.path)")
            continue
          }
          var isEqual = true
          let reasons = ZeekReasons(
            log: log.path, expected: comparison.named(expected) { $0.expected },
            found: comparison.named(found) { $0.found })
          for (name, place, ownPlace) in comparison.columns {
            let (a, b) = (expected[place], found[ownPlace])
            let agrees = ZeekLogComparison.agree(name, a, b)
            let reason = agrees ? nil : reasons.reason(name)
            isEqual = isEqual && (agrees || reason != nil)
            byLog[log.path, default: ConformanceTally("zeek: \(log.path).log, field by field")].add(
              agrees
                ? .equal
                : reason.map { .explained($0) }
                  ?? .different("\(name): \(a.prefix(120)) ≠ \(b.prefix(120))"),
              to: name, of: truth.test)
          }
          lines.add(
            isEqual ? .equal : .different("its fields differ, see above"), to: log.path,
            of: "\(truth.test)/\(log.path)")
        }
      }
    }
    for (_, tally) in byLog.sorted(by: { $0.key < $1.key }) { tally.print(most: 120) }
    lines.print()
    #expect(lines.different <= Self.linesDifferentAtMost)
    #expect(surplus <= Self.surplusAtMost)
    for (path, count) in Self.equalAtLeast { #expect(byLog[path]?.equal ?? 0 >= count, "\(path)") }
  }

  /// A trace's logs as `martlet read` writes them.
  static func read(_ truth: ZeekTruth) -> [String: ZeekTruth.Log] {
    var settings = DissectionSettings()
    settings.wantsHiddenRecords = true
    let bed = DissectionBed(settings, checksums: truth.ignoresChecksums ? .ignore : .discard)
    var context = RecordContext(
      sensorName: "test", startEpochNanoseconds: 0, portNames: [], includesSequence: false)
    context.events = Dissection.schema
    var logs = EventLogs(context)
    bed.onEvent = { _ = logs.take($0) }
    bed.read(truth.trace)
    bed.finish()
    bed.onEvent = nil
    logs.finish()
    var read: [String: ZeekTruth.Log] = [:]
    for (number, log) in logs.logs.enumerated() {
      let text = log.header(openedNanoseconds: 0) + logs.lines[number].bytes
      let path = type(of: log).path
      read[path] = ZeekTruth.log(path, String(decoding: text, as: UTF8.self))
    }
    return read
  }
}
