import Dissection
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
    /// A bit for each ``EventType``, by its place.
    let types: UInt64
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

  /// What a flow said, until it is known whether the flow is wanted; empty without a filter.
  private var shelf = EventShelf()

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
          batch: RecordBatch(format: form.format),
          types: form.types.reduce(0) { $0 | 1 << UInt64($1.place) }, sinks: sinks))
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

  /// What the workers have made, in the order in which each has made it.
  private func drainRings() -> Int {
    var total = 0
    for worker in engine.recordRings.indices {
      let flows = engine.recordRings[worker]
      guard worker < engine.eventRings.count else {
        let count = flows.available(limit: Self.turn)
        takeFlows(flows, count)
        total += count
        continue
      }
      total += takeBoth(flows, engine.eventRings[worker])
    }
    return total
  }

  private func takeFlows(_ ring: Ring<FlowRecord>, _ count: Int) {
    if count == 0 { return }
    for i in 0..<count { takeIfWanted(ring.peek(i)) }
    ring.release(count)
    offerFull()
  }

  /// Flow and protocol records of one worker by their sequence numbers, which count both.
  private func takeBoth(_ flows: Ring<FlowRecord>, _ events: ByteRing) -> Int {
    var taken = 0
    while taken < Self.turn {
      // What is seen of one ring was made after all of a lower number in the other, which is looked at
      // after it.
      var flow = flows.available(limit: 1) > 0 ? flows.peek(0) : nil
      let message = events.peek()
      if flow == nil && message != nil && flows.available(limit: 1) > 0 { flow = flows.peek(0) }
      if let message {
        guard let event = EventRecord(message) else {
          events.release(message)
          continue
        }
        if flow == nil || event.head.sequence < flow!.pointee.sequence {
          takeIfWanted(event)
          events.release(message)
          taken += 1
          continue
        }
      }
      guard let flow else { break }
      takeIfWanted(flow)
      flows.release(1)
      taken += 1
    }
    offerFull()
    return taken
  }

  private func takeIfWanted(_ record: UnsafePointer<FlowRecord>) {
    guard let filter = engine.recordFilter else { return take(record) }
    let isWanted = filter.matches(record)
    if record.pointee.kind == FlowRecordKind.flow {
      let flow = EventShelf.FlowName(
        firstSeen: record.pointee.cold.firstSeen, ordinal: record.pointee.cold.ordinal)
      shelf.take(flow, isWanted: isWanted) { message in
        if let event = EventRecord(message) { take(event) }
      }
    }
    if isWanted { return take(record) }
    for consumer in engine.consumers { consumer.leaveOut(record) }
  }

  private func takeIfWanted(_ event: EventRecord) {
    if engine.recordFilter == nil { return take(event) }
    shelf.put(
      event.message,
      of: EventShelf.FlowName(firstSeen: event.head.firstSeen, ordinal: event.head.flowOrdinal))
  }

  private func take(_ record: UnsafePointer<FlowRecord>) {
    for consumer in engine.consumers { consumer.take(record) }
    let type: EventType =
      switch record.pointee.kind {
      case FlowRecordKind.flow: .flow
      case FlowRecordKind.flowUpdate: .flowUpdate
      default: .anomaly
      }
    for lane in 0..<laneCount where lanes[lane].types >> UInt64(type.place) & 1 != 0 {
      lanes[lane].encoder.encode(record, into: &lanes[lane].batch)
    }
  }

  private func take(_ event: EventRecord) {
    for consumer in engine.consumers { consumer.take(event) }
    for lane in 0..<laneCount where lanes[lane].types >> UInt64(event.head.type) & 1 != 0 {
      lanes[lane].encoder.encode(event, into: &lanes[lane].batch)
    }
  }

  private func offerFull() {
    if shelf.errorCode != 0 { flush() }
    for lane in 0..<laneCount where lanes[lane].batch.bytes.count >= Self.batchBytes {
      offer(lane)
    }
  }

  private func flush() {
    if shelf.errorCode != 0 {
      for consumer in engine.consumers { consumer.failed(shelf.errorCode) }
    }
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
    for lane in 0..<laneCount
    where lanes[lane].types >> UInt64(EventType.stats.place) & 1 != 0 {
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
    if settings.dissection != nil { context.events = Dissection.schema }
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
    record.dissection = settings.dissection == nil ? [] : counts(.dissection)
    record.flowsLive = total[.flowsLive]
    record.flowsCreated = total[.flowsCreated]
    record.flowsEvicted = total[.evicted]
    record.flowsExported =
      total[.endedIdle] &+ total[.endedByProtocol] &+ total[.endedForced] &+ total[.evicted]
    record.flowUpdates = total[.flowUpdates]
    record.recordsMade = total.recordsMade
    record.recordsDropped = total.recordsDropped
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
