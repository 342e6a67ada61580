import Foundation
import Testing

@testable import Dissection

/// The TLS client's fingerprint, over TCP and QUIC, by the answers of JA4's own implementations.
@Suite(.enabled(if: PublicCaptures.areHere))
struct JA4Tests {
  static let equalAtLeast = 19
  static let differentAtMost = 0

  private static let explained = [
    "socks": "what is within SOCKS is not looked at",
    "tls-non-ascii-alpn":
      "an ALPN that is no text has its hexadecimal digits there, by the specification of today",
  ]

  @Test func fingerprints() throws {
    var tally = ConformanceTally("JA4: fingerprints of TLS clients")
    let root = PublicCaptures.folder! + "/ja4"
    let answers = root + "/python/test/testdata"
    let files = (try? FileManager.default.contentsOfDirectory(atPath: answers)) ?? []
    for file in files.sorted() where file.hasSuffix(".json") {
      let capture = "\(root)/pcap/\(file.dropLast(5))"
      guard FileManager.default.fileExists(atPath: capture),
        let data = FileManager.default.contents(atPath: answers + "/" + file),
        let json = try? JSONSerialization.jsonObject(with: data),
        let streams = TruthNode(json: json).list
      else { continue }
      let expected = streams.filter { $0["JA4"] != nil || $0["JA4.1"] != nil }
      guard !expected.isEmpty else { continue }
      let bed = DissectionBed()
      bed.read(capture)
      bed.finish()
      let records = bed.records().map { TruthNode(json: $0) }
      for stream in expected {
        // Of hellos that were sent twice (JA4.1, JA4.2) any.
        let wanted = Set(
          (stream.map ?? [:]).filter { key, _ in
            key == "JA4" || key.hasPrefix("JA4.")
          }.compactMap { $0.value.text })
        let ports = Set([stream["srcport"]?.text, stream["dstport"]?.text].compactMap { $0 })
        let found = Set(
          records.filter {
            Set([$0["src_port"]?.text, $0["dest_port"]?.text].compactMap { $0 }) == ports
          }.compactMap { $0["tls"]?["ja4"]?.text ?? $0["quic"]?["ja4"]?.text })
        let isQUIC = wanted.contains { $0.hasPrefix("q") }
        let outcome: ConformanceTally.Outcome
        if !found.isEmpty && found.isSubset(of: wanted) {
          outcome = .equal
        } else if let reason = Self.explained.first(where: { file.hasPrefix($0.key) })?.value {
          outcome = .explained(reason)
        } else {
          outcome = .different("ports \(ports.sorted()): \(wanted.sorted()) ≠ \(found.sorted())")
        }
        tally.add(outcome, to: isQUIC ? "QUIC" : "TLS", of: file)
      }
    }
    tally.print(most: 40)
    #expect(tally.all >= 20)
    #expect(tally.equal >= Self.equalAtLeast)
    #expect(tally.different <= Self.differentAtMost)
  }
}
