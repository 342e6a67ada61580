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

  package func stats() -> EngineStats {
    var stats = EngineStats()
    stats.timestamp = ControlTime.text(nanoseconds: EngineClock.systemNanoseconds)
    stats.uptimeSeconds = uptimeSeconds
    let snapshots = snapshots()
    let busy = busyMeter.shares(snapshots, ticksPerSecond: clock.ticksPerSecond)
    for (index, snapshot) in snapshots.enumerated() {
      var worker = WorkerStats()
      worker.index = index
      worker.account = Self.account(snapshot)
      worker.counters = FlowEngine.Counter.allCases.map {
        ControlAPI.Counter($0.name, snapshot[$0])
      }
      worker.busyShare = busy[index]
      worker.emptyPolls = snapshot[.emptyPolls]
      stats.workers.append(worker)
      stats.totals.add(worker.account)
    }
    // Snapshots of two workers are a moment apart: what one has given may not have been seen taken.
    let inRings = Int64(bitPattern: stats.totals.handedOut &- stats.totals.handedIn)
    stats.totals.heldInRings = UInt64(max(inRings, 0))
    stats.conservation = conservation(snapshots)
    for port in ports {
      let counts = port.statistics()
      var out = PortStats()
      out.name = port.name
      out.receivedPackets = counts.packets
      out.receivedBytes = counts.bytes
      out.missed = counts.missed
      out.noMbuf = counts.noBuffer
      out.errors = counts.errors
      stats.ports.append(out)
    }
    stats.sinks = sinks.map { sink in
      let counts = sink.counters
      var out = SinkStats()
      out.name = sink.name
      out.accepted = counts.accepted
      out.delivered = counts.delivered
      out.droppedQueueFull = counts.droppedQueueFull
      out.droppedError = counts.droppedError
      out.backlog = counts.backlog
      out.reconnects = counts.reconnects
      out.isHealthy = counts.isHealthy
      out.lastError = counts.lastError
      return out
    }
    return stats
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
    account.recordsMade = snapshot[.recordsMade]
    account.recordsDropped = snapshot[.recordsDropped]
    return account
  }

  static func list(_ snapshot: CounterSnapshot, _ group: FlowEngine.Counter.Group)
    -> [ControlAPI.Counter]
  {
    FlowEngine.Counter.allCases.filter { $0.group == group }
      .map { ControlAPI.Counter($0.name, snapshot[$0]) }
  }
}

/// How busy each worker was between two readings.
final class BusyMeter: Sendable {
  private struct Reading {
    var ticks: [UInt64]
    var at: Int64
    var shares: [Double]
  }

  private let last: Mutex<Reading>

  init(workers: Int) {
    last = Mutex(
      Reading(
        ticks: [UInt64](repeating: 0, count: workers), at: EngineClock.monotonicNanoseconds,
        shares: [Double](repeating: 0, count: workers)))
  }

  /// Shares since the reading before, 0 … 1; readings within a tenth of a second share one answer.
  func shares(_ snapshots: [CounterSnapshot], ticksPerSecond: Double) -> [Double] {
    last.withLock { last in
      let now = EngineClock.monotonicNanoseconds
      let seconds = Double(now - last.at) / 1e9
      guard seconds > 0.1, ticksPerSecond > 0 else { return last.shares }
      let ticks = snapshots.map { $0[.busyTicks] }
      last.shares = zip(ticks, last.ticks).map { new, old in
        min(1, Double(new &- old) / (seconds * ticksPerSecond))
      }
      last.ticks = ticks
      last.at = now
      return last.shares
    }
  }
}
