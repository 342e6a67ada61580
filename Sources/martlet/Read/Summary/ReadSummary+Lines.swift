import FlowEngine
import Records

extension ReadSummary {
  /// The summary as text for a terminal of `width` columns; no line is wider.
  func lines(width: Int, style: Style) -> [String] {
    let page = SummaryPage(summary: self, width: width, style: style)
    return page.lines()
  }
}

/// One summary laid out for one width.
private struct SummaryPage {
  let summary: ReadSummary
  let width: Int
  let style: Style

  /// From this width on sections stand side by side.
  static let wide = 112
  /// Between two sections side by side.
  static let gutter = 4
  /// Wider than this nothing becomes clearer.
  static let widest = 200

  /// Finished lines with their widths without escape sequences.
  typealias Block = [(text: String, width: Int)]

  private var usable: Int { max(1, min(width, Self.widest)) }

  func lines() -> [String] {
    if summary.packetsRead == 0 {
      return fit(overviewNames + [StyledLine(Span("Nothing was read: there is no packet in it."))])
    }
    var lines = fit(overview)
    if summary.totals.flows == 0 {
      lines += [
        "", cut("No packet belonged to a flow: none was IP that could be read.", to: usable),
      ]
      return lines + texts(section(findings))
    }
    lines += texts(chart)
    let protocols = section(protocolTable, title: "PROTOCOLS")
    let apps = section(appTable, title: "APPLICATIONS")
    let hosts = section(hostTable, title: hostTitle)
    let ports = section(portTable, title: "TOP PORTS")
    let tcp = section(tcpTable, title: "TCP CONNECTIONS")
    if usable >= Self.wide {
      // What is longer goes left, and what is short is stacked at its right.
      let right = hosts(half) + ports(half) + tcp(half)
      lines += sideBySide(protocols(half) + apps(half), right)
    } else {
      for section in [protocols, apps, hosts, ports, tcp] { lines += texts(section(usable)) }
    }
    lines += texts(section(flowTable(summary.biggest.elements), title: "BIGGEST FLOWS")(usable))
    lines += texts(section(flowTable(summary.longest.elements), title: "LONGEST FLOWS")(usable))
    lines += texts(section(findings))
    return lines
  }

  // MARK: - Laying out

  private var half: Int { (usable - Self.gutter) / 2 }

  private func fit(_ lines: [StyledLine]) -> [String] {
    lines.map { $0.text(width: usable, style: style) }
  }

  private func texts(_ block: Block) -> [String] { block.map(\.text) }

  /// A table under a title, an empty line before it; nothing where the table has no rows.
  private func section(
    _ table: Table, title: String
  ) -> (Int) -> Block {
    var table = table
    table.headLook = .dim
    return { width in
      if table.rows.isEmpty { return [] }
      let plain = table.lines(width: width, style: Style(isOn: false))
      let styled = table.lines(width: width, style: style)
      // Beyond the narrowest that its columns can be, a table is cut by hand.
      let body: Block = zip(styled, plain).map { styled, plain in
        if plain.count > width { return (cut(plain, to: width), width) }
        // Spaces at the end are the padding of cells that are empty.
        let end = plain.reversed().prefix { $0 == " " }.count
        return (String(styled.dropLast(end)), plain.count - end)
      }
      let head = cut(title, to: width)
      return [("", 0), (style.bold(head), head.count)] + body
    }
  }

  private func section(_ lines: [StyledLine]) -> Block {
    lines.isEmpty
      ? [] : [("", 0)] + lines.map { ($0.text(width: usable, style: style), $0.width) }
  }

  private func sideBySide(_ left: Block, _ right: Block) -> [String] {
    (0..<max(left.count, right.count)).map { row in
      let first = row < left.count ? left[row] : (text: "", width: 0)
      guard row < right.count, right[row].width > 0 else { return first.text }
      return first.text + String(repeating: " ", count: half + Self.gutter - first.width)
        + right[row].text
    }
  }

  // MARK: - Overview

