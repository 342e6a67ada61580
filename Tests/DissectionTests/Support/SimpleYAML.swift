import Foundation

/// A value of a truth in YAML, or of a record in JSON, so that the two can be compared.
indirect enum TruthNode: Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([TruthNode])
  case map([String: TruthNode])

  subscript(key: String) -> TruthNode? { if case .map(let map) = self { map[key] } else { nil } }

  var text: String? {
    switch self {
    case .text(let value): value
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .bool(let value): value ? "true" : "false"
    case .null, .list, .map: nil
    }
  }

  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var list: [TruthNode]? { if case .list(let list) = self { list } else { nil } }
  var map: [String: TruthNode]? { if case .map(let map) = self { map } else { nil } }

  /// What `JSONSerialization` has read.
  init(json: Any) {
    switch json {
    case let value as String: self = .text(value)
    case let value as [Any]: self = .list(value.map(TruthNode.init(json:)))
    case let value as [String: Any]: self = .map(value.mapValues(TruthNode.init(json:)))
    case let value as NSNumber:
      if CFBooleanLike.isBoolean(value) {
        self = .bool(value.boolValue)
      } else if let whole = Int(exactly: value.doubleValue), "\(value)".allSatisfy({ $0 != "." }) {
        self = .integer(value.intValue == whole ? whole : value.intValue)
      } else {
        self = .number(value.doubleValue)
      }
    default: self = .null
    }
  }
}

/// JSON's booleans and numbers are of one class; what they were tells the type's code.
private enum CFBooleanLike {
  static func isBoolean(_ value: NSNumber) -> Bool { String(cString: value.objCType) == "c" }
}

extension TruthNode: CustomStringConvertible {
  var description: String {
    switch self {
    case .null: "null"
    case .text(let value): "\"\(value)\""
    case .list(let list): "[" + list.map(\.description).joined(separator: ",") + "]"
    case .map(let map):
      "{"
        + map.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        + "}"
    default: text ?? ""
    }
  }
}

/// Reads the YAML that tests are written in: mappings and sequences by indentation or in brackets, plain,
/// quoted and block scalars. No anchors, tags, or several documents.
struct SimpleYAML {
  private struct Line {
    var indent: Int
    var text: Substring
  }

  private var lines: [Line] = []
  private var raw: [Substring] = []
  private var at = 0

  static func read(_ text: String) -> TruthNode? {
    var reader = SimpleYAML(text)
    return reader.block(0)
  }

