internal import CBurst
internal import FlowEngine

#if canImport(Glibc)
  internal import Glibc
#endif

/// A run of bytes that somebody else holds for as long as a dissector looks at it. Nothing reads beyond
/// it: every access is checked here, so that a dissector cannot get it wrong.
@frozen
package struct Bytes: BitwiseCopyable {
  package let base: UnsafePointer<UInt8>
  package let count: Int

  @inline(__always)
  package init(_ base: UnsafePointer<UInt8>, _ count: Int) {
    self.base = base
    self.count = max(count, 0)
  }

  /// A text of the program's own.
  @inline(__always)
  package init(_ text: StaticString) {
    base = text.utf8Start
    count = text.utf8CodeUnitCount
  }

  package static var empty: Bytes { Bytes("") }

  @inline(__always)
  package var isEmpty: Bool { count == 0 }

  /// `length` bytes from `offset` on are there.
  @inline(__always)
  package func has(_ length: Int, at offset: Int) -> Bool {
    offset >= 0 && length >= 0 && offset <= count && length <= count &- offset
  }

  // MARK: Numbers

  @inline(__always)
  package func u8(_ offset: Int) -> UInt8? { has(1, at: offset) ? base[offset] : nil }

  @inline(__always)
  package func be16(_ offset: Int) -> UInt16? { has(2, at: offset) ? base.be16(offset) : nil }

  @inline(__always)
  package func be24(_ offset: Int) -> UInt32? {
    has(3, at: offset) ? UInt32(base.be16(offset)) << 8 | UInt32(base[offset &+ 2]) : nil
  }

  @inline(__always)
  package func be32(_ offset: Int) -> UInt32? { has(4, at: offset) ? base.be32(offset) : nil }

  @inline(__always)
  package func be64(_ offset: Int) -> UInt64? { has(8, at: offset) ? base.be64(offset) : nil }

  @inline(__always)
  package func le16(_ offset: Int) -> UInt16? { be16(offset)?.byteSwapped }

  @inline(__always)
  package func le32(_ offset: Int) -> UInt32? { be32(offset)?.byteSwapped }

  @inline(__always)
  package func le64(_ offset: Int) -> UInt64? { be64(offset)?.byteSwapped }

  // MARK: Parts

  /// `length` bytes from `offset` on; nil where they are not all there.
  @inline(__always)
  package func slice(_ offset: Int, _ length: Int) -> Bytes? {
    has(length, at: offset) ? Bytes(base + offset, length) : nil
  }

  /// All but the first `n`; empty where there are no more.
  @inline(__always)
  package func dropFirst(_ n: Int) -> Bytes {
    let skipped = min(max(n, 0), count)
    return Bytes(base + skipped, count &- skipped)
  }

  /// The first `n`, or as many as there are.
  @inline(__always)
  package func prefix(_ n: Int) -> Bytes { Bytes(base, min(max(n, 0), count)) }

  /// The last `n`, or as many as there are.
  @inline(__always)
  package func suffix(_ n: Int) -> Bytes { dropFirst(count &- min(max(n, 0), count)) }

  /// Without spaces and tabs on either side.
  package var trimmed: Bytes {
    var (from, to) = (0, count)
    while from < to, base[from] == 0x20 || base[from] == 0x09 { from &+= 1 }
    while to > from, base[to &- 1] == 0x20 || base[to &- 1] == 0x09 { to &-= 1 }
    return Bytes(base + from, to &- from)
  }

  // MARK: Search

  /// Where a byte is for the first time from `offset` on.
  @inline(__always)
  package func firstIndex(of byte: UInt8, from offset: Int = 0) -> Int? {
    guard offset >= 0, offset < count else { return nil }
    guard let found = memchr(base + offset, Int32(byte), count &- offset) else { return nil }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  /// Where a text stands for the first time from `offset` on.
  package func firstIndex(of text: StaticString, from offset: Int = 0) -> Int? {
    let length = text.utf8CodeUnitCount
    guard length > 0, offset >= 0, has(length, at: offset) else { return nil }
    var place = offset
    while let found = firstIndex(of: text.utf8Start[0], from: place) {
      guard has(length, at: found) else { return nil }
      if memcmp(base + found, text.utf8Start, length) == 0 { return found }
      place = found &+ 1
    }
    return nil
  }

  @inline(__always)
  package func starts(with text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    return length <= count && memcmp(base, text.utf8Start, length) == 0
  }

  @inline(__always)
  package func equals(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && memcmp(base, text.utf8Start, count) == 0
  }

  @inline(__always)
  package func equals(_ other: Bytes) -> Bool {
    count == other.count && memcmp(base, other.base, count) == 0
  }

  /// ASCII letters are the same in either case; `text` is in lower case.
  package func starts(withLowercase text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard length <= count else { return false }
    for i in 0..<length where Self.lowercase(base[i]) != text.utf8Start[i] { return false }
    return true
  }

  /// ASCII letters are the same in either case; `text` is in lower case.
  package func equals(lowercase text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && starts(withLowercase: text)
  }

  @inline(__always)
  package static func lowercase(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }

  /// Decimal digits and nothing else, below 2^63; nil otherwise.
  package var decimal: UInt64? {
    guard count > 0, count <= 18 else { return nil }
    var value: UInt64 = 0
    for i in 0..<count {
      let digit = base[i] &- 0x30
      guard digit < 10 else { return nil }
      // At the most 18 digits: below 10^18.
      value = value &* 10 &+ UInt64(digit)
    }
    return value
  }

  /// Hexadecimal digits and nothing else, at the most 15 behind zeros; nil otherwise.
  package var hexadecimal: UInt64? {
    var start = 0
    while start &+ 1 < count, base[start] == 0x30 { start &+= 1 }
    guard count > 0, count &- start <= 15 else { return nil }
    var value: UInt64 = 0
    for i in start..<count {
      let byte = Self.lowercase(base[i])
      let digit = byte &- 0x30 < 10 ? byte &- 0x30 : byte &- 0x61 < 6 ? byte &- 0x57 : 255
      guard digit < 16 else { return nil }
      value = value << 4 | UInt64(digit)
    }
    return value
  }

  /// Every byte is printable ASCII.
  package var isPrintable: Bool {
    for i in 0..<count where base[i] &- 0x20 >= 0x5f { return false }
    return true
  }
}

/// Reads a run of bytes from its front. What is not there gives nil, and moves nothing.
@frozen
package struct ByteCursor: BitwiseCopyable {
  package let bytes: Bytes
  package private(set) var position = 0

  @inline(__always)
  package init(_ bytes: Bytes) { self.bytes = bytes }

  @inline(__always)
  package var remaining: Int { bytes.count &- position }

  @inline(__always)
  package var isAtEnd: Bool { position == bytes.count }

  /// What has not been read.
  @inline(__always)
  package var rest: Bytes { bytes.dropFirst(position) }

  @inline(__always)
  package mutating func u8() -> UInt8? {
    guard let value = bytes.u8(position) else { return nil }
    position &+= 1
    return value
  }

  @inline(__always)
  package mutating func be16() -> UInt16? {
    guard let value = bytes.be16(position) else { return nil }
    position &+= 2
    return value
  }

  @inline(__always)
  package mutating func be24() -> UInt32? {
    guard let value = bytes.be24(position) else { return nil }
    position &+= 3
    return value
  }

  @inline(__always)
  package mutating func be32() -> UInt32? {
    guard let value = bytes.be32(position) else { return nil }
    position &+= 4
    return value
  }

  @inline(__always)
  package mutating func be64() -> UInt64? {
    guard let value = bytes.be64(position) else { return nil }
    position &+= 8
    return value
  }

  @inline(__always)
  package mutating func le16() -> UInt16? { be16()?.byteSwapped }

  @inline(__always)
  package mutating func le32() -> UInt32? { be32()?.byteSwapped }

  @inline(__always)
  package mutating func le64() -> UInt64? { be64()?.byteSwapped }

  /// The next `n` bytes.
  @inline(__always)
  package mutating func take(_ n: Int) -> Bytes? {
    guard let slice = bytes.slice(position, n) else { return nil }
    position &+= n
    return slice
  }

  /// Goes `n` bytes on. False, with nothing moved, where they are not there.
  @inline(__always)
  package mutating func skip(_ n: Int) -> Bool { take(n) != nil }

  /// A run of bytes behind its length in one byte, in two.
  @inline(__always)
  package mutating func prefixed8() -> Bytes? {
    guard let length = bytes.u8(position), let slice = bytes.slice(position &+ 1, Int(length))
    else { return nil }
    position &+= 1 &+ Int(length)
    return slice
  }

  @inline(__always)
  package mutating func prefixed16() -> Bytes? {
    guard let length = bytes.be16(position), let slice = bytes.slice(position &+ 2, Int(length))
    else { return nil }
    position &+= 2 &+ Int(length)
    return slice
  }
}