  private var overviewNames: [StyledLine] {
    let files = summary.input.files
    var spans: [Span] = []
    switch files.count {
    case 0: break
    case 1: spans.append(Span(files[0], .bold))
    default:
      spans.append(Span("\(Units.grouped(UInt64(files.count))) files", .bold))
      spans.append(Span("  \(files[0]) … \(files[files.count - 1])"))
    }
    if let bytes = summary.input.inputBytes, !spans.isEmpty {
      spans.append(Span("  \(Units.traffic(bytes))", .dim))
    }
    return spans.isEmpty ? [] : [StyledLine(spans)]
  }

  private var overview: [StyledLine] {
    var lines = overviewNames
    if let span = summary.span {
      // Both with the precision that tells them apart.
      let precision = precision(summary.spanSeconds)
      let first = Moment.text(span.lowerBound, precision)
      let isSameDay =
        Moment.text(span.lowerBound, .date) == Moment.text(span.upperBound, .date)
      let last =
        isSameDay
        ? Moment.timeOfDay(span.upperBound, precision) : Moment.text(span.upperBound, precision)
      lines.append(
        StyledLine(
          Span("\(first) – \(last) UTC"), Span("  \(lasted(summary.spanSeconds))", .dim)))
    }
    var counts = [
      Span(Units.scaled(Double(summary.packetsRead)), .bold),
      Span(summary.packetsRead == 1 ? " packet   " : " packets   "),
      Span(Units.traffic(summary.bytesRead), .bold), Span("   "),
      Span(Units.grouped(summary.totals.flows), .bold),
      Span(summary.totals.flows == 1 ? " flow" : " flows"),
    ]
    if let filtered = summary.input.counters?[.filtered], filtered > 0 {
      counts.append(Span("   \(Units.scaled(Double(filtered))) packets filtered out", .dim))
    }
    lines.append(StyledLine(counts))
    if summary.spanSeconds > 0 { lines.append(rates) }
    if let unaccounted = summary.input.counters?.unaccounted, unaccounted != 0 {
      let count = Units.grouped(unaccounted.magnitude)
      lines.append(
        StyledLine(
          Span("\(count) packets \(unaccounted > 0 ? "not accounted for" : "counted twice")", .red))
      )
    }
    return lines
  }

  private var rates: StyledLine {
    let bits = Double(summary.bytesRead) * 8 / summary.spanSeconds
    let packets = Double(summary.packetsRead) / summary.spanSeconds
    var spans = [
      Span("mean ", .dim), Span(Units.scaled(bits, "b/s")), Span(", "),
      Span(Units.scaled(packets, "pps")),
    ]
    if let peak = summary.peak {
      spans += [
        Span("   peak ", .dim), Span(Units.scaled(peak.bitsPerSecond, "b/s")),
        Span(" over \(lasted(peak.seconds))", .dim),
      ]
    }
    return StyledLine(spans)
  }

  /// `Units` has nothing below a tenth of a second.
  private func lasted(_ seconds: Double) -> String {
    seconds < 0.995 ? summaryDuration(UInt64(seconds * 1e9)) : Units.duration(seconds)
  }

  private func precision(_ seconds: Double) -> Moment.Precision {
    seconds < 0.1 ? .microsecond : seconds < 10 ? .millisecond : .second
  }

  // MARK: - Chart

  private var chart: Block {
    let columns = usable - Chart.axisWidth
    guard columns >= 8, let span = summary.timeLine.span, span.lowerBound < span.upperBound else {
      return []
    }
    let seconds = Double(UInt64(bitPattern: span.upperBound &- span.lowerBound)) / 1e9
    // Halfway without overflow.
    let middle = span.lowerBound &+ Int64((seconds * 1e9 / 2).rounded(.down))
    let label: (Int64) -> String = { moment in
      if seconds >= 300 * 86_400 { return Moment.text(moment, .date) }
      if seconds >= 2 * 86_400 { return String(Moment.text(moment, .minute).dropFirst(5)) }
      return Moment.timeOfDay(moment, precision(seconds))
    }
    let chart = Chart(
      values: summary.timeLine.rates(\.bytes, columns: columns).map { $0 * 8 },
      height: usable >= 60 ? 5 : 3, label: { Units.scaled($0, "b/s") },
      times: (label(span.lowerBound), label(middle), label(span.upperBound)))
    return section(chart.lines)
  }

  // MARK: - Tables

