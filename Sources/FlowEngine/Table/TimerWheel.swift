/// When each flow is to be looked at again: a wheel of lists through the flow entries themselves.
///
/// A tick is 2^28 ns (268 ms) and there are 4,096 slots, 18 minutes; a later deadline waits in the last
/// slot and is put off again from there. A packet does not move its flow: it only writes the time it
/// was seen. When the flow's slot comes up the true deadline is worked out from that, and the flow
/// either ends or goes to its new slot. So a live flow costs one visit a timeout, not one a packet.
package struct TimerWheel: ~Copyable {
  static let tickShift: Int64 = 28
  static let slotCount = 4096
  static let headMark: UInt32 = 0x8000_0000

  private let heads: UnsafeMutablePointer<UInt32>
  /// One bit a slot: its list is not empty.
  private let occupied: UnsafeMutablePointer<UInt64>
  private let hot: UnsafeMutablePointer<FlowHot>
  /// The tick whose slot is being worked on.
  private(set) var current: Int64 = 0

  package init(hot: UnsafeMutablePointer<FlowHot>, plan: inout MemoryPlan, touch: Bool) {
    heads = plan.take("timer wheel", bytes: Self.slotCount * 4)
      .assumingMemoryBound(to: UInt32.self)
    occupied = plan.take("timer wheel's bitmap", bytes: Self.slotCount / 8)
      .assumingMemoryBound(to: UInt64.self)
    self.hot = hot
    guard touch else { return }
    for slot in 0..<Self.slotCount { heads[slot] = UInt32.max }
  }

  /// Sets the clock before the first entry is scheduled.
  mutating func start(at now: Int64) { current = now >> Self.tickShift }

  /// Puts the clock back. Every entry that is in the wheel is due later than it stood.
  mutating func putBack(to now: Int64) { current = min(current, now >> Self.tickShift) }

  @inline(__always)
  private func slot(_ tick: Int64) -> Int { Int(tick) & (Self.slotCount - 1) }

  /// Puts an entry that is in no list into the slot at or after `deadline`.
  mutating func schedule(_ entry: UInt32, at deadline: Int64) {
    let slot = slot(tick(deadline))
    let head = heads[slot]
    hot[Int(entry)].timerNext = head
    hot[Int(entry)].timerPrevious = Self.headMark | UInt32(truncatingIfNeeded: slot)
    if head != UInt32.max { hot[Int(head)].timerPrevious = entry }
    heads[slot] = entry
    occupied[slot >> 6] |= 1 << UInt64(slot & 63)
  }

  /// Takes an entry out of its list.
  mutating func cancel(_ entry: UInt32) {
    let next = hot[Int(entry)].timerNext
    let previous = hot[Int(entry)].timerPrevious
    if next != UInt32.max { hot[Int(next)].timerPrevious = previous }
    if previous & Self.headMark != 0 {
      let slot = Int(previous & ~Self.headMark)
      heads[slot] = next
      if next == UInt32.max { occupied[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
    } else {
      hot[Int(previous)].timerNext = next
    }
  }

  /// Whether an entry that heads its list would be put there again with this deadline.
  func isInPlace(_ head: UInt32, deadline: Int64) -> Bool {
    hot[Int(head)].timerPrevious == Self.headMark | UInt32(truncatingIfNeeded: slot(tick(deadline)))
  }

  /// The tick whose slot an entry with this deadline belongs into.
  @inline(__always)
  private func tick(_ deadline: Int64) -> Int64 {
    // Rounded up, so that when the slot is due the deadline is past. Deadlines are far below 2^63.
    let due = (deadline &+ (1 << Self.tickShift) &- 1) >> Self.tickShift
    return max(current, min(due, current &+ Int64(Self.slotCount - 1)))
  }

  /// Whether ``popDue(now:)`` has anything to do.
  @inline(__always)
  func isDue(_ now: Int64) -> Bool { now >> Self.tickShift > current }

  /// The next entry whose slot is due at `now`, taken out of its list; nil when time has caught up.
  mutating func popDue(now: Int64) -> UInt32? {
    let target = now >> Self.tickShift
    // A leap of more than a turn meets each slot once, in its last turn: what is put back on the way then
    // lies behind the target and is not met again.
    if target &- current >= Int64(Self.slotCount) {
      current = target &- Int64(Self.slotCount - 1)
    }
    while current <= target {
      let head = heads[slot(current)]
      if head != UInt32.max {
        cancel(head)
        return head
      }
      if current == target { return nil }
      // Jump over empty slots; a jump of more than a turn finds each slot once.
      current = min(target, nextOccupied(after: current) ?? target)
    }
    return nil
  }

  /// The first entry of the slot behind the one that `now` is in: there stand those whose deadline is
  /// within the tick of `now`, due or not. `none` ends the list, which goes on by `timerNext`.
  mutating func firstBehind(_ now: Int64) -> UInt32 { heads[slot((now >> Self.tickShift) &+ 1)] }

  /// The entry that is due next, wherever that is; nil when the wheel is empty. It stays in its list.
  mutating func earliest() -> UInt32? {
    let head = heads[slot(current)]
    if head != UInt32.max { return head }
    guard let tick = nextOccupied(after: current) else { return nil }
    return heads[slot(tick)]
  }

  /// The first tick after `tick`, within one turn, whose slot has entries.
  private mutating func nextOccupied(after tick: Int64) -> Int64? {
    let start = slot(tick &+ 1)
    var word = start >> 6
    var bits = occupied[word] & (UInt64.max << UInt64(start & 63))
    for step in 0...(Self.slotCount / 64) {
      if bits != 0 {
        let found = word << 6 | bits.trailingZeroBitCount
        return tick &+ 1 &+ Int64((found &- start) & (Self.slotCount - 1))
      }
      if step == Self.slotCount / 64 { break }
      word = (word &+ 1) & (Self.slotCount / 64 - 1)
      bits = occupied[word]
    }
    return nil
  }
}
