import Yams

/// What is looked at before a YAML parser may see a text, and right after: what no configuration
/// needs, and what costs a parser more than its text is long.
enum YAMLGuard {
  static let anchorWords = "uses a YAML anchor or alias; write the value out"
  /// Deeper than any configuration, and far from what a thread's stack holds.
  private static let maximumOpen = 16
  private static let maximumIndent = 64

  static func refuse(_ text: String) -> (line: Int, words: String)? {
    var open = 0
    // Not "\n": the two characters of a line end of Windows are one `Character`.
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let scan = scan(line, open: &open)
      // A few lines of aliases can stand for a billion nodes.
      if scan.hasAnchor { return (index + 1, anchorWords) }
      // Each of these characters at the head of a line may open one more level.
      if scan.isTooDeep || line.prefix(while: { " \t-?:".contains($0) }).count > maximumIndent {
        return (index + 1, "is nested too deeply; a configuration has four levels")
      }
    }
    return lineOfAlias(text).map { ($0, anchorWords) }
  }

  /// The line of the first `*NAME` behind a `&NAME`, wherever the two stand.
  ///
  /// What only looks at single lines takes the end of a quotation that began on another one for a
  /// beginning, and what follows for quoted. An alias in there could be the key of a mapping, and the
  /// parser hashes keys with all that they stand for, before anyone sees a tree. So both signs are looked
  /// for in every byte, quoted or not: an alias needs an anchor of the same name before it, and by
  /// chance no text has that.
  private static func lineOfAlias(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    var anchors: Set<ArraySlice<UInt8>> = []
    var line = 1
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\n") { line += 1 }
      guard byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") else { continue }
      // Within a word it is a part of the word: `max*200`.
      if index >= 2 && isNameByte(bytes[index - 2]) { continue }
      let name = bytes[index...].prefix(while: isNameByte)
      if name.isEmpty { continue }
      if byte == UInt8(ascii: "&") {
        anchors.insert(name)
      } else if anchors.contains(name) {
        return line
      }
      index = name.endIndex
    }
    return nil
  }

  /// What YAML's parser takes into the name of an anchor.
  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// One line, as far as a line shows it: quoted text and comments are passed over. A quotation that
  /// runs over several lines is not understood; ``lineOfAlias(_:)`` and ``lineOfAnchor(_:)``
  /// find what that hides, and the parser itself refuses more than a thousand levels.
  private static func scan(_ line: Substring, open: inout Int)
    -> (hasAnchor: Bool, isTooDeep: Bool)
  {
    var quote: Character?
    var isEscaped = false
    var previous: Character = " "
    /// The last character that is no blank; a line's begin counts as one that ends a value.
    var significant: Character = ","
    for character in line {
      defer { previous = character }
      if let open = quote {
        if isEscaped {
          isEscaped = false
        } else if character == "\\" && open == "\"" {
          isEscaped = true
        } else if character == open {
          quote = nil
          significant = character
        }
        continue
      }
      let isBlank = previous == " " || previous == "\t"
      // Where a node may begin: not in the midst of a plain value.
      let begins = ",[{".contains(significant) || (isBlank && ":-?".contains(significant))
      switch character {
      case " ", "\t": continue
      case "#" where isBlank: return (false, false)
      case "\"", "'": if begins { quote = character }
      case "&", "*": if begins { return (true, false) }
      case "[", "{":
        open += 1
        if open > maximumOpen { return (false, true) }
      case "]", "}": open = max(0, open - 1)
      default: break
      }
      significant = character
    }
    return (false, false)
  }

  /// The first anchored node of a tree, by its line. An anchor stands before its aliases, so the walk
  /// ends before it could follow one.
  static func lineOfAnchor(_ node: Node) -> Int? {
    if node.anchor != nil { return node.mark?.line ?? 0 }
    switch node {
    case .scalar: return nil
    case .alias: return node.mark?.line ?? 0
    case .sequence(let sequence):
      for element in sequence { if let line = lineOfAnchor(element) { return line } }
    case .mapping(let mapping):
      for (key, value) in mapping {
        if let line = lineOfAnchor(key) ?? lineOfAnchor(value) { return line }
      }
    }
    return nil
  }
}
