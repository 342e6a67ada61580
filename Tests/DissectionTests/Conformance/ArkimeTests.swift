import Foundation
import Testing

@testable import Dissection

/// Protocol records by the word of Arkime's tests: what a session's fields list, its records must have, and
/// nothing else.
@Suite(.enabled(if: PublicCaptures.areHere))
struct ArkimeTests {
  /// A field of Arkime's, and where records have it.
  private struct Field: Sendable {
    let name: String
    let paths: [String]
    var form: @Sendable (String) -> String = { $0 }
    /// Of ours.
    var ownForm: @Sendable (String) -> String = { $0 }
  }

  private static let fields: [Field] = {
    @Sendable func bare(_ text: String) -> String {
      String(text.lowercased().trimmingCharacters(in: CharacterSet(charactersIn: "<> ")))
    }
    @Sendable func address(_ text: String) -> String {
      // `Name <a@b>`: what stands in the brackets.
      guard let open = text.lastIndex(of: "<") else { return bare(text) }
      return bare(String(text[open...]))
    }
    @Sendable func version(_ text: String) -> String {
      text.replacing("TLSv", with: "TLS ").replacing("TLS 1.0", with: "TLSv1")
        .replacing("TLS 1.3-draft-", with: "TLS 1.3 draft-")
    }
    @Sendable func path(_ text: String) -> String {
      let text = text.hasPrefix("http://") ? String(text.dropFirst(7).drop { $0 != "/" }) : text
      return String(text.prefix { $0 != "?" })
    }
    return [
      // Names of TLS and QUIC are hosts to Arkime, too.
      Field(
        name: "http.host", paths: ["http.hostname", "tls.sni", "quic.sni"],
        form: { host in
          let host = host.lowercased()
          return host.contains("]") ? host : String(host.prefix { $0 != ":" })
        }),
      Field(name: "http.path", paths: ["http.url"], ownForm: path),
      Field(name: "http.method", paths: ["http.http_method"]),
      Field(name: "http.useragent", paths: ["http.http_user_agent"]),
      Field(name: "http.statuscode", paths: ["http.status"]),
      Field(
        name: "http.clientVersion", paths: ["http.protocol"],
        ownForm: { String($0.dropFirst(5)) }),
      Field(name: "http.request-referer", paths: ["http.http_refer"]),
      Field(name: "http.cookieKey", paths: ["http.cookies"]),
      Field(name: "http.sha256", paths: ["fileinfo.sha256"]),
      Field(name: "tls.version", paths: ["tls.version"], form: version),
      Field(name: "tls.cipher", paths: ["tls.cipher"]),
      Field(name: "tls.ja3", paths: ["tls.ja3.hash", "quic.ja3.hash"]),
      Field(name: "tls.ja3s", paths: ["tls.ja3s.hash"]),
      Field(name: "tls.ja4", paths: ["tls.ja4", "quic.ja4"]),
      Field(name: "cert.hash", paths: ["tls.fingerprint", "tls.client.fingerprint"]),
      Field(
        name: "cert.serial", paths: ["tls.serial", "tls.client.serial"],
        form: { $0.lowercased() },
        ownForm: { $0.replacing(":", with: "").lowercased() }),
      Field(name: "cert.alt", paths: ["tls.subjectaltname", "tls.client.subjectaltname"]),
      Field(name: "dns.queryHost", paths: ["dns.rrname"], form: { $0.lowercased() }, ownForm: bare),
      Field(name: "dns.qt", paths: ["dns.rrtype"]),
      Field(name: "email.src", paths: ["smtp.mail_from", "email.from"], ownForm: address),
      Field(
        name: "email.dst", paths: ["smtp.rcpt_to", "email.to", "email.cc"], ownForm: address),
      Field(name: "email.subject", paths: ["email.subject"]),
      Field(name: "email.useragent", paths: ["email.user_agent", "email.x_mailer"]),
      Field(
        name: "email.id", paths: ["email.message_id"],
        ownForm: { $0.trimmingCharacters(in: CharacterSet(charactersIn: "<> ")) }),
      Field(name: "email.filename", paths: ["email.attachment"]),
      Field(
        name: "email.smtpHello", paths: ["smtp.helo"], form: { $0.lowercased() },
        ownForm: { $0.lowercased() }),
      Field(name: "quic.host", paths: ["quic.sni"]),
      Field(name: "quic.useragent", paths: ["quic.ua"]),
      Field(name: "ssh.hassh", paths: ["ssh.client.hassh.hash"]),
      Field(name: "ssh.hasshServer", paths: ["ssh.server.hassh.hash"]),
      Field(name: "dhcp.type", paths: ["dhcp.dhcp_type"], ownForm: { $0.uppercased() }),
      Field(name: "dhcp.mac", paths: ["dhcp.client_mac"]),
    ]
  }()

