import ControlAPI

/// `martlet tune` as text.
enum TuneView {
  static func lines(_ list: TuningList, explains: Bool, width: Int, style: Style) -> [String] {
    var table = Table([
      .init("KEY"), .init("VALUE", .right), .init("UNIT", dispensability: 1), .init("RANGE"),
      .init("DEFAULT", .right, dispensability: 2), .init("LIVE"),
    ])
    for tunable in list.tunables {
      let isStandard = same(tunable.value, tunable.standard)
      table.add(
        Span(tunable.key, .cyan), Span(tunable.value.description, isStandard ? .plain : .bold),
        Span(tunable.unit), Span(range(tunable), .dim),
        Span(tunable.standard.description, .dim),
        tunable.isLive ? Span("yes", .green) : Span("restart", .dim))
    }
    var lines = table.lines(width: width, style: style)
    if explains { lines += list.tunables.flatMap { ["", $0.meaning] } }
    return lines
  }

  static func lines(_ change: TuningChange, style: Style) -> [String] {
    let unit = change.unit.isEmpty ? "" : " \(change.unit)"
    let head = StyledLine(
      Span(change.key, .cyan), Span(": \(change.before) → "), Span("\(change.after)", .bold),
      Span(unit)
    ).text(width: .max, style: style)
    return [head]
      + change.notes.map { StyledLine(Span("  \($0)", .yellow)).text(width: .max, style: style) }
  }

  private static func range(_ tunable: Tunable) -> String {
    if let allowed = tunable.allowed { return allowed.joined(separator: ", ") }
    guard let minimum = tunable.minimum, let maximum = tunable.maximum else { return "" }
    return "\(minimum) to \(maximum)"
  }

  /// 30 and 30.0 are the same.
  private static func same(_ a: TuningValue, _ b: TuningValue) -> Bool {
    a.description == b.description
  }
}
