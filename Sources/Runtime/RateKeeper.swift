import ControlAPI
import FlowEngine
import Ports
import Synchronization

/// What a second brought, over the last second, ten and sixty: counters of a minute, taken once a second.
final class RateKeeper: Sendable {
  static let windows = [1, 10, 60]

  struct Sample {
    var nanoseconds: Int64
    var workers: [CounterSnapshot]
    var ports: [PortStatistics]
  }

  private struct State {
    /// Oldest first; a second apart.
    var samples: [Sample] = []
  }

  private let state = Mutex(State())

  /// Whether it is time for the next sample.
  func isDue(at nanoseconds: Int64) -> Bool {
    state.withLock { state in
      guard let last = state.samples.last else { return true }
      return nanoseconds - last.nanoseconds >= 1_000_000_000
    }
  }

  func take(_ sample: Sample) {
    state.withLock { state in
      state.samples.append(sample)
      // One more than a minute has: the oldest is what a minute is taken from.
      if state.samples.count > 62 { state.samples.removeFirst() }
    }
  }

  /// Rates between `now` and the samples that are about as old as the windows are long; windows that reach
  /// beyond the first sample are left out.
  func rates(_ now: Sample, portNames: [String]) -> [RateWindow] {
    state.withLock { state in
      Self.windows.compactMap { seconds in
        let length = Int64(seconds) * 1_000_000_000
        // The youngest that is old enough; samples come a moment late, never early.
        guard let base = state.samples.last(where: { now.nanoseconds - $0.nanoseconds >= length })
        else { return nil }
        return Self.window(seconds, from: base, to: now, portNames)
      }
    }
  }

  private static func window(
    _ seconds: Int, from base: Sample, to now: Sample, _ portNames: [String]
  ) -> RateWindow {
    let length = Double(now.nanoseconds - base.nanoseconds) / 1e9
    func rate(_ after: UInt64, _ before: UInt64) -> Double {
      // A driver may begin to count anew.
      after >= before ? Double(after - before) / length : 0
    }
    var window = RateWindow()
    window.seconds = seconds
    for (after, before) in zip(now.workers, base.workers) {
      func of(_ counter: FlowEngine.Counter) -> Double { rate(after[counter], before[counter]) }
      var rates = Rates()
      rates.packets = of(.received)
      rates.bits = of(.receivedBytes) * 8
      rates.filtered = of(.filtered)
      rates.discarded = rate(after.total(of: .discard), before.total(of: .discard))
      rates.flowsCreated = of(.flowsCreated)
      rates.evicted = of(.evicted)
      rates.records = rate(after.recordsMade, before.recordsMade)
      rates.recordsDropped = rate(after.recordsDropped, before.recordsDropped)
      window.workers.append(rates)
      window.total.add(rates)
    }
    for (index, (after, before)) in zip(now.ports, base.ports).enumerated() {
      var rates = PortRates()
      rates.name = index < portNames.count ? portNames[index] : ""
      rates.packets = rate(after.packets, before.packets)
      rates.bits = rate(after.bytes, before.bytes) * 8
      rates.missed = rate(after.missed, before.missed)
      rates.noMbuf = rate(after.noBuffer, before.noBuffer)
      rates.errors = rate(after.errors, before.errors)
      window.ports.append(rates)
    }
    return window
  }
}

extension Rates {
  fileprivate mutating func add(_ other: Rates) {
    packets += other.packets
    bits += other.bits
    filtered += other.filtered
    discarded += other.discarded
    flowsCreated += other.flowsCreated
    evicted += other.evicted
    records += other.records
    recordsDropped += other.recordsDropped
  }
}

extension Engine {
  /// Counters as they are now, for ``RateKeeper``.
  func rateSample() -> RateKeeper.Sample {
    rateSample(snapshots(), ports.map { $0.statistics() })
  }

  /// The same from counters that have just been read.
  func rateSample(
    _ snapshots: [CounterSnapshot], _ ports: [PortStatistics]
  ) -> RateKeeper.Sample {
    RateKeeper.Sample(
      nanoseconds: EngineClock.monotonicNanoseconds, workers: snapshots, ports: ports)
  }
}