  /// Captures whose difference has a reason, as `capture field`, or of a whole capture.
  private static let explained: [String: String] = [
    "smtp-moloch-bof email.subject": "Arkime keeps the blank in front of an encoded word",
    "smtp-moloch-bof email.filename": "Arkime cuts names where its buffer ends",
    "smtp-subject-multi-nospace email.subject": "blanks between encoded words (RFC 2047, 6.2)",
    "dns-dnskey dns.queryHost": "the root is an empty name in EVE",
    "v6-http dns.queryHost": "the root is an empty name in EVE",
    "http-100-continue http.statuscode": "EVE has the final status alone",
    "http2-nghttp2 http.method": "HTTP/2's preface is no request",
    "http2-nghttp2 http.clientVersion": "HTTP/2's preface is no request",
  ]

  /// Captures of what Martlet does not look into, by the beginning of their names.
  private static let beyond: [(prefix: String, reason: String)] = [
    ("socks", "what is within SOCKS is not looked at"),
    ("sctp", "what is within SCTP is not looked at"),
    ("openvpn", "what is within OpenVPN is not looked at"),
    ("ike", "IKE has no record"),
    ("opcua", "OPC UA has no record"),
    ("adb", "ADB has no record"),
    ("wireshark-dtls", "DTLS has no record"),
    ("imap", "mails within IMAP have no record"),
    ("wireshark-dhcp", "Arkime joins DHCP's flows by the transaction"),
  ]

  private static func reason(_ capture: String, _ field: String) -> String? {
    explained["\(capture) \(field)"] ?? beyond.first { capture.hasPrefix($0.prefix) }?.reason
  }

  private static func plain(_ digest: String) -> String {
    digest.replacing(":", with: "").lowercased()
  }

  /// Why digests differ: by the records that have those which Arkime has not.
  private static func reason(
    _ field: String, more: Set<String>, _ records: [TruthNode]
  ) -> String? {
    if field.hasPrefix("cert.") {
      let part = field == "cert.hash" ? "fingerprint" : "serial"
      let clients = records.flatMap { Self.values($0, "tls.client.\(part)") }.map(plain)
      return more.isSubset(of: clients) ? "Arkime lists the server's certificate alone" : nil
    }
    guard field == "http.sha256" else { return nil }
    if more.isEmpty {
      return records.contains { $0["http"]?["version"]?.text == "2" }
        ? "bodies of HTTP/2 are not looked into" : nil
    }
    let files = records.filter { more.contains($0["fileinfo"]?["sha256"]?.text ?? "") }
    let isOfForm: (TruthNode) -> Bool = {
      $0["http"]?["http_method"]?.text == "POST" && $0["fileinfo"]?["filename"] != nil
    }
    if files.allSatisfy(isOfForm) { return "the files of a form have digests, not the form" }
    if files.allSatisfy({ $0["http"]?["content_encoding"] != nil }) {
      return "Arkime's digest is of the body as it was transferred, compressed"
    }
    return files.allSatisfy { $0["fileinfo"]?["state"]?.text == "TRUNCATED" }
      ? "Arkime has no digest of a body that is not complete" : nil
  }

  static let equalAtLeast = 422
  static let differentAtMost = 0

