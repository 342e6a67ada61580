import Foundation
import Yams

/// Collects what is wrong while a document is read, so that all of it can be said at once.
final class ProblemList {
  let file: String
  let environment: [String: String]
  private(set) var problems: [Problem] = []

  init(file: String, environment: [String: String]) {
    self.file = file
    self.environment = environment
  }

  func add(_ line: Int, _ key: String, _ message: String) {
    // A section is read once for its values and once more for how they fit together.
    let problem = Problem(file: file, line: line, key: key, message: message)
    if !problems.contains(problem) { problems.append(problem) }
  }

  /// Whether a key's value has been found wrong, so that nothing should be concluded from it.
  func isWrong(_ key: String) -> Bool { problems.contains { $0.key == key } }
}

/// One mapping of the document, read key by key against ``SettingsKey``.
///
/// Every getter gives the value, or the given default where the key is absent or wrong; what is wrong
/// has then been noted. ``finish()`` notes the keys that nobody declared.
struct SectionReader {
  let node: Node.Mapping?
  /// As the key table has it: `ports[]`; as the reader of a message sees it: `ports[0]`.
  let path: String
  let shown: String
  let line: Int
  let list: ProblemList

  init(_ node: Node?, path: String, shown: String, line: Int, list: ProblemList) {
    self.node = node?.mapping
    self.path = path
    self.shown = shown
    self.line = node?.mark?.line ?? line
    self.list = list
    if let node, node.mapping == nil, !node.isNull {
      list.add(self.line, shown, "is \(Self.kindName(node)); it holds keys and values")
    }
  }

  private func join(_ base: String, _ name: String) -> String {
    base.isEmpty ? name : "\(base).\(name)"
  }

  func key(_ name: String) -> SettingsKey { SettingsKey.find(join(path, name)) }
  func shownKey(_ name: String) -> String { join(shown, name) }

  /// The value's node, references to the environment replaced; notes where a required one is missing.
  func value(_ name: String) -> Node? {
    let found = node?[name]
    if !has(name) {
      if key(name).isRequired { list.add(line, shownKey(name), "is missing; \(key(name).meaning)") }
      return nil
    }
    guard let found, let scalar = found.scalar, scalar.string.contains("${") else { return found }
    guard let text = expand(scalar.string, name) else { return nil }
    return .scalar(Node.Scalar(text, scalar.tag, .any, scalar.mark))
  }

  /// Whether a key is there and has something behind its colon.
  func has(_ name: String) -> Bool {
    guard let found = node?[name] else { return false }
    // YAML's own word for nothing may be the name of something: a sink's type.
    if case .choice(let words) = key(name).kind, let raw = found.scalar?.string, !raw.isEmpty,
      words.contains(raw)
    {
      return true
    }
    return !found.isNull
  }

  func note(_ name: String, _ message: String) {
    list.add(node?[name]?.mark?.line ?? line, shownKey(name), message)
  }

  static func kindName(_ node: Node) -> String {
    switch node {
    case .scalar: "a single value"
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }

  // MARK: Values

  func text(_ name: String) -> String? {
    guard let node = value(name) else { return nil }
    guard let raw = node.scalar?.string else {
      note(name, "is \(Self.kindName(node)); a text would be right")
      return nil
    }
    guard !raw.isEmpty else {
      note(name, "is empty; a text would be right\(key(name).isRequired ? "" : ", or no such key")")
      return nil
    }
    guard !raw.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else {
      note(name, "holds a control character; a text on one line would be right")
      return nil
    }
    return raw
  }

  /// `${NAME}` and `${NAME:-default}` replaced from the environment.
  private func expand(_ raw: String, _ name: String) -> String? {
    var out = ""
    var rest = Substring(raw)
    while let start = rest.range(of: "${") {
      out += rest[..<start.lowerBound]
      guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
        note(name, "has a ${ without its }; ${NAME} or ${NAME:-default} would be right")
        return nil
      }
      let inner = rest[start.upperBound..<end]
      let parts = inner.range(of: ":-")
      let variable = String(parts.map { inner[..<$0.lowerBound] } ?? inner)
      guard Self.isVariable(variable) else {
        note(
          name,
          "has ${\(inner)}, which names no variable; ${NAME} or ${NAME:-default} would be right")
        return nil
      }
      if let value = list.environment[variable], !value.isEmpty {
        out += value
      } else if let parts {
        out += inner[parts.upperBound...]
      } else {
        note(name, "needs the environment variable \(variable), which is not set")
        return nil
      }
      rest = rest[rest.index(after: end)...]
    }
    return out + rest
  }

  private static func isVariable(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(48...57).contains(first) else { return false }
    return name.utf8.allSatisfy {
      $0 == UInt8(ascii: "_") || (48...57).contains($0) || (65...90).contains($0)
        || (97...122).contains($0)
    }
  }

  func flag(_ name: String, _ standard: Bool) -> Bool {
    guard let node = value(name) else { return standard }
    if let value = node.bool, node.scalar?.style != .doubleQuoted { return value }
    note(name, "is \(shown(node)); true or false would be right")
    return standard
  }

