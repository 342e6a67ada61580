import CBurst

/// Gives a worker's live flows to somebody who asks, and ends those that are to end, a few at a time
/// between bursts.
///
/// Entries are gone through by their numbers, up to the highest that was ever used, so a flow that lives
/// through the whole scan is given exactly once; one that begins or ends meanwhile may be in it. Where
/// the ring is full the scan stands until the asker has taken some. What is next is asked for while the
/// next burst is worked on. Cost: bench `scan`.
struct FlowScan: ~Copyable {
  /// The low halves of a flow's totals, bytes in units of 64: enough for the difference of two scans, that
  /// of bytes to within one unit.
  struct Seen: BitwiseCopyable {
    var units: UInt32
    var packets: UInt32
  }

  /// Entries looked at after a round that brought a full burst, one that brought a part of one, and one
  /// that brought nothing. A worker that has no time to spare takes larger tables in larger steps, for
  /// otherwise their scans would not end.
  enum Budget {
    static func busy(_ entries: Int) -> Int { max(48, entries >> 16) }
    static var partlyBusy: Int { 128 }
    static var idle: Int { 768 }
  }

  /// A flow that is given counts for so many entries that are only looked at.
  private static var flowCost: Int { 12 }
  /// How far ahead an entry's first line is asked for, and how far the others, once it has had time to
  /// come and says that there is a flow.
  private static var ahead: Int { 24 }
  private static var flowAhead: Int { 6 }
  /// How far ahead a place in the ring is asked for, whose lines are with the asker: about one burst.
  private static var placeAhead: Int { 4 }
  /// Flows ended between two bursts at the most.
  private static var killsAtOnce: Int { 16 }

  private let page: ScanPage
  /// Totals when the interval began, by entry.
  private let seen: UnsafeMutablePointer<Seen>
  private var bell: UInt64 = 0
  private var request: UInt64 = 0
  private var options: ScanOptions = []
  /// The entry that is looked at next, and the one that is not looked at any more.
  private var position = 0
  private var end = 0
  private var began: Int64 = 0
  /// When the interval began: when the scan began that noted the totals of every flow. 0: never yet.
  private var intervalBegan: Int64 = 0
  /// There is more to do.
  private(set) var isAtWork = false

  init(page: ScanPage, capacity: Int, plan: inout MemoryPlan) {
    self.page = page
    seen = plan.take("flow scan", bytes: capacity * MemoryLayout<Seen>.stride)
      .assumingMemoryBound(to: Seen.self)
  }

  /// Somebody waits for it.
  var isWanted: Bool { isAtWork || page.bell != bell }

  /// Goes on with what is asked for. `packets`: how many the last round brought, at the most from one queue.
  @inline(__always)
  mutating func step(
    _ tracker: inout FlowTracker, now: Int64, packets: Int, fullBurst: Int
  ) {
    if !isAtWork && page.bell == bell { return }
    work(&tracker, now, packets, fullBurst)
  }

  @inline(never)
  private mutating func work(
    _ tracker: inout FlowTracker, _ now: Int64, _ packets: Int, _ fullBurst: Int
  ) {
    let rung = page.heard
    if rung != bell {
      bell = rung
      let number = page.request
      if number != request { begin(number, now, entries: tracker.table.used) }
    }
    let killsWait = kill(&tracker, now)
    if position < end {
      let budget =
        packets == 0
        ? Budget.idle : packets < fullBurst ? Budget.partlyBusy : Budget.busy(end)
      give(&tracker, now, budget)
    }
    isAtWork = position < end || killsWait
  }

  private mutating func begin(_ number: UInt64, _ now: Int64, entries: Int) {
    request = number
    options = page.options
    position = 0
    end = options.contains(.flows) ? entries : 0
    began = now
    // Wrapping: a clock that was put back in between gives an interval that is beyond all use.
    page.setInterval(intervalBegan == 0 ? 0 : UInt64(bitPattern: now &- intervalBegan))
    if end == 0 { finish() }
  }

  private mutating func finish() {
    if options.contains(.newInterval) { intervalBegan = began }
    page.answer(request)
  }

  // MARK: Flows

