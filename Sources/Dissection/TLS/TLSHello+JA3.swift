internal import CCrypto
internal import Records

// JA3 and JA3S (https://github.com/salesforce/ja3): numbers in decimal, MD5.

extension TLSClientHello {
  /// Version, ciphers, extensions, groups and point formats, without GREASE.
  func writeJA3(to text: inout BoundedText) {
    text.decimal(UInt64(version))
    text.byte(0x2c)
    Self.write(ciphers, to: &text)
    text.byte(0x2c)
    Self.writeTypes(extensions, to: &text)
    text.byte(0x2c)
    Self.write(groups, to: &text)
    text.byte(0x2c)
    for place in 0..<pointFormats.count {
      if place > 0 { text.byte(0x2d) }
      text.decimal(UInt64(pointFormats.u8(place) ?? 0))
    }
  }

  /// An object of hash and text; nothing where there is no room for the text.
  func writeJA3(
    _ d: Delivery, into writer: inout EventWriter, object: EventField, hash: EventField,
    string: EventField
  ) {
    d.withText { text in
      writeJA3(to: &text)
      TLSFingerprint.write(text, into: &writer, object: object, hash: hash, string: string)
    }
  }

  private static func write(_ numbers: TLSNumbers, to text: inout BoundedText) {
    var isFirst = true
    for place in 0..<numbers.count where !TLSNumbers.isGREASE(numbers[place]) {
      if !isFirst { text.byte(0x2d) }
      isFirst = false
      text.decimal(UInt64(numbers[place]))
    }
  }

  static func writeTypes(_ extensions: Bytes, to text: inout BoundedText) {
    var isFirst = true
    var list = TLSExtensions(extensions)
    while let one = list.next() {
      if TLSNumbers.isGREASE(one.type) { continue }
      if !isFirst { text.byte(0x2d) }
      isFirst = false
      text.decimal(UInt64(one.type))
    }
  }
}

extension TLSServerHello {
  /// Version, cipher, extensions.
  func writeJA3S(to text: inout BoundedText) {
    text.decimal(UInt64(legacyVersion))
    text.byte(0x2c)
    text.decimal(UInt64(cipher))
    text.byte(0x2c)
    TLSClientHello.writeTypes(extensions, to: &text)
  }

  func writeJA3S(
    _ d: Delivery, into writer: inout EventWriter, object: EventField, hash: EventField,
    string: EventField
  ) {
    guard hasCipher else { return }
    d.withText { text in
      writeJA3S(to: &text)
      TLSFingerprint.write(text, into: &writer, object: object, hash: hash, string: string)
    }
  }
}

enum TLSFingerprint {
  /// A text and its MD5.
  fileprivate static func write(
    _ text: BoundedText, into writer: inout EventWriter, object: EventField, hash: EventField,
    string: EventField
  ) {
    if text.isCut { return }
    writer.beginObject(object)
    writer.hex(hash, count: CCRYPTO_MD5_BYTES) {
      ccrypto_md5(text.bytes.base, text.bytes.count, $0)
    }
    writer.string(string, text.bytes)
    writer.end()
  }
}
