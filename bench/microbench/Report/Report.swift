import Foundation

/// Tables as they come, on the terminal and, where asked for, in a Markdown file.
final class Report {
  private let file: URL?
  private var text = ""

  init(markdown path: String?) { file = path.map { URL(fileURLWithPath: $0) } }

  func heading(_ title: String) {
    say("")
    say(title)
    text += "\n### \(title)\n\n"
  }

  /// A line of prose.
  func note(_ line: String) {
    say(line)
    text += line + "\n\n"
  }

  func table(_ columns: [String], _ rows: [[String]]) {
    let widths = columns.indices.map { column in
      ([columns] + rows).map { $0[column].count }.max()!
    }
    for row in [columns] + rows {
      let cells = row.enumerated().map { column, cell in
        let pad = String(repeating: " ", count: widths[column] - cell.count)
        // Names to the left, figures to the right.
        return column == 0 ? cell + pad : pad + cell
      }
      say("  " + cells.joined(separator: "  "))
    }
    text += "| " + columns.joined(separator: " | ") + " |\n"
    text += "|" + columns.indices.map { $0 == 0 ? "---|" : "---:|" }.joined() + "\n"
    for row in rows { text += "| " + row.joined(separator: " | ") + " |\n" }
    text += "\n"
  }

  /// Writes the file, if there is to be one.
  func finish(command: String) throws {
    guard let file else { return }
    let head =
      "## \(Machine.date), ceiling of one core\n\n\(Machine.description)\n\n    \(command)\n"
    try (head + text).write(to: file, atomically: true, encoding: .utf8)
  }

  private func say(_ line: String) {
    print(line)
    // Through a pipe, too, a table shows when it is there.
    fflush(nil)
  }
}
