import ControlAPI

/// `martlet stats` as text: a column for all workers together and one for each.
struct StatsView {
  let stats: EngineStats
  /// The reading before, for rates.
  var previous: EngineStats?
  /// The name of what the counters count since; nil for the engine's start.
  var view: String?
  /// Whether the drivers' own counters are wanted.
  var showsDriverCounters = false

  func lines(width: Int, style: Style) -> [String] {
    var lines = [
      style.dim(
        "\(stats.timestamp)  up \(Units.duration(stats.uptimeSeconds))"
          + (view.map { ", counters of the view \($0)" } ?? "")), "",
    ]
    lines += packets(width).lines(width: width, style: style)
    lines += ["", conservation.text(width: width, style: style)]
    for table in [rates, ports, rings, sinks] where !table.rows.isEmpty {
      lines.append("")
      lines += table.lines(width: width, style: style)
    }
    lines += stats.sinks.compactMap { sink in
      sink.lastError.map {
        StyledLine(Span("  \(sink.name): \($0)", sink.isHealthy ? .dim : .red))
          .text(width: width, style: style)
      }
    }
    if showsDriverCounters { lines += driverCounters(width, style) }
    return lines
  }

  // MARK: - Packets, flows and records

  private func packets(_ width: Int) -> Table {
    var columns = [Table.Column("")]
    columns.append(.init("TOTAL", .right))
    if previous != nil { columns.append(.init("PER SECOND", .right)) }
    for worker in stats.workers {
      // Where there is not room for all, the last workers go first.
      columns.append(
        .init("WORKER \(worker.index)", .right, dispensability: worker.index + 1))
    }
    var table = Table(columns)
    add(to: &table, "received", \.received, .bold)
    add(to: &table, "received bytes", \.receivedBytes)
    add(to: &table, "counted in flows", \.countedInFlows)
    add(to: &table, "filtered", \.filtered)
    add(to: &table, "not IP", \.nonIP)
    add(to: &table, "discarded", \.discarded, .yellow)
    add(to: &table, "held in fragments", \.heldInFragments, isGauge: true)
    add(to: &table, "held in rings", \.heldInRings, isGauge: true)
    add(to: &table, "handed to their owner", \.handedOut)
    add(to: &table, "got from others", \.handedIn)
    table.rows.append([])
    add(to: &table, "flows live", \.flowsLive, .bold, isGauge: true)
    add(to: &table, "flows created", \.flowsCreated)
    add(to: &table, "flows ended", \.flowsExpired)
    add(to: &table, "flows evicted", \.evicted, .yellow)
    add(to: &table, "records made", \.recordsMade)
    add(to: &table, "records dropped", \.recordsDropped, .red)
    table.rows.append([])
    addDissection(to: &table)
    let blanks = Array(repeating: Span(""), count: previous == nil ? 1 : 2)
    table.rows.append(
      [Span("busy")] + blanks
        + stats.workers.map { Span(Units.percent($0.busyShare), busyLook($0.busyShare)) })
    table.rows.append(
      [Span("asleep")] + blanks
        + stats.workers.map { Span(Units.percent($0.asleepShare), .dim) })
    table.rows.append(
      [Span("idle polls")] + blanks
        + stats.workers.map { Span(Units.percent($0.idleShare), .dim) })
    if stats.workers.contains(where: { $0.samplingInterval > 1 }) {
      table.rows.append(
        [Span("flows kept")] + blanks
          + stats.workers.map {
            $0.samplingInterval > 1 ? Span("1 in \($0.samplingInterval)", .red) : Span("all")
          })
    }
    table.rows.append(
      [Span("wake-ups")] + blanks
        + stats.workers.map { Span(Units.grouped($0.wakeUps), .dim) })
    table.rows.append(
      [Span("empty polls")] + blanks
        + stats.workers.map { Span(Units.scaled(Double($0.emptyPolls)), .dim) })
    return table
  }

  /// Nothing where nobody looks into payloads.
  private func addDissection(to table: inout Table) {
    guard stats.rings.contains(where: { $0.name.hasPrefix("protocol records") }) else { return }
    add(to: &table, "in dissection", \.dissection.flowsLive, .bold, isGauge: true)
    add(to: &table, "dissected flows", \.dissection.flows)
    add(to: &table, "protocol records made", \.dissection.recordsMade)
    add(to: &table, "protocol records dropped", \.dissection.recordsDropped, .red)
    add(to: &table, "payload bytes", \.dissection.payloadBytes)
    add(to: &table, "buffer bytes", \.dissection.bufferBytes, isGauge: true)
    add(to: &table, "holes in streams", \.dissection.streamGaps)
    add(to: &table, "flows without state", \.dissection.noState, .yellow)
    add(to: &table, "lacks of a buffer", \.dissection.noMemory, .yellow)
    table.rows.append([])
  }

  private func busyLook(_ share: Double) -> Style.Look {
    share >= 0.95 ? .red : share >= 0.8 ? .yellow : .plain
  }

  /// A counter of its own.
  private func add(
    to table: inout Table, _ name: String, _ counter: KeyPath<PacketAccount, UInt64>,
    _ look: Style.Look = .plain, isGauge: Bool = false
  ) {
    let read: (EngineStats) -> UInt64 = { $0.totals[keyPath: counter] }
    addRow(
      to: &table, name, look, total: read(stats), before: isGauge ? nil : previous.map(read),
      workers: stats.workers.map { $0.account[keyPath: counter] })
  }

  /// Counters by name, a row each; one row of nought where there are none.
  private func add(
    to table: inout Table, _ name: String, _ counters: KeyPath<PacketAccount, [Counter]>,
    _ look: Style.Look = .plain
  ) {
    let totals = stats.totals[keyPath: counters].filter { $0.value > 0 }
    if totals.isEmpty {
      addRow(
        to: &table, name, .plain, total: 0, before: previous.map { _ in 0 },
        workers: stats.workers.map { _ in 0 })
    }
    for counter in totals {
      addRow(
        to: &table, "\(name): \(counter.name)", look, total: counter.value,
        before: previous.map { $0.totals[keyPath: counters].value(counter.name) },
        workers: stats.workers.map { $0.account[keyPath: counters].value(counter.name) })
    }
  }

  private func addRow(
    to table: inout Table, _ name: String, _ look: Style.Look, total: UInt64, before: UInt64?,
    workers: [UInt64]
  ) {
    // Nought is of no interest, whatever it would be if it were more.
    let shown = { (value: UInt64) in Span(Units.grouped(value), value == 0 ? .dim : look) }
    var row = [Span(name), shown(total)]
    if previous != nil {
      row.append(before.map { Span(Units.scaled(rate(total, $0))) } ?? Span(""))
    }
    table.rows.append(row + workers.map(shown))
  }

  private func rate(_ now: UInt64, _ before: UInt64) -> Double {
    let seconds = stats.uptimeSeconds - (previous?.uptimeSeconds ?? 0)
    return seconds > 0 && now >= before ? Double(now - before) / seconds : 0
  }

  private var conservation: StyledLine {
    let check = stats.conservation
    let head = "\(Units.grouped(check.received)) received, "
    if check.holds {
      return StyledLine(
        Span(head), Span("every one accounted for", .green),
        Span(" (flows, filtered, not IP, discarded, held)", .dim))
    }
    let missing = check.difference > 0
    let count = Units.grouped(check.difference.magnitude)
    return StyledLine(
      Span(head), Span("\(count) \(missing ? "not accounted for" : "counted twice")", .red),
      Span(" (a burst or two is normal while packets flow)", .dim))
  }
}
