internal import Records

/// The record `quic`.
enum QUICFields {
  static let number: UInt8 = 5
  private static func field(_ index: UInt8) -> EventField { EventField(group: 5, index: index) }

  static var version: EventField { field(1) }
  static var sni: EventField { field(2) }
  static var ua: EventField { field(3) }
  static var cyu: EventField { field(4) }
  static var hash: EventField { field(5) }
  static var string: EventField { field(6) }
  static var ja3: EventField { field(7) }
  static var ja3s: EventField { field(8) }
  static var ja4: EventField { field(9) }
  static var extensions: EventField { field(10) }
  static var name: EventField { field(11) }
  static var type: EventField { field(12) }
  static var values: EventField { field(13) }
  static var clientALPNs: EventField { field(14) }
  static var cipher: EventField { field(15) }
  static var keyGroup: EventField { field(16) }
  static var resumed: EventField { field(17) }
  static var versionName: EventField { field(18) }
  static var versionNegotiated: EventField { field(19) }
  static var supportedVersions: EventField { field(20) }
  static var clientInitialDCID: EventField { field(21) }
  static var clientSCID: EventField { field(22) }
  static var serverSCID: EventField { field(23) }
  static var retry: EventField { field(24) }
  // Of the hidden record alone.
  static var start: EventField { field(25) }
  static var serverName: EventField { field(26) }
  static var clientProtocol: EventField { field(27) }
  static var history: EventField { field(28) }

  static let group = EventGroup(number: number, type: .quic, key: "quic", fields: definitions)

  private static let definitions: [EventFieldDefinition] = [
    EventFieldDefinition(
      version, "version", .string, "Suricata",
      "of the packet that ended the hello: letters of Google's, else the number in hexadecimal"),
    EventFieldDefinition(
      sni, "sni", .string, "Suricata", "the server's name that the client asks for"),
    EventFieldDefinition(
      ua, "ua", .string, "Suricata",
      "user agent: UAID of Google's hello, or Google's transport parameter"),
    EventFieldDefinition(cyu, "cyu", .array, "Suricata", "fingerprint of Google's hello"),
    EventFieldDefinition(hash, "hash", .string, "Suricata", "MD5 of the string"),
    EventFieldDefinition(string, "string", .string, "Suricata", "what the hash is made of"),
    EventFieldDefinition(
      ja3, "ja3", .object, "Suricata", "the client's fingerprint, without GREASE"),
    EventFieldDefinition(
      ja3s, "ja3s", .object, "Suricata", "the server's fingerprint"),
    EventFieldDefinition(ja4, "ja4", .string, "JA4", "the client's fingerprint, of QUIC: q…"),
    EventFieldDefinition(
      extensions, "extensions", .array, "Suricata", "of the hello, in the order in which they stand"
    ),
    EventFieldDefinition(name, "name", .string, "Suricata", "of the extension, where it has one"),
    EventFieldDefinition(type, "type", .integer, "Suricata", "number of the extension"),
    EventFieldDefinition(
      values, "values", .array, "Suricata", "of server_name and alpn: what they say"),
    EventFieldDefinition(
      clientALPNs, "client_alpns", .array, "Martlet", "protocols that the client offers"),
    EventFieldDefinition(
      cipher, "cipher", .string, "Martlet", "cipher suite that the server chose"),
    EventFieldDefinition(keyGroup, "group", .string, "Martlet", "group of the server's key share"),
    EventFieldDefinition(
      resumed, "resumed", .boolean, "Martlet", "the server took a key of an earlier session"),
    EventFieldDefinition(
      versionName, "version_name", .string, "Martlet", "v1, v2, draft-29, Q050, mvfst-27 …"),
    EventFieldDefinition(
      versionNegotiated, "version_negotiated", .boolean, "Martlet",
      "the server chose another version than the client's first packet had (RFC 9368)"),
    EventFieldDefinition(
      supportedVersions, "supported_versions", .array, "Martlet",
      "versions that the server offers in a Version Negotiation packet"),
    EventFieldDefinition(
      clientInitialDCID, "client_initial_dcid", .string, "Zeek",
      "destination connection id of the client's first packet"),
    EventFieldDefinition(
      clientSCID, "client_scid", .string, "Zeek", "the client's own connection id"),
    EventFieldDefinition(
      serverSCID, "server_scid", .string, "Zeek", "the server's own connection id"),
    EventFieldDefinition(retry, "retry", .boolean, "Martlet", "the server sent a Retry before"),
    EventFieldDefinition(
      start, "ts", .timestamp, "Zeek", "time of the connection's first packet", isHidden: true),
    EventFieldDefinition(
      serverName, "server_name", .string, "Zeek", "as sni", isHidden: true),
    EventFieldDefinition(
      clientProtocol, "client_protocol", .string, "Zeek", "the first of client_alpns",
      isHidden: true),
    EventFieldDefinition(
      history, "history", .string, "Zeek", "a letter a packet, upper case of the client",
      isHidden: true),
  ]
}
