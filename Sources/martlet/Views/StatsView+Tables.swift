import ControlAPI

extension StatsView {
  /// What a second brought, over each window that the engine is old enough for.
  var rates: Table {
    var table = Table(
      [Table.Column("RATES, A SECOND")]
        + stats.rates.map { Table.Column("OVER \(Units.window($0.seconds))", .right) })
    if stats.rates.isEmpty { return table }
    let add = { (name: String, look: Style.Look, unit: String, of: (RateWindow) -> Double) in
      let values = stats.rates.map(of)
      table.rows.append(
        [Span(name)]
          + values.map {
            Span(unit.isEmpty ? Units.scaled($0) : Units.scaled($0, unit), $0 == 0 ? .dim : look)
          })
    }
    add("packets", .bold, "pps") { $0.total.packets }
    add("bits", .bold, "b/s") { $0.total.bits }
    for (name, look, rate) in Self.totals {
      // What never happens need not be said.
      if look != .plain && stats.rates.allSatisfy({ $0.total[keyPath: rate] == 0 }) { continue }
      add(name, look, "") { $0.total[keyPath: rate] }
    }
    for port in stats.rates[0].ports {
      let of = { (window: RateWindow) in
        window.ports.first { $0.name == port.name } ?? PortRates()
      }
      add("\(port.name) packets", .plain, "pps") { of($0).packets }
      add("\(port.name) bits", .plain, "b/s") { of($0).bits }
      if stats.rates.contains(where: { of($0).missed + of($0).noMbuf > 0 }) {
        add("\(port.name) missed", .red, "") { of($0).missed + of($0).noMbuf }
      }
    }
    return table
  }

  private static var totals: [(String, Style.Look, KeyPath<Rates, Double>)] {
    [
      ("filtered", .plain, \.filtered), ("discarded", .yellow, \.discarded),
      ("flows created", .plain, \.flowsCreated), ("flows evicted", .yellow, \.evicted),
      ("records made", .plain, \.records), ("records dropped", .red, \.recordsDropped),
    ]
  }

  var ports: Table {
    var table = Table([
      .init("PORT"), .init("RECEIVED", .right), .init("BYTES", .right, dispensability: 1),
      .init("MISSED", .right), .init("NO BUFFER", .right), .init("ERRORS", .right),
      .init("BUFFERS IN USE", .right, dispensability: 2),
    ])
    for port in stats.ports {
      table.add(
        Span(port.name, .cyan), Span(Units.grouped(port.receivedPackets)),
        PortsView.bytes(port) { Units.grouped($0) }, PortsView.loss(port.missed),
        PortsView.loss(port.noMbuf), PortsView.loss(port.errors), PortsView.pool(port.mempool))
    }
    return table
  }

  /// The fullest ones: with many workers there are more hand-off rings than anybody reads.
  var rings: Table {
    var table = Table([
      .init("RING"), .init("USED", .right), .init("OF", .right), .init("SHARE", .right), .init(""),
    ])
    let share = { (ring: RingStats) in
      ring.capacity == 0 ? 0 : Double(ring.used) / Double(ring.capacity)
    }
    let shown = 12
    for ring in stats.rings.sorted(by: { share($0) > share($1) }).prefix(shown) {
      let part = share(ring)
      let look: Style.Look = part >= 0.9 ? .red : part >= 0.5 ? .yellow : .green
      table.add(
        Span(ring.name, .cyan), Span(Units.grouped(ring.used)), Span(Units.grouped(ring.capacity)),
        Span(Units.percent(part), look == .green ? .plain : look),
        Span(Glyphs.bar(part, width: 12).filled, look))
    }
    if stats.rings.count > shown {
      table.add(Span("\(stats.rings.count - shown) more, less full", .dim))
    }
    return table
  }

  var sinks: Table {
    var table = Table([
      .init("SINK"), .init("STATE"), .init("ACCEPTED", .right, dispensability: 3),
      .init("DELIVERED", .right), .init("BACKLOG", .right), .init("LAG", .right),
      .init("ON DISK", .right, dispensability: 1), .init("QUEUE FULL", .right),
      .init("SPOOL FULL", .right, dispensability: 1), .init("FAILED", .right),
      .init("LOST BY REDIS", .right, dispensability: 1),
      .init("RETRIES", .right, dispensability: 3),
      .init("RECONNECTS", .right, dispensability: 2),
    ])
    for sink in stats.sinks {
      table.add(
        Span(sink.name, .cyan), sink.isHealthy ? Span("ok", .green) : Span("failing", .red),
        Span(Units.grouped(sink.accepted)), Span(Units.grouped(sink.delivered)),
        Span(Units.grouped(sink.backlog)), Self.lag(sink),
        Span(sink.spoolLimitBytes == 0 ? "–" : Units.memory(sink.spooledBytes)),
        PortsView.loss(sink.droppedQueueFull), PortsView.loss(sink.droppedSpoolFull),
        PortsView.loss(sink.droppedError), PortsView.loss(sink.lostByRedis),
        Span(Units.grouped(sink.retries)), Span(Units.grouped(sink.reconnects)))
    }
    return table
  }

  private static func lag(_ sink: SinkStats) -> Span {
    Span(Units.duration(sink.lagSeconds), sink.lagSeconds < 10 ? .plain : .yellow)
  }

  /// The drivers' own counters by the drivers' own names; those of nought are left out.
  func driverCounters(_ width: Int, _ style: Style) -> [String] {
    stats.ports.flatMap { port -> [String] in
      var table = Table([.init("\(port.name), THE DRIVER'S OWN"), .init("COUNT", .right)])
      for counter in port.xstats where counter.value > 0 {
        table.add(Span(counter.name), Span(Units.grouped(counter.value)))
      }
      let silent = port.xstats.count - table.rows.count
      if silent > 0 { table.add(Span("\(silent) more at nought", .dim)) }
      if port.xstats.isEmpty { table.add(Span("none", .dim)) }
      return [""] + table.lines(width: width, style: style)
    }
  }
}
