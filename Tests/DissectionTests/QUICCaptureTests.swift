import Foundation
import Testing

@testable import Dissection

/// QUIC by the word of others: captures with their answers.
@Suite(.enabled(if: PublicCaptures.areHere))
struct QUICCaptureTests {
  static func records(_ path: String, hidden: Bool = false) -> DissectionBed {
    var settings = DissectionSettings()
    settings.wantsHiddenRecords = hidden
    let bed = DissectionBed(settings)
    bed.read(PublicCaptures.folder! + "/" + path)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0, "\(path)")
    return bed
  }

  static func quic(_ record: [String: Any]) -> [String: Any] { record["quic"] as! [String: Any] }

  // MARK: nDPI

  /// The names that nDPI found in QUIC flows, and its JA4.
  private static func slashed(_ text: Substring) -> String {
    guard let colon = text.lastIndex(of: ":") else { return String(text) }
    return text[..<colon].filter { $0 != "[" && $0 != "]" } + "/"
      + text[text.index(after: colon)...]
  }

  static func ndpi(_ path: String) -> [(key: String, sni: String?, ja4: String?)] {
    let text = String(
      decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    return text.split(separator: "\n").compactMap { line in
      guard line.contains("QUIC"), let proto = line.range(of: "UDP ") else { return nil }
      let words = line[proto.upperBound...].split(separator: " ")
      guard words.count > 2 else { return nil }
      func value(_ name: String) -> String? {
        guard let start = line.range(of: "[" + name + ": ") else { return nil }
        return String(line[start.upperBound...].prefix { $0 != "]" })
      }
      return (
        NDPIFlow.key("UDP", slashed(words[0]), slashed(words[2])),
        line.range(of: "[Hostname/SNI: ").map {
          String(line[$0.upperBound...].prefix { $0 != "]" })
        }, value("JA4")
      )
    }
  }

  static func withoutNames(_ ja4: String) -> String {
    var letters = Array(ja4)
    guard letters.count > 10 else { return ja4 }
    for place in [3, 8, 9] { letters[place] = "." }
    return String(letters)
  }

  /// As nDPI writes an end point, in ``NDPIFlow``'s form of it.
  static func end(_ record: [String: Any], _ side: String) -> String {
    "\(record[side + "_ip"] as! String)/\(record[side + "_port"] as! Int)"
  }

  @Test func namesAndFingerprintsAsNDPIHasThem() {
    var (names, fingerprints, wrong) = (0, 0, [String]())
    for corpus in ["ndpi", "ndpi42"] {
      let results = PublicCaptures.folder! + "/\(corpus)/tests/cfgs/default/result"
      let files = (try? FileManager.default.contentsOfDirectory(atPath: results)) ?? []
      for file in files.sorted() where file.hasSuffix(".out") {
        let capture = "\(corpus)/tests/cfgs/default/pcap/\(file.dropLast(4))"
        guard FileManager.default.fileExists(atPath: PublicCaptures.folder! + "/" + capture)
        else { continue }
        let truth = Self.ndpi(results + "/" + file)
        if truth.allSatisfy({ $0.sni == nil && $0.ja4 == nil }) { continue }
        let bed = Self.records(capture)
        var (found, prints): ([String: Set<String>], [String: Set<String>]) = ([:], [:])
        for record in bed.records("quic") {
          let key = NDPIFlow.key("UDP", Self.end(record, "src"), Self.end(record, "dest"))
          let quic = Self.quic(record)
          if let name = quic["sni"] as? String { found[key, default: []].insert(name) }
          if let print = quic["ja4"] as? String { prints[key, default: []].insert(print) }
        }
        for flow in truth {
          if let sni = flow.sni {
            names += 1
            if !(found[flow.key]?.contains(sni) ?? false) {
              wrong.append("\(file) \(flow.key): \(sni), here \(found[flow.key] ?? [])")
            }
          }
          if let ja4 = flow.ja4, !ja4.isEmpty {
            fingerprints += 1
            // nDPI takes the ALPN's first two characters where JA4 has the first and the last (`h3-29` is
            // `h9`), and tells of a name that it knows from elsewhere.
            let own = prints[flow.key]?.map(Self.withoutNames) ?? []
            if !own.contains(Self.withoutNames(ja4)) {
              wrong.append("\(file) \(flow.key): \(ja4), here \(prints[flow.key] ?? [])")
            }
          }
        }
      }
    }
    print("QUIC as nDPI has it: \(names) names, \(fingerprints) JA4, \(wrong.count) differ")
    for line in wrong { print("  ", line) }
    #expect(names > 100)
    // One has its address written in another way.
    #expect(wrong.count <= 2)
  }

  // MARK: Zeek

  @Test func logsAsZeekHasThem() throws {
    let base = PublicCaptures.folder! + "/zeek/testing/btest/"
    var (lines, equal) = (0, 0)
    for (test, capture) in [
      ("39264-rand", "quic-39264-rand"), ("chromium", "chromium-115.0.5790.110-api-cirrus-com"),
      ("curl-http3", "curl-8.1.2-dev-http3-www-google-de"),
      ("dpd-custom-port", "chromium-dpd-custom-port-4433"),
      ("dpd-v2-custom-port", "quicv2-echo-dpd-custom-port-4433"),
      ("firefox", "firefox-102.13.0esr-blog-cloudflare-com"), ("quicdoq", "quicdoq"),
      ("quicv2-echo-443", "quicv2-echo-443"),
      ("interop.quic-go_quic-go.retry", "interop/quic-go_quic-go/retry"),
      ("interop.quic-go_quic-go.zerortt", "interop/quic-go_quic-go/zerortt"),
    ] {
      let log = base + "Baseline/scripts.base.protocols.quic.\(test)/quic.log"
      let text = try String(contentsOfFile: log, encoding: .utf8)
      let rows = text.split(separator: "\n").filter { !$0.hasPrefix("#") && !$0.hasPrefix("ts\t") }
        .map { $0.split(separator: "\t").map(String.init) }
      let bed = Self.records("zeek/testing/btest/Traces/quic/\(capture).pcap", hidden: true)
      let found = bed.hidden.filter { $0["history"] != nil && $0["client_scid"] != nil }
      for row in rows {
        lines += 1
        let own = found.map { record in
          [
            "client_initial_dcid", "client_scid", "server_scid", "server_name", "client_protocol",
            "history",
          ].map {
            record[$0].map { $0 as! String }.map { $0.isEmpty ? "(empty)" : $0 } ?? "-"
          }
        }
        let wanted = Array(row.suffix(6))
        if own.contains(wanted) { equal += 1 } else { print("  ", test, wanted, "here", own) }
      }
    }
    print("quic.log as Zeek has it: \(equal) of \(lines) lines")
    #expect(equal >= 12)
  }

  // MARK: JA4

  @Test func fingerprintsAsJA4HasThem() throws {
    let path = PublicCaptures.folder! + "/ja4/rust/ja4/src/snapshots/ja4__insta@tls3.pcapng.snap"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let wanted = text.split(separator: "\n").filter { $0.hasPrefix("  ja4: q") }
      .map { String($0.dropFirst(7)) }.sorted()
    let bed = Self.records("ja4/pcap/tls3.pcapng")
    let found = bed.records("quic").compactMap { Self.quic($0)["ja4"] as? String }.sorted()
    print("QUIC as JA4 has it: \(wanted.count) answers")
    #expect(found == wanted)
  }
}
