import ControlAPI

/// `martlet watch` as text: columns of fixed width, so that lines can be written one at a time.
enum WatchView {
  struct Column: Sendable {
    var title: String
    var width: Int
    /// Where the terminal is too narrow, those of the greatest number go first.
    var dispensability = 0
    /// From the counters now, those before, and the seconds in between.
    var cell: @Sendable (EngineStats, EngineStats, Double) -> Span
  }

  static let columns: [Column] = [
    Column(title: "TIME", width: 8) { now, _, _ in
      // `2026-11-21T06:38:05.123456+0000`: the time of day is characters 11 to 18.
      Span(now.timestamp.count >= 19 ? String(now.timestamp.dropFirst(11).prefix(8)) : "-", .dim)
    },
    Column(title: "PACKETS/s", width: 9) { rate($0, $1, $2, .bold) { $0.totals.received } },
    Column(title: "BITS/s", width: 7) { now, before, seconds in
      rate(now, before, seconds, .bold, times: 8) { $0.totals.receivedBytes }
    },
    Column(title: "FILTERED", width: 8, dispensability: 4) {
      rate($0, $1, $2) { $0.totals.filtered }
    },
    Column(title: "MISSED", width: 7) {
      rate($0, $1, $2, .red, of: \.packetsLost)
    },
    Column(title: "DISCARD", width: 7) {
      rate($0, $1, $2, .yellow) { $0.totals.discarded.total }
    },
    Column(title: "FLOWS", width: 10) { now, _, _ in Span(Units.grouped(now.totals.flowsLive)) },
    Column(title: "NEW/s", width: 6, dispensability: 2) {
      rate($0, $1, $2) { $0.totals.flowsCreated }
    },
    Column(title: "EVICT", width: 6, dispensability: 5) {
      rate($0, $1, $2, .yellow) { $0.totals.evicted }
    },
    Column(title: "REC/s", width: 6, dispensability: 1) {
      rate($0, $1, $2) { $0.totals.recordsMade }
    },
    Column(title: "LOST", width: 6) { rate($0, $1, $2, .red, of: \.recordsLost) },
    Column(title: "BACKLOG", width: 9, dispensability: 6) { now, _, _ in
      Span(Units.grouped(now.sinks.reduce(0) { $0 &+ $1.backlog }))
    },
    Column(title: "BUSY", width: 5) { now, _, _ in
      let busiest = now.workers.map(\.busyShare).max() ?? 0
      let look: Style.Look = busiest >= 0.95 ? .red : busiest >= 0.8 ? .yellow : .plain
      return Span(Units.percent(busiest), look)
    },
  ]

  /// The headline stands again on every screen; once where there is no screen.
  static func isHeadDue(line: Int, height: Int?) -> Bool {
    guard let height else { return line == 0 }
    return line % max(2, height - 2) == 0
  }

  static func head(width: Int, style: Style) -> [String] {
    [text(fit(width).map { ($0, Span($0.title, .bold)) }, style)]
  }

  static func line(
    _ now: EngineStats, _ before: EngineStats, width: Int, style: Style
  ) -> String {
    let seconds = now.uptimeSeconds - before.uptimeSeconds
    return text(fit(width).map { ($0, $0.cell(now, before, seconds)) }, style)
  }

  private static func fit(_ width: Int) -> [Column] {
    var kept = columns
    while kept.reduce(-2, { $0 + $1.width + 2 }) > width,
      let victim = kept.indices.filter({ kept[$0].dispensability > 0 })
        .max(by: { kept[$0].dispensability < kept[$1].dispensability })
    {
      kept.remove(at: victim)
    }
    return kept
  }

  private static func text(_ cells: [(column: Column, span: Span)], _ style: Style) -> String {
    cells.map { column, span in
      String(repeating: " ", count: max(0, column.width - span.text.count))
        + style.apply(span.look, span.text)
    }.joined(separator: "  ")
  }

  /// Growth a second; nought is of no interest, whatever it would be if it were more.
  private static func rate(
    _ now: EngineStats, _ before: EngineStats, _ seconds: Double, _ look: Style.Look = .plain,
    times factor: Double = 1, of counter: (EngineStats) -> UInt64
  ) -> Span {
    let (new, old) = (counter(now), counter(before))
    guard seconds > 0, new >= old else { return Span("-", .dim) }
    let rate = Double(new - old) * factor / seconds
    return Span(Units.scaled(rate), rate == 0 ? .dim : look)
  }
}
