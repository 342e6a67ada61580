internal import Records

enum SSHFields {
  static let number: UInt8 = 6
  private static func field(_ index: UInt8) -> EventField { EventField(group: 6, index: index) }

  static var client: EventField { field(1) }
  static var server: EventField { field(2) }
  static var protoVersion: EventField { field(3) }
  static var softwareVersion: EventField { field(4) }
  static var hassh: EventField { field(5) }
  static var hash: EventField { field(6) }
  static var string: EventField { field(7) }
  static var version: EventField { field(8) }
  static var authSuccess: EventField { field(9) }
  static var authAttempts: EventField { field(10) }
  static var clientBanner: EventField { field(11) }
  static var serverBanner: EventField { field(12) }
  static var cipherAlgorithm: EventField { field(13) }
  static var macAlgorithm: EventField { field(14) }
  static var compressionAlgorithm: EventField { field(15) }
  static var kexAlgorithm: EventField { field(16) }
  static var hostKeyAlgorithm: EventField { field(17) }
  static var hostKeyFingerprint: EventField { field(18) }

  static let group = EventGroup(
    number: number, type: .ssh, key: "ssh",
    fields: [
      EventFieldDefinition(client, "client", .object, "Suricata", "what the client said of itself"),
      EventFieldDefinition(server, "server", .object, "Suricata", "what the server said of itself"),
      EventFieldDefinition(
        protoVersion, "proto_version", .string, "Suricata", "the protocol's version, as `2.0`"),
      EventFieldDefinition(
        softwareVersion, "software_version", .string, "Suricata",
        "the software and its version, without the comment"),
      EventFieldDefinition(hassh, "hassh", .object, "Suricata", "the HASSH fingerprint"),
      EventFieldDefinition(hash, "hash", .string, "Suricata", "the fingerprint: an MD5"),
      EventFieldDefinition(
        string, "string", .string, "Suricata", "the lists of algorithms it is made from"),
      EventFieldDefinition(
        version, "version", .integer, "Zeek", "major version of the protocol: 1 or 2",
        isHidden: true),
      EventFieldDefinition(
        authSuccess, "auth_success", .boolean, "Zeek",
        "whether the login succeeded, guessed from the lengths of encrypted segments",
        isHidden: true),
      EventFieldDefinition(
        authAttempts, "auth_attempts", .integer, "Zeek", "attempts to log in, guessed likewise",
        isHidden: true),
      EventFieldDefinition(
        clientBanner, "client_banner", .string, "Zeek", "the client's whole identification",
        isHidden: true),
      EventFieldDefinition(
        serverBanner, "server_banner", .string, "Zeek", "the server's whole identification",
        isHidden: true),
      EventFieldDefinition(
        cipherAlgorithm, "cipher_alg", .string, "Zeek", "the cipher agreed on", isHidden: true),
      EventFieldDefinition(
        macAlgorithm, "mac_alg", .string, "Zeek", "the MAC agreed on", isHidden: true),
      EventFieldDefinition(
        compressionAlgorithm, "compression_alg", .string, "Zeek", "the compression agreed on",
        isHidden: true),
      EventFieldDefinition(
        kexAlgorithm, "kex_alg", .string, "Zeek", "the key exchange agreed on", isHidden: true),
      EventFieldDefinition(
        hostKeyAlgorithm, "host_key_alg", .string, "Zeek", "the host key's algorithm agreed on",
        isHidden: true),
      EventFieldDefinition(
        hostKeyFingerprint, "host_key_fingerprint", .string, "Zeek",
        "SHA-256 of the host key as OpenSSH shows it", isHidden: true),
    ])
}
