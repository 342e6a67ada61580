import Foundation
import Testing

@testable import Dissection

/// Public captures with the answers of other people's programs.
@Suite(.enabled(if: PublicCaptures.areHere)) struct TLSCaptureTests {
  private struct Flow: Hashable {
    let source: String
    let destination: String
  }

  private func folder(_ name: String) -> String { (PublicCaptures.folder ?? "") + "/" + name }

  private func files(_ folder: String, _ ending: String) -> [String] {
    (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
      .filter { $0.hasSuffix(ending) }.sorted().map { folder + "/" + $0 }
  }

  /// Records of a capture by their flow.
  private func records(_ path: String) -> [Flow: [[String: Any]]] {
    let bed = DissectionBed()
    bed.read(path)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0, "\(path)")
    var found: [Flow: [[String: Any]]] = [:]
    for record in bed.records("tls") {
      guard let tls = record["tls"] as? [String: Any], let source = record["src_ip"] as? String,
        let port = record["src_port"] as? Int, let other = record["dest_ip"] as? String,
        let otherPort = record["dest_port"] as? Int
      else { continue }
      func end(_ address: String, _ port: Int) -> String { "\(address)|\(port)" }
      found[Flow(source: end(source, port), destination: end(other, otherPort)), default: []]
        .append(tls)
    }
    return found
  }

  /// FoxIO's own answers. One is by a rule for names of protocols that JA4's specification has
  /// given up: first and last byte as `9` where they are no letters; now in hexadecimal.
  @Test func fingerprintsOfJA4() throws {
    var (right, wrong) = (0, 0)
    for path in files(folder("ja4/python/test/testdata"), ".json") {
      let name = String(path.split(separator: "/").last?.dropLast(5) ?? "")
      if name.hasPrefix("tls-non-ascii") { continue }
      let data = try #require(FileManager.default.contents(atPath: path))
      let answers = try JSONSerialization.jsonObject(with: data) as? [[String: Any]] ?? []
      let found = records(folder("ja4/pcap/") + name)
      for answer in answers {
        let fingerprint = answer["JA4"] as? String ?? answer["JA4.1"] as? String ?? ""
        guard fingerprint.hasPrefix("t"), let source = answer["src"] as? String,
          let destination = answer["dst"] as? String, let port = answer["srcport"] as? String,
          let serverPort = answer["dstport"] as? String
        else { continue }
        let flow = Flow(
          source: "\(source)|\(port)", destination: "\(destination)|\(serverPort)")
        let isRight = found[flow]?.contains { $0["ja4"] as? String == fingerprint } == true
        #expect(isRight, "\(name) \(flow) \(fingerprint)")
        if isRight { right += 1 } else { wrong += 1 }
      }
    }
    print("*** JA4: \(right) answers equal, \(wrong) not")
    #expect(right >= 19)
  }

  /// nDPI's JA3, JA3S, name, cipher and certificate's fingerprint, of captures that are all TLS.
  @Test(arguments: [
    "tls_verylong_certificate.pcap", "tls-esni-fuzzed.pcap", "tls_long_cert.pcap",
    "https_firefox.pcap", "tls_certificate_too_long.pcap", "forticlient.pcap", "pia.pcap",
    "tls_alert.pcap", "tls_invalid_reads.pcap", "tls_missing_ch_frag.pcap", "tls_ech.pcapng",
    "tls_cipher_lens.pcap", "tls_false_positives.pcapng", "safari.pcap",
  ])
  func nDPI(name: String) throws {
    let base = folder("ndpi/tests/cfgs/default/")
    guard let text = FileManager.default.contents(atPath: base + "result/" + name + ".out"),
      FileManager.default.fileExists(atPath: base + "pcap/" + name)
    else { return }
    let found = records(base + "pcap/" + name)
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("\t") && (line.contains("[JA3C: ") || line.contains("[JA3S: ")) {
      func part(_ label: String) -> String? {
        line.range(of: "[\(label): ").map {
          String(line[$0.upperBound...].prefix { $0 != "]" && $0 != " " })
        }
      }
      let words = line.split(separator: " ")
      guard words.count > 3 else { continue }
      let ends = [words[1], words[3]].map { word -> String in
        let place = word.lastIndex(of: ":") ?? word.startIndex
        let address = word[..<place].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        return "\(address)|\(word[word.index(after: place)...])"
      }
      let tls =
        found[Flow(source: ends[0], destination: ends[1])]
        ?? found[Flow(source: ends[1], destination: ends[0])] ?? []
      func isEqual(_ label: String, _ value: ([String: Any]) -> String?) {
        guard let want = part(label) else { return }
        #expect(
          tls.contains { value($0)?.lowercased() == want.lowercased() },
          "\(name) \(ends) \(label) \(want)")
      }
      isEqual("JA3C") { ($0["ja3"] as? [String: Any])?["hash"] as? String }
      isEqual("JA3S") { ($0["ja3s"] as? [String: Any])?["hash"] as? String }
      isEqual("Hostname/SNI") { $0["sni"] as? String }
      isEqual("Cipher") { $0["cipher"] as? String }
      isEqual("Certificate SHA-1") { $0["fingerprint"] as? String }
    }
  }
}
