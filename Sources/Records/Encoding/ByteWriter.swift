/// Writes text into memory that its owner has sized for the longest record; checks nothing itself.
///
/// ``RecordEncoder`` takes a writer over its scratch memory, whose size is the sum of the longest
/// form of every part, and asserts after each record that the cursor has stayed within it. Short
/// texts are copied in fixed sizes and what is too much is written over by the next, so behind the
/// longest record there must be ``slack``.
package struct ByteWriter {
  /// Bytes behind the cursor that may be written without counting.
  package static let slack = 32

  package var cursor: UnsafeMutablePointer<UInt8>

  @inline(__always)
  package init(_ start: UnsafeMutablePointer<UInt8>) { cursor = start }

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

  /// One of several texts of at most 32 bytes: copied in halves that overlap, which is less work than a
  /// call that could copy any length.
  @inline(__always)
  mutating func word(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    let from = UnsafeRawPointer(text.utf8Start)
    let to = UnsafeMutableRawPointer(cursor)
    // Both halves lie within the text: each branch asks for no more than `count` bytes.
    if count >= 16 {
      precondition(count <= 32, "a word is longer than was thought possible")
      halves(of: SIMD2<UInt64>.self, from, to, count)
    } else if count >= 8 {
      halves(of: UInt64.self, from, to, count)
    } else if count >= 4 {
      halves(of: UInt32.self, from, to, count)
    } else {
      for index in 0..<count { cursor[index] = text.utf8Start[index] }
    }
    cursor += count
  }

  @inline(__always)
  private func halves<Half: BitwiseCopyable>(
    of half: Half.Type, _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ count: Int
  ) {
    let last = count &- MemoryLayout<Half>.size
    let end = from.loadUnaligned(fromByteOffset: last, as: half)
    to.storeBytes(of: from.loadUnaligned(as: half), as: half)
    to.storeBytes(of: end, toByteOffset: last, as: half)
  }

  /// Copies all 32 bytes of which the head is the front; the rest is written over next.
  @inline(__always)
  mutating func head(_ head: FieldHead) {
    UnsafeMutableRawPointer(cursor).storeBytes(of: head.text, as: SIMD32<UInt8>.self)
    cursor += head.length
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
    } else if value < 100 {
      twoDigits(Int(truncatingIfNeeded: value))
    } else {
      longDecimal(UInt64(truncatingIfNeeded: value))
    }
  }

  /// Eight digits at a time, without a branch on how many there are.
  private mutating func longDecimal(_ value: UInt64) {
    let group: UInt64 = 100_000_000
    if value < group {
      leadingDigits(value)
    } else {
      let high = value / group
      if high < group {
        leadingDigits(high)
      } else {
        leadingDigits(high / group)
        eightDigits(high % group)
      }
      eightDigits(value % group)
    }
  }

  /// 1 … 99,999,999 without leading zeros; writes eight bytes, of which the first ones count.
  @inline(__always)
  private mutating func leadingDigits(_ value: UInt64) {
    let digits = Self.digits(value)
    let zeros = UInt64(digits.trailingZeroBitCount) & ~7
    storeDigits(digits &>> zeros)
    cursor += 8 &- Int(truncatingIfNeeded: zeros >> 3)
  }

  /// 0 … 99,999,999 with leading zeros.
  @inline(__always)
  private mutating func eightDigits(_ value: UInt64) {
    storeDigits(Self.digits(value))
    cursor += 8
  }

  @inline(__always)
  private func storeDigits(_ digits: UInt64) {
    UnsafeMutableRawPointer(cursor).storeBytes(
      of: (digits | 0x3030_3030_3030_3030).littleEndian, as: UInt64.self)
  }

  /// The eight decimal digits of a number below 10^8, a byte each, the first in the lowest byte.
  ///
  /// The number is halved into 4, 2 and 1 digits in parallel lanes. Dividing by 100 and by 10 is
  /// multiplying by 10486/2^20 and 103/2^10, which is exact below 10,000 and below 100. No lane
  /// overflows into the next: 9999 · 10486 < 2^27 and 99 · 103 < 2^14.
  @inline(__always)
  private static func digits(_ value: UInt64) -> UInt64 {
    let high = value / 10_000
    let fours = high | (value &- high &* 10_000) << 32
    let hundreds = (fours &* 10_486) >> 20 & 0x0000_007f_0000_007f
    let twos = (fours &- hundreds &* 100) << 16 | hundreds
    let tens = (twos &* 103) >> 10 & 0x000f_000f_000f_000f
    return (twos &- tens &* 10) << 8 | tens
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
    let alphabet = Self.base64Alphabet.utf8Start
    // 64 bits with the ones wanted on top, from three of the digest's words at a time.
    let first = UInt64(digest[0]) << 32 | UInt64(digest[1])
    let second = UInt64(digest[2]) << 32 | UInt64(digest[3])
    let third = UInt64(digest[4]) << 32
    sextets(first, 10, alphabet)
    sextets(first << 60 | second >> 4, 10, alphabet)
    sextets(second << 56 | third >> 8, 7, alphabet)
    byte(UInt8(ascii: "="))
  }

  /// The characters of the top `count` groups of six bits.
  @inline(__always)
  private mutating func sextets(_ bits: UInt64, _ count: Int, _ alphabet: UnsafePointer<UInt8>) {
    for index in 0..<count {
      // At the most ten groups: the shift is between 58 and 4.
      cursor[index] = alphabet[Int(truncatingIfNeeded: bits &>> UInt64(58 &- index &* 6)) & 63]
    }
    cursor += count
  }

  private static var base64Alphabet: StaticString {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  }
}
