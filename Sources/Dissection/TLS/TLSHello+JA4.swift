internal import CCrypto
internal import Records

// JA4, the TLS client's fingerprint (https://github.com/FoxIO-LLC/ja4, technical_details/JA4.md).

extension TLSClientHello {
  /// `t` over TCP, `q` in QUIC, `d` in DTLS.
  func writeJA4(_ d: Delivery, into writer: inout EventWriter, transport: UInt8, field: EventField)
  {
    let size = BoundedText.blockSize
    let block = d.core.pointee.blocks.take(size)
    guard block != 0 else { return }
    //     | fingerprint, 64 | numbers to be sorted, 2,048 | what is hashed |
    let memory = d.core.pointee.blocks.at(block)
    let before = 64 + TLSSorted.byteCount
    var text = BoundedText(memory, capacity: 64)
    var sorted = TLSSorted(memory + 64)
    var work = BoundedText(memory + before, capacity: BlockPool.byteCount(size) - before)
    if writeJA4(to: &text, &sorted, &work, transport: transport) {
      writer.string(field, text.bytes)
    }
    d.core.pointee.blocks.giveBack(block, size)
  }

  /// False where it is too long to be put together.
  private func writeJA4(
    to text: inout BoundedText, _ sorted: inout TLSSorted, _ work: inout BoundedText,
    transport: UInt8
  ) -> Bool {
    text.byte(transport)
    writeJA4Version(to: &text)
    text.byte(hasServerName ? 0x64 : 0x69)
    text.twoDigits(ciphers.countWithoutGREASE)
    var sum = 0
    var list = TLSExtensions(extensions)
    while let one = list.next() { if !TLSNumbers.isGREASE(one.type) { sum &+= 1 } }
    text.twoDigits(sum)
    writeJA4Protocol(to: &text)
    text.byte(0x5f)
    return writeJA4Ciphers(to: &text, &sorted, &work)
      && writeJA4Extensions(to: &text, &sorted, &work)
  }

  private func writeJA4Version(to text: inout BoundedText) {
    switch highestVersion {
    case TLSVersion.tls13: text.text("13")
    case TLSVersion.tls12: text.text("12")
    case TLSVersion.tls11: text.text("11")
    case TLSVersion.tls10: text.text("10")
    case TLSVersion.ssl3: text.text("s3")
    case TLSVersion.ssl2: text.text("s2")
    case 0xfeff: text.text("d1")
    case 0xfefd: text.text("d2")
    case 0xfefc: text.text("d3")
    default: text.text("00")
    }
  }

  /// First and last character of the first ALPN; of their hexadecimal form where either is no
  /// letter or digit.
  private func writeJA4Protocol(to text: inout BoundedText) {
    var cursor = ByteCursor(alpn)
    guard let name = cursor.prefixed8(), let first = name.u8(0),
      let last = name.u8(name.count &- 1)
    else { return text.text("00") }
    if Self.isAlphanumeric(first) && Self.isAlphanumeric(last) {
      text.byte(first)
      text.byte(last)
    } else {
      text.byte(BoundedText.digit(first >> 4))
      text.byte(BoundedText.digit(last & 15))
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    byte &- 0x30 < 10 || byte | 0x20 &- 0x61 < 26
  }

  private func writeJA4Ciphers(
    to text: inout BoundedText, _ sorted: inout TLSSorted, _ work: inout BoundedText
  ) -> Bool {
    for place in 0..<ciphers.count where !TLSNumbers.isGREASE(ciphers[place]) {
      sorted.add(ciphers[place])
    }
    sorted.write(to: &work)
    Self.writeDigest(work, to: &text)
    text.byte(0x5f)
    return !work.isCut && !sorted.isCut
  }

  private func writeJA4Extensions(
    to text: inout BoundedText, _ sorted: inout TLSSorted, _ work: inout BoundedText
  ) -> Bool {
    sorted.clear()
    work.clear()
    var list = TLSExtensions(extensions)
    while let one = list.next() {
      if TLSNumbers.isGREASE(one.type) || one.type == TLSExtension.serverName
        || one.type == TLSExtension.alpn
      {
        continue
      }
      sorted.add(one.type)
    }
    sorted.write(to: &work)
    // In the order in which they were sent.
    var separator: UInt8 = 0x5f
    for place in 0..<signatureAlgorithms.count {
      let value = signatureAlgorithms[place]
      if TLSNumbers.isGREASE(value) { continue }
      work.byte(separator)
      work.hex(value)
      separator = 0x2c
    }
    Self.writeDigest(work, to: &text)
    return !work.isCut && !sorted.isCut
  }

  /// The first twelve digits of the SHA-256; zeros of an empty text.
  private static func writeDigest(_ work: BoundedText, to text: inout BoundedText) {
    guard !work.bytes.isEmpty else { return text.text("000000000000") }
    var digest: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    withUnsafeMutableBytes(of: &digest) { digest in
      guard let base = digest.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      ccrypto_sha256(work.bytes.base, work.bytes.count, base)
      for place in 0..<6 { text.hex(base[place]) }
    }
  }
}
