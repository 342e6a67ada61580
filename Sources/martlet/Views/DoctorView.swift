/// `martlet doctor` as text: a line a finding, and below those that are not well why it matters and
/// what mends it.
struct DoctorView {
  let report: DoctorReport
  /// Whether what is well is explained, too.
  var explainsAll = false

  func lines(width: Int, style: Style) -> [String] {
    var lines: [String] = []
    for repair in report.repairs {
      lines.append(
        repair.error.map { style.apply(.red, "not done: \(repair.command): \($0)") }
          ?? style.apply(.green, "done: \(repair.command)"))
    }
    if !report.repairs.isEmpty { lines.append("") }
    let name = report.findings.map(\.check.count).max() ?? 0
    for area in Finding.Area.allCases {
      let findings = report.findings.filter { $0.area == area }
      if findings.isEmpty { continue }
      lines.append(style.bold(area.rawValue.uppercased()))
      for finding in findings {
        lines += self.lines(finding, name: name, width: width, style: style)
      }
      lines.append("")
    }
    lines.append(summary(style))
    return lines
  }

  private func lines(_ finding: Finding, name: Int, width: Int, style: Style) -> [String] {
    let state = finding.state.rawValue
    let head =
      "  \(style.apply(Self.look(finding.state), state))\(pad(state, to: 9))"
      + "\(finding.check)\(pad(finding.check, to: name + 2))"
    let indent = String(repeating: " ", count: 2 + 9 + name + 2)
    let room = max(30, min(width, 120) - indent.count)
    var lines: [String] = []
    for (number, line) in Self.wrapped(finding.found, to: room).enumerated() {
      lines.append((number == 0 ? head : indent) + line)
    }
    guard finding.state > .ok || explainsAll else { return lines }
    lines += Self.wrapped(finding.why + ".", to: room).map { indent + style.dim($0) }
    // Commands stay whole: they are there to be copied.
    lines += finding.mend.map { indent + style.apply(.cyan, $0) }
    if finding.needsReboot { lines.append(indent + style.dim("It takes a reboot.")) }
    return lines
  }

  private func summary(_ style: Style) -> String {
    let parts = Finding.State.allCases.reversed().compactMap { state -> String? in
      let count = report.count(state)
      return count > 0 ? style.apply(Self.look(state), "\(count) \(state.rawValue)") : nil
    }
    let fixable = report.findings.count { $0.state > .ok && !$0.fix.isEmpty }
    let hint =
      fixable > 0 && report.repairs.isEmpty
      ? style.dim("; `martlet doctor --fix` mends \(fixable) of them until the next boot") : ""
    return parts.joined(separator: ", ") + hint
  }

  private static func look(_ state: Finding.State) -> Style.Look {
    switch state {
    case .ok: .green
    case .advice: .cyan
    case .warning: .yellow
    case .failure: .red
    }
  }

  private func pad(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count))
  }

  /// Broken between words; a word that is longer than a line stays whole.
  static func wrapped(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in printable(text).split(separator: " ") {
      if !line.isEmpty && line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    return line.isEmpty && !lines.isEmpty ? lines : lines + [line]
  }
}