  func integer(_ name: String) -> Int? {
    guard let node = value(name) else { return nil }
    let (range, isPower): (ClosedRange<Int>, Bool)
    switch key(name).kind {
    case .integer(let allowed): (range, isPower) = (allowed, false)
    case .powerOfTwo(let allowed): (range, isPower) = (allowed, true)
    default: preconditionFailure("\(name) is declared as an integer")
    }
    let right =
      isPower
      ? "a power of two from \(range.lowerBound) to \(range.upperBound)"
      : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard let value = node.scalar.flatMap({ Int($0.string.replacing("_", with: "")) }) else {
      note(name, "is \(shown(node)); \(right) would be right")
      return nil
    }
    guard range.contains(value), !isPower || value & (value - 1) == 0 else {
      note(name, "is \(value); \(right) would be right")
      return nil
    }
    return value
  }

  func number(_ name: String, _ standard: Double) -> Double { optionalNumber(name) ?? standard }

  func optionalNumber(_ name: String) -> Double? {
    guard let node = value(name) else { return nil }
    guard case .number(let range) = key(name).kind else {
      preconditionFailure("\(name) is declared as a number")
    }
    let right = "a number from \(Self.plain(range.lowerBound)) to \(Self.plain(range.upperBound))"
    guard let value = node.scalar.flatMap({ Double($0.string) }), value.isFinite else {
      note(name, "is \(shown(node)); \(right) would be right")
      return nil
    }
    guard range.contains(value) else {
      note(name, "is \(Self.plain(value)); \(right) would be right")
      return nil
    }
    return value
  }

  static func plain(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
  }

  func choice<E: RawRepresentable & CaseIterable>(_ name: String, _ standard: E) -> E
  where E.RawValue == String {
    guard let node = value(name) else { return standard }
    if let raw = node.scalar?.string, let found = E(rawValue: raw) { return found }
    let allowed = E.allCases.map(\.rawValue)
    var message = "is \(shown(node)); it is one of \(allowed.joined(separator: ", "))"
    if let raw = node.scalar?.string, let near = Self.nearest(raw, allowed) {
      message += " (did you mean \(near)?)"
    }
    note(name, message)
    return standard
  }

  /// The elements of a list; a single value stands for a list of one.
  func elements(_ name: String) -> [Node]? {
    guard let node = value(name) else { return nil }
    if let sequence = node.sequence {
      // Each element may take something from the environment, as a single value may.
      let nodes = sequence.map { element -> Node? in
        guard let scalar = element.scalar, scalar.string.contains("${") else { return element }
        return expand(scalar.string, name).map {
          .scalar(Node.Scalar($0, scalar.tag, .any, scalar.mark))
        }
      }
      return nodes.contains(nil) ? nil : nodes.compactMap { $0 }
    }
    if node.scalar != nil { return [node] }
    note(name, "is \(Self.kindName(node)); a list would be right")
    return nil
  }

  func shown(_ node: Node) -> String {
    guard let scalar = node.scalar else { return Self.kindName(node) }
    return scalar.string.isEmpty ? "empty" : "\"\(scalar.string)\""
  }

  // MARK: Sections

  func section(_ name: String) -> SectionReader {
    SectionReader(
      node?[name], path: join(path, name), shown: shownKey(name), line: line, list: list)
  }

  /// The mappings of a list of sections.
  func sections(_ name: String) -> [SectionReader] {
    guard let node = value(name) else { return [] }
    guard let sequence = node.sequence else {
      note(name, "is \(Self.kindName(node)); a list would be right, each element after a dash")
      return []
    }
    return sequence.enumerated().map { index, element in
      SectionReader(
        element, path: join(path, name) + "[]", shown: "\(shownKey(name))[\(index)]",
        line: node.mark?.line ?? line, list: list)
    }
  }

  /// Notes keys that are not declared.
  func finish() {
    let known = SettingsKey.children(of: path).map(\.name)
    for (key, _) in node ?? [:] {
      let name = key.string ?? "?"
      let line = key.mark?.line ?? line
      guard !known.contains(name) else { continue }
      let hint =
        Self.nearest(name, known).map { "did you mean \($0)?" }
        ?? "known here: \(known.joined(separator: ", "))"
      list.add(line, shownKey(name), "is no key of the configuration; \(hint)")
    }
  }

  /// The nearest of some words, where one is near: at most a third of its letters away.
  static func nearest(_ word: String, _ words: [String]) -> String? {
    words.map { ($0, distance(word.lowercased(), $0.lowercased())) }
      .filter { $0.1 <= max(1, $0.0.count / 3) }
      .min { $0.1 < $1.1 }?.0
  }

  /// Levenshtein's distance.
  private static func distance(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    guard a.count < 64, b.count < 64 else { return 64 }
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let cost = x == y ? diagonal : diagonal + 1
        diagonal = row[j + 1]
        row[j + 1] = min(cost, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}

extension Node {
  /// `~`, `null`, or nothing behind the colon.
  var isNull: Bool {
    guard let scalar else { return false }
    return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
  }
}
