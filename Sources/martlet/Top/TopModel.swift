import ControlAPI

/// What `martlet top` knows: the last two readings, a minute of rates, and what the operator has
/// chosen.
struct TopModel {
  var order: FlowOrder
  var key = FlowKeyKind.flow
  /// A record expression that flows have to fulfil; empty: all.
  var expression = ""
  /// How many rows are scrolled away at the top.
  var offset = 0
  var intervalSeconds = 1.0
  var isPaused = false
  var showsHelp = false
  var editor: ExpressionEditor?
  /// Why the numbers are old; nil while the daemon answers.
  var problem: String?
  /// How long an answer is overdue.
  var waitingSeconds = 0.0
  private(set) var status: EngineStatus?
  private(set) var stats: EngineStats?
  private(set) var flows = FlowsTop()
  /// What ``flows`` are added up by: another key's answer may still be on its way.
  private(set) var shownKey = FlowKeyKind.flow
  private(set) var history = RateHistory()
  /// The last reading that is long enough ago to take rates from.
  private var base: EngineStats?

  /// An expression that is being typed.
  struct ExpressionEditor: Equatable {
    var line: LineEditor
    /// It has been sent, and is not answered yet.
    var isChecked = false
    /// What is wrong with it, as the engine says it.
    var problem: String?
  }

  init(order: FlowOrder) { self.order = order }

  /// In the order of the number keys.
  static let keys: [FlowKeyKind] = [
    .flow, .address, .pair, .port, .protocol, .vlan, .source, .destination, .app,
  ]
  static let intervals = [0.2, 0.5, 1, 2, 5, 10, 30, 60]

  mutating func take(
    _ status: EngineStatus, _ stats: EngineStats, _ flows: FlowsTop, key: FlowKeyKind = .flow
  ) {
    problem = nil
    if status.startEpoch != self.status?.startEpoch {
      // Another run of the engine: its counters begin again.
      base = nil
      self.stats = nil
      history = RateHistory()
    }
    // A key asks anew at once; two readings a moment apart would give wild rates, so the base
    // then stays the one before.
    if let before = self.stats, stats.uptimeSeconds - before.uptimeSeconds >= 0.09 {
      base = before
    }
    self.stats = stats
    self.status = status
    self.flows = flows
    shownKey = key
    if let base, let rate = rate({ $0.totals.received }) {
      history.add(from: base.uptimeSeconds, to: stats.uptimeSeconds, rate: rate)
    }
  }

  /// A counter's growth a second; nil while there is one reading only.
  func rate(_ counter: (EngineStats) -> UInt64) -> Double? {
    guard let base, let stats else { return nil }
    let seconds = stats.uptimeSeconds - base.uptimeSeconds
    let (now, before) = (counter(stats), counter(base))
    return seconds > 0 && now >= before ? Double(now - before) / seconds : nil
  }

  /// A shorter interval, or a longer one.
  mutating func stepInterval(by step: Int) {
    let next =
      step < 0
      ? Self.intervals.last { $0 < intervalSeconds - 0.001 }
      : Self.intervals.first { $0 > intervalSeconds + 0.001 }
    intervalSeconds = next ?? intervalSeconds
  }
}

/// Rates of the last minute, each over the time between two readings.
struct RateHistory {
  private struct Piece {
    var from: Double
    var to: Double
    var rate: Double
  }

  private static let seconds = 60.0
  private var pieces: [Piece] = []

  var greatest: Double { pieces.map(\.rate).max() ?? 0 }

  /// Times are the engine's uptime. Where pieces overlap, the later one holds.
  mutating func add(from: Double, to: Double, rate: Double) {
    let start = max(from, pieces.last?.to ?? from)
    if start >= to { return }
    pieces.append(Piece(from: start, to: to, rate: rate))
    pieces.removeAll { $0.to < to - Self.seconds }
  }

  /// The minute in `count` parts, the last one first known at the right; nil where nothing is known.
  func parts(_ count: Int) -> [Double?] {
    guard let end = pieces.last?.to, count > 0 else { return [] }
    let length = Self.seconds / Double(count)
    return (0..<count).map { index in
      let from = end - Self.seconds + Double(index) * length
      var (sum, covered) = (0.0, 0.0)
      for piece in pieces {
        let overlap = min(piece.to, from + length) - max(piece.from, from)
        if overlap > 0 {
          sum += piece.rate * overlap
          covered += overlap
        }
      }
      return covered > 0 ? sum / covered : nil
    }
  }
}
