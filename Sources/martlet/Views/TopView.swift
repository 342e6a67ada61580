import ControlAPI

/// One screen of `martlet top`: never more lines than the terminal has, none wider.
struct TopView {
  let model: TopModel
  let size: Output.Size
  let style: Style

  func lines() -> [String] {
    guard let status = model.status, let stats = model.stats else { return [] }
    var head = [titleLine(status, stats), rateLine(stats)]
    // Details go where the screen is low; the flows are what it is for.
    if size.height >= 16 {
      head += workerLines(stats) + [portLine(status), sinkLine(stats)].compactMap { $0 }
    }
    if let problem = model.problem {
      head.append(StyledLine(Span("\(problem); trying again", .red)))
    }
    if size.height >= 12 { head.append(StyledLine()) }
    let hasFoot = size.height >= 8
    let room = max(0, size.height - head.count - 1 - (hasFoot ? 1 : 0))
    var table = FlowTable.make(Array(model.flows.flows.prefix(room)), order: model.order)
    table.headLook = .inverse
    var lines = head.map { $0.text(width: size.width, style: style) }
    lines += table.lines(width: size.width, style: style)
    if model.flows.flows.isEmpty && room > 0 { lines.append(style.dim("no flows")) }
    if hasFoot {
      lines += Array(repeating: "", count: max(0, size.height - 1 - lines.count))
      lines.append(foot.text(width: size.width, style: style))
    }
    return Array(lines.prefix(size.height))
  }

  // MARK: - Head

  private func titleLine(_ status: EngineStatus, _ stats: EngineStats) -> StyledLine {
    var spans = [Span("martlet", .dim), Span("  "), Span(status.sensor, .bold), Span("  ")]
    if model.problem != nil {
      spans.append(Span("not reachable", .red))
    } else {
      spans.append(Span(status.state.rawValue, status.state == .running ? .green : .yellow))
    }
    spans.append(Span("  up \(Units.duration(stats.uptimeSeconds))"))
    if model.isPaused { spans += [Span("  "), Span(" paused ", .inverse)] }
    // `2026-11-21T06:38:05.123456+0000`: the time of day is characters 11 to 18.
    let clock = stats.timestamp.count >= 19 ? String(stats.timestamp.dropFirst(11).prefix(8)) : ""
    let used = spans.reduce(0) { $0 + $1.text.count }
    let padding = size.width - used - clock.count
    if padding >= 2 {
      spans += [Span(String(repeating: " ", count: padding)), Span(clock, .dim)]
    }
    return StyledLine(spans)
  }

  private func rateLine(_ stats: EngineStats) -> StyledLine {
    let show = { (rate: Double?, unit: String) in rate.map { Units.scaled($0, unit) } ?? "…" }
    let bits = model.rate { $0.totals.receivedBytes }.map { $0 * 8 }
    let newFlows = model.rate { $0.totals.flowsCreated }.map { Units.scaled($0) } ?? "…"
    let lost = stats.packetsLost
    let lossRate = model.rate { $0.packetsLost } ?? 0
    var spans = [
      Span(show(model.rate { $0.totals.received }, "pps"), .bold), Span("  "),
      Span(show(bits, "b/s"), .bold),
      Span("   flows "), Span(Units.grouped(stats.totals.flowsLive), .bold),
      Span(" (\(newFlows) new/s)"),
      Span("   drops "),
    ]
    if lost == 0 {
      spans.append(Span("none", .green))
    } else {
      let now = lossRate > 0 ? ", \(Units.scaled(lossRate))/s now" : ""
      spans.append(Span("\(Units.grouped(lost)) packets\(now)", lossRate > 0 ? .red : .yellow))
    }
    let records = stats.recordsLost
    if records > 0 {
      let now = (model.rate { $0.recordsLost } ?? 0) > 0
      spans.append(Span(", \(Units.grouped(records)) records", now ? .red : .yellow))
    }
    if stats.totals.evicted > 0 {
      spans.append(Span(", \(Units.grouped(stats.totals.evicted)) evicted", .yellow))
    }
    return StyledLine(spans)
  }

