import CBurst
import FlowEngine

/// Workers over ordinary memory, fed frame by frame: the very engine that runs on a port.
final class WorkerBed {
  let settings: FlowWorkerSettings
  let memory: UnsafeMutableRawPointer
  let workers: UnsafeMutablePointer<FlowWorker>
  let counters: [CounterBlock]
  let records: [Ring<FlowRecord>]
  let handoffs: [Ring<ParsedPacket>]
  let scanPages: [ScanPage]
  let feed: UnsafeMutablePointer<Feed>
  let queues: UnsafeMutablePointer<martlet_rx_queue>

  /// What the queue's receive function takes from.
  struct Feed {
    var packets: [martlet_packet] = []
    /// At the most so many are given at a time.
    var burst: Int
    var released = 0
    var ordinal: UInt64 = 0
    var clock: UInt64 = 0
    var outstanding: Set<UInt> = []
  }

  init(
    workers count: Int = 1, capacity: Int = 1024, timeouts: FlowTimeouts = FlowTimeouts(),
    recordSlots: Int = 1024, handoffSlots: Int = 256, fragmentCapacity: Int = 16,
    heldFragments: Int = 8, hardwareRSS: Bool = false, packetTime: Bool = false,
    burst: Int = 64, packetMap: PacketMap? = nil,
    adjust: (inout FlowWorkerSettings) -> Void = { _ in }
  ) {
    var generator = SplitMix(state: 42)
    var settings = FlowWorkerSettings(
      index: 0, workerCount: count, flowCapacity: capacity, timeouts: timeouts,
      fragmentCapacity: fragmentCapacity, heldFragments: heldFragments,
      hash: FlowHash(using: &generator), runsOnPacketTime: packetTime, packetMap: packetMap)
    adjust(&settings)
    self.settings = settings
    let feed = UnsafeMutablePointer<Feed>.allocate(capacity: 1)
    feed.initialize(to: Feed(burst: burst))
    self.feed = feed
    let release: martlet_release_fn = { context, handles, count in
      let feed = context!.assumingMemoryBound(to: Feed.self)
      for i in 0..<Int(count) {
        precondition(
          feed.pointee.outstanding.remove(UInt(bitPattern: handles![i])) != nil,
          "a packet is given back once")
        feed.pointee.released += 1
      }
    }
    let common = settings
    func build(_ plan: inout MemoryPlan, touch: Bool) -> (
      [CounterBlock], [Ring<FlowRecord>], [Ring<ParsedPacket>], [ScanPage],
      UnsafeMutablePointer<FlowWorker>
    ) {
      let counters = (0..<count).map { _ in
        CounterBlock(memory: plan.take("counters", bytes: CounterBlock.byteCount))
      }
      let records = (0..<count).map { _ in
        Ring<FlowRecord>(
          memory: plan.take(
            "records", bytes: Ring<FlowRecord>.byteCount(capacity: recordSlots)),
          capacity: recordSlots)
      }
      let handoffs = (0..<count * count).map { _ in
        Ring<ParsedPacket>(
          memory: plan.take(
            "handoffs", bytes: Ring<ParsedPacket>.byteCount(capacity: handoffSlots)),
          capacity: handoffSlots)
      }
      let pages = (0..<count).map { _ in
        ScanPage(memory: plan.take("scan", bytes: ScanPage.byteCount))
      }
      let made = UnsafeMutablePointer<FlowWorker>.allocate(capacity: count)
      for i in 0..<count {
        var mine = common
        mine.index = i
        (made + i).initialize(
          to: FlowWorker(
            mine, plan: &plan, touch: touch, records: records[i], counters: counters[i],
            scanPage: pages[i], handoff: { handoffs[$0 * count + $1] }, release: release,
            releaseContext: UnsafeMutableRawPointer(feed)))
      }
      return (counters, records, handoffs, pages, made)
    }
    var sum = MemoryPlan()
    let nothing = build(&sum, touch: false)
    nothing.4.deinitialize(count: count)
    nothing.4.deallocate()
    memory = .allocate(byteCount: sum.total, alignment: 128)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: sum.total)
    var plan = MemoryPlan(memory: memory)
    (counters, records, handoffs, scanPages, workers) = build(&plan, touch: true)
    precondition(plan.total == sum.total, "both walks of the plan take the same")
    queues = .allocate(capacity: count)
    for i in 0..<count {
      (queues + i).initialize(
        to: martlet_rx_queue(
          context: UnsafeMutableRawPointer(feed),
          receive: { context, packets, capacity in
            let feed = context!.assumingMemoryBound(to: Feed.self)
            let count = min(Int(capacity), feed.pointee.burst, feed.pointee.packets.count)
            for i in 0..<count { packets![i] = feed.pointee.packets[i] }
            feed.pointee.packets.removeFirst(count)
            return UInt32(count)
          }, release: release, port: 0, queue: UInt16(i),
          flags: hardwareRSS ? UInt32(MARTLET_QUEUE_HARDWARE_RSS) : 0))
    }
  }

  deinit {
    for handle in feed.pointee.outstanding {
      UnsafeMutableRawPointer(bitPattern: handle)?.deallocate()
    }
    workers.deinitialize(count: settings.workerCount)
    workers.deallocate()
    queues.deallocate()
    memory.deallocate()
    feed.deinitialize(count: 1)
    feed.deallocate()
  }

  /// Puts a frame on the wire; `seconds` is its time. `wire`: how long it was before it was cut off.
  func add(
    _ frame: [UInt8], at seconds: Double, flags: UInt16 = 0, hash: UInt32 = 0, wire: Int? = nil,
    linkType: UInt32 = 1, tci: UInt16 = 0, outer: UInt16 = 0
  ) {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(frame.count, 1), alignment: 1)
    bytes.copyMemory(from: frame, byteCount: frame.count)
    var packet = martlet_packet()
    packet.data = UnsafePointer(bytes.assumingMemoryBound(to: UInt8.self))
    packet.handle = bytes
    packet.timestamp_ns = UInt64(seconds * 1e9)
    packet.captured_length = UInt32(frame.count)
    packet.wire_length = UInt32(wire ?? frame.count)
    packet.flags = flags
    packet.rss_hash = hash
    packet.link_type = linkType
    packet.vlan_tci = tci
    packet.vlan_tci_outer = outer
    if settings.runsOnPacketTime {
      packet.flags |= UInt16(MARTLET_PACKET_RECORDED)
      packet.ordinal = feed.pointee.ordinal
      feed.pointee.ordinal += 1
      feed.pointee.clock = max(feed.pointee.clock, packet.timestamp_ns)
      packet.clock_ns = feed.pointee.clock
    }
    feed.pointee.packets.append(packet)
    feed.pointee.outstanding.insert(UInt(bitPattern: bytes))
  }

  /// Packets' time, put where it is told: what the port of capture files does on a leap back.
  func tell(reached: Double, now: Double) {
    var packet = martlet_packet()
    packet.flags = UInt16(MARTLET_PACKET_CLOCK | MARTLET_PACKET_RECORDED)
    packet.timestamp_ns = UInt64(reached * 1e9)
    packet.clock_ns = UInt64(now * 1e9)
    feed.pointee.clock = packet.clock_ns
    feed.pointee.packets.append(packet)
  }

  /// Polls everything into worker `to` and lets the others take what it hands over.
  func run(to worker: Int = 0, now seconds: Double = 0) {
    let now = Int64(seconds * 1e9)
    while workers[worker].poll(queues + worker, now: now) > 0 {
      if settings.runsOnPacketTime {
        workers[worker].housekeep(now: workers[worker].packetClock)
      }
    }
    settle(now: now)
  }

  func settle(now: Int64 = 0) {
    var moved = 1
    while moved > 0 {
      moved = 0
      for i in 0..<settings.workerCount { moved += workers[i].pollHandoffs(now: now) }
    }
  }

  /// Lets time pass: house-keeping until nothing is due.
  func advance(to seconds: Double) {
    for i in 0..<settings.workerCount {
      for _ in 0..<256 { workers[i].housekeep(now: Int64(seconds * 1e9)) }
    }
  }

  func start(at seconds: Double) {
    for i in 0..<settings.workerCount { workers[i].start(at: Int64(seconds * 1e9)) }
  }

  /// Records of what was against a rule, as far as they have been taken.
  private(set) var anomalies: [FlowRecord] = []

  /// Takes all records that have been made so far; those of anomalies go to ``anomalies``.
  func takeRecords() -> [FlowRecord] {
    var out: [FlowRecord] = []
    for ring in records {
      let count = ring.available(limit: Int.max)
      for i in 0..<count {
        let record = ring.peek(i).pointee
        if record.kind == FlowRecordKind.anomaly {
          anomalies.append(record)
        } else {
          out.append(record)
        }
      }
      ring.release(count)
    }
    return out
  }

  /// Ends everything and gives what is left.
  func finish() -> [FlowRecord] {
    var out = takeRecords()
    for i in 0..<settings.workerCount {
      workers[i].giveUpFragments()
      var cursor = 0
      let end = settings.runsOnPacketTime ? workers[i].packetClock : Int64.max / 4
      while !workers[i].drain(now: end, cursor: &cursor) { out += takeRecords() }
      out += takeRecords()
    }
    return out
  }

  func total(_ counter: Counter) -> UInt64 { counters.reduce(0) { $0 + $1[counter] } }

  /// Of each worker, what came in that nothing accounts for.
  var unaccounted: [Int64] {
    for i in 0..<settings.workerCount { workers[i].publishCounters() }
    return counters.map { $0.snapshot().unaccounted }
  }
}

extension FlowRecord {
  var history: String {
    var text = cold.historyText
    return withUnsafeBytes(of: &text) {
      String(decoding: $0.prefix(Int(cold.historyLength)), as: UTF8.self)
    }
  }
}
