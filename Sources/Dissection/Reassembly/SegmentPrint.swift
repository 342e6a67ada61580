internal import FlowEngine

// What has been looked at is gone: whether a segment that is sent again says the same is told by what is
// kept of those before it, twelve bytes each.

/// What remains of a segment that was delivered: its place, and prints of its bytes. Where two prints
/// differ the bytes do; the other way round one in 65,536 escapes, and nobody outside knows which, since
/// each engine has a seed of its own.
struct SegmentPrint: BitwiseCopyable {
  var sequence: UInt32 = 0
  /// Bytes; 0: nothing is here. Of longer ones the first 65,535 count.
  var count: UInt16 = 0
  /// Of its first 32 and 256 bytes, where it has more than that: what is sent again may be shorter.
  private var first32: UInt16 = 0
  private var first256: UInt16 = 0
  private var whole: UInt16 = 0

  init() {}

  /// Costs some 0.25 cycles a byte.
  init(_ sequence: UInt32, _ bytes: Bytes, seed: UInt64) {
    let bytes = bytes.prefix(Int(UInt16.max))
    self.sequence = sequence
    count = UInt16(truncatingIfNeeded: bytes.count)
    let raw = UnsafeRawPointer(bytes.base)
    // Two lanes, so that one multiplication need not wait for the other.
    var (a, b) = (seed, ~seed)
    var place = 0
    // Each load stands behind this check: 32 bytes are there.
    while place &+ 32 <= bytes.count {
      Self.mix(raw + place, &a, &b)
      place &+= 32
      if place == 32 { first32 = Self.fold(a, b, place) }
      if place == 256 { first256 = Self.fold(a, b, place) }
    }
    if place < bytes.count {
      if bytes.count >= 32 {
        // The last 32, some of them a second time.
        Self.mix(raw + (bytes.count &- 32), &a, &b)
      } else {
        for place in 0..<bytes.count { a = Self.multiply(a ^ UInt64(bytes.base[place]), b) }
      }
    }
    whole = Self.fold(a, b, bytes.count)
  }

  /// Whether bytes that are sent again differ, as far as that can be told: where they begin at or before
  /// this segment and reach its end, or its 256th or 32nd byte.
  func differs(from sequence: UInt32, _ bytes: Bytes, seed: UInt64) -> Bool {
    let distance = Int32(bitPattern: self.sequence &- sequence)
    guard count > 0, distance >= 0, Int(distance) < bytes.count else { return false }
    let again = bytes.dropFirst(Int(distance))
    if again.count >= Int(count) {
      return SegmentPrint(0, again.prefix(Int(count)), seed: seed).whole != whole
    }
    if again.count >= 256 {
      return SegmentPrint(0, again.prefix(256), seed: seed).first256 != first256
    }
    guard again.count >= 32 else { return false }
    return SegmentPrint(0, again.prefix(32), seed: seed).first32 != first32
  }

  /// 32 bytes.
  @inline(__always)
  private static func mix(_ bytes: UnsafeRawPointer, _ a: inout UInt64, _ b: inout UInt64) {
    let words = bytes.loadUnaligned(as: SIMD4<UInt64>.self)
    a = multiply(words.x ^ 0x2d35_8dcc_aa6c_78a5, words.y ^ a)
    b = multiply(words.z ^ 0x8bb8_4b93_962e_acc9, words.w ^ b)
  }

  /// Both halves of the product, which each bit of both factors has a part in.
  @inline(__always)
  private static func multiply(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  @inline(__always)
  private static func fold(_ a: UInt64, _ b: UInt64, _ count: Int) -> UInt16 {
    let end = multiply(a ^ UInt64(truncatingIfNeeded: count), b ^ 0x9e37_79b9_7f4a_7c15)
    return UInt16(truncatingIfNeeded: end >> 48)
  }
}

/// The two segments of a direction that were delivered last, and the last eight bytes of the latest as they
/// were: those are compared wherever what is sent again begins.
struct SegmentPrints: BitwiseCopyable {
  private var newest = SegmentPrint()
  private var older = SegmentPrint()
  private var tail: UInt64 = 0

  mutating func add(_ sequence: UInt32, _ bytes: Bytes, seed: UInt64) {
    older = newest
    newest = SegmentPrint(sequence, bytes, seed: seed)
    tail = 0
    // The last byte is the lowest.
    let last = bytes.prefix(Int(newest.count)).suffix(8)
    for place in 0..<last.count { tail = tail << 8 | UInt64(last.base[place]) }
  }

  func differ(from sequence: UInt32, _ bytes: Bytes, seed: UInt64) -> Bool {
    tailDiffers(from: sequence, bytes)
      || newest.differs(from: sequence, bytes, seed: seed)
      || older.differs(from: sequence, bytes, seed: seed)
  }

  private func tailDiffers(from sequence: UInt32, _ bytes: Bytes) -> Bool {
    let count = min(8, Int(newest.count))
    // From where the bytes begin to behind the latest one that was delivered.
    let end = Int(Int32(bitPattern: newest.sequence &+ UInt32(newest.count) &- sequence))
    guard end > 0, end &- count < bytes.count else { return false }
    for back in 1..<count &+ 1 {
      let place = end &- back
      guard place >= 0 else { return false }
      if place >= bytes.count { continue }
      if bytes.base[place] != UInt8(truncatingIfNeeded: tail &>> UInt64(8 &* (back &- 1))) {
        return true
      }
    }
    return false
  }
}

extension Dissection {
  @inline(__always)
  private static func prints(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>
  ) -> UnsafeMutablePointer<SegmentPrints> {
    // printsA and printsB stand one behind the other behind the sides; a test asserts it.
    let number = side == Self.side(state, 0) ? 0 : 1
    return
      (UnsafeMutableRawPointer(state) + FlowState.printsOffset
      + number &* MemoryLayout<SegmentPrints>.stride)
      .assumingMemoryBound(to: SegmentPrints.self)
  }

  /// Bytes that go to a dissector, up to what is next in their direction.
  mutating func remember(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ bytes: Bytes
  ) {
    let sequence = side.pointee.nextSequence &- UInt32(truncatingIfNeeded: bytes.count)
    Self.prints(state, side).pointee.add(sequence, bytes, seed: core.printSeed)
  }

  /// What was sent so long ago that its numbers come again.
  mutating func forgetSegments(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>
  ) {
    Self.prints(state, side).pointee = SegmentPrints()
  }

  /// Bytes that have been delivered, once more: what they said the first time holds, and that they say
  /// something else now is told. An answer that somebody forged and was quicker with looks like that, too:
  /// the real one comes behind it, in the same place and of another length.
  @inline(never)
  mutating func compareWithDelivered(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ sequence: UInt32, _ bytes: Bytes
  ) {
    // A keep-alive may carry any byte (RFC 9293, section 3.8.4).
    if bytes.count <= 1 && sequence &+ 1 == side.pointee.nextSequence { return }
    if Self.prints(state, side).pointee.differ(from: sequence, bytes, seed: core.printSeed) {
      core.note(.streamOverlapDiffers)
    }
  }
}
