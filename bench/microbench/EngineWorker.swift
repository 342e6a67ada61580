import CBurst
import CMemoryPort
import FlowEngine

/// Something that takes bursts from the port in memory and turns them into records: Martlet's worker, or
/// the reference in C.
protocol BenchWorker: AnyObject {
  var port: MemoryPort { get }
  /// Takes `bursts` bursts, house-keeping after each, `nanoseconds` apart. Returns TSC ticks.
  func run(bursts: Int, nanoseconds: Int64) -> UInt64
  /// Takes the records that are waiting, as another core does beside the worker.
  func consume()
}

extension BenchWorker {
  /// TSC ticks a packet over `packets` packets; making them is not in it.
  func measure(_ traffic: some Traffic, packets: Int) -> Double {
    let burst = Int(MARTLET_BURST_CAPACITY)
    var ticks: UInt64 = 0
    var done = 0
    while done < packets {
      let count = min(port.capacity, (packets - done + burst - 1) / burst * burst)
      port.fill(traffic, count: count)
      ticks &+= run(bursts: count / burst, nanoseconds: traffic.burstNanoseconds)
      consume()
      done += count
    }
    return Double(ticks) / Double(done)
  }
}

/// What both workers of a comparison are made with.
struct BenchSettings {
  var capacity: Int
  var timeouts = FlowTimeouts()
  var ringSlots = 65_536
  /// The same hash in every run: else two runs do not do the same.
  var seed: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
    0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6c
  )

  static let begin: Int64 = 1_700_000_000_000_000_000
}

/// Martlet's own worker, as it is in the daemon: full parser, table, timers, counters, record ring.
final class EngineWorker: BenchWorker {
  let port: MemoryPort
  let records: Ring<FlowRecord>
  let counters: CounterBlock
  let scanPage: ScanPage
  let planItems: [MemoryPlan.Item]
  private let memory: HugeMemory
  private let worker: UnsafeMutablePointer<FlowWorker>
  private(set) var now = BenchSettings.begin
  /// Sees each record before it is given back.
  var onRecord: ((UnsafePointer<FlowRecord>) -> Void)?

  init(_ settings: BenchSettings, port: MemoryPort = MemoryPort()) {
    self.port = port
    let context = UnsafeMutableRawPointer(port.port)
    let workerSettings = FlowWorkerSettings(
      index: 0, workerCount: 1, flowCapacity: settings.capacity, timeouts: settings.timeouts,
      hash: FlowHash(seed: settings.seed))
    func build(
      _ plan: inout MemoryPlan, touch: Bool,
      _ shared: inout (Ring<FlowRecord>, CounterBlock, ScanPage)?
    ) -> FlowWorker {
      let records = Ring<FlowRecord>(
        memory: plan.take(
          "record ring", bytes: Ring<FlowRecord>.byteCount(capacity: settings.ringSlots)),
        capacity: settings.ringSlots)
      let counters = CounterBlock(memory: plan.take("counters", bytes: CounterBlock.byteCount))
      let handoff = Ring<ParsedPacket>(
        memory: plan.take("hand-off ring", bytes: Ring<ParsedPacket>.byteCount(capacity: 1)),
        capacity: 1)
      let page = ScanPage(memory: plan.take("flow scan ring", bytes: ScanPage.byteCount))
      shared = (records, counters, page)
      return FlowWorker(
        workerSettings, plan: &plan, touch: touch, records: records, counters: counters,
        scanPage: page,
        handoff: { _, _ in handoff }, release: memory_port_release, releaseContext: context)
    }
    var sum = MemoryPlan()
    var shared: (Ring<FlowRecord>, CounterBlock, ScanPage)?
    _ = build(&sum, touch: false, &shared)
    planItems = sum.items
    memory = HugeMemory(bytes: sum.total)
    var plan = MemoryPlan(memory: memory.start)
    worker = .allocate(capacity: 1)
    worker.initialize(to: build(&plan, touch: true, &shared))
    (records, counters, scanPage) = shared!
    worker.pointee.start(at: now)
  }

  deinit {
    worker.deinitialize(count: 1)
    worker.deallocate()
  }

  @inline(never)
  func run(bursts: Int, nanoseconds: Int64) -> UInt64 {
    let queue = port.queue
    let begin = martlet_tsc()
    for _ in 0..<bursts {
      let packets = worker.pointee.poll(queue, now: now)
      worker.pointee.housekeep(now: now, packets: packets)
      now &+= nanoseconds
    }
    return martlet_tsc() &- begin
  }

  /// Rounds that bring no packets.
  func rest(rounds: Int) {
    for _ in 0..<rounds { worker.pointee.housekeep(now: now) }
  }

  func consume() {
    let count = records.available(limit: .max)
    if let onRecord {
      for i in 0..<count { onRecord(records.peek(i)) }
    }
    records.release(count)
  }

  /// Ends all flows.
  func drain() {
    var cursor = 0
    while !worker.pointee.drain(now: now, cursor: &cursor) { consume() }
    consume()
  }

  var liveFlows: Int {
    worker.pointee.publishCounters()
    return Int(counters[.flowsLive])
  }
}