  private func share(_ bytes: UInt64) -> Double {
    summary.totals.bytes > 0 ? Double(bytes) / Double(summary.totals.bytes) : 0
  }

  private func percent(_ share: Double) -> String {
    share > 0 && share < 0.005 ? "< 1 %" : Units.percent(share)
  }

  private var protocolTable: Table {
    var table = Table([
      .init("", minimumWidth: 6), .init("PACKETS", .right, dispensability: 2),
      .init("BYTES", .right), .init("FLOWS", .right, dispensability: 3),
      .init("SHARE", .right, dispensability: 1), .init("", dispensability: 4),
    ])
    var nodes: [(name: String, depth: Int, totals: ReadSummary.Totals)] = []
    func list(_ node: ReadSummary.ProtocolNode, _ depth: Int) {
      nodes.append((String(repeating: "  ", count: depth) + node.name, depth, node.totals))
      for child in node.children { list(child, depth + 1) }
    }
    for node in summary.protocolTree(services: usable >= Self.wide ? 8 : 5) { list(node, 0) }
    // The bars get what names, four numbers of up to seven columns and gaps leave.
    let names = nodes.map(\.name.count).max() ?? 0
    let barWidth = min(30, (usable >= Self.wide ? half : usable) - names - 36)
    for node in nodes {
      let share = share(node.totals.bytes)
      table.add(
        Span(node.name, node.depth == 0 ? .bold : node.depth == 1 ? .cyan : .plain),
        Span(Units.scaled(Double(node.totals.packets))), Span(Units.traffic(node.totals.bytes)),
        Span(Units.scaled(Double(node.totals.flows))), Span(percent(share)),
        Span(barWidth >= 4 ? Chart.bar(share, width: barWidth) : "", .green))
    }
    return table
  }

  /// What flows speak by their content, and the records that gave.
  private var appTable: Table {
    var table = Table([
      .init("", minimumWidth: 9), .init("PACKETS", .right, dispensability: 2),
      .init("BYTES", .right), .init("FLOWS", .right), .init("RECORDS", .right, dispensability: 1),
      .init("SHARE", .right, dispensability: 3),
    ])
    for app in summary.spoken {
      let (name, look): (String, Style.Look) =
        switch app.app {
        case .unknown: ("nothing said", .dim)
        case .failed: ("not known", .dim)
        default: ("\(app.app.name)", .cyan)
        }
      table.add(
        Span(name, look), Span(Units.scaled(Double(app.totals.packets))),
        Span(Units.traffic(app.totals.bytes)), Span(Units.scaled(Double(app.totals.flows))),
        app.records == 0 ? Span("-", .dim) : Span(Units.scaled(Double(app.records))),
        Span(percent(share(app.totals.bytes))))
    }
    return table
  }

  private var hostTitle: String {
    let hosts = summary.hosts
    if hosts.isExact { return "TOP HOSTS of \(Units.grouped(UInt64(hosts.count)))" }
    return "TOP HOSTS of more than \(Units.grouped(UInt64(hosts.limit)))"
  }

  private var hostTable: Table {
    var table = Table([
      .init("", minimumWidth: 12, cut: .middle), .init("BYTES", .right),
      .init("SENT", .right, dispensability: 1), .init("RECEIVED", .right, dispensability: 2),
      .init("FLOWS", .right, dispensability: 3), .init("SHARE", .right, dispensability: 4),
    ])
    for host in summary.hosts.top(10) {
      let least = host.isExact ? "" : "≥ "
      table.add(
        Span(addressText(host.address, version: host.ipVersion)),
        Span(least + Units.traffic(host.bytes)),
        Span(Units.traffic(host.sentBytes), host.sentBytes == 0 ? .dim : .plain),
        Span(Units.traffic(host.receivedBytes), host.receivedBytes == 0 ? .dim : .plain),
        Span(least + Units.scaled(Double(host.flows))), Span(percent(share(host.bytes))))
    }
    return table
  }

  private var portTable: Table {
    var table = Table([
      .init(""), .init("", minimumWidth: 6, dispensability: 1), .init("BYTES", .right),
      .init("PACKETS", .right, dispensability: 2), .init("FLOWS", .right, dispensability: 3),
      .init("SHARE", .right, dispensability: 4),
    ])
    for port in summary.topPorts(8) {
      table.add(
        Span(port.text), Span(port.service ?? "", .cyan), Span(Units.traffic(port.totals.bytes)),
        Span(Units.scaled(Double(port.totals.packets))),
        Span(Units.scaled(Double(port.totals.flows))), Span(percent(share(port.totals.bytes))))
    }
    return table
  }

