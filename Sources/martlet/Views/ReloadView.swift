import ControlAPI

/// `martlet reload` as text.
enum ReloadView {
  static func lines(_ answer: ReloadAnswer, _ width: Int, style: Style) -> [String] {
    let did = answer.isDryRun ? "would change" : "changed"
    var lines: [String] = []
    let part = { (head: String, items: [ReloadItem], look: Style.Look) in
      lines.append(StyledLine(Span(head, look)).text(width: .max, style: style))
      lines += table(items).lines(width: width, style: style).dropFirst().map { "  " + $0 }
    }
    if answer.applied.isEmpty {
      lines.append("\(printable(answer.path)): nothing \(did)")
    } else {
      part("\(answer.path): \(did)", answer.applied, .plain)
    }
    if !answer.needsRestart.isEmpty {
      part("needs a restart:", answer.needsRestart, .yellow)
    }
    return lines
      + answer.warnings.map {
        StyledLine(Span("warning: \($0)", .yellow)).text(width: .max, style: style)
      }
  }

  private static func table(_ items: [ReloadItem]) -> Table {
    var table = Table([
      .init(""), .init("", minimumWidth: 8), .init(""), .init("", minimumWidth: 8),
    ])
    for item in items {
      let shown = { (value: String) in value.isEmpty ? Span("none", .dim) : Span(value) }
      var after = shown(item.after)
      if !item.after.isEmpty { after.look = .bold }
      table.add(Span(item.key, .cyan), shown(item.before), Span("→", .dim), after)
    }
    return table
  }
}
