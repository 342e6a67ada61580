// Workers over memory of their own, fed with frames, and what must hold of them at every moment.
//
// Every frame lies in memory of its own that ends with it, so a read behind the capture is seen.

import CBurst
import FuzzDriver

@testable import FlowEngine
@testable import Ports

final class FuzzBed {
  struct Feed {
    var packets: [martlet_packet] = []
    var next = 0
    var burst = 64
    var outstanding = 0
  }

  let shape: FuzzShape
  let feed = UnsafeMutablePointer<Feed>.allocate(capacity: 1)
  let workers: UnsafeMutablePointer<FlowWorker>
  let queue = UnsafeMutablePointer<martlet_rx_queue>.allocate(capacity: 1)
  private var counters: [CounterBlock] = []
  private var records: [Ring<FlowRecord>] = []
  /// The latest time of a frame; on packets' time what the port of capture files makes of them.
  private var latest: UInt64 = 0
  private var clock = PacketClock()
  private var frames: UInt64 = 0
  private var packetsInRecords: UInt64 = 0
  private var bytesInRecords: UInt64 = 0
  /// What each record says, where that is asked for.
  private(set) var said: [String] = []
  let keepsRecords: Bool
  /// More to hold of each flow.
  var check: (FlowRecord) -> Void = { _ in }

  /// Taken once for each size: to give back and take megabytes for each input would be most of the time.
  private nonisolated(unsafe) static var memories: [Int: UnsafeMutableRawPointer] = [:]

