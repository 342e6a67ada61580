/// Bytes and packets over time, in a fixed number of intervals of one length.
///
/// Flow records come in any order and reach over any time. An interval is 2^k nanoseconds long and
/// begins at a multiple of that since 1970; k grows as the span does, so that `capacity` of them
/// are always enough, and two neighbours then become one. What a flow carried is spread evenly
/// between its first and its latest packet, in fixed point with 40 binary places, and what is left
/// over put into its last interval: so every sum is exact, and the order of the records does not
/// matter.
///
/// A flow costs two intervals and two differences, however long it is: about 25 ns.
struct TimeLine: Sendable {
  static let capacity = 1024
  private static let places: UInt128 = 40

  /// Sums in units of 2^-40; a slot stands for the intervals whose number is it modulo `capacity`.
  private struct Slot: Sendable {
    var bytes: UInt128 = 0
    var packets: UInt128 = 0
    /// What each interval from this one on has more than the one before it.
    var bytesStep: Int128 = 0
    var packetsStep: Int128 = 0
  }

  private var slots = [Slot](repeating: Slot(), count: capacity)
  /// Binary logarithm of an interval's nanoseconds.
  private(set) var shift: Int64 = 0
  /// Nanoseconds since 1970 of the first and the latest packet; nil before there was one.
  private(set) var span: ClosedRange<Int64>?

  /// Spreads a flow from `start` to `end`, nanoseconds since 1970.
  mutating func add(start: Int64, end: Int64, bytes: UInt64, packets: UInt64) {
    let end = max(start, end)
    reach(start...end)
    let first = start >> shift
    let last = end >> shift
    let bytesTotal = UInt128(bytes) << Self.places
    let packetsTotal = UInt128(packets) << Self.places
    if first == last {
      slots[Self.slot(last)].bytes += bytesTotal
      slots[Self.slot(last)].packets += packetsTotal
      return
    }
    // Wrapping: the difference of two times as an unsigned number.
    let lasted = UInt128(UInt64(bitPattern: end &- start))
    let bytesRate = bytesTotal / lasted
    let packetsRate = packetsTotal / lasted
    // The end of the first interval and the beginning of the last one, both within the flow.
    let head = UInt128(UInt64(bitPattern: ((first + 1) << shift) &- start))
    let tail = UInt128(UInt64(bitPattern: end &- (last << shift)))
    slots[Self.slot(first)].bytes += bytesRate * head
    slots[Self.slot(first)].packets += packetsRate * head
    let rest = (bytesTotal - bytesRate * lasted, packetsTotal - packetsRate * lasted)
    slots[Self.slot(last)].bytes += bytesRate * tail + rest.0
    slots[Self.slot(last)].packets += packetsRate * tail + rest.1
    if last - first > 1 {
      let bytesStep = Int128(bytesRate << UInt128(shift))
      let packetsStep = Int128(packetsRate << UInt128(shift))
      slots[Self.slot(first + 1)].bytesStep += bytesStep
      slots[Self.slot(first + 1)].packetsStep += packetsStep
      slots[Self.slot(last)].bytesStep -= bytesStep
      slots[Self.slot(last)].packetsStep -= packetsStep
    }
  }

  private static func slot(_ interval: Int64) -> Int {
    Int(truncatingIfNeeded: interval) & (capacity - 1)
  }

  // MARK: - Growing

  /// Makes the span contain `times`, and the intervals long enough for it.
  private mutating func reach(_ times: ClosedRange<Int64>) {
    guard let before = span else {
      span = times
      while !fits(times, shift) { shift += 1 }
      return
    }
    if times.lowerBound >= before.lowerBound && times.upperBound <= before.upperBound { return }
    let after =
      min(before.lowerBound, times.lowerBound)...max(before.upperBound, times.upperBound)
    if !fits(after, shift) {
      let old = amounts(before, shift)
      let oldFirst = before.lowerBound >> shift
      let oldShift = shift
      while !fits(after, shift) { shift += 1 }
      slots = [Slot](repeating: Slot(), count: Self.capacity)
      for (place, amount) in old.enumerated() {
        let interval = (oldFirst + Int64(place)) >> (shift - oldShift)
        slots[Self.slot(interval)].bytes += amount.bytes
        slots[Self.slot(interval)].packets += amount.packets
      }
    }
    span = after
  }

  private func fits(_ times: ClosedRange<Int64>, _ shift: Int64) -> Bool {
    // Wrapping: the difference of two interval numbers as an unsigned number.
    UInt64(bitPattern: (times.upperBound >> shift) &- (times.lowerBound >> shift))
      < UInt64(Self.capacity)
  }

  /// What each interval of the span holds.
  private func amounts(
    _ times: ClosedRange<Int64>, _ shift: Int64
  ) -> [(bytes: UInt128, packets: UInt128)] {
    var bytes: Int128 = 0
    var packets: Int128 = 0
    return (times.lowerBound >> shift...times.upperBound >> shift).map { interval in
      let slot = slots[Self.slot(interval)]
      bytes += slot.bytesStep
      packets += slot.packetsStep
      // The steps so far add up to what whole intervals of flows hold, which is not negative.
      return (slot.bytes + UInt128(bytes), slot.packets + UInt128(packets))
    }
  }

  // MARK: - Reading

  /// One interval, cut to the span at both ends.
  struct Interval: Equatable, Sendable {
    /// Nanoseconds since 1970.
    var start: Int64
    var nanoseconds: Double
    var bytes: Double
    var packets: Double
  }

  /// The intervals from the first packet to the latest one; empty before there was one.
  var intervals: [Interval] {
    guard let span else { return [] }
    let unit = Double(UInt64(1) << UInt64(Self.places))
    let first = span.lowerBound >> shift
    return amounts(span, shift).enumerated().map { place, amount in
      // The first interval may begin before the first time there is, the latest end after the last.
      let number = first + Int64(place)
      let (start, isTooEarly) = number.multipliedReportingOverflow(by: 1 << shift)
      let (end, isTooLate) = (number + 1).multipliedReportingOverflow(by: 1 << shift)
      let from = isTooEarly ? span.lowerBound : max(span.lowerBound, start)
      let to = isTooLate ? span.upperBound : min(span.upperBound, end)
      return Interval(
        start: from, nanoseconds: Double(UInt64(bitPattern: to &- from)),
        bytes: Double(amount.bytes) / unit, packets: Double(amount.packets) / unit)
    }
  }

  /// Bytes or packets a second in `columns` equal parts of the span.
  func rates(_ amount: KeyPath<Interval, Double>, columns: Int) -> [Double] {
    guard let span, columns > 0, span.lowerBound < span.upperBound else { return [] }
    let length = Double(UInt64(bitPattern: span.upperBound &- span.lowerBound))
    let step = length / Double(columns)
    var sums = [Double](repeating: 0, count: columns)
    for interval in intervals {
      let from = Double(UInt64(bitPattern: interval.start &- span.lowerBound))
      let to = from + max(0, interval.nanoseconds)
      let first = min(columns - 1, Int(from / step))
      let last = max(first, min(columns - 1, Int(to / step)))
      for column in first...last {
        let begin = max(from, Double(column) * step)
        let end = min(to, Double(column + 1) * step)
        let share = to > from ? max(0, end - begin) / (to - from) : column == first ? 1 : 0
        sums[column] += interval[keyPath: amount] * share
      }
    }
    return sums.map { $0 / (step / 1e9) }
  }
}
