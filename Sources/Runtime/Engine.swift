import CBurst
package import ControlAPI
import Dissection
package import FlowEngine
import Foundation
package import Logging
package import Ports
import Records
package import Sinks
import Synchronization

/// The engine: ports in front, workers between, sinks behind.
///
/// It is built in ``init(settings:ports:host:sinks:logger:)``, runs from ``start()`` to ``stop()``,
/// and is asked from any thread through ``EngineInterface`` meanwhile. Everything that a packet
/// needs is taken in `init`; the sum is in ``memoryLines``.
package final class Engine: @unchecked Sendable {
  package let settings: EngineSettings
  package let ports: [any CapturePort]
  package let sinks: [any RecordSink]
  /// Who is shown each record before it is encoded for the sinks.
  package let consumers: [any RecordConsumer]
  /// Which records there are at all, by `martlet read --where`; all where nil.
  package let recordFilter: RecordFilter?
  let host: any WorkerHost
  let logger: Logger
  package let clock: EngineClock
  /// Nanoseconds since 1970; with `worker` and `seq` it makes every record's number unique.
  package let startEpoch: Int64
  let startedMonotonic: Int64

  /// What was taken, by name, in bytes.
  package private(set) var memoryLines: [(name: String, bytes: Int)] = []
  package private(set) var memoryPages = EngineMemory.Pages.ordinary
  private let memory: EngineMemory
  private let threads: UnsafeMutablePointer<WorkerThread>
  private let dissections: UnsafeMutablePointer<Dissection>?
  private let queueLists: [UnsafeMutablePointer<martlet_rx_queue>]
  private let mailboxes: UnsafeMutablePointer<UInt64>
  let counters: [CounterBlock]
  let recordRings: [Ring<FlowRecord>]
  /// Protocol records, by worker; none where nobody looks into payloads.
  let eventRings: [ByteRing]
  /// Payloads, by worker; none where nobody keeps them.
  package let payloadRings: [ByteRing]
  let handoffRings: [Ring<ParsedPacket>]
  let flowScanner: FlowScanner
  /// What workers read between bursts, and who changes it.
  let tuningPage: TuningPage
  /// Names that filter rules give flows.
  let tags = TagNames()
  /// The filter rules; nil where packets come from capture files.
  private(set) var filterBook: FilterBook?
  /// Sleep bound of each worker in nanoseconds, known once ports have started; 0 before.
  let sleepLimits = Mutex<[UInt64]>([])
  /// Queues of each worker, for who asks.
  package let queueNames: [[QueueName]]

  let state = Mutex(EngineStatus.State.starting)
  let shutdownRequested = Mutex(false)
  let timeMeter: TimeMeter
  let rateKeeper = RateKeeper()
  /// Set before anybody asks; nil where there is no file, and no log of our own.
  package var reloader: Reloader?
  package var logLevel: LogLevel?
  /// One change of a port at a time.
  let portChanges = Mutex(())
  private let portBits: [UnsafeMutablePointer<UInt64>]
  private var pump: RecordPump?
  private let abandoned = Atomic<Bool>(false)

  /// Takes all memory and sets up the workers; nothing runs yet.
  package init(
    settings: EngineSettings, ports: [any CapturePort], host: any WorkerHost,
    sinks: [any RecordSink], consumers: [any RecordConsumer] = [],
    recordFilter: RecordFilter? = nil, logger: Logger
  ) throws {
    self.settings = settings
    self.ports = ports
    self.host = host
    self.sinks = sinks
    self.consumers = consumers
    self.recordFilter = recordFilter
    self.logger = logger
    clock = EngineClock(measuringMicroseconds: settings.runsOnPacketTime ? 500 : 20_000)
    startEpoch = EngineClock.systemNanoseconds
    startedMonotonic = EngineClock.monotonicNanoseconds
    let count = settings.workerCount

    var generator = SystemRandomNumberGenerator()
    let hash = FlowHash(using: &generator)
    var sum = MemoryPlan()
    let empty = Self.layOut(settings, hash, &sum, touch: false, release: host.release)
    let ranges = empty.workers
    memory = try EngineMemory(
      byteCount: sum.total, noHugepages: settings.noHugepages,
      reserved: !settings.runsOnPacketTime
    ) { base in
      for (worker, range) in ranges.enumerated() {
        host.bind(memory: base + range.lowerBound, byteCount: range.count, toWorker: worker)
      }
    }
    memoryPages = memory.pages
    memoryLines = Self.summarise(sum.items)

    var plan = MemoryPlan(memory: memory.base)
    let layout = Self.layOut(settings, hash, &plan, touch: true, release: host.release)
    counters = layout.counters
    recordRings = layout.records
    eventRings = layout.events
    payloadRings = layout.payloads
    handoffRings = layout.handoffs
    flowScanner = FlowScanner(layout.scanPages)
    tuningPage = layout.tuning
    tuningPage[.pollMode] = settings.pollMode.rawValue
    tuningPage[.maximumSleepNanoseconds] = UInt64(settings.maximumSleepMicroseconds) * 1000
    tuningPage[.statsIntervalNanoseconds] = UInt64(settings.statsIntervalSeconds * 1e9)
    tuningPage.set(settings.sampling)
    tuningPage.set(settings.timeouts)
    tuningPage[.burstPackets] = UInt64(settings.burstPackets)
    tuningPage[.prefetchDistance] = UInt64(settings.prefetchDistance)
    tuningPage[.traceInterval] = UInt64(settings.traceInterval)
    let filterMemory = layout.filters
    mailboxes = layout.mailboxes
    threads = .allocate(capacity: count)
    dissections = settings.dissection == nil ? nil : .allocate(capacity: count)
    var lists: [UnsafeMutablePointer<martlet_rx_queue>] = []
    var names: [[QueueName]] = []
    var bits: [UnsafeMutablePointer<UInt64>] = []
    let ticks = UInt64(clock.ticksPerSecond / 1000)
    for index in 0..<count {
      // Queue i of every port that has one.
      let queues = ports.compactMap { $0.queue(index) }
      names.append(
        ports.filter { $0.queue(index) != nil }.map { QueueName(port: $0.name, queue: index) })
      let list = UnsafeMutablePointer<martlet_rx_queue>.allocate(capacity: max(queues.count, 1))
      list.initialize(from: queues, count: queues.count)
      lists.append(list)
      let polled = ports.indices.filter { ports[$0].queue(index) != nil }.map(Self.portBit)
      let bit = UnsafeMutablePointer<UInt64>.allocate(capacity: max(polled.count, 1))
      bit.initialize(from: polled, count: polled.count)
      bits.append(bit)
      var workerSettings = Self.workerSettings(settings, hash)
      workerSettings.index = index
      workerSettings.filters = filterMemory
      var worker = FlowWorker(
        workerSettings, plan: &plan, touch: true, records: layout.records[index],
        counters: layout.counters[index], scanPage: layout.scanPages[index],
        handoff: { layout.handoffs[$0 * count + $1] }, release: host.release,
        releaseContext: nil)
      if let dissections, let wanted = settings.dissection, let shared = layout.shared {
        (dissections + index).initialize(
          to: Dissection(
            wanted, plan: &plan, touch: true, flows: worker.access,
            counters: layout.counters[index], ring: layout.events[index],
            payloads: layout.payloads.isEmpty ? nil : layout.payloads[index], worker: index,
            shared: shared, waits: settings.runsOnPacketTime))
        worker.attach(Dissection.hook(dissections + index))
      }
      (threads + index).initialize(
        to: WorkerThread(
          worker: worker, dissection: dissections.map { $0 + index }, queues: list,
          queueCount: queues.count, clock: clock.reader,
          mailbox: layout.mailboxes + index * 16,
          tuning: layout.tuning, ticksPerMillisecond: ticks, portBits: bit))
    }
    queueLists = lists
    portBits = bits
    queueNames = names
    timeMeter = TimeMeter(workers: count)
    if let filterMemory {
      let clock = clock
      let book = FilterBook(
        memory: filterMemory, tags: tags, portNames: ports.map(\.name),
        fragmentTimeoutSeconds: settings.fragmentTimeoutSeconds,
        isPolling: { [unowned self] in state.withLock { $0 == .running } },
        ticksPerSecond: { clock.ticksPerSecond })
      try book.set(settings.filters)
      filterBook = book
    }
  }

  deinit {
    (threads).deinitialize(count: settings.workerCount)
    threads.deallocate()
    dissections?.deinitialize(count: settings.workerCount)
    dissections?.deallocate()
    for list in queueLists { list.deallocate() }
    for bits in portBits { bits.deallocate() }
  }

  // MARK: Layout

  private struct Layout {
    var counters: [CounterBlock] = []
    var records: [Ring<FlowRecord>] = []
    var events: [ByteRing] = []
    var payloads: [ByteRing] = []
    var handoffs: [Ring<ParsedPacket>] = []
    var scanPages: [ScanPage] = []
    var mailboxes: UnsafeMutablePointer<UInt64>
    var tuning: TuningPage
    var filters: FilterMemory?
    /// Of all dissections.
    var shared: Dissection.SharedMemory?
    /// Where each worker's own memory lies in the plan, on whole pages; known after adding up.
    var workers: [Range<Int>] = []
  }

  private static func workerSettings(_ settings: EngineSettings, _ hash: FlowHash)
    -> FlowWorkerSettings
  {
    var made = FlowWorkerSettings(
      index: 0, workerCount: settings.workerCount, flowCapacity: settings.flowCapacity,
      timeouts: settings.timeouts, vlanInKey: settings.vlanInKey,
      decapsulation: settings.decapsulation,
      fragmentCapacity: settings.fragmentCapacity, heldFragments: settings.heldFragments,
      fragmentTimeoutSeconds: settings.fragmentTimeoutSeconds, hash: hash,
      ownerTableSize: settings.ownerTableSize, runsOnPacketTime: settings.runsOnPacketTime,
      packetMap: settings.packetMap, packetFilter: settings.packetFilter)
    made.keepsFragments = settings.dissection != nil
    made.checksums = settings.checksums
    made.detailCapacity = settings.detailCapacity
    made.anomaliesPerSecond = settings.anomaliesPerSecond
    return made
  }

  /// Everything that workers share with others; while `touch` is false also what they keep to
  /// themselves, so that the plan's total is the engine's.
  private static func layOut(
    _ settings: EngineSettings, _ hash: FlowHash, _ plan: inout MemoryPlan, touch: Bool,
    release: @escaping martlet_release_fn
  ) -> Layout {
    let count = settings.workerCount
    var layout = Layout(
      mailboxes: plan.take("mailboxes", bytes: count * 128).assumingMemoryBound(to: UInt64.self),
      tuning: TuningPage(memory: plan.take("tuning", bytes: TuningPage.byteCount)))
    if !settings.runsOnPacketTime {
      layout.filters = FilterMemory(workers: count, plan: &plan)
    }
    if settings.dissection != nil {
      layout.shared = Dissection.shared(workers: count, plan: &plan)
    }
    for _ in 0..<count {
      layout.counters.append(
        CounterBlock(memory: plan.take("counters", bytes: CounterBlock.byteCount)))
      layout.records.append(
        Ring(
          memory: plan.take(
            "record rings", bytes: Ring<FlowRecord>.byteCount(capacity: settings.recordRingSlots)),
          capacity: settings.recordRingSlots))
      if let dissection = settings.dissection {
        layout.events.append(
          ByteRing(
            memory: plan.take(
              "protocol record rings", bytes: ByteRing.byteCount(capacity: dissection.ringBytes)),
            capacity: dissection.ringBytes))
        if dissection.keepsStreams || dissection.keepsFiles {
          layout.payloads.append(
            ByteRing(
              memory: plan.take(
                "payload rings", bytes: ByteRing.byteCount(capacity: dissection.payloadRingBytes)),
              capacity: dissection.payloadRingBytes))
        }
      }
      layout.scanPages.append(
        ScanPage(memory: plan.take("flow scan rings", bytes: ScanPage.byteCount)))
    }
    for pair in 0..<(count * count) {
      // A worker hands nothing to itself, and those of capture files nothing at all: the smallest ring
      // stands there.
      let isUnused = pair / count == pair % count || settings.runsOnPacketTime
      let slots = isUnused ? 1 : settings.handoffSlots
      layout.handoffs.append(
        Ring(
          memory: plan.take(
            "hand-off rings", bytes: Ring<ParsedPacket>.byteCount(capacity: slots)),
          capacity: slots))
    }
    if !touch {
      for index in 0..<count {
        let start = plan.total
        defer { layout.workers.append(Self.wholePages(start..<plan.total)) }
        let worker = FlowWorker(
          workerSettings(settings, hash), plan: &plan, touch: false,
          records: layout.records[index], counters: layout.counters[index],
          scanPage: layout.scanPages[index], handoff: { layout.handoffs[$0 * count + $1] },
          release: release, releaseContext: nil)
        if let dissection = settings.dissection, let shared = layout.shared {
          let made = Dissection(
            dissection, plan: &plan, touch: false, flows: worker.access,
            counters: layout.counters[index], ring: layout.events[index], worker: index,
            shared: shared, waits: false)
          _ = consume made
        }
        _ = consume worker
      }
    }
    return layout
  }

  /// The hugepages that lie wholly within a range: one that two workers share is nobody's.
  private static func wholePages(_ range: Range<Int>) -> Range<Int> {
    let page = EngineMemory.hugePage
    let first = (range.lowerBound + page - 1) & ~(page - 1)
    return first..<max(first, range.upperBound & ~(page - 1))
  }

  private static func summarise(_ items: [MemoryPlan.Item]) -> [(name: String, bytes: Int)] {
    var order: [String] = []
    var sums: [String: Int] = [:]
    for item in items {
      if sums[item.name] == nil { order.append(item.name) }
      sums[item.name, default: 0] += item.bytes
    }
    return order.map { ($0, sums[$0]!) }
  }

  // MARK: Life

  /// Sinks first, then workers, then ports: nothing arrives before there is somebody to take it. Where
  /// one fails, what was started is taken down again.
  package func start() throws {
    var startedSinks: [any RecordSink] = []
    var launched = 0
    var startedPorts: [any CapturePort] = []
    do {
      for sink in sinks {
        try sink.start()
        startedSinks.append(sink)
      }
      pump = RecordPump(engine: self)
      pump?.start()
      for port in ports {
        try port.start()
        startedPorts.append(port)
      }
      boundSleeps()
      for index in 0..<settings.workerCount {
        try host.launch(worker: index, workerThreadMain, argument: threads + index)
        launched += 1
      }
    } catch {
      for index in 0..<launched { ask(index, WorkerPhase.abandon) }
      for index in 0..<launched { host.wait(worker: index) }
      for port in startedPorts { port.stop() }
      pump?.finish()
      for sink in startedSinks { sink.finish(withinSeconds: 1) }
      throw error
    }
    state.withLock { $0 = .running }
    flowScanner.isOpen = true
  }

  /// Tells each worker how long its rings last; between the ports' start and the workers'.
  private func boundSleeps() {
    let limits = (0..<settings.workerCount).map { worker in
      SleepBound.nanoseconds(
        queues: ports.filter { $0.queue(worker) != nil }
          .map { ($0.description.descriptors, $0.link().speedMbps) },
        handoffSlots: settings.workerCount > 1 && !settings.runsOnPacketTime
          ? settings.handoffSlots : nil)
    }
    for (worker, limit) in limits.enumerated() { threads[worker].sleepLimitNanoseconds = limit }
    sleepLimits.withLock { $0 = limits }
  }

  /// Every port that plays something back has played it all, and there is at least one such port.
  package var playersAreFinished: Bool {
    let progress = ports.compactMap { $0.progress() }
    return !progress.isEmpty && progress.allSatisfy(\.isFinished)
  }

  /// Sinks that have no room are not waited for any more.
  package func abandon() { abandoned.store(true, ordering: .relaxed) }
  var isAbandoned: Bool { abandoned.load(ordering: .relaxed) }

  package var isShutdownRequested: Bool { shutdownRequested.withLock { $0 } }

  /// Orderly end: ports, workers, flows, rings, sinks, in the order in which packets go. Returns whether
  /// everything came to its end in time.
  @discardableResult
  package func stop() -> Bool {
    state.withLock { $0 = .draining }
    flowScanner.isOpen = false
    let deadline = EngineClock.monotonicNanoseconds + Int64(settings.drainSeconds * 1e9)
    let workers = 0..<settings.workerCount
    for index in workers { ask(index, WorkerPhase.quiesce) }
    var inTime = wait(until: deadline) {
      workers.allSatisfy { self.acknowledged($0) > WorkerPhase.quiesce }
    }
    portChanges.withLock { _ in
      for port in ports { port.stop() }
    }
    // A fragment may go on from one ring to another while the rings are looked at one by one: only when
    // all have been empty several times over is nothing under way.
    var timesEmpty = 0
    inTime =
      wait(until: deadline) {
        timesEmpty = self.handoffRings.allSatisfy { $0.count == 0 } ? timesEmpty + 1 : 0
        return timesEmpty > 3
      } && inTime
    for index in workers { ask(index, WorkerPhase.export) }
    inTime =
      wait(until: deadline) {
        workers.allSatisfy { self.acknowledged($0) > WorkerPhase.export }
      } && inTime
    for index in workers { ask(index, WorkerPhase.abandon) }
    for index in workers { host.wait(worker: index) }
    pump?.finish()
    let left = Double(deadline - EngineClock.monotonicNanoseconds) / 1e9
    for sink in sinks { sink.finish(withinSeconds: max(left, 1)) }
    return inTime
  }

  private func ask(_ worker: Int, _ phase: UInt64) {
    martlet_store_release(mailboxes + worker * 16, phase)
  }

  /// What of ``TuningPage/Word/stoppedPorts`` a worker goes by.
  func stoppedPorts(seenBy worker: Int) -> UInt64 {
    martlet_load_acquire(mailboxes + worker * 16 + 9)
  }

  private func acknowledged(_ worker: Int) -> UInt64 {
    martlet_load_acquire(mailboxes + worker * 16 + 8)
  }

  private func wait(until deadline: Int64, _ condition: () -> Bool) -> Bool {
    while !condition() {
      if EngineClock.monotonicNanoseconds > deadline { return false }
      usleep(1000)
    }
    return true
  }
}
