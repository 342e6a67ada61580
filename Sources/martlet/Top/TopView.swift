import ControlAPI

/// One screen of `martlet top`: never more lines than the terminal has, none wider.
///
///     martlet  edge1  running  up 1h 02m  every 1 s                         06:38:05
///     2.08 Mpps  6.86 Gb/s  ▂▃▅▆▇█▇▆▅  97,426 flows  52.0 k new/s  47.3 k records/s
///     lost  tap0 missed 377 (3/s)   file 112 records        what is lost, by cause
///
///     worker 0  ████████░░  83 %  1.25 Mpps  4.12 Gb/s      workers, ports, sinks; side by
///     tap0      ████░░░░░░  41 %  1.25 Mpps  4.12 Gb/s      side where there is room
///
///     1 flows  2 addresses  3 pairs …                       what is below, and which of it
///     PROTO  ORIGINATOR  …                                  the busiest
///     r rate  k packet rate  …                              keys, or the line that is typed
struct TopView {
  let model: TopModel
  let size: Output.Size
  let style: Style

  func lines() -> [String] {
    guard let status = model.status, let stats = model.stats else { return [] }
    var head = [titleLine(status, stats), rateLine(stats)]
    // Details go where the screen is low; the flows are what it is for.
    if size.height >= 10 { head += lossLines(stats) }
    if size.height >= 18 {
      head.append(StyledLine())
      head += panels(status, stats)
    }
    if let problem = model.problem {
      head.append(StyledLine(Span("\(firstLine(problem)); trying again", .red)))
    }
    if let chosen = expressionLine {
      head.append(chosen)
    } else if size.height >= 14 {
      head.append(StyledLine())
    }
    if size.height >= 10 { head.append(tabLine) }
    var lines = head.map { $0.text(width: size.width, style: style) }
    let foot = footLines.map { $0.text(width: size.width, style: style) }
    let room = max(0, size.height - lines.count - foot.count)
    lines += busiest(room: room)
    lines += Array(repeating: "", count: max(0, size.height - foot.count - lines.count))
    lines = Array(lines.prefix(max(0, size.height - foot.count))) + foot
    if model.showsHelp { lines = overlay(TopHelp.lines, on: lines) }
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
    spans.append(Span("  every \(Units.duration(model.intervalSeconds))", .dim))
    if model.isPaused { spans += [Span("  "), Span(" paused ", .inverse)] }
    if model.waitingSeconds >= 2 {
      spans.append(Span("  waiting for \(Units.duration(model.waitingSeconds))", .yellow))
    }
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
    let bits = model.rate { $0.totals.receivedBytes }.map { $0 * 8 }
    let more: [Span] = [
      Span("  "), Span(Units.grouped(stats.totals.flowsLive), .bold), Span(" flows"),
      Span("  \(rate { $0.totals.flowsCreated }) new/s"),
      Span("  \(rate { $0.totals.recordsMade }) records/s"),
    ]
    var spans = [
      Span(pad(rate("pps") { $0.totals.received }, 9), .bold), Span("  "),
      Span(pad(bits.map { Units.scaled($0, "b/s") } ?? "…", 9), .bold), Span("  "),
    ]
    // The last minute gets what the rest leaves; its peak is said where that is a lot.
    var room = size.width - StyledLine(spans + more).width
    let peak = "  peak \(Units.scaled(model.history.greatest, "pps"))"
    let isWide = room >= 30 + peak.count
    if isWide { room -= peak.count }
    if room >= 8 {
      let width = min(room, 60)
      spans.append(Span(Glyphs.sparkline(model.history.parts(width), width: width), .cyan))
    }
    if isWide { spans.append(Span(peak, .dim)) }
    return StyledLine(spans + more)
  }

  /// A counter's growth a second with its unit; an ellipsis while there is one reading only.
  func rate(_ unit: String = "", _ counter: (EngineStats) -> UInt64) -> String {
    guard let rate = model.rate(counter) else { return "…" }
    return unit.isEmpty ? Units.scaled(rate) : Units.scaled(rate, unit)
  }

  // MARK: - What is busiest

  private var tabLine: StyledLine {
    let names =
      size.width >= 134
      ? [
        "flows", "addresses", "pairs", "ports", "protocols", "VLANs", "originators", "responders",
        "applications",
      ] : ["flows", "hosts", "pairs", "ports", "proto", "vlan", "orig", "resp", "app"]
    var spans: [Span] = []
    for (place, name) in names.enumerated() {
      let isChosen = TopModel.keys[place] == model.key
      if isChosen {
        spans.append(Span(" \(place + 1) \(name) ", .inverse))
      } else {
        spans += [Span(" \(place + 1)", .bold), Span(" \(name) ", .dim)]
      }
    }
    return StyledLine(spans)
  }

