package import ControlAPI
package import FlowEngine
import Foundation
import Ports
import Sinks
import Synchronization

extension Engine {
  /// Counters of every worker; each worker's are of one moment.
  package func snapshots() -> [CounterSnapshot] { counters.map { $0.snapshot() } }

  package var uptimeSeconds: Double {
    Double(EngineClock.monotonicNanoseconds - startedMonotonic) / 1e9
  }

  /// Of each worker: one flow in so many is kept just now; 1: all.
  package var samplingIntervals: [UInt64] { snapshots().map { max($0[.samplingInterval], 1) } }

  package func stats() -> EngineStats {
    var stats = EngineStats()
    stats.timestamp = ControlTime.text(nanoseconds: EngineClock.systemNanoseconds)
    stats.uptimeSeconds = uptimeSeconds
    let snapshots = snapshots()
    let shares = timeMeter.shares(snapshots, ticksPerSecond: clock.ticksPerSecond)
    let seconds = timeMeter.seconds
    for (index, snapshot) in snapshots.enumerated() {
      var worker = WorkerStats()
      worker.index = index
      worker.account = Self.account(snapshot)
      worker.counters = FlowEngine.Counter.allCases.map {
        ControlAPI.Counter($0.name, snapshot[$0])
      }
      worker.busyShare = shares[index].busy
      worker.asleepShare = shares[index].asleep
      worker.idleShare = shares[index].idle
      worker.busySeconds = seconds[index].busy
      worker.asleepSeconds = seconds[index].asleep
      worker.samplingInterval = max(snapshot[.samplingInterval], 1)
      worker.emptyPolls = snapshot[.emptyPolls]
      worker.sleeps = snapshot[.sleeps]
      worker.wakeUps = snapshot[.wakeUps]
      stats.workers.append(worker)
      stats.totals.add(worker.account)
    }
    // Snapshots of two workers are a moment apart: what one has given may not have been seen taken.
    let inRings = Int64(bitPattern: stats.totals.handedOut &- stats.totals.handedIn)
    stats.totals.heldInRings = UInt64(max(inRings, 0))
    stats.conservation = conservation(snapshots)
    let portCounts = ports.map { $0.statistics() }
    stats.ports = zip(ports, portCounts).map { Self.stats(of: $0, $1) }
    stats.rings = rings()
    stats.rates = rateKeeper.rates(
      rateSample(snapshots, portCounts), portNames: ports.map(\.name))
    stats.sinks = sinkStats()
    return stats
  }

  package func sinkStats() -> [SinkStats] {
    sinks.map { Self.stats(of: $0, $0.counters) }
  }

  static func stats(of sink: any RecordSink, _ counts: SinkCounters) -> SinkStats {
    var out = SinkStats()
    out.name = sink.name
    out.accepted = counts.accepted
    out.delivered = counts.delivered
    out.droppedQueueFull = counts.droppedQueueFull
    out.droppedSpoolFull = counts.droppedSpoolFull
    out.droppedError = counts.droppedError
    out.droppedRefused = counts.droppedRefused
    out.droppedAtShutdown = counts.droppedAtShutdown
    out.backlog = counts.backlog
    out.lagSeconds = counts.lagSeconds
    out.reconnects = counts.reconnects
    out.retries = counts.retries
    out.spooled = counts.spooled
    out.spooledBytes = counts.spooledBytes
    out.spoolLimitBytes = counts.spoolLimitBytes
    out.recovered = counts.recovered
    out.spoolTorn = counts.spoolTorn
    out.reordered = counts.reordered
    out.retransmitted = counts.retransmitted
    out.lostByRedis = counts.lostByRedis
    out.isHealthy = counts.isHealthy
    out.lastError = counts.lastError
    return out
  }

  static func stats(of port: any CapturePort, _ counts: PortStatistics) -> PortStats {
    var out = PortStats()
    out.name = port.name
    out.receivedPackets = counts.packets
    out.receivedBytes = counts.bytes
    out.missed = counts.missed
    out.noMbuf = counts.noBuffer
    out.errors = counts.errors
    out.xstats = port.extendedStatistics().map { ControlAPI.Counter($0.name, $0.value) }
    out.mempool = port.packetBuffers().map {
      MempoolStats(size: UInt64($0.size), inUse: UInt64(max($0.inUse, 0)))
    }
    return out
  }

