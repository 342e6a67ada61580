internal import Records

// What a record tells of the hellos.

extension TLSClientHello {
  func write(_ d: Delivery, into w: inout EventWriter) {
    if !serverName.isEmpty { w.string(TLSFields.sni, serverName) }
    TLSALPN.write(alpn, TLSFields.clientALPN, into: &w)
    if hasECH { w.boolean(TLSFields.ech, true) }
    if !isMalformed || !ciphers.bytes.isEmpty {
      writeJA3(
        d, into: &w, object: TLSFields.ja3, hash: TLSFields.hash, string: TLSFields.string)
      writeJA4(d, into: &w, transport: UInt8(ascii: "t"), field: TLSFields.ja4)
    }
    w.beginObject(TLSFields.clientHandshake)
    TLSVersion.write(version, TLSFields.helloVersion, into: &w)
    ciphers.write(TLSFields.ciphers, into: &w)
    TLSExtensions.write(extensions, into: &w)
    signatureAlgorithms.write(TLSFields.signatureAlgorithms, into: &w)
    groups.write(TLSFields.groups, into: &w)
    writeVersions(into: &w)
    w.end()
  }

  private func writeVersions(into w: inout EventWriter) {
    if supportedVersions.count == 0 { return }
    w.beginArray(TLSFields.supportedVersions)
    for place in 0..<supportedVersions.count where !TLSNumbers.isGREASE(supportedVersions[place]) {
      TLSVersion.write(supportedVersions[place], TLSFields.supportedVersions, into: &w)
    }
    w.end()
  }
}

extension TLSServerHello {
  func write(_ d: Delivery, into w: inout EventWriter) {
    TLSALPN.write(alpn, TLSFields.serverALPN, into: &w)
    writeJA3S(
      d, into: &w, object: TLSFields.ja3s, hash: TLSFields.hash, string: TLSFields.string)
    w.beginObject(TLSFields.serverHandshake)
    TLSVersion.write(legacyVersion, TLSFields.helloVersion, into: &w)
    if hasCipher { w.integer(TLSFields.cipherNumber, cipher) }
    if group != 0 { w.integer(TLSFields.groupNumber, group) }
    TLSExtensions.write(extensions, into: &w)
    w.end()
  }
}

enum TLSALPN {
  /// An array of the names in a list of them.
  static func write(_ list: Bytes, _ field: EventField, into w: inout EventWriter) {
    var cursor = ByteCursor(list)
    guard var name = cursor.prefixed8() else { return }
    w.beginArray(field)
    while true {
      if !name.isEmpty { w.string(field, name) }
      guard let next = cursor.prefixed8() else { break }
      name = next
    }
    w.end()
  }
}

extension TLSNumbers {
  /// An array of the numbers, without GREASE.
  func write(_ field: EventField, into w: inout EventWriter) {
    if count == 0 { return }
    w.beginArray(field)
    for place in 0..<count where !Self.isGREASE(self[place]) { w.integer(field, self[place]) }
    w.end()
  }
}

extension TLSExtensions {
  static func write(_ extensions: Bytes, into w: inout EventWriter) {
    if extensions.isEmpty { return }
    w.beginArray(TLSFields.extensions)
    var list = TLSExtensions(extensions)
    while let one = list.next() {
      if !TLSNumbers.isGREASE(one.type) { w.integer(TLSFields.extensions, one.type) }
    }
    w.end()
  }
}

extension TLSVersion {
  static func write(_ version: UInt16, _ field: EventField, into w: inout EventWriter) {
    w.string(field) { writeEVE(version, to: &$0) }
  }

  static func writeZeek(_ version: UInt16, _ field: EventField, into w: inout EventWriter) {
    w.string(field) { writeZeek(version, to: &$0) }
  }
}
