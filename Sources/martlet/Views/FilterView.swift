import ControlAPI

/// `martlet filter` as text.
enum FilterView {
  static func lines(_ list: FilterList, _ width: Int, style: Style) -> [String] {
    if list.rules.isEmpty {
      return [style.dim("no rules: every packet is kept (up to \(list.maximum) are possible)")]
    }
    var table = Table([
      .init("#", .right), .init("NAME"), .init("ACTION"), .init("EXPRESSION", minimumWidth: 16),
      .init("PORTS", dispensability: 4), .init("SEES", dispensability: 5),
      .init("SHOWN", .right, dispensability: 3), .init("CAUGHT", .right),
      .init("SHARE", .right, dispensability: 1), .init("BYTES", .right, dispensability: 2),
      .init("DROPPED", .right), .init("COST", .right, dispensability: 6),
    ])
    for state in list.rules {
      let rule = state.rule
      let share = state.evaluated == 0 ? 0 : Double(state.packets) / Double(state.evaluated)
      table.add(
        Span("\(state.position)", .dim), Span(rule.name, .cyan),
        Span(action(rule), rule.action == .drop ? .yellow : .plain), Span(expression(rule)),
        Span(rule.ports?.joined(separator: ",") ?? "all", rule.ports == nil ? .dim : .plain),
        Span(rule.inner ? "inner" : "wire", rule.inner ? .plain : .dim),
        Span(Units.scaled(Double(state.evaluated)), .dim), Span(Units.grouped(state.packets)),
        Span(state.evaluated == 0 ? "-" : Units.share(share)), Span(Units.traffic(state.bytes)),
        Span(Units.grouped(state.dropped), state.dropped > 0 ? .yellow : .dim),
        Span(cost(state.nanosecondsPerPacket), .dim))
    }
    return table.lines(width: width, style: style)
  }

  /// What changed; what the old rule had caught; what the operator ought to know.
  static func lines(
    _ change: FilterChange, verb: String, _ width: Int, style: Style
  ) -> [String] {
    var lines: [StyledLine] = []
    let name = change.after?.rule.name ?? change.before?.rule.name ?? ""
    var head = [Span("\(verb) "), Span(name, .cyan)]
    if let after = change.after {
      head.append(Span(" at \(after.position): "))
      head.append(Span(sentence(after.rule), .bold))
    }
    lines.append(StyledLine(head))
    if let before = change.before {
      let was = change.after?.rule == before.rule ? "" : "was \(sentence(before.rule)); "
      let dropped = before.dropped > 0 ? ", \(Units.grouped(before.dropped)) dropped" : ""
      lines.append(
        StyledLine(
          Span(
            "  \(was)caught \(Units.grouped(before.packets)) packets, "
              + "\(Units.traffic(before.bytes))\(dropped)", .dim)))
    }
    lines += change.notes.map { StyledLine(Span("  \($0)", .yellow)) }
    return lines.map { $0.text(width: max(width, 80), style: style) }
  }

  /// What an expression would catch, what it costs, and its program.
  static func lines(
    _ answer: FilterTestAnswer, of expression: String, _ width: Int, style: Style
  ) -> [String] {
    var lines: [String] = []
    if answer.evaluated > 0 {
      let packets = Double(answer.packets) / Double(answer.evaluated)
      let bytes =
        answer.evaluatedBytes == 0 ? 0 : Double(answer.bytes) / Double(answer.evaluatedBytes)
      lines.append(
        StyledLine(
          Span("caught "), Span(Units.grouped(answer.packets), .bold),
          Span(" of \(Units.grouped(answer.evaluated)) packets ("),
          Span(Units.share(packets), .bold),
          Span(
            "), \(Units.traffic(answer.bytes)) of \(Units.traffic(answer.evaluatedBytes)) "
              + "(\(Units.share(bytes))), in \(Units.duration(answer.seconds))")
        ).text(width: .max, style: style))
      if !answer.isComplete {
        lines.append(style.apply(.yellow, "no more packets came in time"))
      }
    } else if !answer.isComplete {
      lines.append(style.apply(.yellow, "no packets came in time"))
    }
    var price = "\(answer.program.count) instructions"
    if let nanoseconds = answer.nanosecondsPerPacket {
      price += ", \(cost(nanoseconds)) a packet"
      if let ticks = answer.ticksPerPacket { price += " (\(Int(ticks.rounded())) TSC ticks)" }
    }
    lines += [price, ""]
    return lines + answer.program.map { printable($0.replacing("\t", with: " ")) }
  }

  /// `drop`, `sample 1/64`, `tag dns`.
  static func action(_ rule: FilterRule) -> String {
    switch rule.action {
    case .sample: "sample 1/\(rule.oneIn ?? 1)"
    case .tag: "tag \(rule.tag ?? "")"
    case .drop, .keep, .nopublish: rule.action.rawValue
    }
  }

  private static func expression(_ rule: FilterRule) -> String {
    rule.expression.isEmpty ? "(every packet)" : rule.expression
  }

  private static func sentence(_ rule: FilterRule) -> String {
    var text = "\(action(rule)) \(expression(rule))"
    if rule.inner { text += ", inner" }
    if let ports = rule.ports { text += ", on \(ports.joined(separator: ", "))" }
    return text
  }

  private static func cost(_ nanoseconds: Double?) -> String {
    guard let nanoseconds else { return "-" }
    return
      "\(nanoseconds < 9.95 ? Units.oneDecimal(nanoseconds) : "\(Int(nanoseconds.rounded()))") ns"
  }
}
