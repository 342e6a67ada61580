internal import Records

enum TLSFields {
  static let number: UInt8 = 3
  private static func field(_ index: UInt8) -> EventField { EventField(group: 3, index: index) }

  // The server's certificate.
  static var subject: EventField { field(1) }
  static var issuerDN: EventField { field(2) }
  static var serial: EventField { field(3) }
  static var fingerprint: EventField { field(4) }
  static var fingerprintSHA256: EventField { field(5) }
  static var notBefore: EventField { field(6) }
  static var notAfter: EventField { field(7) }
  static var alternativeNames: EventField { field(8) }
  static var keyType: EventField { field(9) }
  static var keyLength: EventField { field(10) }
  static var signatureAlgorithm: EventField { field(11) }
  static var certificates: EventField { field(12) }
  static var certificateSubject: EventField { field(13) }
  static var certificateFingerprint: EventField { field(14) }
  static var sniMatches: EventField { field(15) }

  // The hellos.
  static var sni: EventField { field(20) }
  static var version: EventField { field(21) }
  static var sessionResumed: EventField { field(22) }
  static var fromProto: EventField { field(23) }
  static var ja3: EventField { field(24) }
  static var ja3s: EventField { field(25) }
  static var hash: EventField { field(26) }
  static var string: EventField { field(27) }
  static var ja4: EventField { field(28) }
  static var clientALPN: EventField { field(29) }
  static var serverALPN: EventField { field(30) }
  static var cipher: EventField { field(31) }
  static var curve: EventField { field(32) }
  static var retryRequest: EventField { field(33) }
  static var ech: EventField { field(34) }

  static var clientHandshake: EventField { field(40) }
  static var serverHandshake: EventField { field(41) }
  static var helloVersion: EventField { field(42) }
  static var ciphers: EventField { field(43) }
  static var extensions: EventField { field(44) }
  static var signatureAlgorithms: EventField { field(45) }
  static var groups: EventField { field(46) }
  static var supportedVersions: EventField { field(47) }
  static var cipherNumber: EventField { field(48) }
  static var groupNumber: EventField { field(49) }

  // How it went.
  static var established: EventField { field(60) }
  static var history: EventField { field(61) }
  static var lastAlert: EventField { field(62) }
  static var alerts: EventField { field(63) }
  static var alertFrom: EventField { field(64) }
  static var alertLevel: EventField { field(65) }
  static var alertDescription: EventField { field(66) }

  // The client's certificate.
  static var client: EventField { field(70) }
  static var clientCertificateRequested: EventField { field(71) }

  // For Zeek's ssl.log alone.
  static var zeekStart: EventField { field(90) }
  static var zeekVersion: EventField { field(91) }
  static var zeekResumed: EventField { field(92) }
  static var zeekChain: EventField { field(93) }
  static var zeekClientChain: EventField { field(94) }

  private static let definitions: [EventFieldDefinition] = [
    chains, hellos, offers, outcome, hidden,
  ].flatMap { $0 }

  static let group = EventGroup(number: number, type: .tls, key: "tls", fields: definitions)
}
