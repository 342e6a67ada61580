import Foundation
import Testing

@testable import Dissection

/// Detection against nDPI's labels: every flow of its test captures that is of one of the listed protocols,
/// by end points and transport.
struct NDPILabelTests {
  struct Score {
    /// nDPI says so, and so does Martlet.
    var right = 0
    /// nDPI says so, and Martlet does not.
    var missed = 0
    /// Martlet says so, and nDPI says something else.
    var wrong = 0
    /// Martlet says so, and nDPI does not know, or guesses by port or address.
    var alone = 0
    /// nDPI says something else, for a reason that stands below.
    var explained = 0
  }

  @Test(.enabled(if: PublicCaptures.areHere)) func flowsHaveTheClassThatNDPIGivesThem() throws {
    let folder = try #require(PublicCaptures.folder)
    let manifest = try String(contentsOfFile: folder + "/MANIFEST.tsv", encoding: .utf8)
    var scores: [String: Score] = [:]
    var differences: [String: Int] = [:]
    var unexplained: [String] = []
    var flowCount = 0
    for row in manifest.split(separator: "\n").dropFirst() {
      let columns = row.split(separator: "\t", omittingEmptySubsequences: false)
      guard columns.count > 11, columns[1].hasPrefix("ndpi") else { continue }
      let capture = String(columns[3])
      let truths = NDPIFlow.read(folder + "/" + columns[11])
      let seen = Self.protocols(of: folder + "/" + capture)
      let name = String(capture.split(separator: "/").last ?? "")
      func note(_ truth: NDPIFlow, _ found: String) {
        let reason = Self.reason(truth.label, found) ?? "UNEXPLAINED"
        if reason == "UNEXPLAINED" { unexplained.append("\(truth.label): \(found) in \(name)") }
        differences["\(truth.label): \(found) (\(name)): \(reason)", default: 0] += 1
      }
      for truth in truths {
        flowCount += 1
        let found = seen[truth.key] ?? []
        let expected = truth.isByContent ? truth.proto : nil
        if let expected {
          if truth.protos.contains(where: found.contains) || Self.isSame(expected, found) {
            scores[expected, default: Score()].right += 1
            continue
          }
          scores[expected, default: Score()].missed += 1
          note(truth, found.filter { !$0.isEmpty }.sorted().first ?? "nothing")
        }
        for proto in found where proto != "failed" && proto != "unknown" && proto != "" {
          if !truth.isByContent || truth.label == "Unknown" {
            scores[proto, default: Score()].alone += 1
          } else if expected != proto, Self.reason(truth.label, proto) != nil {
            scores[proto, default: Score()].explained += 1
            if expected == nil { note(truth, proto) }
          } else {
            scores[proto, default: Score()].wrong += 1
            if expected == nil { note(truth, proto) }
          }
        }
      }
    }
    Self.print(scores, differences)
    #expect(flowCount > 4000)
    let total = scores.values.reduce(0) { $0 + $1.right + $1.missed }
    let right = scores.values.reduce(0) { $0 + $1.right }
    #expect(total > 900)
    #expect(unexplained.isEmpty, "\(unexplained)")
    #expect(Double(right) >= 0.95 * Double(total), "\(right) of \(total) flows")
  }

  /// Why Martlet says something else, or nothing, where nDPI has a label.
  private static func reason(_ label: String, _ found: String) -> String? {
    let first = String(label.split(separator: ".").first ?? "")
    switch (first, found) {
    case ("DNScrypt", "dns"), ("AVASTSecureDNS", "dns"):
      return "what is seen asks for the resolver's certificate, in plain DNS"
    case ("DTLS", "stun"), ("SRTP", "stun"):
      return "the flow begins with STUN; what comes behind it is another's"
    case ("Discord", "rtp"), ("i3D", "rtp"): return "the application's voice is RTP"
    case ("NFS", "failed"): return "the port mapper and mount are other programs of ONC RPC"
    case ("NetBIOS", "dns"): return "NetBIOS's names are asked for in DNS's format (RFC 1002, 4.2)"
    case ("QUIC", "failed"): return "damaged on purpose: no Initial can be decrypted"
    case ("RDP", "failed"): return "begins in the middle of the connection"
    case ("RTP", "failed"): return "over TCP, which is not looked at for RTP"
    case ("SOAP", "http"): return "SOAP is HTTP's content"
    case ("STUN", "nothing"): return "nDPI prints the flow's address wrongly"
    case ("TFTP", "failed"): return "the data's ports were named in another flow"
    case ("PostgreSQL", "tls"), ("SOCKS", "tls"): return "TLS is what comes behind its prelude"
    case ("UltraSurf", "tls"): return "it is TLS"
    case ("WebSocket", "failed"): return "begins behind the upgrade"
    default: return nil
    }
  }

  /// Classes that one of the two does not tell apart.
  private static func isSame(_ expected: String, _ found: Set<String>) -> Bool {
    expected == "http" && found.contains("websocket")
  }

  private static func print(_ scores: [String: Score], _ differences: [String: Int]) {
    func pad(_ text: String, _ width: Int) -> String {
      text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
    }
    Swift.print(pad("protocol", 12), "right missed wrong explained alone precision recall")
    for (name, score) in scores.sorted(by: { $0.key < $1.key }) {
      let named = Double(score.right + score.wrong)
      let all = Double(score.right + score.missed)
      Swift.print(
        pad(name, 12), pad("\(score.right)", 5), pad("\(score.missed)", 6),
        pad("\(score.wrong)", 5), pad("\(score.explained)", 9), pad("\(score.alone)", 5),
        pad(named == 0 ? "-" : String(format: "%.3f", Double(score.right) / named), 9),
        all == 0 ? "-" : String(format: "%.3f", Double(score.right) / all))
    }
    for (text, count) in differences.sorted(by: { $0.key < $1.key }) {
      Swift.print("  differs:", count, text)
    }
  }

  /// `app_proto` of each flow of a capture, by ``NDPIFlow/key``.
  private static func protocols(of path: String) -> [String: Set<String>] {
    let bed = DissectionBed()
    bed.read(path)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0, "\(path)")
    var found: [String: Set<String>] = [:]
    for line in bed.lines where line.contains("\"event_type\":\"flow\"") {
      guard let transport = value("proto", line), let source = value("src_ip", line),
        let destination = value("dest_ip", line)
      else { continue }
      let key = NDPIFlow.key(
        transport, source + "/" + (value("src_port", line) ?? "0"),
        destination + "/" + (value("dest_port", line) ?? "0"))
      var protos = [value("app_proto", line) ?? ""]
      if let original = value("app_proto_orig", line) { protos.append(original) }
      found[key, default: []].formUnion(protos)
    }
    return found
  }

  /// A plain value in a line of JSON, by the first place where its name stands.
  private static func value(_ name: String, _ line: String) -> String? {
    guard let start = line.range(of: "\"\(name)\":") else { return nil }
    let rest = line[start.upperBound...]
    return String(rest.prefix { $0 != "," && $0 != "}" }.filter { $0 != "\"" })
  }
}