  init(_ shape: FuzzShape, keepsRecords: Bool = false) {
    self.shape = shape
    self.keepsRecords = keepsRecords
    feed.initialize(to: Feed(burst: shape.burst))
    let context = UnsafeMutableRawPointer(feed)
    let release: martlet_release_fn = { context, handles, count in
      let feed = context!.assumingMemoryBound(to: Feed.self)
      for i in 0..<Int(count) { handles![i]?.deallocate() }
      feed.pointee.outstanding -= Int(count)
    }
    workers = .allocate(capacity: shape.workers)
    var sum = MemoryPlan()
    Self.build(shape, &sum, touch: false, workers, release, context, nil)
    workers.deinitialize(count: shape.workers)
    let memory =
      Self.memories[sum.total] ?? .allocate(byteCount: sum.total, alignment: 128)
    Self.memories[sum.total] = memory
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: sum.total)
    var plan = MemoryPlan(memory: memory)
    queue.initialize(
      to: martlet_rx_queue(
        context: context,
        receive: { context, packets, capacity in
          let feed = context!.assumingMemoryBound(to: Feed.self)
          let count = min(
            Int(capacity), feed.pointee.burst, feed.pointee.packets.count - feed.pointee.next)
          for i in 0..<count { packets![i] = feed.pointee.packets[feed.pointee.next + i] }
          feed.pointee.next += count
          return UInt32(count)
        }, release: release, port: 0, queue: 0, flags: 0))
    Self.build(shape, &plan, touch: true, workers, release, context, self)
    precondition(plan.total == sum.total, "both walks of the plan take the same")
    for i in 0..<shape.workers { workers[i].start(at: 0) }
  }

  private static func build(
    _ shape: FuzzShape, _ plan: inout MemoryPlan, touch: Bool,
    _ workers: UnsafeMutablePointer<FlowWorker>, _ release: martlet_release_fn,
    _ context: UnsafeMutableRawPointer, _ bed: FuzzBed?
  ) {
    let count = shape.workers
    let counters = (0..<count).map { _ in
      CounterBlock(memory: plan.take("counters", bytes: CounterBlock.byteCount))
    }
    let records = (0..<count).map { _ in
      Ring<FlowRecord>(
        memory: plan.take(
          "records", bytes: Ring<FlowRecord>.byteCount(capacity: shape.records)),
        capacity: shape.records)
    }
    let handoffs = (0..<count * count).map { _ in
      Ring<ParsedPacket>(
        memory: plan.take(
          "handoff", bytes: Ring<ParsedPacket>.byteCount(capacity: shape.handoffs)),
        capacity: shape.handoffs)
    }
    var settings = FlowWorkerSettings(
      index: 0, workerCount: count, flowCapacity: shape.flows, timeouts: shape.timeouts,
      vlanInKey: shape.vlanInKey, decapsulation: shape.decapsulation,
      fragmentCapacity: shape.datagrams, heldFragments: shape.held,
      hash: FlowHash(seed: (11, 23, 0xdead_beef, 41, 0x1234_5678_9abc, 61)),
      runsOnPacketTime: shape.isPacketTime)
    settings.checksums = shape.checksums
    settings.detailCapacity = shape.details
    for i in 0..<count {
      settings.index = i
      let page = ScanPage(memory: plan.take("scan", bytes: ScanPage.byteCount))
      (workers + i).initialize(
        to: FlowWorker(
          settings, plan: &plan, touch: touch, records: records[i], counters: counters[i],
          scanPage: page, handoff: { handoffs[$0 * count + $1] }, release: release,
          releaseContext: context))
    }
    bed?.counters = counters
    bed?.records = records
  }

  deinit {
    workers.deinitialize(count: shape.workers)
    workers.deallocate()
    queue.deallocate()
    feed.deinitialize(count: 1)
    feed.deallocate()
  }

  // MARK: In

  func add(_ frame: FuzzFrame) {
    var packet = martlet_packet()
    packet.timestamp_ns = frame.time
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: max(frame.bytes.count, 1), alignment: 1)
    frame.bytes.withUnsafeBytes { source in
      if let base = source.baseAddress { bytes.copyMemory(from: base, byteCount: source.count) }
    }
    packet.data = UnsafePointer(bytes.assumingMemoryBound(to: UInt8.self))
    packet.handle = bytes
    packet.captured_length = UInt32(frame.bytes.count)
    packet.wire_length = frame.wire
    packet.flags = frame.flags
    packet.vlan_tci = 7
    packet.vlan_tci_outer = 8
    packet.link_type = frame.linkType
    latest = max(latest, frame.time)
    if shape.isPacketTime {
      packet.flags |= UInt16(MARTLET_PACKET_RECORDED)
      packet.ordinal = frames
      var before: UInt64 = 0
      if clock.take(frame.time, before: &before) { tell(reached: before) }
      packet.clock_ns = clock.now
    }
    frames += 1
    feed.pointee.packets.append(packet)
    feed.pointee.outstanding += 1
  }

  /// The packets' time has reached a point, and goes on from the clock's.
  private func tell(reached: UInt64) {
    var packet = martlet_packet()
    packet.flags = UInt16(MARTLET_PACKET_CLOCK | MARTLET_PACKET_RECORDED)
    packet.timestamp_ns = reached
    packet.clock_ns = clock.now
    feed.pointee.packets.append(packet)
  }

  // MARK: Through

  /// Everything through the workers, turn by turn, and out.
  func run() {
    if shape.isPacketTime && frames > 0 { tell(reached: clock.now) }
    var turn = 0
    while feed.pointee.next < feed.pointee.packets.count {
      let next = feed.pointee.packets[feed.pointee.next]
      let now = Int64(truncatingIfNeeded: next.timestamp_ns)
      let worker = workers + turn % shape.workers
      _ = worker.pointee.poll(queue, now: now)
      // Not after each burst: rings fill up.
      if turn % 3 == 0 { settle(now) }
      worker.pointee.housekeep(now: shape.isPacketTime ? worker.pointee.packetClock : now)
      collect()
      // In bursts of one now and then: to add up all counters costs more than a packet.
      if shape.burst > 1 || turn % 16 == 0 {
        for i in 0..<shape.workers { hold(i) }
      }
      turn += 1
    }
    let end = shape.isPacketTime ? workers.pointee.packetClock : Int64(truncatingIfNeeded: latest)
    var moved = 1
    while moved > 0 { moved = settle(end) }
    for i in 0..<shape.workers { workers[i].giveUpFragments() }
    // A datagram that one worker followed belongs to another one's flow.
    moved = 1
    while moved > 0 { moved = settle(end) }
    for i in 0..<shape.workers {
      var cursor = 0
      while !workers[i].drain(now: end, cursor: &cursor) { collect() }
      collect()
      hold(i)
      atTheEnd(i)
    }
    precondition(total(.handedIn) == total(.handedOut), "what was handed out came in")
    precondition(total(.received) == frames, "every frame was received")
    precondition(feed.pointee.outstanding == 0, "every buffer is given back")
    guard total(.recordsDropped) == 0 else { return }
    precondition(packetsInRecords == total(.countedInFlows), "records hold every packet counted")
    precondition(bytesInRecords == total(.countedBytes), "and every byte")
  }

  @discardableResult
  private func settle(_ now: Int64) -> Int {
    var moved = 0
    for i in 0..<shape.workers { moved += workers[i].pollHandoffs(now: now) }
    return moved
  }

  func total(_ counter: Counter) -> UInt64 { counters.reduce(0) { $0 + $1[counter] } }

  /// What holds at every moment.
  private func hold(_ i: Int) {
    workers[i].publishCounters()
    precondition(counters[i].snapshot().unaccounted == 0, "every packet is accounted for")
    let held = workers[i].fragments.heldCount
    precondition(held >= 0 && held <= shape.held, "no more fragments wait than there is room for")
    precondition(counters[i][.heldFragments] == UInt64(held), "the gauge tells how many wait")
    precondition(workers[i].fragments.datagramCount <= shape.datagrams)
    precondition(workers[i].tracker.details.count <= workers[i].tracker.table.count)
    precondition(workers[i].tracker.tunnels.count <= workers[i].tracker.table.count)
  }

  private func atTheEnd(_ i: Int) {
    precondition(workers[i].tracker.table.count == 0, "every flow has ended")
    precondition(workers[i].tracker.details.count == 0, "every detail is given back")
    precondition(workers[i].tracker.tunnels.count == 0, "every tunnel is let go")
    precondition(workers[i].tracker.wheel.earliest() == nil, "no deadline is left")
    precondition(workers[i].fragments.heldCount == 0, "no fragment waits")
    precondition(workers[i].fragments.datagramCount == 0, "no datagram is remembered")
    precondition(workers[i].fragments.freeHeldCount == shape.held, "all places are free")
  }

  // MARK: Out

  private func collect() {
    for (i, ring) in records.enumerated() {
      let count = ring.available(limit: Int.max)
      for place in 0..<count {
        let record = ring.peek(place).pointee
        precondition(Int(record.worker) == i, "a worker signs its records")
        take(record)
      }
      ring.release(count)
    }
  }

  private func take(_ record: FlowRecord) {
    if keepsRecords { said.append(FuzzRecord.text(record)) }
    FuzzRecord.hold(record)
    guard record.kind == FlowRecordKind.flow else { return }
    packetsInRecords += record.hot.sideA.packets + record.hot.sideB.packets
    bytesInRecords += record.hot.sideA.bytes + record.hot.sideB.bytes
    check(record)
  }

  // MARK: Whole inputs

  /// Runs frames through the engine; on packets' time twice, in full bursts and in bursts of 1, which must make
  /// no difference to any record.
  static func run(
    _ frames: [FuzzFrame], _ shape: FuzzShape, check: @escaping (FlowRecord) -> Void = { _ in }
  ) {
    let bed = FuzzBed(shape, keepsRecords: shape.isPacketTime)
    bed.check = check
    for frame in frames { bed.add(frame) }
    bed.run()
    guard shape.isPacketTime else { return }
    var single = shape
    single.burst = 1
    let other = FuzzBed(single, keepsRecords: true)
    for frame in frames { other.add(frame) }
    other.run()
    let (a, b) = (bed.said.sorted(), other.said.sorted())
    if a != b {
      for line in a where !b.contains(line) { complain("full bursts: \(line)\n") }
      for line in b where !a.contains(line) { complain("bursts of  1: \(line)\n") }
      preconditionFailure("full bursts and bursts of 1 give the same records")
    }
  }
}