  private var tcpTable: Table {
    var table = Table([
      .init("SHARE", .right), .init("STATE"), .init("", minimumWidth: 8),
      .init("FLOWS", .right, dispensability: 1),
    ])
    let states = summary.tcpStates
    let total = states.reduce(0) { $0 + $1.count }
    for (state, count) in states {
      table.add(
        Span(percent(Double(count) / Double(total)), .bold), Span("\(state.text)", state.look),
        Span(state.words), Span(Units.grouped(count)))
    }
    return table
  }

  private func flowTable(_ flows: [ReadSummary.Flow]) -> Table {
    var table = Table([
      .init("PROTO", dispensability: 1), .init("ORIGINATOR", minimumWidth: 21, cut: .endpoint),
      .init("RESPONDER", minimumWidth: 21, cut: .endpoint),
      .init("SERVICE", dispensability: 3), .init("BYTES", .right),
      .init("PACKETS", .right, dispensability: 4), .init("LASTED", .right, dispensability: 2),
      .init("STARTED (UTC)", dispensability: 5), .init("STATE", dispensability: 3),
    ])
    for flow in flows {
      let key = flow.key
      let isTCP = key.proto == IPProtocol.tcp
      let isKnown = flow.app != .unknown && flow.app != .failed
      let service =
        isKnown
        ? "\(flow.app.name)"
        : ServiceNames.name(proto: key.proto, port: flow.originatorIsB ? key.portA : key.portB)
          ?? ServiceNames.name(proto: key.proto, port: flow.originatorIsB ? key.portB : key.portA)
      table.add(
        Span(ReadSummary.protocolName(key.proto), .cyan),
        Span(endpointText(key, isB: flow.originatorIsB)),
        Span(endpointText(key, isB: !flow.originatorIsB)), Span(service ?? ""),
        Span(Units.traffic(flow.bytes)), Span(Units.scaled(Double(flow.packets))),
        Span(flow.nanoseconds == 0 ? "-" : summaryDuration(flow.nanoseconds)),
        Span(Moment.text(flow.first, .second), .dim),
        isTCP ? Span("\(flow.state.text)", flow.state.look) : Span(""))
    }
    return table
  }

  private var findings: [StyledLine] {
    let findings = summary.findings
    let countWidth = findings.map { Units.grouped($0.count).count }.max() ?? 0
    var lines = findings.map { finding in
      let count = Units.grouped(finding.count)
      let look: Style.Look =
        switch finding.kind {
        case .lost: .red
        case .discarded, .anomaly: .yellow
        case .notIP: .plain
        }
      let padding = String(repeating: " ", count: countWidth - count.count)
      return StyledLine(
        Span(padding + count, look), Span("  \(pad("\(finding.kind.rawValue)", 9))  ", .dim),
        Span(finding.counter.meaning))
    }
    if summary.fragmentedFlows > 0 {
      let count = Units.grouped(summary.fragmentedFlows)
      lines.append(
        StyledLine(Span("\(count) \(count == "1" ? "flow" : "flows") with fragments", .dim)))
    }
    return lines.isEmpty ? [] : [StyledLine(Span("WORTH KNOWING", .bold))] + lines
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

// MARK: - Texts

/// What a cell of a row would say.
private func cellText(_ body: (inout CellText) -> Void) -> String {
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: CellText.capacity) { memory in
    var cell = CellText(memory.baseAddress.unsafelyUnwrapped)
    body(&cell)
    return String(decoding: memory[..<cell.count], as: UTF8.self)
  }
}

private func summaryDuration(_ nanoseconds: UInt64) -> String {
  cellText { $0.duration(nanoseconds) }
}

func addressText(_ address: IPAddress, version: UInt8) -> String {
  cellText { $0.records { $0.address(address, version: version) } }
}

private func endpointText(_ key: FlowKey, isB: Bool) -> String {
  cellText { _ = $0.endpoint(key, isB: isB) }
}
