/// Writes text into memory that its owner has sized for the longest record; checks nothing itself.
///
/// ``RecordEncoder`` takes a writer over its scratch memory, whose size is the sum of the longest
/// form of every part, and asserts after each record that the cursor has stayed within it.
struct ByteWriter {
  var cursor: UnsafeMutablePointer<UInt8>

  @inline(__always)
  init(_ start: UnsafeMutablePointer<UInt8>) { cursor = start }

  @inline(__always)
  mutating func byte(_ value: UInt8) {
    cursor.pointee = value
    cursor += 1
  }

  /// Text known when compiling; its length is a constant where this is inlined.
  @inline(__always)
  mutating func literal(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    cursor.update(from: text.utf8Start, count: count)
    cursor += count
  }

  @inline(__always)
  mutating func bytes(_ text: [UInt8]) {
    text.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      cursor.update(from: start, count: source.count)
      cursor += source.count
    }
  }

  // MARK: Numbers

  /// A number without sign or leading zeros.
  @inline(__always)
  mutating func decimal(_ value: some UnsignedInteger & FixedWidthInteger) {
    if value < 10 {
      byte(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value))
    } else {
      decimalSlow(UInt64(truncatingIfNeeded: value))
    }
  }

  private mutating func decimalSlow(_ value: UInt64) {
    cursor += Self.digitCount(value)
    var end = cursor
    var rest = value
    while rest >= 100 {
      let quotient = rest / 100
      end -= 2
      Self.storePair(Int(truncatingIfNeeded: rest &- quotient &* 100), at: end)
      rest = quotient
    }
    if rest >= 10 {
      Self.storePair(Int(truncatingIfNeeded: rest), at: end - 2)
    } else {
      end[-1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest)
    }
  }

  /// Two digits, with a leading zero; `value` is below 100.
  @inline(__always)
  mutating func twoDigits(_ value: Int) {
    Self.storePair(value, at: cursor)
    cursor += 2
  }

  /// Four digits, with leading zeros; `value` is below 10,000.
  @inline(__always)
  mutating func fourDigits(_ value: Int) {
    twoDigits(value / 100)
    twoDigits(value % 100)
  }

  static func digitCount(_ value: UInt64) -> Int {
    var rest = value
    var count = 1
    while true {
      if rest < 10 { return count }
      if rest < 100 { return count &+ 1 }
      if rest < 1000 { return count &+ 2 }
      if rest < 10_000 { return count &+ 3 }
      rest /= 10_000
      count &+= 4
    }
  }

  private static var pairs: StaticString {
    """
    0001020304050607080910111213141516171819\
    2021222324252627282930313233343536373839\
    4041424344454647484950515253545556575859\
    6061626364656667686970717273747576777879\
    8081828384858687888990919293949596979899
    """
  }

  @inline(__always)
  private static func storePair(_ value: Int, at place: UnsafeMutablePointer<UInt8>) {
    // 0 … 99, so the two bytes lie within the table's 200.
    place.update(from: pairs.utf8Start + value &* 2, count: 2)
  }

  // MARK: Hexadecimal

  /// Two lower-case hexadecimal digits.
  @inline(__always)
  mutating func hexByte(_ value: UInt8) {
    cursor[0] = Self.hexDigit(value >> 4)
    cursor[1] = Self.hexDigit(value & 15)
    cursor += 2
  }

  /// A digit of a value below 16.
  @inline(__always)
  static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ (value &- 10)
  }

  /// 160 bits as base64 with padding, 28 characters (RFC 4648, section 4).
  mutating func base64(_ digest: SHA1.Digest) {
    for index in 0..<27 {
      let bit = index &* 6
      let word = bit >> 5
      let next = word < 4 ? digest[word &+ 1] : 0
      let window = UInt64(digest[word]) << 32 | UInt64(next)
      // The sextet begins at bit 0 … 31 of 64, so the shift is between 27 and 58.
      let sextet = Int(truncatingIfNeeded: window >> UInt64(58 &- (bit & 31))) & 63
      byte(Self.base64Alphabet.utf8Start[sextet])
    }
    byte(UInt8(ascii: "="))
  }

  private static var base64Alphabet: StaticString {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  }
}
