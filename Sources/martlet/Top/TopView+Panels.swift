import ControlAPI

extension TopView {
  // MARK: - What is lost

  /// Packets and records that are lost, each cause by its name: those that grow now first, in red.
  func lossLines(_ stats: EngineStats) -> [StyledLine] {
    var causes: [(name: String, count: UInt64, rate: Double)] = []
    let add = { (name: String, counter: (EngineStats) -> UInt64) in
      let count = counter(stats)
      if count > 0 { causes.append((name, count, model.rate(counter) ?? 0)) }
    }
    for (place, port) in stats.ports.enumerated() {
      let of = { (stats: EngineStats) in
        place < stats.ports.count ? stats.ports[place] : PortStats()
      }
      add("\(port.name) missed") { of($0).missed }
      add("\(port.name) no buffer") { of($0).noMbuf }
      add("\(port.name) errors") { of($0).errors }
    }
    add("records dropped") { $0.totals.recordsDropped }
    for (place, sink) in stats.sinks.enumerated() {
      add("\(sink.name) lost records") {
        place < $0.sinks.count
          ? $0.sinks[place].lost : 0
      }
    }
    add("evicted") { $0.totals.evicted }
    add("not dissected") { $0.totals.dissection.noState }
    add("no dissection buffer") { $0.totals.dissection.noMemory }
    for cause in stats.totals.discarded {
      add("discarded \(cause.name)") { $0.totals.discarded.value(cause.name) }
    }
    var cells = (causes.filter { $0.rate > 0 } + causes.filter { $0.rate <= 0 }).map { cause in
      let now = cause.rate > 0 ? " (\(Units.scaled(cause.rate))/s)" : ""
      return Span(
        "\(cause.name) \(Units.grouped(cause.count))\(now)", cause.rate > 0 ? .red : .yellow)
    }
    for worker in stats.workers where worker.samplingInterval > 1 {
      let text = "worker \(worker.index) keeps 1 flow in \(worker.samplingInterval)"
      cells.insert(Span(text, .red), at: 0)
    }
    if cells.isEmpty { return [StyledLine(Span("lost  ", .dim), Span("nothing", .green))] }
    return flow(cells, label: "lost", lineLimit: size.height >= 30 ? 3 : 2)
  }

  /// Cells one behind the other, on as many lines as are allowed; how many were left out.
  private func flow(_ cells: [Span], label: String, lineLimit: Int) -> [StyledLine] {
    let indentation = label.count + 2
    var lines: [[Span]] = [[Span(label + "  ", .dim)]]
    for (place, cell) in cells.enumerated() {
      let used = StyledLine(lines[lines.count - 1]).width
      let left = cells.count - place
      let isFirst = lines[lines.count - 1].count == 1
      // The last line keeps room for how many more there are.
      let reserve = lines.count == lineLimit && left > 1 ? 12 : 0
      if !isFirst && used + 3 + cell.text.count + reserve > size.width {
        if lines.count == lineLimit {
          lines[lines.count - 1].append(Span("   +\(left) more", .dim))
          break
        }
        lines.append([Span(String(repeating: " ", count: indentation))])
      } else if !isFirst {
        lines[lines.count - 1].append(Span("   "))
      }
      lines[lines.count - 1].append(cell)
    }
    return lines.map { StyledLine($0) }
  }

  // MARK: - Workers, ports, sinks

  /// Workers and ports: side by side where there is room, else below one another; then sinks.
  func panels(_ status: EngineStatus, _ stats: EngineStats) -> [StyledLine] {
    let isTall = size.height >= 36
    let workers = workerCells(stats)
    let ports = portCells(status, stats)
    let width = (workers + ports).map { StyledLine($0).width }.max() ?? 1
    var lines: [StyledLine] = []
    if size.width >= 2 * width + 4, !workers.isEmpty, !ports.isEmpty,
      max(workers.count, ports.count) <= 8
    {
      let left = workers.map { StyledLine($0).width }.max() ?? 0
      for place in 0..<max(workers.count, ports.count) {
        var spans = place < workers.count ? workers[place] : []
        if place < ports.count {
          let padding = left + 4 - StyledLine(spans).width
          spans += [Span(String(repeating: " ", count: padding))] + ports[place]
        }
        lines.append(StyledLine(spans))
      }
    } else {
      lines += grid(workers, lineLimit: isTall ? 8 : 3, what: "workers")
      lines += grid(ports, lineLimit: isTall ? 8 : 3, what: "ports")
    }
    if let sinks = sinkLine(stats) { lines.append(sinks) }
    return lines
  }

  /// As many in a line as fit.
  private func grid(_ cells: [[Span]], lineLimit: Int, what: String) -> [StyledLine] {
    let cellWidth = (cells.map { StyledLine($0).width }.max() ?? 1)
    let perLine = max(1, (size.width + 3) / (cellWidth + 3))
    var lines: [StyledLine] = []
    for first in stride(from: 0, to: cells.count, by: perLine) {
      if lines.count == lineLimit {
        lines[lines.count - 1] = StyledLine(
          Span("\(cells.count - first + perLine) more \(what)", .dim))
        break
      }
      var spans: [Span] = []
      for (place, cell) in cells[first..<min(first + perLine, cells.count)].enumerated() {
        if place > 0 {
          let padding = place * (cellWidth + 3) - StyledLine(spans).width
          spans.append(Span(String(repeating: " ", count: max(0, padding))))
        }
        spans += cell
      }
      lines.append(StyledLine(spans))
    }
    return lines
  }

