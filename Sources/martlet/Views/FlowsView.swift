import ControlAPI

/// `martlet flows` as text.
enum FlowsView {
  static func lines(
    _ list: FlowsList, order: FlowOrder, ascending: Bool, _ width: Int, style: Style
  ) -> [String] {
    let head = head(
      list.timestamp, live: list.flowsLive, matched: list.matched,
      interval: list.intervalSeconds, style: style)
    var lines = [head]
    lines += FlowTable.make(list.flows, order: order, ascending: ascending)
      .lines(width: width, style: style)
    if list.matched > UInt64(list.flows.count) {
      lines.append(
        style.dim(
          "\(Units.grouped(UInt64(list.flows.count))) of \(Units.grouped(list.matched)) shown; "
            + "--limit shows more"))
    }
    return lines + partial(list.isPartial, style)
  }

  static func lines(
    _ top: FlowsTop, key: FlowKeyKind, order: FlowOrder, _ width: Int, style: Style
  ) -> [String] {
    let head = head(
      top.timestamp, live: top.flowsLive, matched: top.matched, interval: top.intervalSeconds,
      style: style)
    let table =
      key == .flow
      ? FlowTable.make(top.flows, order: order)
      : GroupTable.make(top.groups, key: key, order: order)
    return [head] + table.lines(width: width, style: style) + partial(top.isPartial, style)
  }

  static func lines(_ killed: FlowsKilled, style: Style) -> [String] {
    var text = "\(Units.grouped(killed.killed)) ended; their records are on their way"
    if killed.matched > killed.killed {
      let others = Units.grouped(killed.matched - killed.killed)
      text += "; \(others) more matched (beyond the limit, or ended by themselves)"
    }
    return [text] + partial(killed.isPartial, style)
  }

  private static func head(
    _ timestamp: String, live: UInt64, matched: UInt64, interval: Double, style: Style
  ) -> String {
    var text = "\(timestamp)  \(Units.grouped(live)) live flows"
    if matched != live { text += ", \(Units.grouped(matched)) of them wanted" }
    return style.dim(
      text + (interval > 0 ? ", rates over \(Units.duration(interval))" : ", no rates yet"))
  }

  private static func partial(_ isPartial: Bool, _ style: Style) -> [String] {
    isPartial
      ? [style.apply(.yellow, "not all flows could be looked through; there may be more")] : []
  }
}

/// What flows add up to by a key.
enum GroupTable {
  static func make(_ groups: [FlowGroup], key: FlowKeyKind, order: FlowOrder) -> Table {
    let title = { (text: String, column: FlowOrder) in column == order ? "▼ " + text : text }
    var table = Table([
      .init(name(key), minimumWidth: 20, cut: .middle),
      .init(title("RATE", .rate), .right),
      .init("", dispensability: 5),
      .init(title("PACKETS/s", .packetRate), .right, dispensability: order == .packetRate ? 0 : 3),
      .init(title("BYTES", .bytes), .right, dispensability: order == .bytes ? 0 : 2),
      .init(title("PACKETS", .packets), .right, dispensability: order == .packets ? 0 : 4),
      .init("FLOWS", .right),
    ])
    let greatest = groups.map { value($0, order) }.max() ?? 0
    for group in groups {
      let part = value(group, order)
      let bar = Glyphs.bar(greatest > 0 ? part / greatest : 0, width: 12)
      table.add(
        Span(text(group.key, key), .cyan), Span(Units.scaled(group.bitsPerSecond, "b/s")),
        Span(bar.filled, .green), Span(Units.scaled(group.packetsPerSecond)),
        Span(Units.traffic(group.bytes)), Span(Units.scaled(Double(group.packets))),
        Span(Units.grouped(group.flows)))
    }
    return table
  }

  private static func value(_ group: FlowGroup, _ order: FlowOrder) -> Double {
    switch order {
    case .packets: Double(group.packets)
    case .rate: group.bitsPerSecond
    case .packetRate: group.packetsPerSecond
    case .bytes, .age, .idle: Double(group.bytes)
    }
  }

  private static func name(_ key: FlowKeyKind) -> String {
    switch key {
    case .flow: "FLOW"
    case .address: "ADDRESS"
    case .source: "ORIGINATOR"
    case .destination: "RESPONDER"
    case .pair: "PAIR"
    case .port: "PORT"
    case .protocol: "PROTOCOL"
    case .vlan: "VLAN"
    case .app: "APPLICATION"
    }
  }

  private static func text(_ group: String, _ key: FlowKeyKind) -> String {
    switch key {
    case .pair: group.replacing(" ", with: " ↔ ", maxReplacements: 1)
    case .vlan where group == "-": "none"
    case .app where group == "-": "nothing said yet"
    case .app where group == "failed": "not known"
    default: group
    }
  }
}
