/// Keys that stand twice in one mapping.
///
/// YAML's parser ends at the first, and then nothing else in the file could be said. So a key's second
/// appearance gets a name of its own, on the same line, and the text is parsed again; the reader knows
/// such a name and notes it where the first one stands.
enum DuplicateKeys {
  /// Behind a further appearance's name, with the line of the first and its own, so that a third one
  /// is told from the second: `sensor__again_of_line_3_at_8`.
  private static let mark = "__again_of_line_"

  /// The text with a further appearance of `key` renamed; nil where it cannot be found. The first one
  /// stands at `line` and `column`, both from 1.
  static func renamed(_ key: String, line: Int, column: Int, in text: String) -> String? {
    // By bytes: a line end of Windows is one `Character`.
    var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
    guard line >= 1, line < lines.count, !key.isEmpty else { return nil }
    for index in line..<lines.count {
      let found = lines[index]
      let lead = found.prefix { $0 == " " }
      let body = found.dropFirst(lead.count)
      if body.isEmpty || body.first == "#" { continue }
      // Further left, or a new element: the mapping has ended.
      if lead.count + 1 < column { return nil }
      guard lead.count + 1 == column else { continue }
      for form in [key, "\"\(key)\"", "'\(key)'"] {
        let rest = body.dropFirst(form.count)
        guard body.hasPrefix(form), rest.drop(while: { $0 == " " }).first == ":" else { continue }
        lines[index] = "\(lead)\(key)\(mark)\(line)_at_\(index + 1)\(rest)"
        return lines.joined(separator: "\n")
      }
    }
    return nil
  }

  /// The name and the first one's line, where `name` is of a second appearance.
  static func original(of name: String) -> (name: String, firstLine: Int)? {
    guard let range = name.firstRange(of: mark),
      let line = Int(name[range.upperBound...].prefix { $0.isNumber })
    else {
      return nil
    }
    return (String(name[..<range.lowerBound]), line)
  }
}