  private func workerCells(_ stats: EngineStats) -> [[Span]] {
    stats.workers.enumerated().map { place, worker in
      let account = { (stats: EngineStats) in
        place < stats.workers.count ? stats.workers[place].account : PacketAccount()
      }
      let look: Style.Look =
        worker.busyShare >= 0.95 ? .red : worker.busyShare >= 0.8 ? .yellow : .green
      return label("worker \(worker.index)", .dim) + bar(worker.busyShare, look)
        + rates({ account($0).received }, { account($0).receivedBytes })
    }
  }

  private func portCells(_ status: EngineStatus, _ stats: EngineStats) -> [[Span]] {
    stats.ports.map { port in
      let of = { (stats: EngineStats) in
        stats.ports.first { $0.name == port.name } ?? PortStats()
      }
      let link = status.ports.first { $0.name == port.name }?.link ?? LinkStatus()
      var cell = label(port.name, .cyan)
      if !link.isUp {
        cell += [Span("link down", .red), Span(String(repeating: " ", count: barWidth - 3))]
      } else if link.speedMbps == 0 {
        cell.append(Span("up" + String(repeating: " ", count: barWidth + 4), .green))
      } else {
        // With what the wire carries around each frame: preamble, start and gap, 20 bytes.
        let bits = (model.rate { of($0).receivedBytes } ?? 0) * 8
        let frames = model.rate { of($0).receivedPackets } ?? 0
        let share = (bits + frames * 160) / (Double(link.speedMbps) * 1e6)
        cell += bar(share, share >= 0.95 ? .red : share >= 0.8 ? .yellow : .green)
      }
      cell +=
        port.countsNoBytes
        ? [Span(pad(rate("pps") { of($0).receivedPackets }, 11)), Span(pad("-", 11), .dim)]
        : rates({ of($0).receivedPackets }, { of($0).receivedBytes })
      if link.isUp && link.speedMbps > 0 {
        cell.append(Span("  of \(Units.linkSpeed(link.speedMbps))", .dim))
      }
      if (model.rate { of($0).missed &+ of($0).noMbuf } ?? 0) > 0 {
        cell.append(Span("  losing", .red))
      }
      return cell
    }
  }

  private func sinkLine(_ stats: EngineStats) -> StyledLine? {
    if stats.sinks.isEmpty { return nil }
    var spans: [Span] = []
    // Of a file for each event type most have nothing to do.
    let busy = stats.sinks.filter { sink in
      let before = model.rate { $0.sinks.first { $0.name == sink.name }?.delivered ?? 0 }
      return !sink.isHealthy || sink.backlog > 0 || (before ?? 0) > 0
    }
    let shown = stats.sinks.count > 4 ? busy : stats.sinks
    if shown.isEmpty {
      return StyledLine(
        label("sinks", .dim) + [Span("\(stats.sinks.count)", .cyan), Span(" ok", .green)])
    }
    for (place, sink) in shown.enumerated() {
      spans += place == 0 ? label("sinks", .dim) : [Span("   ")]
      spans.append(Span(sink.name, .cyan))
      spans.append(sink.isHealthy ? Span(" ok", .green) : Span(" failing", .red))
      let delivered = rate { stats in
        stats.sinks.first { $0.name == sink.name }?.delivered ?? 0
      }
      spans.append(Span(" \(delivered) records/s"))
      if sink.backlog > 0 { spans.append(Span(", backlog \(Units.grouped(sink.backlog))", .dim)) }
      if sink.lagSeconds >= 1 {
        spans.append(Span(", lag \(Int(sink.lagSeconds)) s", sink.lagSeconds < 10 ? .dim : .yellow))
      }
      if sink.spooledBytes > 0 {
        spans.append(Span(", \(Units.memory(sink.spooledBytes)) on disk", .dim))
      }
    }
    let idle = stats.sinks.count - shown.count
    if idle > 0 { spans.append(Span("   \(idle) more idle", .dim)) }
    return StyledLine(spans)
  }

  // MARK: - Parts

  private var barWidth: Int { size.width >= 150 ? 20 : 10 }

  private func label(_ text: String, _ look: Style.Look) -> [Span] {
    [Span(text, look), Span(String(repeating: " ", count: max(1, 10 - text.count)))]
  }

  private func bar(_ share: Double, _ look: Style.Look) -> [Span] {
    let (filled, rest) = Glyphs.bar(share, width: barWidth)
    return [Span(filled, look), Span(rest, .dim), Span(pad(Units.percent(share), 6))]
  }

  private func rates(
    _ packets: (EngineStats) -> UInt64, _ bytes: (EngineStats) -> UInt64
  ) -> [Span] {
    let bits = model.rate(bytes).map { Units.scaled($0 * 8, "b/s") } ?? "…"
    return [Span(pad(rate("pps", packets), 11)), Span(pad(bits, 11))]
  }
}