  /// What waits in rings just now.
  private func rings() -> [RingStats] {
    let count = settings.workerCount
    let records = recordRings.enumerated().map { worker, ring in
      RingStats(
        name: "records \(worker)", capacity: UInt64(ring.capacity), used: UInt64(ring.count))
    }
    let events = eventRings.enumerated().map { worker, ring in
      RingStats(
        name: "protocol records \(worker)", capacity: UInt64(ring.capacity),
        used: UInt64(ring.used))
    }
    let handoffs = handoffRings.enumerated().compactMap { pair, ring -> RingStats? in
      let (from, to) = (pair / count, pair % count)
      guard from != to, !settings.runsOnPacketTime else { return nil }
      return RingStats(
        name: "handoff \(from) \(to)", capacity: UInt64(ring.capacity), used: UInt64(ring.count))
    }
    return records + events + handoffs
  }

  /// Worker by worker, each at one moment of its own, so that it holds at every moment and not only
  /// when the packets stand still.
  private func conservation(_ snapshots: [CounterSnapshot]) -> Conservation {
    let total = snapshots.reduce(CounterSnapshot(), +)
    var result = Conservation()
    result.received = total[.received]
    result.difference = snapshots.reduce(0) { $0 + $1.unaccounted }
    result.accountedFor = result.received &- UInt64(bitPattern: result.difference)
    result.holds = snapshots.allSatisfy { $0.unaccounted == 0 }
    return result
  }

  /// A worker's counters in the terms of the control plane.
  static func account(_ snapshot: CounterSnapshot) -> PacketAccount {
    var account = PacketAccount()
    account.received = snapshot[.received]
    account.receivedBytes = snapshot[.receivedBytes]
    account.handedOut = snapshot[.handedOut]
    account.handedIn = snapshot[.handedIn]
    account.filtered = snapshot[.filtered]
    account.nonIP = list(snapshot, .nonIP)
    account.discarded = list(snapshot, .discard)
    account.countedInFlows = snapshot[.countedInFlows]
    account.heldInFragments = snapshot[.heldFragments]
    account.flowsLive = snapshot[.flowsLive]
    account.flowsCreated = snapshot[.flowsCreated]
    account.flowsExpired = [
      ControlAPI.Counter("idle_timeout", snapshot[.endedIdle]),
      ControlAPI.Counter("end_of_flow", snapshot[.endedByProtocol]),
      ControlAPI.Counter("forced_end", snapshot[.endedForced]),
      ControlAPI.Counter("lack_of_resources", snapshot[.evicted]),
    ]
    account.evicted = snapshot[.evicted]
    account.recordsMade = snapshot.recordsMade
    account.recordsDropped = snapshot.recordsDropped
    account.dissection = dissection(snapshot)
    return account
  }

  private static func dissection(_ snapshot: CounterSnapshot) -> DissectionAccount {
    var account = DissectionAccount()
    account.flowsLive = snapshot[.dissectionsLive]
    account.bufferBytes = snapshot[.dissectionBufferBytes]
    account.flows = snapshot[.dissectedFlows]
    account.noState = snapshot[.dissectionNoState]
    account.noMemory = snapshot[.dissectionNoMemory]
    account.payloads = snapshot[.payloadsShown]
    account.payloadBytes = snapshot[.payloadBytesShown]
    account.streamGaps = snapshot[.streamGaps]
    account.streamGapBytes = snapshot[.streamGapBytes]
    account.recordsMade = snapshot[.protocolRecordsMade]
    account.recordsDropped = snapshot[.protocolRecordsDropped]
    return account
  }

  static func list(_ snapshot: CounterSnapshot, _ group: FlowEngine.Counter.Group)
    -> [ControlAPI.Counter]
  {
    FlowEngine.Counter.allCases.filter { $0.group == group }
      .map { ControlAPI.Counter($0.name, snapshot[$0]) }
  }
}

extension CounterSnapshot {
  /// Of flows, anomalies and protocols.
  var recordsMade: UInt64 { self[.recordsMade] &+ self[.protocolRecordsMade] }
  var recordsDropped: UInt64 { self[.recordsDropped] &+ self[.protocolRecordsDropped] }
}