  private mutating func give(_ tracker: inout FlowTracker, _ now: Int64, _ budget: Int) {
    var left = budget
    var given = 0
    let hot = tracker.table.hot
    while left > 0 && position < end {
      prefetch(tracker.table)
      if hot[position].flags & FlowFlags.live != 0 {
        guard let place = page.flows.reserve(ahead: given) else { break }
        if let next = page.flows.reserve(ahead: given &+ Self.placeAhead) { prefetch(next) }
        write(&tracker, UInt32(truncatingIfNeeded: position), place, now)
        given &+= 1
        left &-= Self.flowCost
      }
      left &-= 1
      position &+= 1
    }
    if given > 0 { page.flows.commit(given) }
    if position == end { finish() }
  }

  @inline(__always)
  private func prefetch(_ table: borrowing FlowTable) {
    let first = position &+ Self.ahead
    if first < end { martlet_prefetch(table.hot + first) }
    let next = position &+ Self.flowAhead
    guard next < end, table.hot[next].flags & FlowFlags.live != 0 else { return }
    martlet_prefetch(UnsafeRawPointer(table.hot + next) + 64)
    martlet_prefetch(table.cold + next)
    martlet_prefetch(UnsafeRawPointer(table.cold + next) + 64)
  }

  /// The lines of a place that every flow is written to.
  @inline(__always)
  private func prefetch(_ place: UnsafeMutablePointer<ScannedFlow>) {
    let start = UnsafeRawPointer(place)
    martlet_prefetch_write(start)
    martlet_prefetch_write(start + 64)
    martlet_prefetch_write(start + 128)
    martlet_prefetch_write(start + 192)
    martlet_prefetch_write(start + 256)
    martlet_prefetch_write(start + 400)
  }

  @inline(__always)
  private mutating func write(
    _ tracker: inout FlowTracker, _ entry: UInt32, _ place: UnsafeMutablePointer<ScannedFlow>,
    _ now: Int64
  ) {
    // The record is the place's beginning; a test asserts it.
    let record = UnsafeMutableRawPointer(place).assumingMemoryBound(to: FlowRecord.self)
    tracker.fill(record, entry)
    record.pointee.kind = FlowRecordKind.flowUpdate
    record.pointee.endReason = FlowEndReason.activeTimeout
    record.pointee.worker = tracker.worker
    record.pointee.exportTime = now
    record.pointee.event = 0
    if tracker.sampler.hasSampled || record.pointee.cold.marks.shift != 0 {
      tracker.noteSampling(record, entry)
    }
    place.pointee.entry = entry
    place.pointee.request = UInt32(truncatingIfNeeded: request)
    place.pointee.intervalBytes = 0
    place.pointee.intervalPackets = 0
    if options.contains(.rates) { rate(place, Int(entry)) }
  }

  /// What a flow has moved since the interval began; one that began since then counts whole.
  @inline(__always)
  private func rate(_ place: UnsafeMutablePointer<ScannedFlow>, _ entry: Int) {
    let hot = UnsafeMutableRawPointer(place).assumingMemoryBound(to: FlowHot.self)
    let bytes = hot.pointee.sideA.bytes &+ hot.pointee.sideB.bytes
    let packets = hot.pointee.sideA.packets &+ hot.pointee.sideB.packets
    let today = Seen(
      units: UInt32(truncatingIfNeeded: bytes >> 6), packets: UInt32(truncatingIfNeeded: packets))
    if place.pointee.record.cold.firstSeen > intervalBegan {
      place.pointee.intervalBytes = bytes
      place.pointee.intervalPackets = packets
    } else {
      // Both wrap as the low half of a total does.
      place.pointee.intervalBytes = UInt64(today.units &- seen[entry].units) << 6
      place.pointee.intervalPackets = UInt64(today.packets &- seen[entry].packets)
    }
    if options.contains(.newInterval) { seen[entry] = today }
  }

  // MARK: Ends

  /// Ends flows that are to end. Returns whether more wait.
  private func kill(_ tracker: inout FlowTracker, _ now: Int64) -> Bool {
    let count = page.kills.available(limit: Self.killsAtOnce)
    if count == 0 { return false }
    var done = 0
    var ended: UInt64 = 0
    while done < count {
      // Nobody who asks for a flow's end wants its record dropped.
      if tracker.records.count >= tracker.records.capacity { break }
      let flow = page.kills.peek(done)
      if tracker.endNow(flow, now: now) { ended &+= 1 }
      done &+= 1
    }
    page.kills.release(done)
    page.noteKills(done: UInt64(truncatingIfNeeded: done), ended: ended)
    return page.kills.count > 0
  }
}
