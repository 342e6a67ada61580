internal import CCrypto
internal import FlowEngine

/// Characters of the encodings for transfer.
enum MIMECode {
  /// The six bits of a character of base64 (RFC 4648, section 4); 64 for `=`, 255 for any other.
  @inline(__always)
  static func base64(_ byte: UInt8) -> UInt8 {
    if byte &- 0x41 < 26 { return byte &- 0x41 }
    if byte &- 0x61 < 26 { return byte &- 0x61 &+ 26 }
    if byte &- 0x30 < 10 { return byte &- 0x30 &+ 52 }
    switch byte {
    case 0x2b: return 62
    case 0x2f: return 63
    case 0x3d: return 64
    default: return 255
    }
  }
}

extension MIMEReader {
  /// Where what is decoded goes.
  struct Target: BitwiseCopyable {
    let m: MailView
    let hashes: Bool
  }

  /// A line, or a piece of one, of a body: measured, and hashed and kept where that is
  /// wanted. `end` is the length of its end.
  mutating func decode(_ text: Bytes, end: UInt8, isEnded: Bool, _ to: Target) {
    switch encoding {
    case .identity:
      flushEnd(to)
      add(text, to)
      pendingEnd = end
    // Behind the first bytes, where nobody looks at the others, their number is enough.
    case .base64 where !to.hashes && !hasLinks && size >= UInt64(FileMagic.longest):
      measureBase64(text)
    case .base64: decodeBase64(text, to)
    case .quotedPrintable: decodeQuotedPrintable(text, end: end, isEnded: isEnded, to)
    }
  }

  @inline(__always)
  private mutating func add(_ bytes: Bytes, _ to: Target) {
    if size < UInt64(FileMagic.longest) { keepFirst(bytes) }
    // Fewer than 2^63 bytes pass in any time that matters.
    size &+= UInt64(bytes.count)
    if to.hashes { ccrypto_sha256_add(&digest, bytes.base, bytes.count) }
    if isAttachment { to.m.d.fileBytes(bytes, toServer: to.m.isToServer) }
    if hasLinks { links.take(bytes) { Self.tell($0, to.m) } }
  }

  /// The part's first bytes tell what it is.
  @inline(never)
  private mutating func keepFirst(_ bytes: Bytes) {
    var place = Int(size)
    var taken = 0
    while place < FileMagic.longest, taken < bytes.count {
      first[place] = bytes.base[taken]
      place &+= 1
      taken &+= 1
    }
  }

  /// An address in the text: parameters that are secrets are masked.
  private static func tell(_ link: Bytes, _ m: MailView) {
    var w = m.d.event()
    m.d.redacted(&w, SMTPFields.url, link)
    m.d.keep(w, in: &m.mail.pointee.links)
  }

  /// The part's text is over.
  mutating func endLinks(_ m: MailView) {
    if hasLinks { links.finish { Self.tell($0, m) } }
    hasLinks = false
  }

  /// What the part is by its first bytes.
  var magic: FileMagic {
    let length = Int(min(size, UInt64(FileMagic.longest)))
    return withUnsafeBytes(of: first) { first in
      guard let base = first.baseAddress else { return .unknown }
      return FileMagic(Bytes(base.assumingMemoryBound(to: UInt8.self), length))
    }
  }

  private mutating func flushEnd(_ to: Target) {
    switch pendingEnd {
    case 1: add(Bytes("\n"), to)
    case 2: add(Bytes("\r\n"), to)
    default: break
    }
    pendingEnd = 0
  }

  /// What `decodeBase64` would decode it to, without doing so: three quarters of the characters.
  private mutating func measureBase64(_ text: Bytes) {
    var rest = text
    while !rest.isEmpty {
      let end = rest.firstIndex(of: 0x3d) ?? rest.count
      var characters = 0
      // Without a branch: many at a time.
      for place in 0..<end {
        let byte = rest.base[place]
        let letter: UInt8 = (byte | 0x20) &- 0x61 < 26 ? 1 : 0
        let digit: UInt8 = byte &- 0x30 < 10 ? 1 : 0
        let sign: UInt8 = byte == 0x2b || byte == 0x2f ? 1 : 0
        characters &+= Int(letter | digit | sign)
      }
      // At the most 7 bits are left over, and a line is short.
      let sum = Int(bitCount) &+ 6 &* characters
      size &+= UInt64(sum / 8)
      // Behind the padding there is nothing more of it.
      bitCount = end < rest.count ? 0 : UInt8(truncatingIfNeeded: sum & 7)
      rest = rest.dropFirst(end &+ 1)
    }
  }

  private mutating func decodeBase64(_ text: Bytes, _ to: Target) {
    var buffer: InlineArray<512, UInt8> = InlineArray(repeating: 0)
    var count = 0
    for place in 0..<text.count {
      let value = MIMECode.base64(text.base[place])
      if value >= 64 {
        // Behind the padding there is nothing more of it.
        if value == 64 { bitCount = 0 }
        continue
      }
      // At the most 6 bits are left over from before.
      bits = (bits << 6 | UInt32(value)) & 0xffff
      bitCount &+= 6
      guard bitCount >= 8 else { continue }
      bitCount &-= 8
      buffer[count] = UInt8(truncatingIfNeeded: bits >> UInt32(bitCount))
      count &+= 1
      if count == 512 {
        withUnsafeBytes(of: &buffer) { add($0, 512, to) }
        count = 0
      }
    }
    if count > 0 { withUnsafeBytes(of: &buffer) { add($0, count, to) } }
  }

  private mutating func add(_ memory: UnsafeRawBufferPointer, _ count: Int, _ to: Target) {
    guard let start = memory.baseAddress else { return }
    add(Bytes(start.assumingMemoryBound(to: UInt8.self), count), to)
  }

  /// RFC 2045, section 6.7.
  private mutating func decodeQuotedPrintable(
    _ text: Bytes, end: UInt8, isEnded: Bool, _ to: Target
  ) {
    flushEnd(to)
    var text = text
    if isEnded { text = text.withoutBlanksBehind }
    let isSoft = isEnded && text.count > 0 && text.u8(text.count &- 1) == 0x3d
    if isSoft { text = text.prefix(text.count &- 1) }
    var place = 0
    while place < text.count {
      let rest = text.dropFirst(place)
      let plain = rest.firstIndex(of: 0x3d) ?? rest.count
      add(rest.prefix(plain), to)
      place &+= plain
      guard place < text.count else { break }
      if let value = text.slice(place &+ 1, 2)?.hexadecimal {
        withUnsafeBytes(of: UInt8(truncatingIfNeeded: value)) { add($0, 1, to) }
        place &+= 3
      } else {
        add(text.dropFirst(place).prefix(1), to)
        place &+= 1
      }
    }
    pendingEnd = isSoft ? 0 : end
  }
}

extension Bytes {
  /// Without spaces and tabs at its end.
  var withoutBlanksBehind: Bytes {
    var end = count
    while end > 0, base[end &- 1] == 0x20 || base[end &- 1] == 0x09 { end &-= 1 }
    return prefix(end)
  }
}