  /// A bar for each worker, as many a line as fit, three lines at the most.
  private func workerLines(_ stats: EngineStats) -> [StyledLine] {
    let cells = stats.workers.enumerated().map { place, worker in
      let rate = model.rate { stats in
        place < stats.workers.count ? stats.workers[place].account.received : 0
      }
      let speed = rate.map { Units.scaled($0, "pps") } ?? "…"
      let look: Style.Look =
        worker.busyShare >= 0.95 ? .red : worker.busyShare >= 0.8 ? .yellow : .green
      let filled = Int((min(max(worker.busyShare, 0), 1) * 10).rounded())
      return [
        Span("worker \(worker.index) ", .dim), Span(String(repeating: "█", count: filled), look),
        Span(String(repeating: "░", count: 10 - filled), .dim),
        Span(pad(Units.percent(worker.busyShare), 6)), Span(pad(speed, 11)), Span("   "),
      ]
    }
    let cellWidth = cells.first.map { StyledLine($0).width } ?? 1
    let perLine = max(1, size.width / max(1, cellWidth))
    return stride(from: 0, to: min(cells.count, 3 * perLine), by: perLine).map { first in
      StyledLine(Array(cells[first..<min(first + perLine, cells.count)].joined()))
    }
  }

  private func portLine(_ status: EngineStatus) -> StyledLine? {
    guard let stats = model.stats, !stats.ports.isEmpty else { return nil }
    var spans: [Span] = []
    for (place, port) in stats.ports.enumerated() {
      let rate = model.rate { $0.ports.first { $0.name == port.name }?.receivedPackets ?? 0 }
      spans += [Span(place == 0 ? "ports    " : "   ", .dim), Span(port.name, .cyan)]
      if let link = status.ports.first(where: { $0.name == port.name })?.link, !link.isUp {
        spans.append(Span(" down", .red))
      }
      spans.append(Span(" " + (rate.map { Units.scaled($0, "pps") } ?? "…")))
      let lost = port.missed &+ port.noMbuf
      if lost > 0 { spans.append(Span(" missed \(Units.grouped(lost))", .red)) }
    }
    return StyledLine(spans)
  }

  private func sinkLine(_ stats: EngineStats) -> StyledLine? {
    if stats.sinks.isEmpty { return nil }
    var spans: [Span] = []
    for (place, sink) in stats.sinks.enumerated() {
      let rate = model.rate { $0.sinks.first { $0.name == sink.name }?.delivered ?? 0 }
      spans += [Span(place == 0 ? "sinks    " : "   ", .dim), Span(sink.name, .cyan)]
      spans.append(sink.isHealthy ? Span(" ok", .green) : Span(" failing", .red))
      spans.append(Span(" " + (rate.map { Units.scaled($0, "rec/s") } ?? "…")))
      if sink.backlog > 0 { spans.append(Span(" backlog \(Units.grouped(sink.backlog))", .dim)) }
      let lost = sink.droppedError &+ sink.droppedQueueFull
      if lost > 0 { spans.append(Span(" dropped \(Units.grouped(lost))", .red)) }
    }
    return StyledLine(spans)
  }

  // MARK: - Foot

  private var foot: StyledLine {
    let keys: [(String, String, Bool)] = [
      ("r", "rate", model.order == .rate), ("k", "packet rate", model.order == .packetRate),
      ("b", "bytes", model.order == .bytes), ("p", "packets", model.order == .packets),
      ("space", model.isPaused ? "go on" : "pause", false), ("q", "quit", false),
    ]
    var spans: [Span] = []
    for (key, name, isChosen) in keys {
      spans += [
        Span(key, .bold), Span(" "), Span(name, isChosen ? .cyan : .dim), Span("   "),
      ]
    }
    return StyledLine(spans)
  }

  private func pad(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

extension EngineStats {
  /// Packets that reached a port and no worker.
  var packetsLost: UInt64 {
    ports.reduce(0) { $0 &+ $1.missed &+ $1.noMbuf }
  }

  /// Records that reached no reader.
  var recordsLost: UInt64 {
    sinks.reduce(totals.recordsDropped) { $0 &+ $1.droppedQueueFull &+ $1.droppedError }
  }
}
