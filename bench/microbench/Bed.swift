import CBurst
import FlowEngine
import Foundation

enum Ticks {
  /// The TSC's rate against the monotonic clock, over a tenth of a second.
  static func perSecond() -> Double {
    let clock = ContinuousClock()
    let begin = clock.now
    let tsc = martlet_tsc()
    usleep(100_000)
    let elapsed = (clock.now - begin) / .seconds(1)
    return Double(martlet_tsc() - tsc) / elapsed
  }
}

/// 64-byte frames (60 without the checksum) of `flows` TCP and UDP flows over IPv4, in random order.
final class FrameSet {
  static let frameBytes = 64
  let memory: UnsafeMutablePointer<UInt8>
  let count: Int

  init(flows: Int, count: Int) {
    self.count = count
    memory = .allocate(capacity: count * Self.frameBytes)
    memory.initialize(repeating: 0, count: count * Self.frameBytes)
    var state: UInt64 = 1
    for i in 0..<count {
      // A Weyl sequence through a mixer: every flow comes up, in no order a prefetcher could guess.
      state &+= 0x9e37_79b9_7f4a_7c15
      let flow = i < flows && count == flows ? i : Int((state ^ state >> 29) % UInt64(flows))
      fill(memory + i * Self.frameBytes, flow: (flow &* 2_654_435_761) % flows)
    }
  }

  deinit { memory.deallocate() }

  private func fill(_ frame: UnsafeMutablePointer<UInt8>, flow: Int) {
    let header: [UInt8] = [
      2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0, 0x45, 0, 0, 46, 0, 1, 0x40, 0, 64,
      flow & 1 == 0 ? 6 : 17, 0, 0, 10, UInt8(flow >> 16 & 255), UInt8(flow >> 8 & 255),
      UInt8(flow & 255), 192, 168, UInt8(flow >> 20 & 255), 1, UInt8(flow >> 3 & 255 | 0x80),
      UInt8(flow & 255), 1, 187,
    ]
    for (i, byte) in header.enumerated() { frame[i] = byte }
    if flow & 1 == 0 {
      // An acknowledgement without data, padded: one that is as good the second time as the first.
      frame[17] = 40
      frame[46] = 0x50
      frame[47] = TCPFlags.ack
      frame[48] = 16
    } else {
      frame[39] = 26
    }
  }
}

/// Stages alone, over scratch arrays as a worker has them.
struct Bed {
  let burst: Int
  let descriptors: UnsafeMutablePointer<martlet_packet>
  let parsed: UnsafeMutablePointer<ParsedPacket>
  let flowHash: FlowHash

  init(burst: Int) {
    self.burst = burst
    descriptors = .allocate(capacity: burst)
    descriptors.initialize(repeating: martlet_packet(), count: burst)
    parsed = .allocate(capacity: burst)
    UnsafeMutableRawPointer(parsed).initializeMemory(
      as: UInt8.self, repeating: 0, count: burst * MemoryLayout<ParsedPacket>.stride)
    var generator = SystemRandomNumberGenerator()
    flowHash = FlowHash(using: &generator)
  }

  @inline(never)
  func parse(_ frames: FrameSet, packets: Int) -> Double {
    let parser = PacketParser(hash: flowHash)
    var next = 0
    var total: UInt64 = 0
    var done = 0
    while done < packets {
      FeedQueue.describe(frames, &next, descriptors, burst)
      let begin = martlet_tsc()
      for i in 0..<burst {
        parsed[i].verdict = parser.parse(descriptors + i, into: parsed + i, now: 1)
      }
      total &+= martlet_tsc() &- begin
      done += burst
    }
    return Double(total) / Double(done)
  }
}

/// A queue that serves frames from memory in a circle.
struct FeedQueue {
  var frames: UnsafeMutablePointer<UInt8>
  var count: Int
  var next: Int

  static func describe(
    _ frames: FrameSet, _ next: inout Int, _ packets: UnsafeMutablePointer<martlet_packet>,
    _ count: Int
  ) {
    for i in 0..<count {
      describe(packets + i, frames.memory + next * FrameSet.frameBytes)
      next = next + 1 == frames.count ? 0 : next + 1
    }
  }

