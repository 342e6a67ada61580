import CBurst
import CMemoryPort
import FlowEngine

/// The stages of a worker's burst one by one, each in a function of its own, over scratch arrays and a
/// table as a worker has them. What ``FlowWorker/poll(_:now:)`` does beside them (who owns the packet,
/// filter, counters of the burst) is missing: the difference of the sum and the whole worker shows it.
final class StageBed {
  static let burst = Int(MARTLET_BURST_CAPACITY)

  let port: MemoryPort
  let parser: PacketParser
  let records: Ring<FlowRecord>
  let packets: UnsafeMutablePointer<martlet_packet>
  let parsed: UnsafeMutablePointer<ParsedPacket>
  private let memory: HugeMemory
  private let tracker: UnsafeMutablePointer<FlowTracker>
  private let handles: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let flowHash: FlowHash
  var now = BenchSettings.begin
  var count = 0
  /// What look-ups and hashes gave, so that they are not optimised away.
  private(set) var checksum: UInt64 = 0

  init(_ settings: BenchSettings, port: MemoryPort = MemoryPort()) {
    self.port = port
    let hash = FlowHash(seed: settings.seed)
    flowHash = hash
    parser = PacketParser(hash: hash)
    struct Shared {
      var records: Ring<FlowRecord>
      var packets: UnsafeMutablePointer<martlet_packet>
      var parsed: UnsafeMutablePointer<ParsedPacket>
    }
    func build(
      _ plan: inout MemoryPlan, touch: Bool, _ shared: inout Shared?
    ) -> FlowTracker {
      let records = Ring<FlowRecord>(
        memory: plan.take(
          "record ring", bytes: Ring<FlowRecord>.byteCount(capacity: settings.ringSlots)),
        capacity: settings.ringSlots)
      let counters = CounterBlock(memory: plan.take("counters", bytes: CounterBlock.byteCount))
      shared = Shared(
        records: records,
        packets: plan.take("packets", bytes: Self.burst * MemoryLayout<martlet_packet>.stride)
          .assumingMemoryBound(to: martlet_packet.self),
        parsed: plan.take("parsed", bytes: Self.burst * MemoryLayout<ParsedPacket>.stride)
          .assumingMemoryBound(to: ParsedPacket.self))
      return FlowTracker(
        capacity: settings.capacity, timeouts: settings.timeouts, hash: hash, records: records,
        counters: counters, worker: 0, plan: &plan, touch: touch)
    }
    var sum = MemoryPlan()
    var shared: Shared?
    _ = build(&sum, touch: false, &shared)
    memory = HugeMemory(bytes: sum.total)
    var plan = MemoryPlan(memory: memory.start)
    handles = .allocate(capacity: Self.burst)
    handles.initialize(repeating: nil, count: Self.burst)
    tracker = .allocate(capacity: 1)
    tracker.initialize(to: build(&plan, touch: true, &shared))
    records = shared!.records
    packets = shared!.packets
    parsed = shared!.parsed
    tracker.pointee.start(at: now)
  }

  deinit {
    tracker.deinitialize(count: 1)
    tracker.deallocate()
    handles.deallocate()
  }

  // MARK: Stages

  @inline(never)
  func receive() {
    count = Int(port.queue.pointee.receive(port.queue.pointee.context, packets, UInt32(Self.burst)))
  }

  /// Parsing, key and hash, and the bucket on its way: the parser hashes a key while it is in registers.
  @inline(never)
  func parse() {
    let parser = parser
    let now = now
    for i in 0..<count {
      let p = parsed + i
      p.pointee.ordinal = 0
      p.pointee.verdict = parser.parse(packets + i, into: p, now: now)
      tracker.pointee.prefetchBucket(p.pointee.hash)
    }
  }

  /// The hash alone, of keys that lie in memory.
  @inline(never)
  func hash(every step: Int = 1) {
    var sum: UInt64 = 0
    var i = 0
    while i < count {
      sum &+= flowHash(parsed[i].key)
      i &+= step
    }
    checksum &+= sum
  }

  /// The look-up alone: an entry is on its way for as many packets as in the worker.
  @inline(never)
  func find() {
    var sum: UInt64 = 0
    let (count, parsed) = (count, parsed)
    for i in 0..<min(count, FlowWorker.usualAhead) { prefetch(parsed + i) }
    for i in 0..<count {
      if i &+ FlowWorker.usualAhead < count { prefetch(parsed + i + FlowWorker.usualAhead) }
      sum &+= UInt64(tracker.pointee.find(parsed + i))
    }
    checksum &+= sum
  }

  /// Look-up and update, or a new flow where there is none, or also an evicted one.
  @inline(never)
  func update() {
    let (count, parsed, now) = (count, parsed, now)
    for i in 0..<min(count, FlowWorker.usualAhead) { prefetch(parsed + i) }
    for i in 0..<count {
      if i &+ FlowWorker.usualAhead < count { prefetch(parsed + i + FlowWorker.usualAhead) }
      if !tracker.pointee.updateKnown(parsed + i, clock: now) {
        tracker.pointee.update(parsed + i, clock: now)
      }
    }
  }

  @inline(__always)
  private func prefetch(_ p: UnsafeMutablePointer<ParsedPacket>) {
    p.pointee.candidate = tracker.pointee.prefetchCandidate(p.pointee.hash)
  }

  @inline(never)
  func expire() -> Int { tracker.pointee.expire(now: now, budget: 64) }

  /// Of the first `count` entries from `first` on: a record each, as a flow's end writes it.
  @inline(never)
  func export(first: Int, count: Int) {
    for entry in first..<first &+ count {
      guard let record = records.reserve() else { return }
      tracker.pointee.fill(record, UInt32(truncatingIfNeeded: entry))
      records.commit()
    }
  }

  @inline(never)
  func giveBack() {
    for i in 0..<count { handles[i] = parsed[i].handle }
    port.queue.pointee.release(port.queue.pointee.context, handles, UInt32(count))
  }

  /// A whole burst, without what is not asked of all.
  func work() {
    receive()
    parse()
    update()
    _ = expire()
    giveBack()
  }

  func consume() { records.release(records.available(limit: .max)) }

  var liveFlows: Int { tracker.pointee.flowCount }
}
