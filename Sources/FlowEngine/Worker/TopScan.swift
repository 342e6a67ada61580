import CBurst

/// The busiest flows of a worker, found by the worker itself between bursts, for somebody who asks.
///
/// Asker and worker share a page and no lock: the asker writes what it wants and then a new request
/// number; the worker walks its table a stretch at a time, keeps the best in a small heap, writes
/// them to the page and then the number as answered. One asker at a time.
///
///     page: | request, count, order | 64: answered, found, interval | 128: results … |
package struct TopScan: ~Copyable {
  package static let maximumCount = 256
  /// Entries looked at between two bursts; about 2 µs.
  static let stretch = 512

  package enum Order: UInt64, Sendable {
    case rate = 0
    case bytes = 1
    case packets = 2
    case packetRate = 3
  }

  /// One flow of the answer.
  @frozen
  package struct Result: BitwiseCopyable, Sendable {
    package var record: FlowRecord
    /// Since the scan before, or the flow's beginning; over ``TopAnswer/intervalNanoseconds``.
    package var intervalBytes: UInt64
    package var intervalPackets: UInt64
  }

  struct Moved: BitwiseCopyable {
    var bytes: UInt64
    var packets: UInt64
  }

  struct Candidate: BitwiseCopyable {
    var score: UInt64
    var moved: Moved
    var entry: UInt32
  }

  /// The low halves of a flow's totals, bytes in units of 64: enough for the difference of two scans, that
  /// of bytes to within one unit.
  struct Seen: BitwiseCopyable {
    var units: UInt32
    var packets: UInt32

    init(_ totals: Moved) {
      units = UInt32(truncatingIfNeeded: totals.bytes >> 6)
      packets = UInt32(truncatingIfNeeded: totals.packets)
    }
  }

  package static var pageBytes: Int { 128 + maximumCount * MemoryLayout<Result>.stride }

  let page: UnsafeMutablePointer<UInt64>
  let results: UnsafeMutablePointer<Result>
  /// Totals at the scan before, by entry.
  let seen: UnsafeMutablePointer<Seen>
  let heap: UnsafeMutablePointer<Candidate>
  var heapCount = 0
  var wanted = 0
  var order = Order.rate.rawValue
  var request: UInt64 = 0
  var position = -1
  var lastScan: Int64 = 0

  init(page: UnsafeMutableRawPointer, capacity: Int, plan: inout MemoryPlan) {
    self.page = page.assumingMemoryBound(to: UInt64.self)
    results = (page + 128).assumingMemoryBound(to: Result.self)
    seen = plan.take("top scan", bytes: capacity * MemoryLayout<Seen>.stride)
      .assumingMemoryBound(to: Seen.self)
    heap = plan.take("top scan's heap", bytes: Self.maximumCount * MemoryLayout<Candidate>.stride)
      .assumingMemoryBound(to: Candidate.self)
  }

  /// Somebody waits for its answer.
  var isRunning: Bool { position >= 0 || martlet_load_relaxed(page) != request }

  @inline(__always)
  mutating func step(
    _ hot: UnsafeMutablePointer<FlowHot>, _ cold: UnsafeMutablePointer<FlowCold>, capacity: Int,
    now: Int64
  ) {
    if position < 0 && martlet_load_relaxed(page) == request { return }
    work(hot, cold, capacity, now)
  }

  @inline(never)
  private mutating func work(
    _ hot: UnsafeMutablePointer<FlowHot>, _ cold: UnsafeMutablePointer<FlowCold>, _ capacity: Int,
    _ now: Int64
  ) {
    if position < 0 {
      request = martlet_load_acquire(page)
      wanted = min(Int(truncatingIfNeeded: page[1]), Self.maximumCount)
      order = page[2]
      heapCount = 0
      position = 0
    }
    let end = min(position + Self.stretch, capacity)
    while position < end {
      let flow = hot + position
      if flow.pointee.flags & FlowFlags.live != 0 { consider(flow, cold + position, position) }
      position += 1
    }
    if position == capacity { answer(hot, cold, now) }
  }

  /// What a flow has moved since the last scan, whose totals are then today's; one that began since then
  /// counts whole.
  private func moved(
    _ flow: UnsafePointer<FlowHot>, _ cold: UnsafePointer<FlowCold>, _ entry: Int
  ) -> Moved {
    let totals = Moved(
      bytes: flow.pointee.sideA.bytes &+ flow.pointee.sideB.bytes,
      packets: flow.pointee.sideA.packets &+ flow.pointee.sideB.packets)
    let before = seen[entry]
    let today = Seen(totals)
    seen[entry] = today
    if cold.pointee.firstSeen > lastScan { return totals }
    // Both wrap as the low half of a total does.
    return Moved(
      bytes: UInt64(today.units &- before.units) << 6,
      packets: UInt64(today.packets &- before.packets))
  }

  private mutating func consider(
    _ flow: UnsafePointer<FlowHot>, _ cold: UnsafePointer<FlowCold>, _ entry: Int
  ) {
    let moved = moved(flow, cold, entry)
    let score: UInt64
    switch Order(rawValue: order) {
    case .bytes: score = flow.pointee.sideA.bytes &+ flow.pointee.sideB.bytes
    case .packets: score = flow.pointee.sideA.packets &+ flow.pointee.sideB.packets
    case .packetRate: score = moved.packets
    default: score = moved.bytes
    }
    let candidate = Candidate(score: score, moved: moved, entry: UInt32(truncatingIfNeeded: entry))
    if heapCount < wanted {
      heap[heapCount] = candidate
      heapCount += 1
      siftUp(heapCount - 1)
    } else if wanted > 0 && score > heap[0].score {
      heap[0] = candidate
      siftDown()
    }
  }

  /// Smallest score on top.
  private func siftUp(_ start: Int) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      if heap[parent].score <= heap[child].score { return }
      swap(parent, child)
      child = parent
    }
  }

  private func siftDown() {
    var parent = 0
    while true {
      let left = 2 * parent + 1
      if left >= heapCount { return }
      let right = left + 1
      let child = right < heapCount && heap[right].score < heap[left].score ? right : left
      if heap[parent].score <= heap[child].score { return }
      swap(parent, child)
      parent = child
    }
  }

  private func swap(_ a: Int, _ b: Int) {
    let kept = heap[a]
    heap[a] = heap[b]
    heap[b] = kept
  }

  private mutating func answer(
    _ hot: UnsafeMutablePointer<FlowHot>, _ cold: UnsafeMutablePointer<FlowCold>, _ now: Int64
  ) {
    var found = 0
    for i in 0..<heapCount {
      let entry = Int(heap[i].entry)
      guard hot[entry].flags & FlowFlags.live != 0 else { continue }
      results[found] = Result(
        record: FlowRecord(hot: hot[entry], cold: cold[entry]), intervalBytes: heap[i].moved.bytes,
        intervalPackets: heap[i].moved.packets)
      found += 1
    }
    page[9] = UInt64(found)
    page[10] = lastScan == 0 ? 0 : UInt64(bitPattern: now &- lastScan)
    lastScan = now
    position = -1
    martlet_store_release(page + 8, request)
  }
}
