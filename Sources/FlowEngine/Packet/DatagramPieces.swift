/// Which parts of a datagram have come, in units of eight bytes: 72 bytes.
///
/// Up to sixteen pieces are kept one by one, so that one that comes twice is told from one that overlaps;
/// in a datagram of more those that are new grow onto what they touch, and where they touch nothing, all that
/// touch each other become one.
package struct DatagramPieces: BitwiseCopyable {
  package enum Finding { case new, duplicate, overlap }

  static let capacity = 16

  private var starts = SIMD16<UInt16>(repeating: 0)
  private var ends = SIMD16<UInt16>(repeating: 0)
  private var count: UInt8 = 0
  /// A fragment has been seen behind which no more come; `end` is where it ends.
  private var hasEnd: Bool = false
  /// There were more pieces apart from each other than can be kept: what is new cannot be told any more.
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

  package mutating func add(_ start: UInt16, _ stop: UInt16, isLast: Bool) -> Finding {
    if isLast {
      hasEnd = true
      end = max(end, stop)
    }
    var overlaps = false
    var (before, behind) = (-1, -1)
    for place in 0..<Int(count) {
      if starts[place] == start && ends[place] == stop { return .duplicate }
      if start < ends[place] && starts[place] < stop { overlaps = true }
      if ends[place] == start { before = place }
      if starts[place] == stop { behind = place }
    }
    if overlaps { return .overlap }
    if Int(count) < Self.capacity {
      append(start, stop)
    } else if before >= 0 {
      ends[before] = stop
    } else if behind >= 0 {
      starts[behind] = start
    } else {
      join()
      if Int(count) < Self.capacity { append(start, stop) } else { isTooMany = true }
    }
    return .new
  }

  private mutating func append(_ start: UInt16, _ stop: UInt16) {
    starts[Int(count)] = start
    ends[Int(count)] = stop
    count &+= 1
  }

  /// Pieces that touch become one.
  private mutating func join() {
    var place = 0
    while place < Int(count) {
      var other = 0
      while other < Int(count) {
        if other != place && starts[other] == ends[place] {
          ends[place] = ends[other]
          count &-= 1
          starts[other] = starts[Int(count)]
          ends[other] = ends[Int(count)]
          // The one that has moved may be this one, and another one may touch now.
          if place == Int(count) { place = other }
          other = 0
        } else {
          other &+= 1
        }
      }
      place &+= 1
    }
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
