internal import FlowEngine

/// Text put together piece by piece in memory that has an end: what does not fit is left out, and said in
/// ``isCut``.
struct BoundedText: BitwiseCopyable {
  private let start: UnsafeMutablePointer<UInt8>
  let capacity: Int
  private(set) var count = 0
  var isCut = false

  init(_ memory: UnsafeMutablePointer<UInt8>, capacity: Int) {
    start = memory
    self.capacity = capacity
  }

  init(_ memory: UnsafeMutableRawPointer, capacity: Int) {
    self.init(memory.assumingMemoryBound(to: UInt8.self), capacity: capacity)
  }

  var bytes: Bytes { Bytes(UnsafePointer(start), count) }

  /// Forgets what was written.
  mutating func clear() {
    count = 0
    isCut = false
  }

  /// Memory behind the text, for who writes himself and says so with ``grow(by:)``.
  var free: UnsafeMutablePointer<UInt8> { start + count }

  /// So many bytes have been written behind the text: no more than there is room for.
  mutating func grow(by written: Int) { count = min(count &+ max(written, 0), capacity) }

  /// Goes back to where it had `count` bytes.
  mutating func cut(to count: Int) { self.count = min(max(count, 0), self.count) }

  @inline(__always)
  mutating func byte(_ byte: UInt8) {
    guard count < capacity else {
      isCut = true
      return
    }
    start[count] = byte
    count &+= 1
  }

  mutating func bytes(_ bytes: Bytes) {
    let length = min(bytes.count, capacity &- count)
    if length < bytes.count { isCut = true }
    UnsafeMutableRawPointer(start + count).copyMemory(from: bytes.base, byteCount: length)
    count &+= length
  }

  mutating func text(_ text: StaticString) { bytes(Bytes(text)) }

  mutating func decimal(_ value: some UnsignedInteger & FixedWidthInteger) {
    let value = UInt64(truncatingIfNeeded: value)
    // The highest power of ten that is not above the value: at the most 10^19, which a UInt64
    // holds.
    var power: UInt64 = 1
    while value / power >= 10 { power &*= 10 }
    var rest = value
    while power > 0 {
      byte(0x30 &+ UInt8(truncatingIfNeeded: rest / power))
      rest %= power
      power /= 10
    }
  }

  mutating func twoDigits(_ value: Int) {
    let value = min(max(value, 0), 99)
    byte(0x30 &+ UInt8(truncatingIfNeeded: value / 10))
    byte(0x30 &+ UInt8(truncatingIfNeeded: value % 10))
  }

  mutating func hex(_ bytes: Bytes) {
    for place in 0..<bytes.count {
      hex(bytes.base[place])
      if isCut { return }
    }
  }

  mutating func hex(_ value: UInt16) {
    hex(UInt8(truncatingIfNeeded: value >> 8))
    hex(UInt8(truncatingIfNeeded: value))
  }

  mutating func hex(_ value: UInt8) {
    byte(Self.digit(value >> 4))
    byte(Self.digit(value & 15))
  }

  mutating func upperHex(_ value: UInt8) {
    byte(Self.digit(value >> 4) & ~(value >> 4 > 9 ? 0x20 : 0))
    byte(Self.digit(value & 15) & ~(value & 15 > 9 ? 0x20 : 0))
  }

  /// The lower-case hexadecimal digit of a value below 16.
  static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? 0x30 &+ value : 0x57 &+ (value & 15)
  }

  /// A code point in UTF-8; what is none (a surrogate, beyond the last) becomes U+FFFD.
  mutating func scalar(_ value: UInt32) {
    let value = value > 0x10ffff || value &- 0xd800 < 0x800 ? 0xfffd : value
    if value < 0x80 { return byte(UInt8(truncatingIfNeeded: value)) }
    if value < 0x800 {
      byte(0xc0 | UInt8(truncatingIfNeeded: value >> 6))
    } else {
      if value < 0x10000 {
        byte(0xe0 | UInt8(truncatingIfNeeded: value >> 12))
      } else {
        byte(0xf0 | UInt8(truncatingIfNeeded: value >> 18))
        byte(0x80 | UInt8(truncatingIfNeeded: value >> 12 & 0x3f))
      }
      byte(0x80 | UInt8(truncatingIfNeeded: value >> 6 & 0x3f))
    }
    byte(0x80 | UInt8(truncatingIfNeeded: value & 0x3f))
  }
}

extension Delivery {
  /// Memory of the pool's for a text of at the most `room` bytes while `body` runs, which it must not leave;
  /// nil where the pool has none left.
  @inline(__always)
  @discardableResult
  func withText<Result>(
    room: Int = BlockPool.byteCount(BoundedText.blockSize), _ body: (inout BoundedText) -> Result
  ) -> Result? {
    guard let size = BlockPool.size(for: min(room, DissectionSettings.longestMessage)) else {
      return nil
    }
    let block = core.pointee.blocks.take(size)
    guard block != 0 else {
      core.pointee.counters.add(.dissectionNoMemory)
      return nil
    }
    var text = BoundedText(core.pointee.blocks.at(block), capacity: BlockPool.byteCount(size))
    let result = body(&text)
    core.pointee.blocks.giveBack(block, size)
    return result
  }
}

extension BoundedText {
  /// 16 KiB: as much as one field of a record holds.
  static var blockSize: UInt8 { 2 }
}
