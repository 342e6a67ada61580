import Foundation

/// What nDPI's reader wrote about a capture: a line a flow.
struct NDPIFlow {
  /// Both end points in a fixed order, behind the transport: the same whichever way the flow is seen.
  let key: String
  /// As nDPI writes it: `TLS.Google`.
  let label: String
  /// Told by content, not by a port, an address, or by what other flows were.
  let isByContent: Bool

  /// The classes of a label: `TLS.RDP` says both.
  var protos: [String] { label.split(separator: ".").compactMap { Self.names[String($0)] } }

  /// The first class of a label among the protocols that Martlet tells: EVE's name for it.
  var proto: String? {
    for part in label.split(separator: ".") {
      if let name = Self.names[String(part)] { return name }
    }
    return nil
  }

  private static let names = [
    "BitTorrent": "bittorrent", "DCERPC": "dcerpc", "DHCP": "dhcp", "DHCPV6": "dhcpv6",
    "DNP3": "dnp3", "DNS": "dns", "DoH_DoT": "tls", "FTP_CONTROL": "ftp", "FTP_DATA": "ftp-data",
    "FTPS": "tls", "HTTP": "http", "HTTP_Proxy": "http", "HTTP2": "http2", "IMAP": "imap",
    "IMAPS": "tls", "Kerberos": "krb5", "LDAP": "ldap", "LLMNR": "llmnr", "MDNS": "mdns",
    "Modbus": "modbus", "MQTT": "mqtt", "NFS": "nfs", "NTP": "ntp", "OpenVPN": "openvpn",
    "POP3": "pop3", "POPS": "tls", "QUIC": "quic", "RDP": "rdp", "RTCP": "rtcp", "RTP": "rtp",
    "SIP": "sip", "SMBv1": "smb", "SMBv23": "smb", "SMTP": "smtp", "SMTPS": "tls",
    "SNMP": "snmp", "SRTP": "rtp", "SSH": "ssh", "STUN": "stun", "Syslog": "syslog",
    "Telnet": "telnet", "TFTP": "tftp", "TLS": "tls", "WebSocket": "websocket",
    "WireGuard": "wireguard",
  ]

  static func key(_ transport: String, _ one: String, _ other: String) -> String {
    let (one, other) = (normal(one), normal(other))
    return transport + " " + min(one, other) + " " + max(one, other)
  }

  /// One form for each IPv6 address: nDPI writes `::` where others write `0`.
  private static func normal(_ end: String) -> String {
    let parts = end.split(separator: "/", maxSplits: 1)
    guard parts.count == 2, parts[0].contains(":") else { return end }
    var address = in6_addr()
    guard inet_pton(AF_INET6, String(parts[0]), &address) == 1 else { return end }
    let bytes = withUnsafeBytes(of: &address) { $0.map { String(format: "%02x", $0) }.joined() }
    return bytes + "/" + parts[1]
  }

  /// All flows of a `.out` file over TCP and UDP.
  static func read(_ path: String) -> [NDPIFlow] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count > 5, Int(words[0]) != nil, words[1] == "TCP" || words[1] == "UDP",
        let label = line.range(of: "[proto: ").flatMap({ start in
          line[start.upperBound...].split(separator: "]").first?.split(separator: "/").last
        })
      else { return nil }
      let text = String(line)
      let isByContent =
        text.contains("[Confidence: DPI]") || text.contains("[Confidence: DPI (")
      return NDPIFlow(
        key: key(String(words[1]), end(words[2]), end(words[4])), label: String(label),
        isByContent: isByContent)
    }
  }

  /// `[::1]:53` and `10.0.0.1:53` as `::1 53` and `10.0.0.1 53`.
  private static func end(_ text: Substring) -> String {
    guard let colon = text.lastIndex(of: ":") else { return String(text) }
    let address = text[..<colon].filter { $0 != "[" && $0 != "]" }
    return address + "/" + text[text.index(after: colon)...]
  }
}
