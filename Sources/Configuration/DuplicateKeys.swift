/// Keys that stand twice in one mapping.
///
/// YAML's parser ends at the first such pair, and then nothing else in the file could be said. So the
/// first of the two gets a name of its own, on the same line, and the text is parsed again; the reader
/// knows such a name and notes it where it stands.
enum DuplicateKeys {
  /// Around a number before the name, so that all names differ: of a private use area, which YAML
  /// allows and nobody types.
  private static let mark: Unicode.Scalar = "\u{E000}"

  /// The text with the key at `line` and `column`, both from 1, renamed; nil where there is none.
  ///
  /// Works in block and flow style, whatever the key's quotes: the position is the parser's own.
  static func renamed(_ number: Int, line: Int, column: Int, in text: String) -> String? {
    var scalars = text.unicodeScalars
    var index = scalars.startIndex
    for _ in 1..<max(1, line) {
      guard let end = scalars[index...].firstIndex(where: isBreak) else { return nil }
      index = scalars.index(after: end)
      if scalars[end] == "\r", index < scalars.endIndex, scalars[index] == "\n" {
        index = scalars.index(after: index)
      }
    }
    guard column >= 1,
      let key = scalars.index(index, offsetBy: column - 1, limitedBy: scalars.endIndex),
      key < scalars.endIndex
    else { return nil }
    index = ["\"", "'"].contains(scalars[key]) ? scalars.index(after: key) : key
    scalars.insert(contentsOf: "\(mark)\(number)\(mark)".unicodeScalars, at: index)
    return String(scalars)
  }

  /// The name as it was written, where `name` is one that ``renamed(_:line:column:in:)`` gave.
  static func original(of name: String) -> String? {
    let parts = name.unicodeScalars.split(
      separator: mark, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].isEmpty, Int(String(parts[1])) != nil else { return nil }
    return String(parts[2])
  }

  /// What YAML counts as the end of a line.
  private static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
    ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar)
  }
}
