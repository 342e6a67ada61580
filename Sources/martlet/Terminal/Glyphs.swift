import Foundation

/// Signs beyond ASCII, and what stands for them on a terminal that has only ASCII. Each is one column
/// wide either way, so nothing moves.
enum Glyphs {
  /// Eighths, from the least.
  static let levels: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  static let full: Character = "█"
  static let empty: Character = "░"

  private static let plain: [Character: Character] = [
    "▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#", "░": ".",
    "▼": "v", "▲": "^", "…": "~", "→": ">", "↔": "-", "·": ".", "µ": "u", "─": "-", "│": "|",
    "╭": "+", "╮": "+", "╰": "+", "╯": "+",
  ]

  /// Whether the locale says that the terminal shows UTF-8: the first of these that is set decides.
  static let isUTF8 = isUTF8(ProcessInfo.processInfo.environment)

  static func isUTF8(_ environment: [String: String]) -> Bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"]
    guard let locale = names.compactMap({ environment[$0] }).first(where: { !$0.isEmpty }) else {
      return false
    }
    let codeset = locale.lowercased()
    return codeset.contains("utf-8") || codeset.contains("utf8")
  }

  /// `text` in ASCII; what has no likeness is a question mark.
  static func ascii(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
    return String(text.map { $0.isASCII ? $0 : plain[$0] ?? "?" })
  }

  /// A bar of `width` columns, of which `share` (0 … 1) is filled.
  static func bar(_ share: Double, width: Int) -> (filled: String, rest: String) {
    let count = Int((min(max(share.isFinite ? share : 0, 0), 1) * Double(width)).rounded())
    return (
      String(repeating: full, count: count), String(repeating: empty, count: width - count)
    )
  }

  /// The last `width` values, each a level of the greatest one; blanks where there is none yet.
  static func sparkline(_ values: [Double?], width: Int) -> String {
    let shown = values.suffix(width)
    let greatest = shown.compactMap { $0 }.max() ?? 0
    let signs = shown.map { value -> Character in
      guard let value else { return " " }
      if greatest <= 0 || value <= 0 { return levels[0] }
      return levels[min(7, Int(value / greatest * 7.999))]
    }
    return String(repeating: " ", count: max(0, width - signs.count)) + String(signs)
  }
}
