/// What of EVE has a place in the Elastic Common Schema 8, declared once: what records are made by,
/// what the index template has, and what docs/forward-records.md lists.
///
/// Sorted by the ECS field, so that members of one object stand together.
struct ECSMapping: Sendable {
  enum Change: Sendable {
    /// The value as it is.
    case none
    /// `2026-11-21T05:36:00.123456+0000` with `Z` behind.
    case time
    case lowercase
    /// `00:1b:21:…` as `00-1B-21-…` (RFC 7042, as ECS wants it); of a list the first.
    case mac
    /// Without colons, in capitals.
    case hexadecimal
    /// A number as a text; of a list the first element, or the second.
    case firstText, secondText
    /// `HTTP/1.1`, `TLS 1.3`: what stands behind the slash or the space.
    case version
    /// What stands behind the `?` of a URL, or in front of it.
    case query, path
    /// DNS answers: each `rrname rrtype ttl rdata` as `name type ttl data`.
    case answers
    /// The addresses among DNS answers.
    case resolved
    /// What stands between `<` and `>`, of each element of a list; all where there are none.
    case mailAddress
    /// Names of files, each as an object `file` with its `name`.
    case attachments
    /// Of a path.
    case lastComponent
  }

  /// From the record's root, by points.
  let eve: String
  let ecs: String
  /// Elasticsearch's type.
  let type: String
  let change: Change
  /// Whether the EVE field goes: its value is in ECS's field as it was.
  let isMoved: Bool

  let path: EVEPath
  let parents: [[UInt8]]
  let name: [UInt8]

  private init(_ ecs: String, _ eve: String, _ type: String, _ change: Change = .none) {
    self.eve = eve
    self.ecs = ecs
    self.type = type
    self.change = change
    switch change {
    case .none, .time: isMoved = true
    default: isMoved = false
    }
    path = EVEPath(eve)
    let parts = ecs.split(separator: ".").map { Array($0.utf8) }
    parents = Array(parts.dropLast())
    name = parts[parts.count - 1]
  }

