import FlowEngine
import Foundation
import Ports
import Records
import Sinks
import Synchronization

/// From the workers' record rings to the sinks: one thread that encodes once for each form that is
/// wanted and offers batches, which every sink takes or counts as dropped. It never waits for a sink,
/// and a worker never waits for it.
final class RecordPump: @unchecked Sendable {
  /// Sinks that want the same types in the same format share one encoder and one batch.
  private struct Lane: ~Copyable {
    var encoder: RecordEncoder
    var batch: RecordBatch
    let wantsFlow: Bool
    let wantsUpdate: Bool
    let wantsAnomaly: Bool
    let wantsStats: Bool
    let sinks: [any RecordSink]
  }

  /// Records taken from one worker's ring before the next one's turn.
  private static let turn = 256
  /// A batch goes on its way at this size, or when the rings are empty.
  private static let batchBytes = 256 << 10

  /// How long a sink without room is left alone, where it is waited for.
  private static let pauseMicroseconds: UInt32 = 500

  private unowned let engine: Engine
  private let lanes: UnsafeMutablePointer<Lane>
  private let laneCount: Int
  private let isEnding = Mutex(false)
  private let ended = DispatchSemaphore(value: 0)
  /// When the last `stats` record was written, or the pump made.
  private var lastStats: Int64
  private var lastLossCheck: Int64 = 0
  private var lossesBefore: UInt64?

  init(engine: Engine) {
    self.engine = engine
    let context = engine.recordContext
    struct Form: Hashable {
      var format: RecordFormat
      var types: Set<EventType>
    }
    let forms = Dictionary(grouping: engine.sinks) { sink in
      Form(
        format: sink.format, types: sink.types.isEmpty ? Set(EventType.allCases) : sink.types)
    }
    laneCount = forms.count
    lanes = .allocate(capacity: max(forms.count, 1))
    for (index, (form, sinks)) in forms.enumerated() {
      (lanes + index).initialize(
        to: Lane(
          encoder: RecordEncoder(context: context, format: form.format),
          batch: RecordBatch(format: form.format), wantsFlow: form.types.contains(.flow),
          wantsUpdate: form.types.contains(.flowUpdate),
          wantsAnomaly: form.types.contains(.anomaly),
          wantsStats: form.types.contains(.stats), sinks: sinks))
    }
    lastStats = EngineClock.monotonicNanoseconds
  }

  deinit {
    lanes.deinitialize(count: laneCount)
    lanes.deallocate()
  }

  func start() {
    let thread = Thread { [self] in
      run()
      ended.signal()
    }
    thread.name = "publisher"
    thread.start()
  }

  /// Takes what the rings still hold, writes a last `stats` record, and returns.
  func finish() {
    isEnding.withLock { $0 = true }
    ended.wait()
  }

  private func run() {
    while true {
      // Read before the rings: what was made before the end was asked for is taken.
      let ending = isEnding.withLock { $0 }
      let taken = drainRings()
      if taken == 0 { flush() }
      let now = EngineClock.monotonicNanoseconds
      if ending && taken == 0 {
        writeStats()
        flush()
        return
      }
      watchLosses(now)
      if engine.rateKeeper.isDue(at: now) { engine.rateKeeper.take(engine.rateSample()) }
      let interval = Int64(engine.tuningPage[.statsIntervalNanoseconds])
      if interval > 0 && now - lastStats >= interval {
        writeStats()
        flush()
        lastStats = now
      }
      if taken == 0 { usleep(2000) }
    }
  }

  /// Tells the workers when a port has missed packets, ten times a second, while they may sample. Some
  /// drivers ask the device for its counters, so a worker cannot.
  private func watchLosses(_ now: Int64) {
    guard engine.tuningPage[.sampling] != 0, now - lastLossCheck >= 100_000_000 else { return }
    lastLossCheck = now
    let losses = engine.ports.reduce(into: UInt64(0)) { sum, port in
      let counts = port.statistics()
      // Wrapping: what a driver reports must not end the engine.
      sum &+= counts.missed &+ counts.noBuffer
    }
    if let before = lossesBefore, losses != before {
      engine.tuningPage[.losses] = engine.tuningPage[.losses] &+ 1
    }
    lossesBefore = losses
  }

  private func drainRings() -> Int {
    var total = 0
    for ring in engine.recordRings {
      let count = ring.available(limit: Self.turn)
      if count == 0 { continue }
      if !engine.consumers.isEmpty { show(ring, count) }
      for lane in 0..<laneCount {
        for i in 0..<count where isWanted(ring.peek(i)) {
          let record = ring.peek(i)
          let isWanted =
            switch record.pointee.kind {
            case FlowRecordKind.flow: lanes[lane].wantsFlow
            case FlowRecordKind.flowUpdate: lanes[lane].wantsUpdate
            default: lanes[lane].wantsAnomaly
            }
          if isWanted {
            lanes[lane].encoder.encode(UnsafePointer(record), into: &lanes[lane].batch)
          }
        }
        if lanes[lane].batch.bytes.count >= Self.batchBytes { offer(lane) }
      }
      ring.release(count)
      total += count
    }
    return total
  }

