import FlowEngine
import Synchronization

/// What each worker's time went into between two readings.
final class TimeMeter: Sendable {
  /// Parts of the time, together 1.
  struct Shares: Equatable {
    /// Rounds that brought packets.
    var busy = 0.0
    var asleep = 0.0
    /// Polls that brought nothing, and house-keeping.
    var idle = 1.0
  }

  /// Since the start, up to the last reading.
  struct Seconds: Equatable {
    var busy = 0.0
    var asleep = 0.0
  }

  private struct Reading {
    var busy: [UInt64]
    var asleep: [UInt64]
    var at: Int64
    var shares: [Shares]
    var seconds: [Seconds]
  }

  private let last: Mutex<Reading>

  init(workers: Int) {
    let none = [UInt64](repeating: 0, count: workers)
    last = Mutex(
      Reading(
        busy: none, asleep: none, at: EngineClock.monotonicNanoseconds,
        shares: [Shares](repeating: Shares(), count: workers),
        seconds: [Seconds](repeating: Seconds(), count: workers)))
  }

  /// What ``shares(_:ticksPerSecond:)`` has added up.
  var seconds: [Seconds] { last.withLock { $0.seconds } }

  /// Shares since the reading before; readings within a tenth of a second share one answer.
  func shares(_ snapshots: [CounterSnapshot], ticksPerSecond: Double) -> [Shares] {
    last.withLock { last in
      let now = EngineClock.monotonicNanoseconds
      let seconds = Double(now - last.at) / 1e9
      guard seconds > 0.1, ticksPerSecond > 0 else { return last.shares }
      for (worker, snapshot) in snapshots.enumerated() {
        let busy = snapshot[.busyTicks]
        let asleep = snapshot[.asleepTicks]
        let busySeconds = Double(busy &- last.busy[worker]) / ticksPerSecond
        let asleepSeconds = Double(asleep &- last.asleep[worker]) / ticksPerSecond
        last.shares[worker] = Self.split(
          busy: busySeconds / seconds, asleep: asleepSeconds / seconds)
        // Added up, so that they never fall when the ticks of a second are measured better.
        last.seconds[worker].busy += busySeconds
        last.seconds[worker].asleep += asleepSeconds
        last.busy[worker] = busy
        last.asleep[worker] = asleep
      }
      last.at = now
      return last.shares
    }
  }

  /// A sleep that began before the interval counts where it ended: the parts are kept within the whole.
  static func split(busy: Double, asleep: Double) -> Shares {
    let busy = min(1, max(0, busy))
    let asleep = min(1 - busy, max(0, asleep))
    return Shares(busy: busy, asleep: asleep, idle: 1 - busy - asleep)
  }
}
