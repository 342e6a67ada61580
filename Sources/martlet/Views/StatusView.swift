import ControlAPI

/// `martlet status` as text.
struct StatusView {
  let status: EngineStatus

  func lines(width: Int, style: Style) -> [String] {
    var lines = head.map { $0.text(width: width, style: style) }
    for (table, notes) in [(ports, portNotes), (workers, []), (sinks, sinkNotes)] {
      if table.rows.isEmpty { continue }
      lines.append("")
      lines += table.lines(width: width, style: style)
      lines += notes.map { $0.text(width: width, style: style) }
    }
    return lines
  }

  private var head: [StyledLine] {
    let look: Style.Look = status.state == .running ? .green : .yellow
    var lines = [
      StyledLine(
        Span(status.sensor, .bold), Span("  "), Span(status.state.rawValue, look),
        Span("  for \(Units.duration(status.uptimeSeconds))")),
      field("engine", "martletd \(status.version), pid \(status.pid)"),
      field("started", "\(status.startTime), epoch \(status.startEpoch)"),
    ]
    if !status.memoryBytes.isEmpty {
      let parts = status.memoryBytes.map { "\($0.name) \(Units.memory($0.value))" }
      lines.append(
        field(
          "memory", "\(Units.memory(status.memoryBytes.total)): \(parts.joined(separator: ", "))"))
    }
    lines.append(
      field(
        "hugepages",
        status.noHugepages ? "not used (noHugepages); expect about half the speed" : "used",
        status.noHugepages ? .yellow : .plain))
    var core = status.mainCore.core < 0 ? "not pinned" : "\(status.mainCore.core)"
    if !status.mainCore.sharedWith.isEmpty {
      core += ", shared with \(status.mainCore.sharedWith.joined(separator: ", "))"
    }
    lines.append(field("main core", core))
    if let note = status.mainCore.note { lines.append(field("", note, .dim)) }
    if let audit = status.audit {
      let hash = "the last one's hash is \(audit.lastHash)"
      lines.append(field("audit log", "\(audit.path), \(audit.sequence) lines; \(hash)"))
    }
    return lines
  }

  private func field(_ name: String, _ value: String, _ look: Style.Look = .plain) -> StyledLine {
    let padded = name + String(repeating: " ", count: max(0, 11 - name.count))
    return StyledLine(Span(padded, .dim), Span(value, look))
  }

  // MARK: - Ports

  private var ports: Table {
    var table = Table([
      .init("PORT"), .init("DEVICE", minimumWidth: 8, dispensability: 1),
      .init("DRIVER", dispensability: 2), .init("LINK"), .init("QUEUES", .right),
      .init("DESCRIPTORS", .right, dispensability: 4), .init("RSS"),
      .init("MTU", .right, dispensability: 5), .init("PROMISCUOUS", dispensability: 6),
      .init("NUMA", .right, dispensability: 3),
    ])
    for port in status.ports {
      table.add(
        Span(port.name, .cyan), Span(port.device), Span(port.driver),
        PortsView.link(port.link),
        Span("\(port.queues)"), Span("\(port.rxDescriptors)"), Span(port.rss.mode.rawValue),
        Span("\(port.mtu)"), Span(port.promiscuous ? "yes" : "no"), numa(port.numaNode))
    }
    return table
  }

  private var portNotes: [StyledLine] {
    status.ports.flatMap { port in
      var rss = "  \(port.name): \(port.rss.mode.rawValue) RSS"
      if !port.rss.reason.isEmpty { rss += ": \(port.rss.reason)" }
      if port.rss.hashFunction != "none" {
        rss += "; \(port.rss.hashFunction) over \(port.rss.hashTypes.joined(separator: " "))"
      }
      var lines = [StyledLine(Span(rss, .dim))]
      if !port.offloads.isEmpty {
        let offloads = "  \(port.name): offloads \(port.offloads.joined(separator: " "))"
        lines.append(StyledLine(Span(offloads, .dim)))
      }
      return lines
    }
  }

  // MARK: - Workers

  private var workers: Table {
    var table = Table([
      .init("WORKER", .right), .init("CORE", .right), .init("LCORE", .right, dispensability: 1),
      .init("NUMA", .right, dispensability: 2), .init("QUEUES", minimumWidth: 10),
      .init("SHARES ITS CORE WITH"),
    ])
    for worker in status.workers {
      table.add(
        Span("\(worker.index)", .cyan),
        worker.core < 0 ? Span("any", .yellow) : Span("\(worker.core)"),
        Span(worker.lcore < 0 ? "-" : "\(worker.lcore)"), numa(worker.numaNode),
        Span(worker.queues.map { "\($0.port):\($0.queue)" }.joined(separator: " ")),
        worker.sharesCoreWith.isEmpty
          ? Span("nobody", .dim) : Span(worker.sharesCoreWith.joined(separator: ", "), .yellow))
    }
    return table
  }

  // MARK: - Sinks

  private var sinks: Table {
    var table = Table([
      .init("SINK"), .init("STATE"), .init("FORMAT", dispensability: 2),
      .init("TYPES", minimumWidth: 4, dispensability: 1), .init("TARGET", minimumWidth: 12),
    ])
    for sink in status.sinks {
      table.add(
        Span(sink.name, .cyan), sink.isHealthy ? Span("ok", .green) : Span("failing", .red),
        Span(sink.format), Span(sink.types.isEmpty ? "all" : sink.types.joined(separator: ",")),
        Span(sink.target))
    }
    return table
  }

  private var sinkNotes: [StyledLine] {
    status.sinks.compactMap { sink in
      sink.lastError.map {
        StyledLine(Span("  \(sink.name): \($0)", sink.isHealthy ? .dim : .red))
      }
    }
  }

  private func numa(_ node: Int) -> Span { Span(node < 0 ? "-" : "\(node)") }
}
