// What protocol records have and flows do not: text off the wire, spans, dates, digests.

extension ByteWriter {
  /// A text of ASCII that needs no escaping.
  mutating func text(_ text: String) {
    for byte in text.utf8 { self.byte(byte) }
  }

  /// Bytes off the wire as the inside of a JSON string: UTF-8 stays (RFC 8259, section 8.1) but for controls
  /// and what turns the direction of text, which a terminal would act on, as `\uNNNN`; what is no UTF-8 is
  /// written as `\xNN` with the backslash escaped, as Suricata does. At the most six bytes for each.
  mutating func escaped(_ bytes: UnsafeRawBufferPointer) {
    var place = 0
    let count = bytes.count
    while place < count {
      if count &- place >= 8 {
        // Eight at a time as long as none of them is special; the one that is comes next.
        let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
        UnsafeMutableRawPointer(cursor).storeBytes(of: word.littleEndian, as: UInt64.self)
        let ordinary = Self.ordinaryBytes(word)
        cursor += ordinary
        place &+= ordinary
        if ordinary == 8 { continue }
      }
      let byte = bytes[place]
      if byte < 0x80 {
        place &+= 1
        plain(byte)
        continue
      }
      let length = Self.sequenceLength(bytes, place)
      if length == 0 {
        literal("\\\\x")
        hexByte(byte)
        place &+= 1
      } else {
        let unseen = Self.unseen(bytes, place, length)
        if unseen != 0 {
          literal("\\u")
          hexByte(UInt8(truncatingIfNeeded: unseen >> 8))
          hexByte(UInt8(truncatingIfNeeded: unseen))
        } else {
          for offset in 0..<length { self.byte(bytes[place &+ offset]) }
        }
        place &+= length
      }
    }
  }

  /// The UTF-8 sequence here, if it is a control of ISO/IEC 6429's C1 or a format character that is not
  /// seen (zero width, direction, byte order mark); else 0.
  static func unseen(_ bytes: UnsafeRawBufferPointer, _ place: Int, _ length: Int) -> UInt16 {
    switch (length, bytes[place]) {
    case (2, 0xc2) where bytes[place &+ 1] < 0xa0: return UInt16(bytes[place &+ 1])
    case (3, 0xe2), (3, 0xef):
      let value =
        UInt16(bytes[place] & 0x0f) << 12 | UInt16(bytes[place &+ 1] & 0x3f) << 6
        | UInt16(bytes[place &+ 2] & 0x3f)
      switch value {
      // U+2028 and U+2029 end lines for some who read them.
      case 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff: return value
      default: return 0
      }
    default: return 0
    }
  }

  /// How many bytes from the lowest stand for themselves: ASCII without controls, quotes, backslashes.
  @inline(__always)
  private static func ordinaryBytes(_ word: UInt64) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5c)
    // The high bit of a byte is set where it is below 0x20, 0x7f or above, a quote or a backslash; the
    // borrow of one such byte may mark those above it wrongly, never those below.
    let special =
      (((word &- (ones &* 0x20)) & ~word) | word | (word &+ ones)
        | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & (ones &* 0x80)
    return special.trailingZeroBitCount / 8
  }

  @inline(__always)
  private mutating func plain(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      self.byte(UInt8(ascii: "\\"))
      self.byte(byte)
    case 0x0a: literal("\\n")
    case 0x0d: literal("\\r")
    case 0x09: literal("\\t")
    case 0..<0x20, 0x7f:
      literal("\\u00")
      hexByte(byte)
    default: self.byte(byte)
    }
  }

  /// Bytes of the UTF-8 sequence that begins here (RFC 3629, section 4); 0 where none does.
  static func sequenceLength(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> Int {
    let first = bytes[place]
    let length: Int
    var lowest: UInt8 = 0x80
    var highest: UInt8 = 0xbf
    switch first {
    case 0xc2...0xdf: length = 2
    case 0xe0:
      length = 3
      lowest = 0xa0
    case 0xed:
      length = 3
      highest = 0x9f
    case 0xe1...0xef: length = 3
    case 0xf0:
      length = 4
      lowest = 0x90
    case 0xf4:
      length = 4
      highest = 0x8f
    case 0xf1...0xf3: length = 4
    default: return 0
    }
    guard bytes.count - place >= length else { return 0 }
    guard (lowest...highest).contains(bytes[place + 1]) else { return 0 }
    for offset in 2..<max(length, 2) where bytes[place + offset] & 0xc0 != 0x80 { return 0 }
    return length
  }

  mutating func hex(_ bytes: UnsafeRawBufferPointer, colons: Bool) {
    for (index, value) in bytes.enumerated() {
      if colons && index > 0 { byte(UInt8(ascii: ":")) }
      hexByte(value)
    }
  }

  /// `2026-11-21T05:36:00`: years 0 to 9999, others are brought within.
  mutating func dateTime(seconds: Int64) {
    // 0000-01-01 and 9999-12-31T23:59:59.
    let seconds = min(max(seconds, -62_167_219_200), 253_402_300_799)
    var days = Int(seconds / 86_400)
    var rest = Int(seconds % 86_400)
    if rest < 0 {
      rest += 86_400
      days -= 1
    }
    let (year, month, day) = TimestampText.date(Int64(days))
    fourDigits(year)
    byte(UInt8(ascii: "-"))
    twoDigits(month)
    byte(UInt8(ascii: "-"))
    twoDigits(day)
    byte(UInt8(ascii: "T"))
    twoDigits(rest / 3600)
    byte(UInt8(ascii: ":"))
    twoDigits(rest / 60 % 60)
    byte(UInt8(ascii: ":"))
    twoDigits(rest % 60)
  }
}
