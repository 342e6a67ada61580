/// Why a check of Suricata-verify may be other than asked. Each reason is a condition on this very check and
/// on the records that were made for it: one that does not hold explains nothing.
struct VerifyReasons {
  let check: VerifyCheck
  let test: VerifyTest
  let found: Int
  let records: [TruthNode]

  var first: String? {
    ofSettings ?? ofTransactions ?? ofHTTP ?? ofMail ?? ofNames ?? ofDetection ?? ofTime
  }

  // MARK: What the records have

  /// So many records are as asked but for some keys, of which the check has at least one.
  private func holds(without isLeftOut: (String) -> Bool) -> Bool {
    var rest = check
    rest.match = check.match.filter { !isLeftOut($0.key) }
    return rest.match.count < check.match.count && rest.found(in: records) >= check.count
  }

  private func expects(_ key: String) -> TruthNode? { check.match[key] }

  private func has(_ eventType: String, _ condition: (TruthNode) -> Bool) -> Bool {
    records.contains { $0["event_type"]?.text == eventType && condition($0) }
  }

  // MARK: Reasons

  private var ofSettings: String? {
    if check.eventType == "anomaly", expects("anomaly.type")?.text == "applayer",
      check.count == 0, test.configuration.contains("applayer: no")
    {
      return "the test leaves anomalies of applications out"
    }
    if check.eventType == "ftp", test.configuration.contains("max-line-length"),
      has("ftp", { $0["ftp"]?["command_truncated"] == .bool(true) })
    {
      return "how long a line of FTP may be is an option of Suricata's"
    }
    let isSecret = holds { key in
      key.hasSuffix("password") && key != "mqtt.connect.flags.password" || key == "snmp.community"
        || key.hasSuffix("authentication_data")
    }
    return isSecret ? "secrets are never in a record" : nil
  }

  private var ofTransactions: String? {
    if let list = expects("dns.rrname.__len"), list.integer ?? 0 > 255, check.count > 64,
      !records.contains(where: { $0["event_type"]?.text == "dns" }),
      records.contains(where: { $0["app_proto"]?.text == "failed" })
    {
      return "a first name that ends behind the first 2 KiB does not tell a stream to be DNS"
    }
    let isLocal: (TruthNode) -> Bool = {
      [5353, 5355].contains($0["dest_port"]?.integer ?? 0)
    }
    if check.eventType == "dns", found > check.count,
      check.found(in: records.filter { !isLocal($0) }) == check.count
    {
      return "Suricata 7 has no records of LLMNR and multicast DNS"
    }
    if expects("anomaly.event")?.text == "invalid_opcode",
      has("dns", { $0["dns"]?["opcode"]?.integer ?? 0 > 6 })
    {
      return "an opcode that is none stands in the record, and is no anomaly"
    }
    if expects("mqtt.disconnect.reason_code") == .integer(0),
      holds(without: { $0 == "mqtt.disconnect.reason_code" })
    {
      return "Suricata passes over the reason of a DISCONNECT that has no properties"
    }
    return hasUserProperties ? "user properties of MQTT are a list of names and values" : nil
  }

  /// All is as asked, but that what the sender has named stands in `user_properties`, and no password.
  private var hasUserProperties: Bool {
    let isUsers = { (key: String) in key.contains(".properties.userprop") }
    var rest = check
    rest.match = check.match.filter { !isUsers($0.key) && !$0.key.hasSuffix("connect.password") }
    let users = check.match.filter { isUsers($0.key) }
    guard !users.isEmpty else { return false }
    return records.contains { record in
      guard rest.found(in: [record]) == 1 else { return false }
      return users.allSatisfy { key, value in
        let parts = key.split(separator: ".")
        let list = VerifyCheck.value(
          parts.dropLast().joined(separator: ".") + ".user_properties", record)
        return list?.list?.contains {
          $0["name"]?.text == parts.last.map(String.init) && $0["value"] == value
        } ?? false
      }
    }
  }

