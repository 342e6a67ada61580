internal import Records

extension TLSFields {
  static let hellos: [EventFieldDefinition] = [
    EventFieldDefinition(
      sni, "sni", .string, "Suricata", "name of the host that the client asks for (RFC 6066)"),
    EventFieldDefinition(
      version, "version", .string, "Suricata",
      "version that the server chose; UNDETERMINED where its hello was not seen"),
    EventFieldDefinition(
      sessionResumed, "session_resumed", .boolean, "Suricata",
      "an earlier session goes on: by id, ticket or pre-shared key"),
    EventFieldDefinition(
      fromProto, "from_proto", .string, "Suricata", "what was spoken before STARTTLS"),
    EventFieldDefinition(
      ja3, "ja3", .object, "Suricata", "the client's fingerprint by salesforce's JA3"),
    EventFieldDefinition(
      ja3s, "ja3s", .object, "Suricata", "the server's fingerprint by salesforce's JA3S"),
    EventFieldDefinition(hash, "hash", .string, "Suricata", "MD5 of the text"),
    EventFieldDefinition(string, "string", .string, "Suricata", "the text that is hashed"),
    EventFieldDefinition(
      ja4, "ja4", .string, "Suricata", "the client's fingerprint by FoxIO's JA4"),
    EventFieldDefinition(
      clientALPN, "client_alpns", .array, "Suricata", "protocols that the client offers"),
    EventFieldDefinition(
      serverALPN, "server_alpns", .array, "Suricata", "the protocol that the server chose"),
    EventFieldDefinition(
      cipher, "cipher", .string, "Zeek", "cipher suite that the server chose, by the IANA's name"),
    EventFieldDefinition(
      curve, "curve", .string, "Zeek", "group of the key exchange, by the IANA's name"),
    EventFieldDefinition(
      retryRequest, "hello_retry_request", .boolean, "Martlet",
      "the server had the client send its hello again (RFC 8446)"),
    EventFieldDefinition(
      ech, "ech", .boolean, "Martlet",
      "the client's hello has another encrypted in it, or a placeholder; sni is the outer name"),
  ]

  static let offers: [EventFieldDefinition] = [
    EventFieldDefinition(
      clientHandshake, "client_handshake", .object, "Suricata", "the client's hello in numbers"),
    EventFieldDefinition(
      serverHandshake, "server_handshake", .object, "Suricata", "the server's hello in numbers"),
    EventFieldDefinition(
      helloVersion, "version", .string, "Suricata", "the version that the hello itself names"),
    EventFieldDefinition(
      ciphers, "ciphers", .array, "Suricata", "cipher suites offered, without GREASE"),
    EventFieldDefinition(
      extensions, "exts", .array, "Suricata", "extensions in their order, without GREASE"),
    EventFieldDefinition(
      signatureAlgorithms, "sig_algs", .array, "Suricata", "signature schemes, without GREASE"),
    EventFieldDefinition(groups, "groups", .array, "Martlet", "groups offered, without GREASE"),
    EventFieldDefinition(
      supportedVersions, "supported_versions", .array, "Martlet",
      "versions of the extension of that name, without GREASE"),
    EventFieldDefinition(cipherNumber, "cipher", .integer, "Suricata", "cipher suite chosen"),
    EventFieldDefinition(groupNumber, "group", .integer, "Martlet", "group chosen"),
  ]

  static let outcome: [EventFieldDefinition] = [
    EventFieldDefinition(
      established, "established", .boolean, "Zeek", "both sides went over to encryption"),
    EventFieldDefinition(
      history, "ssl_history", .string, "Zeek",
      "messages in the clear in their order, a letter each, capitals from the client"),
    EventFieldDefinition(
      lastAlert, "last_alert", .string, "Zeek", "the last alert that was sent in the clear"),
    EventFieldDefinition(
      alerts, "alerts", .array, "Martlet", "alerts in the clear, the first four"),
    EventFieldDefinition(alertFrom, "from", .string, "Martlet", "client or server"),
    EventFieldDefinition(alertLevel, "level", .string, "Martlet", "warning or fatal"),
    EventFieldDefinition(
      alertDescription, "description", .string, "Martlet", "the alert's name"),
  ]

  static let chains: [EventFieldDefinition] = [
    EventFieldDefinition(
      subject, "subject", .string, "Suricata", "whom the server's certificate is for"),
    EventFieldDefinition(issuerDN, "issuerdn", .string, "Suricata", "who signed it"),
    EventFieldDefinition(serial, "serial", .string, "Suricata", "its serial number"),
    EventFieldDefinition(fingerprint, "fingerprint", .string, "Suricata", "its SHA-1"),
    EventFieldDefinition(
      fingerprintSHA256, "fingerprint_sha256", .string, "Martlet", "its SHA-256"),
    EventFieldDefinition(notBefore, "notbefore", .string, "Suricata", "start of its validity"),
    EventFieldDefinition(notAfter, "notafter", .string, "Suricata", "end of its validity"),
    EventFieldDefinition(
      alternativeNames, "subjectaltname", .array, "Suricata",
      "names that it is for: hosts, mail addresses, URIs, IP addresses"),
    EventFieldDefinition(keyType, "key_type", .string, "Zeek", "kind of its public key"),
    EventFieldDefinition(keyLength, "key_length", .integer, "Zeek", "bits of its public key"),
    EventFieldDefinition(
      signatureAlgorithm, "signature_algorithm", .string, "Zeek", "how it was signed"),
    EventFieldDefinition(
      certificates, "certificates", .array, "Martlet", "the chain, the server's own first"),
    EventFieldDefinition(certificateSubject, "subject", .string, "Martlet", "whom it is for"),
    EventFieldDefinition(
      certificateFingerprint, "fingerprint_sha256", .string, "Martlet", "its SHA-256"),
    EventFieldDefinition(
      sniMatches, "sni_matches_cert", .boolean, "Zeek",
      "the server's certificate is for the host that the client asked for"),
    EventFieldDefinition(
      clientCertificateRequested, "client_certificate_requested", .boolean, "Martlet",
      "the server wants a certificate of the client"),
    EventFieldDefinition(client, "client", .object, "Suricata", "the client's certificate"),
  ]

  static let hidden: [EventFieldDefinition] = [
    EventFieldDefinition(
      zeekStart, "start", .timestamp, "Zeek", "the first message", isHidden: true),
    EventFieldDefinition(
      zeekVersion, "zeek_version", .string, "Zeek", "version as ssl.log has it", isHidden: true),
    EventFieldDefinition(
      zeekResumed, "resumed", .boolean, "Zeek", "as session_resumed, always", isHidden: true),
    EventFieldDefinition(
      zeekChain, "cert_chain_fps", .array, "Zeek", "SHA-256 of the server's chain", isHidden: true),
    EventFieldDefinition(
      zeekClientChain, "client_cert_chain_fps", .array, "Zeek", "SHA-256 of the client's chain",
      isHidden: true),
  ]
}
