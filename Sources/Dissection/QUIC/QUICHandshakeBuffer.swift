internal import FlowEngine

/// CRYPTO frames of one direction put together (RFC 9000, section 19.6): out of order, over several
/// packets. What comes first of a byte is believed.
///
/// A block of the pool holds a list of ranges, each two 16-bit offsets, in order and apart from each
/// other, and behind it the bytes:
///
///     | range | range | …, 256 | bytes |
struct QUICHandshakeBuffer: BitwiseCopyable {
  private var block: UInt32 = 0
  private var size: UInt8 = 0
  private var rangeCount: UInt8 = 0

  /// 64 ranges: clients cut their hello into a dozen pieces to keep middleboxes from depending on its
  /// looks.
  private static var mostRanges: UInt8 { 64 }
  private static var head: Int { 256 }
  /// What a hello may have: 16 KiB less the list.
  static var longest: Int { (16 << 10) - head }

  enum Outcome { case kept, tooLong, tooManyRanges, noMemory }

  var isEmpty: Bool { block == 0 }

  mutating func drop(_ d: Delivery) {
    d.core.pointee.blocks.giveBack(block, size)
    self = QUICHandshakeBuffer()
  }

  /// What is there without a hole from the front.
  func front(_ d: Delivery) -> Bytes {
    guard block != 0, rangeCount > 0 else { return .empty }
    let memory = d.core.pointee.blocks.at(block)
    let first = memory.assumingMemoryBound(to: UInt16.self)
    guard first[0] == 0 else { return .empty }
    return Bytes(
      UnsafePointer((memory + Self.head).assumingMemoryBound(to: UInt8.self)), Int(first[1]))
  }

  mutating func add(_ d: Delivery, offset: UInt64, _ bytes: Bytes) -> Outcome {
    guard offset <= UInt64(Self.longest), bytes.count <= Self.longest &- Int(offset) else {
      return .tooLong
    }
    if bytes.isEmpty { return .kept }
    let from = Int(offset)
    let to = from &+ bytes.count
    guard reserve(d, to) else { return .noMemory }
    let memory = d.core.pointee.blocks.at(block)
    let data = (memory + Self.head).assumingMemoryBound(to: UInt8.self)
    let ranges = memory.assumingMemoryBound(to: UInt16.self)
    var count = Int(rangeCount)
    // Ranges from `first` up to `last` touch the new one.
    var first = 0
    while first < count, Int(ranges[first &* 2 &+ 1]) < from { first &+= 1 }
    var last = first
    while last < count, Int(ranges[last &* 2]) <= to { last &+= 1 }
    if first == last && count == Int(Self.mostRanges) { return .tooManyRanges }
    // Only what was not there before.
    var place = from
    for index in first..<last {
      let known = (Int(ranges[index &* 2]), Int(ranges[index &* 2 &+ 1]))
      if place < known.0 { Self.copy(bytes, from, data, place, min(known.0, to)) }
      place = max(place, known.1)
    }
    if place < to { Self.copy(bytes, from, data, place, to) }
    let begin = first < last ? min(from, Int(ranges[first &* 2])) : from
    let end = first < last ? max(to, Int(ranges[(last &- 1) &* 2 &+ 1])) : to
    // One range takes the place of those from `first` to `last`; at the most 64 move.
    let shift = 1 &- (last &- first)
    if shift != 0 {
      (UnsafeMutableRawPointer(ranges) + (last &+ shift) &* 4).copyMemory(
        from: UnsafeRawPointer(ranges) + last &* 4, byteCount: (count &- last) &* 4)
      count &+= shift
    }
    // Both are at the most `longest`, which is below 2^16.
    ranges[first &* 2] = UInt16(truncatingIfNeeded: begin)
    ranges[first &* 2 &+ 1] = UInt16(truncatingIfNeeded: end)
    rangeCount = UInt8(truncatingIfNeeded: count)
    return .kept
  }

  private static func copy(
    _ bytes: Bytes, _ offset: Int, _ data: UnsafeMutablePointer<UInt8>, _ from: Int, _ to: Int
  ) {
    guard let piece = bytes.slice(from &- offset, to &- from) else { return }
    UnsafeMutableRawPointer(data + from).copyMemory(from: piece.base, byteCount: piece.count)
  }

  /// Room for `count` bytes.
  private mutating func reserve(_ d: Delivery, _ count: Int) -> Bool {
    if block != 0 && count <= BlockPool.byteCount(size) &- Self.head { return true }
    guard let wanted = BlockPool.size(for: max(count &+ Self.head, 4096)) else { return false }
    let fresh = d.core.pointee.blocks.take(wanted)
    guard fresh != 0 else {
      d.core.pointee.counters.add(.dissectionNoMemory)
      return false
    }
    if block != 0 {
      d.core.pointee.blocks.at(fresh).copyMemory(
        from: d.core.pointee.blocks.at(block), byteCount: BlockPool.byteCount(size))
      d.core.pointee.blocks.giveBack(block, size)
    }
    block = fresh
    size = wanted
    return true
  }
}