  @Test func sessions() throws {
    var tally = ConformanceTally("arkime: sessions' fields of layer 7")
    let root = PublicCaptures.folder! + "/arkime"
    let files = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    for file in files.sorted() where file.hasSuffix(".test") {
      let path = "\(root)/\(file)"
      let capture = ["pcap", "pcapng", "pcap.gz", "cap"].map {
        "\(path.dropLast(5)).\($0)"
      }.first { FileManager.default.fileExists(atPath: $0) }
      guard let capture, let data = FileManager.default.contents(atPath: path),
        let json = try? JSONSerialization.jsonObject(with: data),
        let sessions = TruthNode(json: json)["sessions3"]?.list
      else { continue }
      let expected = Self.grouped(sessions.compactMap { $0["body"] }, Self.arkimeEnds)
      let wanted = expected.values.joined().contains { body in
        Self.fields.contains { !Self.values(body, $0.name).isEmpty }
      }
      guard wanted else { continue }
      var settings = DissectionSettings()
      settings.hashesFiles = true
      let bed = DissectionBed(settings)
      bed.read(capture)
      bed.finish()
      let found = Self.grouped(bed.records().map { TruthNode(json: $0) }, Self.ownEnds)
      let name = (file as NSString).lastPathComponent.dropLast(5)
      for (ends, bodies) in expected {
        let records = found[ends] ?? []
        for field in Self.fields {
          let a = Set(bodies.flatMap { Self.values($0, field.name) }.map(field.form))
          guard !a.isEmpty else { continue }
          let b = Set(
            records.flatMap { record in field.paths.flatMap { Self.values(record, $0) } }
              .map(field.ownForm).map(field.form))
          let outcome: ConformanceTally.Outcome
          // Of a chain a record has the digests of the first certificate alone.
          let isOfChain = field.name.hasPrefix("cert.")
          if a == b || isOfChain && !b.isEmpty && b.isSubset(of: a) {
            outcome = .equal
          } else if let reason = Self.reason(String(name), field.name)
            ?? Self.reason(field.name, more: Set(b.subtracting(a).map(Self.plain)), records)
          {
            outcome = .explained(reason)
          } else {
            let missing = a.subtracting(b).sorted().prefix(2).joined(separator: "|").prefix(90)
            let more = b.subtracting(a).sorted().prefix(2).joined(separator: "|").prefix(90)
            outcome = .different("\(field.name): lacks [\(missing)] has [\(more)]")
          }
          tally.add(outcome, to: field.name, of: String(name))
        }
      }
    }
    tally.print()
    #expect(tally.all > 100)
    #expect(tally.equal >= Self.equalAtLeast)
    #expect(tally.different <= Self.differentAtMost)
  }

  // MARK: Values

  private static func grouped(
    _ records: [TruthNode], _ ends: (TruthNode) -> Set<String>
  ) -> [Set<String>: [TruthNode]] {
    Dictionary(grouping: records, by: ends)
  }

  private static func end(_ address: TruthNode?, _ port: TruthNode?) -> String {
    "\(plainAddress(address?.text ?? "")) \(port?.integer ?? 0)"
  }

  private static func plainAddress(_ text: String) -> String {
    var bytes = in6_addr()
    guard text.contains(":"), inet_pton(AF_INET6, text, &bytes) == 1 else { return text }
    return withUnsafeBytes(of: bytes) { $0.map { String($0, radix: 16) }.joined(separator: ":") }
  }

  private static func arkimeEnds(_ body: TruthNode) -> Set<String> {
    [
      end(body["source"]?["ip"], body["source"]?["port"]),
      end(body["destination"]?["ip"], body["destination"]?["port"]),
    ]
  }

  private static func ownEnds(_ record: TruthNode) -> Set<String> {
    [
      end(record["src_ip"], record["src_port"]), end(record["dest_ip"], record["dest_port"]),
    ]
  }

  /// All values at a path, through lists.
  static func values(_ node: TruthNode, _ path: String) -> [String] {
    var nodes = [node]
    for part in path.split(separator: ".") {
      nodes = nodes.flatMap { $0.list ?? [$0] }.compactMap { $0[String(part)] }
    }
    return nodes.flatMap { $0.list ?? [$0] }.compactMap(\.text)
  }
}
