internal import FlowEngine

/// Buffers of 1, 4, 16 and 64 KiB out of fixed memory: for what waits behind a hole, for messages that
/// are not complete yet, and for records under way.
///
///     memory | span of 64 KiB | span of 64 KiB | …      map: a word a span, a bit a KiB
///
/// A block lies within one span at a multiple of its size, so that free neighbours are one again without
/// anybody putting them together. Numbers begin at 1; 0 is none.
struct BlockPool: BitwiseCopyable {
  /// Of a block: 1, 4, 16 or 64 KiB.
  static let sizes = 4

  private let memory: UnsafeMutableRawPointer
  /// A bit for each KiB in use.
  private let map: UnsafeMutablePointer<UInt64>
  private let spans: Int
  /// By size: the span where there was room last.
  private var hints: (Int, Int, Int, Int) = (0, 0, 0, 0)
  /// Nothing of a size, or of a larger one, was free, and nothing has been given back since: a bit each.
  private var exhausted: UInt8 = 0
  private(set) var usedBytes = 0
  private(set) var mostBytes = 0

  let capacity: Int

  static let spanBytes = 64 << 10

  /// `capacity` is rounded up to whole spans.
  init(capacity: Int, plan: inout MemoryPlan, touch: Bool) {
    spans = max(1, (capacity + Self.spanBytes - 1) / Self.spanBytes)
    self.capacity = spans * Self.spanBytes
    memory = plan.take("dissection buffers", bytes: spans * Self.spanBytes)
    map = plan.take("dissection buffers' map", bytes: spans * 8)
      .assumingMemoryBound(to: UInt64.self)
  }

  /// Bytes of a block of a size.
  @inline(__always)
  static func byteCount(_ size: UInt8) -> Int { 1024 << (2 * Int(size & 3)) }

  /// The smallest size that holds `count` bytes; nil where none does.
  static func size(for count: Int) -> UInt8? {
    if count <= 1024 { return 0 }
    if count <= 4096 { return 1 }
    if count <= 16_384 { return 2 }
    return count <= spanBytes ? 3 : nil
  }

  @inline(__always)
  func at(_ number: UInt32) -> UnsafeMutableRawPointer { memory + (Int(number) &- 1) &* 1024 }

  /// A block, whose content is whatever it was; 0 where there is none.
  mutating func take(_ size: UInt8) -> UInt32 {
    guard exhausted & 1 << size == 0 else { return 0 }
    let units = 1 << (2 * Int(size))
    let wanted = units == 64 ? UInt64.max : (1 << UInt64(units)) &- 1
    var span = hint(size)
    for _ in 0..<spans {
      let used = map[span]
      var place = 0
      if used != .max {
        while place < 64 {
          if used >> UInt64(place) & wanted == 0 {
            map[span] = used | wanted << UInt64(place)
            setHint(size, span)
            usedBytes &+= units &* 1024
            mostBytes = max(mostBytes, usedBytes)
            return UInt32(truncatingIfNeeded: span &* 64 &+ place &+ 1)
          }
          place &+= units
        }
      }
      span &+= 1
      if span == spans { span = 0 }
    }
    // Larger ones cannot be there either.
    exhausted |= ~((1 << size) &- 1)
    return 0
  }

  mutating func giveBack(_ number: UInt32, _ size: UInt8) {
    guard number != 0 else { return }
    let units = 1 << (2 * Int(size))
    let unit = Int(number) &- 1
    let bits = units == 64 ? UInt64.max : (1 << UInt64(units)) &- 1
    map[unit >> 6] &= ~(bits << UInt64(unit & 63))
    usedBytes &-= units &* 1024
    exhausted = 0
    setHint(size, unit >> 6)
  }

  private func hint(_ size: UInt8) -> Int {
    switch size {
    case 0: hints.0
    case 1: hints.1
    case 2: hints.2
    default: hints.3
    }
  }

  private mutating func setHint(_ size: UInt8, _ span: Int) {
    switch size {
    case 0: hints.0 = span
    case 1: hints.1 = span
    case 2: hints.2 = span
    default: hints.3 = span
    }
  }
}
