import ControlAPI

/// What `martlet top` knows: the last two readings, and what the operator has chosen.
struct TopModel {
  var order: FlowOrder
  var isPaused = false
  /// Why the numbers are old; nil while the daemon answers.
  var problem: String?
  private(set) var status: EngineStatus?
  private(set) var stats: EngineStats?
  private(set) var flows = FlowsTop()
  /// The last reading that is long enough ago to take rates from.
  private var base: EngineStats?

  init(order: FlowOrder) { self.order = order }

  mutating func take(_ status: EngineStatus, _ stats: EngineStats, _ flows: FlowsTop) {
    problem = nil
    if status.startEpoch != self.status?.startEpoch {
      // Another run of the engine: its counters begin again.
      base = nil
      self.stats = nil
    }
    // A key asks anew at once; two readings a moment apart would give wild rates, so the base
    // then stays the one before.
    if let before = self.stats, stats.uptimeSeconds - before.uptimeSeconds >= 0.09 {
      base = before
    }
    self.stats = stats
    self.status = status
    self.flows = flows
  }

  /// A counter's growth a second; nil while there is one reading only.
  func rate(_ counter: (EngineStats) -> UInt64) -> Double? {
    guard let base, let stats else { return nil }
    let seconds = stats.uptimeSeconds - base.uptimeSeconds
    let (now, before) = (counter(stats), counter(base))
    return seconds > 0 && now >= before ? Double(now - before) / seconds : nil
  }
}