  static let all: [ECSMapping] = [
    ECSMapping("@timestamp", "timestamp", "date", .time),
    ECSMapping("tags", "tags", "keyword"),
    ECSMapping("destination.address", "dest_ip", "keyword"),
    ECSMapping("destination.bytes", "flow.bytes_toclient", "long"),
    ECSMapping("destination.domain", "tls.sni", "keyword"),
    ECSMapping("destination.domain", "quic.sni", "keyword"),
    ECSMapping("destination.ip", "dest_ip", "ip"),
    ECSMapping("destination.mac", "ether.dest_macs", "keyword", .mac),
    ECSMapping("destination.packets", "flow.pkts_toclient", "long"),
    ECSMapping("destination.port", "dest_port", "long"),
    ECSMapping("dns.answers", "dns.answers", "object", .answers),
    ECSMapping("dns.id", "dns.id", "keyword", .firstText),
    ECSMapping("dns.question.class", "dns.rrclass", "keyword"),
    ECSMapping("dns.question.name", "dns.rrname", "keyword"),
    ECSMapping("dns.question.type", "dns.rrtype", "keyword"),
    ECSMapping("dns.resolved_ip", "dns.answers", "ip", .resolved),
    ECSMapping("dns.response_code", "dns.rcode", "keyword"),
    ECSMapping("dns.type", "dns.type", "keyword"),
    ECSMapping("email.attachments", "email.attachment", "object", .attachments),
    ECSMapping("email.bcc.address", "email.bcc", "keyword", .mailAddress),
    ECSMapping("email.cc.address", "email.cc", "keyword", .mailAddress),
    ECSMapping("email.from.address", "email.from", "keyword", .mailAddress),
    ECSMapping("email.message_id", "email.message_id", "keyword", .mailAddress),
    ECSMapping("email.reply_to.address", "email.reply_to", "keyword", .mailAddress),
    ECSMapping("email.subject", "email.subject", "keyword"),
    ECSMapping("email.to.address", "email.to", "keyword", .mailAddress),
    ECSMapping("email.x_mailer", "email.x_mailer", "keyword"),
    ECSMapping("event.end", "flow.end", "date", .time),
    ECSMapping("event.sequence", "seq", "long"),
    ECSMapping("event.severity", "alert.severity", "long"),
    ECSMapping("event.start", "flow.start", "date", .time),
    ECSMapping("file.hash.sha256", "fileinfo.sha256", "keyword"),
    ECSMapping("file.mime_type", "fileinfo.mimetype", "keyword"),
    ECSMapping("file.name", "fileinfo.filename", "keyword", .lastComponent),
    ECSMapping("file.size", "fileinfo.size", "long"),
    ECSMapping("http.request.body.bytes", "http.request_body_length", "long"),
    ECSMapping("http.request.method", "http.http_method", "keyword"),
    ECSMapping("http.request.mime_type", "http.request_content_type", "keyword"),
    ECSMapping("http.request.referrer", "http.http_refer", "keyword"),
    ECSMapping("http.response.body.bytes", "http.length", "long"),
    ECSMapping("http.response.mime_type", "http.http_content_type", "keyword"),
    ECSMapping("http.response.status_code", "http.status", "long"),
    ECSMapping("http.version", "http.protocol", "keyword", .version),
    ECSMapping("network.community_id", "community_id", "keyword"),
    ECSMapping("network.inner.vlan.id", "vlan", "keyword", .secondText),
    ECSMapping("network.protocol", "app_proto", "keyword", .lowercase),
    ECSMapping("network.transport", "proto", "keyword", .lowercase),
    ECSMapping("network.vlan.id", "vlan", "keyword", .firstText),
    ECSMapping("observer.ingress.interface.name", "in_iface", "keyword"),
    ECSMapping("observer.name", "sensor", "keyword"),
    ECSMapping("rule.category", "alert.category", "keyword"),
    ECSMapping("rule.id", "alert.signature_id", "keyword", .firstText),
    ECSMapping("rule.name", "alert.signature", "keyword"),
    ECSMapping("source.address", "src_ip", "keyword"),
    ECSMapping("source.bytes", "flow.bytes_toserver", "long"),
    ECSMapping("source.ip", "src_ip", "ip"),
    ECSMapping("source.mac", "ether.src_macs", "keyword", .mac),
    ECSMapping("source.packets", "flow.pkts_toserver", "long"),
    ECSMapping("source.port", "src_port", "long"),
    ECSMapping("tls.cipher", "tls.cipher", "keyword"),
    ECSMapping("tls.client.ja3", "tls.ja3.hash", "keyword"),
    ECSMapping("tls.client.server_name", "tls.sni", "keyword"),
    ECSMapping("tls.client.server_name", "quic.sni", "keyword"),
    ECSMapping("tls.curve", "tls.curve", "keyword"),
    ECSMapping("tls.established", "tls.established", "boolean"),
    ECSMapping("tls.next_protocol", "tls.server_alpns", "keyword", .firstText),
    ECSMapping("tls.resumed", "tls.session_resumed", "boolean"),
    ECSMapping("tls.server.hash.sha1", "tls.fingerprint", "keyword", .hexadecimal),
    ECSMapping("tls.server.hash.sha256", "tls.fingerprint_sha256", "keyword", .hexadecimal),
    ECSMapping("tls.server.issuer", "tls.issuerdn", "keyword"),
    ECSMapping("tls.server.ja3s", "tls.ja3s.hash", "keyword"),
    ECSMapping("tls.server.not_after", "tls.notafter", "date"),
    ECSMapping("tls.server.not_before", "tls.notbefore", "date"),
    ECSMapping("tls.server.subject", "tls.subject", "keyword"),
    ECSMapping("tls.server.x509.alternative_names", "tls.subjectaltname", "keyword"),
    ECSMapping("tls.server.x509.serial_number", "tls.serial", "keyword", .hexadecimal),
    ECSMapping("tls.version", "tls.version", "keyword", .version),
    ECSMapping("url.domain", "http.hostname", "keyword"),
    ECSMapping("url.original", "http.url", "wildcard"),
    ECSMapping("url.path", "http.url", "wildcard", .path),
    ECSMapping("url.port", "http.http_port", "long"),
    ECSMapping("url.query", "http.url", "keyword", .query),
    ECSMapping("user.name", "http.username", "keyword"),
    ECSMapping("user_agent.original", "http.http_user_agent", "keyword"),
  ]

  /// What is made of several fields, or of none: ``ECSDocument`` writes them.
  static let made: [(ecs: String, type: String)] = [
    ("ecs.version", "keyword"), ("event.category", "keyword"), ("event.dataset", "keyword"),
    ("event.duration", "long"), ("event.id", "keyword"), ("event.kind", "keyword"),
    ("event.module", "keyword"), ("event.type", "keyword"), ("network.bytes", "long"),
    ("network.packets", "long"), ("network.type", "keyword"), ("observer.product", "keyword"),
    ("observer.type", "keyword"), ("related.hash", "keyword"), ("related.hosts", "keyword"),
    ("related.ip", "ip"),
  ]
}
