/// Which parts of a datagram have come, in units of eight bytes: 72 bytes.
///
/// Up to sixteen pieces are kept one by one, so that one that comes twice is told from one that overlaps;
/// in a datagram of more they grow together where they touch.
package struct DatagramPieces: BitwiseCopyable {
  package enum Finding { case new, duplicate, overlap }

  static let capacity = 16

  private var starts = SIMD16<UInt16>(repeating: 0)
  private var ends = SIMD16<UInt16>(repeating: 0)
  private var count: UInt8 = 0
  /// A fragment has been seen behind which no more come; `end` is where it ends.
  private var hasEnd: Bool = false
  /// There were more pieces than can be kept: what is new cannot be told any more.
  private var isTooMany: Bool = false
  private var end: UInt16 = 0

  package init() {}

  /// Notes a fragment's place.
  package mutating func add(_ packet: UnsafePointer<ParsedPacket>) -> Finding {
    let place = packet.pointee.fragmentOffset & 0x1fff
    let isLast = packet.pointee.fragmentOffset & 0x8000 == 0
    if packet.pointee.flags & ParsedPacket.Flags.firstFragment != 0 {
      return add(0, place, isLast: isLast)
    }
    // What the fragment carries: behind its IP header and extensions.
    let bytes =
      packet.pointee.ipLength
      &- min(
        UInt32(packet.pointee.transportOffset &- packet.pointee.networkOffset),
        packet.pointee.ipLength)
    let units = UInt16(truncatingIfNeeded: min((bytes &+ 7) / 8, 0x1fff))
    return add(place, place &+ units, isLast: isLast)
  }

  mutating func add(_ start: UInt16, _ stop: UInt16, isLast: Bool) -> Finding {
    if isLast {
      hasEnd = true
      end = max(end, stop)
    }
    var overlaps = false
    var touching = -1
    for place in 0..<Int(count) {
      if starts[place] == start && ends[place] == stop { return .duplicate }
      if start < ends[place] && starts[place] < stop { overlaps = true }
      if ends[place] == start { touching = place }
    }
    if overlaps { return .overlap }
    if Int(count) < Self.capacity {
      starts[Int(count)] = start
      ends[Int(count)] = stop
      count &+= 1
    } else if touching >= 0 {
      ends[touching] = stop
    } else {
      isTooMany = true
    }
    return .new
  }

  /// All of the datagram has come, and no more pieces than could be kept one by one or together.
  package var isSurelyWhole: Bool { !isTooMany && isWhole }

  /// All of the datagram has come, as far as can be told.
  var isWhole: Bool {
    guard hasEnd else { return false }
    if isTooMany { return true }
    var units = 0
    for place in 0..<Int(count) where starts[place] < end {
      units &+= Int(min(ends[place], end) &- starts[place])
    }
    return units >= Int(end)
  }
}