  private var ofHTTP: String? {
    if let http = expects("http")?.map,
      has(
        "http",
        { record in
          http.allSatisfy { key, value in
            record["http"]?[key].map { VerifyCheck.agrees(value, $0) } ?? false
          }
        })
    {
      return "records have more than Suricata's without `extended`"
    }
    if let size = expects("fileinfo.size"),
      has(
        "http",
        { record in
          record["http"]?["content_range"]?["size"] == size
        })
    {
      return "Suricata joins ranges of several answers into one file"
    }
    if let value = expects("http.response_headers[0].value"),
      has(
        "http",
        { record in
          record["http"]?["content_range"]?["raw"] == value
        })
    {
      return "HTTP/1's header fields are not listed one by one"
    }
    if expects("http.http2.stream_id") != nil,
      has(
        "http", { $0["http"]?["upgrade"]?.text == "h2c" && $0["http"]?["status"] == .integer(101) })
    {
      return "of a request that is upgraded to HTTP/2 stream 1 has no list of fields"
    }
    if check.eventType == "fileinfo", !has("fileinfo", { _ in true }),
      has("http", { $0["http"]?["version"]?.text == "2" })
    {
      return "bodies of HTTP/2 are not looked into"
    }
    if let size = expects("fileinfo.size")?.integer,
      has(
        "fileinfo",
        { record in
          record["fileinfo"]?["size"] == .integer(size - 2)
        }), holds(without: { $0 == "fileinfo.size" })
    {
      return "Suricata adds a line end behind a body of a known length to the body"
    }
    return nil
  }

  private var ofMail: String? {
    if expects("tx_id")?.integer ?? 0 > 0, expects("smtp.helo") != nil,
      expects("smtp.mail_from") == nil, holds(without: { $0 == "tx_id" })
    {
      return "Suricata begins a transaction with the QUIT behind a mail"
    }
    let links = check.match.filter { $0.key.hasPrefix("email.url[") }.compactMap(\.value.text)
    if !links.isEmpty,
      has(
        "smtp",
        { record in
          let own = record["email"]?["url"]?.list?.compactMap(\.text) ?? []
          return links.allSatisfy { link in own.contains { $0 == "http://" + link } }
        })
    {
      return "addresses in mails are recorded with their scheme"
    }
    if expects("anomaly.event")?.text == "MIME_LONG_FILENAME",
      has(
        "smtp",
        { record in
          record["email"]?["attachment"]?.list?.contains { $0.text?.count ?? 0 >= 255 } ?? false
        })
    {
      return "a name of more than 255 bytes is cut without an anomaly"
    }
    if expects("email.status")?.text == "PARSE_DONE",
      holds(without: { $0 == "email.status" || $0 == "pcap_cnt" })
    {
      return "a file's record is made with its last line, Suricata's with the end of the mail"
    }
    return nil
  }

  private var ofNames: String? {
    if expects("tls.from_proto")?.text == "pgsql" || expects("app_proto_orig")?.text == "pgsql",
      holds(without: { ["tls.from_proto", "app_proto_orig", "pcap_cnt"].contains($0) })
    {
      return "PostgreSQL in front of TLS is passed over and not told"
    }
    if check.eventType == "flow", expects("app_proto")?.text == "failed",
      expects("proto")?.text == "UDP"
    {
      let ends = [expects("src_ip"), expects("dest_ip")]
      if has(
        "flow",
        { record in
          guard let tunnel = record["tunnel"] else { return false }
          return ends.contains(tunnel["src_ip"]) && ends.contains(tunnel["dest_ip"])
        })
      {
        return "a tunnel's own packets are counted in the flows within it"
      }
      if expects("dest_port") == .integer(138), holds(without: { $0 == "app_proto" }) {
        return "Suricata does not look into NetBIOS datagrams"
      }
    }
    return nil
  }

  private var ofDetection: String? {
    if expects("tls.version")?.text == "UNDETERMINED", holds(without: { $0 == "tls.version" }) {
      return "Suricata begins a second flow with the plain SYN behind one with data"
    }
    return nil
  }

  private var ofTime: String? {
    guard check.match["pcap_cnt"] != nil, holds(without: { $0 == "pcap_cnt" }) else { return nil }
    return "the packet that completes it: Suricata looks at TCP's data when it is acknowledged"
  }
}