  static func describe(
    _ packet: UnsafeMutablePointer<martlet_packet>, _ frame: UnsafeMutablePointer<UInt8>
  ) {
    martlet_prefetch(frame)
    packet.pointee.data = UnsafePointer(frame)
    packet.pointee.captured_length = 60
    packet.pointee.wire_length = 60
    packet.pointee.timestamp_ns = 0
    packet.pointee.flags = 0
    packet.pointee.link_type = 1
  }
}

/// A whole worker fed from memory; its records are thrown away.
final class BenchWorker {
  private let feed: UnsafeMutablePointer<FeedQueue>
  private let queue: UnsafeMutablePointer<martlet_rx_queue>
  private let memory: UnsafeMutableRawPointer
  private let worker: UnsafeMutablePointer<FlowWorker>
  private let records: Ring<FlowRecord>
  private var now: Int64 = 1_000_000_000_000

  init(frames: FrameSet, capacity: Int) {
    feed = .allocate(capacity: 1)
    feed.initialize(to: FeedQueue(frames: frames.memory, count: frames.count, next: 0))
    queue = .allocate(capacity: 1)
    let release: martlet_release_fn = { _, _, _ in }
    queue.initialize(
      to: martlet_rx_queue(
        context: UnsafeMutableRawPointer(feed),
        receive: { context, packets, capacity in
          let feed = context!.assumingMemoryBound(to: FeedQueue.self)
          for i in 0..<Int(capacity) {
            FeedQueue.describe(
              packets! + i, feed.pointee.frames + feed.pointee.next * FrameSet.frameBytes)
            feed.pointee.next =
              feed.pointee.next + 1 == feed.pointee.count ? 0 : feed.pointee.next + 1
          }
          return capacity
        }, release: release, port: 0, queue: 0, flags: 0))
    var generator = SystemRandomNumberGenerator()
    let settings = FlowWorkerSettings(
      index: 0, workerCount: 1, flowCapacity: capacity, timeouts: FlowTimeouts(active: 0),
      hash: FlowHash(using: &generator))
    let ringSlots = 4096
    func build(_ plan: inout MemoryPlan, touch: Bool, ring: inout Ring<FlowRecord>?) -> FlowWorker {
      let records = Ring<FlowRecord>(
        memory: plan.take("records", bytes: Ring<FlowRecord>.byteCount(capacity: ringSlots)),
        capacity: ringSlots)
      let counters = CounterBlock(memory: plan.take("counters", bytes: CounterBlock.byteCount))
      let handoff = Ring<ParsedPacket>(
        memory: plan.take("handoff", bytes: Ring<ParsedPacket>.byteCount(capacity: 1)),
        capacity: 1)
      ring = records
      return FlowWorker(
        settings, plan: &plan, touch: touch, records: records, counters: counters,
        topPage: plan.take("top", bytes: TopScan.pageBytes), handoff: { _, _ in handoff },
        release: release, releaseContext: nil)
    }
    var sum = MemoryPlan()
    var ring: Ring<FlowRecord>?
    _ = build(&sum, touch: false, ring: &ring)
    let bytes = (sum.total + (2 << 20) - 1) & ~((2 << 20) - 1)
    memory = .allocate(byteCount: bytes, alignment: 2 << 20)
    madvise(memory, bytes, MADV_HUGEPAGE)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    var plan = MemoryPlan(memory: memory)
    worker = .allocate(capacity: 1)
    worker.initialize(to: build(&plan, touch: true, ring: &ring))
    records = ring!
    worker.pointee.start(at: now)
  }

  deinit {
    worker.deinitialize(count: 1)
    worker.deallocate()
    memory.deallocate()
    queue.deallocate()
    feed.deallocate()
  }

  /// Every frame once, so that all flows are there.
  func warm() { _ = run(packets: feed.pointee.count) }

  /// Ticks a packet, feeding and house-keeping included; a burst is taken to last 4 µs.
  @inline(never)
  func run(packets: Int) -> Double {
    var done = 0
    let begin = martlet_tsc()
    while done < packets {
      done += worker.pointee.poll(queue, now: now)
      worker.pointee.housekeep(now: now)
      now &+= 4_000
      records.release(records.available(limit: Int.max))
    }
    return Double(martlet_tsc() &- begin) / Double(done)
  }
}