  private init(_ text: String) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let line = line.hasSuffix("\r") ? line.dropLast() : line
      let indent = line.prefix { $0 == " " }.count
      lines.append(Line(indent: indent, text: line.dropFirst(indent)))
    }
  }

  private static func isBlank(_ line: Line) -> Bool {
    line.text.allSatisfy { $0 == " " || $0 == "\t" } || line.text.hasPrefix("#")
      || line.text.hasPrefix("%YAML") || (line.indent == 0 && line.text.hasPrefix("---"))
  }

  private mutating func skipBlank() {
    while at < lines.count, Self.isBlank(lines[at]) { at += 1 }
  }

  /// The mapping, sequence or scalar at this place that is indented at least so far.
  private mutating func block(_ least: Int) -> TruthNode? {
    skipBlank()
    guard at < lines.count, lines[at].indent >= least else { return nil }
    let indent = lines[at].indent
    if Self.isItem(lines[at].text) { return sequence(indent) }
    if Self.keyEnd(lines[at].text) != nil { return mapping(indent) }
    let text = gathered(lines[at].text, indent)
    return Self.scalarOrFlow(text)
  }

  private static func isItem(_ text: Substring) -> Bool { text == "-" || text.hasPrefix("- ") }

  private mutating func sequence(_ indent: Int) -> TruthNode {
    var items: [TruthNode] = []
    while true {
      skipBlank()
      guard at < lines.count, lines[at].indent == indent, Self.isItem(lines[at].text) else { break }
      let rest = lines[at].text.dropFirst(1)
      let spaces = rest.prefix { $0 == " " }.count
      let inner = rest.dropFirst(spaces)
      if inner.isEmpty || inner.hasPrefix("#") {
        at += 1
        items.append(block(indent + 1) ?? .null)
      } else {
        // What stands behind the dash is a line of its own, so far to the right.
        lines[at] = Line(indent: indent + 1 + spaces, text: inner)
        items.append(block(indent + 1) ?? .null)
      }
    }
    return .list(items)
  }

  private mutating func mapping(_ indent: Int) -> TruthNode {
    var map: [String: TruthNode] = [:]
    while true {
      skipBlank()
      guard at < lines.count, lines[at].indent == indent, !Self.isItem(lines[at].text),
        let end = Self.keyEnd(lines[at].text)
      else { break }
      let line = lines[at].text
      let key = Self.unquoted(line[..<end])
      let rest = Self.trimmed(line[line.index(after: end)...])
      if rest.isEmpty || rest.hasPrefix("#") {
        at += 1
        skipBlank()
        // A sequence may stand as far to the left as its key.
        if at < lines.count, lines[at].indent == indent, Self.isItem(lines[at].text) {
          map[key] = sequence(indent)
        } else {
          map[key] = block(indent + 1) ?? .null
        }
      } else if rest.hasPrefix("|") || rest.hasPrefix(">") {
        map[key] = .text(literal(indent, folds: rest.hasPrefix(">")))
      } else {
        map[key] = Self.scalarOrFlow(gathered(rest, indent))
      }
    }
    return .map(map)
  }

  /// A value that goes on in lines that are indented further.
  private mutating func gathered(_ first: Substring, _ indent: Int) -> String {
    var text = String(first)
    at += 1
    while at < lines.count, lines[at].indent > indent, !Self.isBlank(lines[at]),
      Self.isOpen(text) || !Self.isItem(lines[at].text) && Self.keyEnd(lines[at].text) == nil
    {
      text += " " + lines[at].text
      at += 1
    }
    return text
  }

  private static func isOpen(_ text: String) -> Bool {
    if text.hasPrefix("\"") { return !text.dropFirst().contains("\"") }
    if text.hasPrefix("[") { return !text.contains("]") }
    if text.hasPrefix("{") { return !text.contains("}") }
    return false
  }

  private mutating func literal(_ indent: Int, folds: Bool) -> String {
    at += 1
    var gathered: [String] = []
    var own: Int?
    while at < lines.count {
      let line = lines[at]
      if line.text.isEmpty {
        gathered.append("")
        at += 1
        continue
      }
      guard line.indent > indent else { break }
      own = own ?? line.indent
      gathered.append(String(repeating: " ", count: max(0, line.indent - own!)) + line.text)
      at += 1
    }
    while gathered.last == "" { gathered.removeLast() }
    return gathered.joined(separator: folds ? " " : "\n") + "\n"
  }

  // MARK: Within a line

  /// The colon behind a key, where the line is one of a mapping.
  private static func keyEnd(_ text: Substring) -> Substring.Index? {
    guard let first = text.first, first != "[", first != "{" else { return nil }
    var place = text.startIndex
    if first == "\"" || first == "'" {
      guard let end = text.dropFirst().firstIndex(of: first) else { return nil }
      place = text.index(after: end)
      return place < text.endIndex && text[place] == ":" ? place : nil
    }
    while place < text.endIndex {
      let after = text.index(after: place)
      if text[place] == ":", after == text.endIndex || text[after] == " " { return place }
      if text[place] == "#", place > text.startIndex, text[text.index(before: place)] == " " {
        return nil
      }
      place = after
    }
    return nil
  }

  private static func trimmed(_ text: some StringProtocol) -> Substring {
    Substring(text.trimmingCharacters(in: .whitespaces))
  }

  private static func unquoted(_ text: Substring) -> String {
    let text = trimmed(text)
    guard let first = text.first, first == "\"" || first == "'", text.count >= 2 else {
      return String(text)
    }
    return String(text.dropFirst().dropLast())
  }

  private static func scalarOrFlow(_ text: String) -> TruthNode {
    var rest = trimmed(text)
    return value(&rest, inFlow: false)
  }

  private static func value(_ rest: inout Substring, inFlow: Bool) -> TruthNode {
    rest = rest.drop { $0 == " " }
    switch rest.first {
    case "[": return flowList(&rest)
    case "{": return flowMap(&rest)
    case "\"": return .text(doubleQuoted(&rest))
    case "'": return .text(singleQuoted(&rest))
    default: return plain(&rest, inFlow: inFlow)
    }
  }

  private static func flowList(_ rest: inout Substring) -> TruthNode {
    rest = rest.dropFirst()
    var items: [TruthNode] = []
    while true {
      rest = rest.drop { $0 == " " || $0 == "," }
      guard let next = rest.first, next != "]" else { break }
      items.append(value(&rest, inFlow: true))
    }
    rest = rest.dropFirst()
    return .list(items)
  }

  private static func flowMap(_ rest: inout Substring) -> TruthNode {
    rest = rest.dropFirst()
    var map: [String: TruthNode] = [:]
    while true {
      rest = rest.drop { $0 == " " || $0 == "," }
      guard let next = rest.first, next != "}" else { break }
      let key: String
      if next == "\"" {
        key = doubleQuoted(&rest)
      } else {
        let text = rest.prefix { $0 != ":" && $0 != "}" && $0 != "," }
        key = String(trimmed(text))
        rest = rest.dropFirst(text.count)
      }
      rest = rest.drop { $0 == " " }
      if rest.first == ":" { rest = rest.dropFirst() }
      map[key] = value(&rest, inFlow: true)
    }
    rest = rest.dropFirst()
    return .map(map)
  }

  private static func singleQuoted(_ rest: inout Substring) -> String {
    rest = rest.dropFirst()
    var text = ""
    while let next = rest.first {
      rest = rest.dropFirst()
      if next == "'" {
        guard rest.first == "'" else { break }
        rest = rest.dropFirst()
      }
      text.append(next)
    }
    return text
  }

  private static func doubleQuoted(_ rest: inout Substring) -> String {
    rest = rest.dropFirst()
    var text = ""
    while let next = rest.first, next != "\"" {
      rest = rest.dropFirst()
      guard next == "\\", let escape = rest.first else {
        text.append(next)
        continue
      }
      rest = rest.dropFirst()
      switch escape {
      case "n": text.append("\n")
      case "r": text.append("\r")
      case "t": text.append("\t")
      case "0": text.append("\0")
      case "x", "u":
        let digits = rest.prefix(escape == "x" ? 2 : 4)
        rest = rest.dropFirst(digits.count)
        if let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code) {
          text.unicodeScalars.append(scalar)
        }
      default: text.append(escape)
      }
    }
    rest = rest.dropFirst()
    return text
  }

  private static func plain(_ rest: inout Substring, inFlow: Bool) -> TruthNode {
    var end = rest.startIndex
    while end < rest.endIndex {
      if inFlow, ",]}".contains(rest[end]) { break }
      if rest[end] == "#", end > rest.startIndex, rest[rest.index(before: end)] == " " { break }
      end = rest.index(after: end)
    }
    let text = String(trimmed(rest[..<end]))
    rest = inFlow ? rest[end...] : ""
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "yes", "Yes", "on": return .bool(true)
    case "false", "False", "FALSE", "no", "No", "off": return .bool(false)
    default: break
    }
    if let value = Int(text) { return .integer(value) }
    if text.hasPrefix("0x"), let value = Int(text.dropFirst(2), radix: 16) {
      return .integer(value)
    }
    if text.contains("."), let value = Double(text), value.isFinite { return .number(value) }
    return .text(text)
  }
}
