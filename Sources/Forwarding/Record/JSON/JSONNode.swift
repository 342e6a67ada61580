/// One value of an indexed JSON text; 24 bytes. The values stand in the order of the text, so a
/// container's first child is the node behind it.
///
///     {"a":7,"b":{"c":[]}}     0 object next 4 · 1 "a" 7 · 2 "b" object next 4 · 3 "c" array
struct JSONNode: BitwiseCopyable, Sendable {
  /// What the value is.
  enum Kind: UInt8, Sendable {
    case null, boolTrue, boolFalse, number, string, array, object
  }

  /// Of the member's name; of an element of a list, 0.
  var keyHash: UInt32 = 0
  /// The member's name without its quotation marks, still escaped.
  var keyStart: UInt32 = 0
  var keyLength: UInt16 = 0
  var kind: Kind
  var flags: UInt8 = 0
  /// The value's bytes, quotation marks and brackets included.
  var start: UInt32
  var end: UInt32 = 0
  /// The node behind this value and all that is in it; while a container is open, its parent.
  var next: UInt32 = 0

  enum Flags {
    static let keyHasEscapes: UInt8 = 1 << 0
    static let valueHasEscapes: UInt8 = 1 << 1
    /// It is a member of an object.
    static let isMember: UInt8 = 1 << 2
  }

  var keyRange: Range<Int> { Int(keyStart)..<(Int(keyStart) + Int(keyLength)) }
  var range: Range<Int> { Int(start)..<Int(end) }
}

/// The name of a member as lookups want it.
package struct JSONKey: Hashable, Sendable {
  let bytes: [UInt8]
  let hash: UInt32

  package init(_ name: String) {
    bytes = Array(name.utf8)
    hash = bytes.withUnsafeBufferPointer { Self.hash($0) }
  }

  /// Of length, the first and the last eight bytes. Names that collide are compared, so a bad hash
  /// costs time only.
  @inline(__always)
  static func hash(_ name: UnsafeBufferPointer<UInt8>) -> UInt32 {
    let count = name.count
    guard count < 8, let base = UnsafeRawPointer(name.baseAddress) else { return longHash(name) }
    var word: UInt64 = 0
    for offset in 0..<count {
      word |= UInt64(base.load(fromByteOffset: offset, as: UInt8.self)) &<< UInt64(offset &* 8)
    }
    return mix(word, 0, count)
  }

  /// The same of a name that has eight readable bytes from its beginning on, whatever its length.
  @inline(__always)
  static func hash(_ name: UnsafeBufferPointer<UInt8>, readable base: UnsafePointer<UInt8>)
    -> UInt32
  {
    let count = name.count
    guard count < 8 else { return longHash(name) }
    let word = UInt64(littleEndian: UnsafeRawPointer(base).loadUnaligned(as: UInt64.self))
    // Below 8 bytes the shift is below 64.
    return mix(word & (1 &<< UInt64(count &* 8) &- 1), 0, count)
  }

  @inline(__always)
  private static func longHash(_ name: UnsafeBufferPointer<UInt8>) -> UInt32 {
    let count = name.count
    guard count >= 8, let base = UnsafeRawPointer(name.baseAddress) else { return mix(0, 0, 0) }
    // Both loads lie within the name, which has eight bytes or more.
    return mix(
      UInt64(littleEndian: base.loadUnaligned(as: UInt64.self)),
      UInt64(littleEndian: base.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)), count)
  }

  @inline(__always)
  private static func mix(_ first: UInt64, _ last: UInt64, _ count: Int) -> UInt32 {
    let mixed =
      first &* 0x9e37_79b9_7f4a_7c15 ^ (last &+ UInt64(count)) &* 0xd6e8_feb8_6659_fd93
    return UInt32(truncatingIfNeeded: mixed >> 32)
  }
}
