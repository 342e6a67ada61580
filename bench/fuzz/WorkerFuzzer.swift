// A whole worker under libFuzzer and the address sanitizer: `make fuzz`.
//
// The input is cut into frames; each has two bytes of length and flags in front. Every frame lies in
// memory of its own that ends with it, so a read behind the capture is seen. Afterwards every packet
// must be accounted for and every buffer given back.

import CBurst
import FlowEngine

/// The queue's packets, and how many handles are out.
struct FuzzFeed {
  var packets: [martlet_packet] = []
  var outstanding = 0
}

final class FuzzBed {
  let feed = UnsafeMutablePointer<FuzzFeed>.allocate(capacity: 1)
  let memory: UnsafeMutableRawPointer
  let worker: UnsafeMutablePointer<FlowWorker>
  let queue = UnsafeMutablePointer<martlet_rx_queue>.allocate(capacity: 1)
  var counters: CounterBlock?
  var records: Ring<FlowRecord>?

  init() {
    feed.initialize(to: FuzzFeed())
    var generator = SystemRandomNumberGenerator()
    let settings = FlowWorkerSettings(
      index: 0, workerCount: 1, flowCapacity: 64, fragmentCapacity: 8, heldFragments: 4,
      hash: FlowHash(using: &generator))
    let context = UnsafeMutableRawPointer(feed)
    let release: martlet_release_fn = { context, handles, count in
      let feed = context!.assumingMemoryBound(to: FuzzFeed.self)
      for i in 0..<Int(count) { handles![i]?.deallocate() }
      feed.pointee.outstanding -= Int(count)
    }
    func build(
      _ plan: inout MemoryPlan, touch: Bool, counters: inout CounterBlock?,
      records: inout Ring<FlowRecord>?
    ) -> FlowWorker {
      let block = CounterBlock(memory: plan.take("counters", bytes: CounterBlock.byteCount))
      let ring = Ring<FlowRecord>(
        memory: plan.take("records", bytes: Ring<FlowRecord>.byteCount(capacity: 16)),
        capacity: 16)
      let handoff = Ring<ParsedPacket>(
        memory: plan.take("handoff", bytes: Ring<ParsedPacket>.byteCount(capacity: 1)),
        capacity: 1)
      counters = block
      records = ring
      return FlowWorker(
        settings, plan: &plan, touch: touch, records: ring, counters: block,
        topPage: plan.take("top", bytes: TopScan.pageBytes), handoff: { _, _ in handoff },
        release: release, releaseContext: context)
    }
    var sum = MemoryPlan()
    _ = build(&sum, touch: false, counters: &counters, records: &records)
    memory = .allocate(byteCount: sum.total, alignment: 128)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: sum.total)
    var plan = MemoryPlan(memory: memory)
    worker = .allocate(capacity: 1)
    worker.initialize(to: build(&plan, touch: true, counters: &counters, records: &records))
    worker.pointee.start(at: 0)
    queue.initialize(
      to: martlet_rx_queue(
        context: context,
        receive: { context, packets, capacity in
          let feed = context!.assumingMemoryBound(to: FuzzFeed.self)
          let count = min(Int(capacity), feed.pointee.packets.count)
          for i in 0..<count { packets![i] = feed.pointee.packets[i] }
          feed.pointee.packets.removeFirst(count)
          return UInt32(count)
        }, release: release, port: 0, queue: 0, flags: 0))
  }

  deinit {
    worker.deinitialize(count: 1)
    worker.deallocate()
    memory.deallocate()
    queue.deallocate()
    feed.deinitialize(count: 1)
    feed.deallocate()
  }

  func add(_ frame: UnsafeBufferPointer<UInt8>, flags: UInt8, time: UInt64) {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(frame.count, 1), alignment: 1)
    if let base = frame.baseAddress { bytes.copyMemory(from: base, byteCount: frame.count) }
    var packet = martlet_packet()
    packet.data = UnsafePointer(bytes.assumingMemoryBound(to: UInt8.self))
    packet.handle = bytes
    packet.captured_length = UInt32(frame.count)
    packet.wire_length = flags & 1 == 0 ? UInt32(frame.count) : UInt32.max
    packet.flags = UInt16(flags & 0x3e)
    packet.timestamp_ns = time
    packet.link_type = flags & 0x80 == 0 ? 1 : 113
    feed.pointee.packets.append(packet)
    feed.pointee.outstanding += 1
  }

  func run() {
    while worker.pointee.poll(queue, now: 1) > 0 {}
    worker.pointee.housekeep(now: 1 << 40)
    worker.pointee.publishCounters()
    precondition(counters!.snapshot().unaccounted == 0, "every packet is accounted for")
    records!.release(records!.available(limit: Int.max))
    worker.pointee.giveUpFragments()
    var cursor = 0
    while !worker.pointee.drain(now: 1 << 41, cursor: &cursor) {
      records!.release(records!.available(limit: Int.max))
    }
    worker.pointee.publishCounters()
    let end = counters!.snapshot()
    precondition(end.unaccounted == 0, "every packet is accounted for at the end")
    precondition(end[.flowsLive] == 0, "every flow has ended")
    precondition(feed.pointee.outstanding == 0, "every buffer is given back")
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let bed = FuzzBed()
  let bytes = UnsafeBufferPointer(start: data, count: size)
  var offset = 0
  var time: UInt64 = 1 << 32
  while offset + 2 <= size {
    let length = min(Int(bytes[offset]) * 2, size - offset - 2)
    let flags = bytes[offset + 1]
    // Time mostly rises, now and then falls or leaps by years.
    time = flags & 0x40 == 0 ? time &+ 1_000_000 : UInt64(flags) << 54
    bed.add(
      UnsafeBufferPointer(rebasing: bytes[(offset + 2)..<(offset + 2 + length)]), flags: flags,
      time: time)
    offset += 2 + length
  }
  bed.run()
  return 0
}

/// libFuzzer as a library: SwiftPM gives executables an entry point of its own name, so libFuzzer's
/// `main` cannot be it.
@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

@_cdecl("martlet_fuzz_worker_main")
func entry(
  _ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  var count = count
  var arguments = arguments
  return runDriver(&count, &arguments) { fuzz($0, $1) }
}