  @inline(__always)
  private func isWanted(_ record: UnsafePointer<FlowRecord>) -> Bool {
    engine.recordFilter?.matches(record) ?? true
  }

  private func show(_ ring: Ring<FlowRecord>, _ count: Int) {
    for i in 0..<count where isWanted(ring.peek(i)) {
      for consumer in engine.consumers { consumer.take(ring.peek(i)) }
    }
  }

  private func flush() {
    for consumer in engine.consumers { consumer.pause() }
    for lane in 0..<laneCount where !lanes[lane].batch.entries.isEmpty { offer(lane) }
  }

  private func offer(_ lane: Int) {
    for sink in lanes[lane].sinks {
      while engine.settings.runsOnPacketTime && !sink.hasRoom && !engine.isAbandoned {
        usleep(Self.pauseMicroseconds)
      }
      sink.offer(lanes[lane].batch)
    }
    lanes[lane].batch = RecordBatch(format: lanes[lane].batch.format)
    lanes[lane].batch.bytes.reserveCapacity(Self.batchBytes + (16 << 10))
  }

  private func writeStats() {
    let stats = engine.statsRecord()
    for lane in 0..<laneCount where lanes[lane].wantsStats {
      lanes[lane].encoder.encode(stats, into: &lanes[lane].batch)
    }
  }
}

extension Engine {
  /// What is the same for all records of this run.
  var recordContext: RecordContext {
    var context = RecordContext(
      sensorName: settings.sensor, startEpochNanoseconds: startEpoch,
      portNames: ports.map(\.name), communityIDSeed: settings.communityIDSeed)
    context.tags = tags
    return context
  }

  /// Everything the engine says of itself in a `stats` record.
  func statsRecord() -> StatsRecord {
    let snapshots = snapshots()
    let total = snapshots.reduce(CounterSnapshot(), +)
    var record = StatsRecord(timestampNanoseconds: EngineClock.systemNanoseconds)
    record.uptimeSeconds = UInt64(max(uptimeSeconds, 0))
    record.receivedPackets = total[.received]
    record.receivedBytes = total[.receivedBytes]
    record.packetsInFlows = total[.countedInFlows]
    record.filteredPackets = total[.filtered]
    let inRings = Int64(bitPattern: total[.handedOut] &- total[.handedIn])
    record.heldPackets = total[.heldFragments] &+ UInt64(max(inRings, 0))
    func counts(_ group: FlowEngine.Counter.Group) -> [StatsRecord.Count] {
      FlowEngine.Counter.allCases.filter { $0.group == group }
        .map { StatsRecord.Count($0.name, total[$0]) }
    }
    record.discarded = counts(.discard)
    record.notIP = counts(.nonIP)
    record.anomalies = counts(.anomaly)
    record.flowsLive = total[.flowsLive]
    record.flowsCreated = total[.flowsCreated]
    record.flowsEvicted = total[.evicted]
    record.flowsExported =
      total[.endedIdle] &+ total[.endedByProtocol] &+ total[.endedForced] &+ total[.evicted]
    record.flowUpdates = total[.flowUpdates]
    record.recordsMade = total[.recordsMade]
    record.recordsDropped = total[.recordsDropped]
    for port in ports {
      let counts = port.statistics()
      var out = StatsRecord.Port(name: port.name)
      out.packets = counts.packets
      out.bytes = counts.bytes
      out.missed = counts.missed
      out.noBuffer = counts.noBuffer
      out.errors = counts.errors
      record.ports.append(out)
    }
    for sink in sinks {
      let counts = sink.counters
      var out = StatsRecord.Sink(name: sink.name)
      out.accepted = counts.accepted
      out.delivered = counts.delivered
      out.droppedQueueFull = counts.droppedQueueFull
      out.droppedSpoolFull = counts.droppedSpoolFull
      out.droppedRefused = counts.droppedRefused
      out.droppedAtShutdown = counts.droppedAtShutdown
      out.lostByRedis = counts.lostByRedis
      out.backlog = counts.backlog
      out.lagMilliseconds = UInt64(counts.lagSeconds * 1000)
      out.spooled = counts.spooled
      out.spooledBytes = counts.spooledBytes
      out.retries = counts.retries
      out.reconnects = counts.reconnects
      out.reordered = counts.reordered
      out.retransmitted = counts.retransmitted
      out.recovered = counts.recovered
      out.spoolTorn = counts.spoolTorn
      record.sinks.append(out)
    }
    for (index, snapshot) in snapshots.enumerated() {
      var out = StatsRecord.Worker(index: UInt16(index))
      out.packets = snapshot[.countedInFlows]
      out.flows = snapshot[.flowsLive]
      out.samplingInterval = max(snapshot[.samplingInterval], 1)
      record.workers.append(out)
    }
    return record
  }
}