  /// Which flows are looked at; nil where it is all of them.
  private var expressionLine: StyledLine? {
    var spans: [Span] = []
    if !model.expression.isEmpty {
      let (matched, live) = (model.flows.matched, model.flows.flowsLive)
      spans = [
        Span("where     ", .dim), Span(model.expression, .yellow),
        Span("   \(Units.grouped(matched)) of \(Units.grouped(live)) flows", .dim),
      ]
    }
    if model.flows.isPartial {
      spans.append(Span(spans.isEmpty ? "" : "   "))
      spans.append(Span("not all flows could be looked through", .yellow))
    }
    return spans.isEmpty ? nil : StyledLine(spans)
  }

  private func busiest(room: Int) -> [String] {
    let rows = max(0, room - 1)
    var table: Table
    let isEmpty: Bool
    if model.shownKey == .flow {
      let flows = model.flows.flows.dropFirst(model.offset).prefix(rows)
      table = FlowTable.make(Array(flows), order: model.order)
      isEmpty = flows.isEmpty
    } else {
      let groups = model.flows.groups.dropFirst(model.offset).prefix(rows)
      table = GroupTable.make(Array(groups), key: model.shownKey, order: model.order)
      isEmpty = groups.isEmpty
    }
    table.headLook = .inverse
    var lines = table.lines(width: size.width, style: style)
    if isEmpty && rows > 0 {
      let text = model.expression.isEmpty ? "no flows" : "no flow for which this is true"
      lines.append(StyledLine(Span(text, .dim)).text(width: size.width, style: style))
    }
    return Array(lines.prefix(room))
  }

  // MARK: - Foot

  private var footLines: [StyledLine] {
    if let editor = model.editor { return editorLines(editor) }
    if size.height < 8 { return [] }
    let keys: [(String, String, Bool)] = [
      ("r", "rate", model.order == .rate), ("k", "packet rate", model.order == .packetRate),
      ("b", "bytes", model.order == .bytes), ("p", "packets", model.order == .packets),
      ("/", "filter", !model.expression.isEmpty),
      ("space", model.isPaused ? "go on" : "pause", model.isPaused), ("h", "help", false),
      ("q", "quit", false),
    ]
    var spans: [Span] = []
    let gap = size.width >= 90 ? "   " : "  "
    for (key, name, isChosen) in keys {
      spans += [Span(key, .bold), Span(" "), Span(name, isChosen ? .cyan : .dim), Span(gap)]
    }
    spans.removeLast()
    return [StyledLine(spans)]
  }

  /// The line that is typed with its cursor, and what is wrong with it.
  private func editorLines(_ editor: TopModel.ExpressionEditor) -> [StyledLine] {
    let prompt = "where: "
    let (before, under, behind) = editor.line.visible(width: size.width - prompt.count - 1)
    let line = StyledLine(
      Span(prompt, .bold), Span(before), Span(under, .inverse), Span(behind))
    let note =
      if let problem = editor.problem {
        Span(firstLine(problem), .red)
      } else if editor.isChecked {
        Span("asking the engine …", .dim)
      } else {
        Span("Enter: show these flows only   Esc: leave it   e.g. dest_port == 443", .dim)
      }
    return size.height >= 4 ? [line, StyledLine(note)] : [line]
  }

  /// `box` in the middle of the screen.
  private func overlay(_ box: [String], on lines: [String]) -> [String] {
    let width = min(size.width, box.map(\.count).max() ?? 0)
    let height = min(lines.count, box.count)
    let top = (lines.count - height) / 2
    let left = String(repeating: " ", count: (size.width - width) / 2)
    var result = lines
    for (place, text) in box.prefix(height).enumerated() {
      // The rest of the line is blank: cutting through its colours is not worth it.
      result[top + place] = left + cut(text, to: width)
    }
    return result
  }
}

func pad(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

extension EngineStats {
  /// Packets that reached a port and no worker.
  var packetsLost: UInt64 {
    ports.reduce(0) { $0 &+ $1.missed &+ $1.noMbuf }
  }

  /// Records that reached no reader.
  var recordsLost: UInt64 {
    sinks.reduce(totals.recordsDropped) { $0 &+ $1.lost }
  }
}
