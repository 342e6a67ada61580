import Foundation
import Yams

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

  /// Ports, and sinks.
  static let maximumSections = 64
  /// Elements of any other list.
  static let maximumElements = 4096

  init(_ node: Node?, path: String, shown: String, line: Int, list: ProblemList) {
    self.node = node?.mapping
    self.path = path
    self.shown = shown
    self.line = node?.mark?.line ?? line
    self.list = list
    if let node, node.mapping == nil, !node.isNull {
      list.add(
        self.line, shown, "is \(Self.kindName(node)); it holds keys and values")
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
    return found.flatMap { expand($0, name) }
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

  func line(of name: String) -> Int { node?[name]?.mark?.line ?? line }

  func note(_ name: String, _ message: String) {
    list.add(line(of: name), shownKey(name), message)
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
    guard raw.unicodeScalars.allSatisfy(ProblemList.isPrintable) else {
      note(name, "holds a control character; a text on one line would be right")
      return nil
    }
    return raw
  }

  /// The texts of a list; a single one stands for a list of one.
  func texts(_ name: String, such example: String) -> [String]? {
    guard let nodes = elements(name) else { return nil }
    let texts = nodes.compactMap { $0.scalar?.string }.filter { !$0.isEmpty }
    guard texts.count == nodes.count else {
      note(name, "holds something else than texts; [\"\(example)\"] would be right")
      return nil
    }
    return texts
  }

  /// The values of a list of choices.
  func choices<E: RawRepresentable & CaseIterable & Hashable>(
    _ name: String, _: E.Type, called kind: String
  ) -> Set<E> where E.RawValue == String {
    let nodes = elements(name) ?? []
    let values = nodes.compactMap { $0.scalar.flatMap { E(rawValue: $0.string) } }
    if values.count != nodes.count {
      let allowed = E.allCases.map(\.rawValue).joined(separator: ", ")
      note(name, "holds something else than \(kind); they are \(allowed)")
    }
    return Set(values)
  }

  /// Whole numbers, each within the range.
  func integers(_ name: String, called kind: String) -> [Int]? {
    guard let nodes = elements(name) else { return nil }
    guard case .integers(let range) = key(name).kind else {
      preconditionFailure("\(name) is declared as a list of integers")
    }
    let values = nodes.compactMap { $0.scalar.flatMap { Int($0.string) } }.filter(range.contains)
    guard values.count == nodes.count else {
      note(name, "holds something else than \(kind); [2, 3] would be right")
      return nil
    }
    return values
  }

  /// Paces of a player's passes: 1 the capture's own, 0 as fast as it goes; `max*100` is a hundred.
  func paces(_ name: String) -> [Double]? {
    guard let nodes = elements(name) else { return nil }
    let paces = nodes.map { $0.scalar.flatMap { Self.paces($0.string) } }
    let count = paces.reduce(0) { $0 + ($1?.count ?? 0) }
    guard !paces.isEmpty, count <= Self.maximumPasses, !paces.contains(nil) else {
      note(
        name,
        "holds something else than paces; each is `original`, `max`, or a number such as 2,"
          + " and `max*100` stands for a hundred")
      return nil
    }
    return paces.flatMap { $0 ?? [] }
  }

  private static let maximumPasses = 100_000

  /// `original`, `max`, `2.5`, each perhaps with `*TIMES` behind it.
  private static func paces(_ text: String) -> [Double]? {
    let parts = text.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
    let pace: Double? =
      switch parts[0] {
      case "original": 1
      case "max": 0
      default: Double(parts[0]).flatMap { (0.01...1_000_000).contains($0) ? $0 : nil }
      }
    let times = parts.count > 1 ? Int(parts[1]) : 1
    guard let pace, let times, (1...maximumPasses).contains(times) else { return nil }
    return Array(repeating: pace, count: times)
  }

  func flag(_ name: String, _ standard: Bool) -> Bool {
    guard let node = value(name) else { return standard }
    let isQuoted = [.doubleQuoted, .singleQuoted].contains(node.scalar?.style)
    if let value = node.bool, !isQuoted { return value }
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
      guard sequence.count <= Self.maximumElements else {
        note(name, "has \(sequence.count) elements; at most \(Self.maximumElements) would be right")
        return nil
      }
      let nodes = sequence.compactMap { expand($0, name) }
      return nodes.count == sequence.count ? nodes : nil
    }
    if node.scalar != nil { return [node] }
    note(name, "is \(Self.kindName(node)); a list would be right")
    return nil
  }

  func shown(_ node: Node) -> String {
    guard let scalar = node.scalar else { return Self.kindName(node) }
    guard !scalar.string.isEmpty else { return "empty" }
    return Self.quoted(scalar.string)
  }

  /// A value as a message repeats it.
  static func quoted(_ text: some StringProtocol) -> String { "\"\(clipped(text))\"" }

  static func clipped(_ text: some StringProtocol) -> String {
    ProblemList.oneLine(String(text), atMost: 80)
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
    guard sequence.count <= Self.maximumSections else {
      note(name, "has \(sequence.count) elements; at most \(Self.maximumSections) would be right")
      return []
    }
    return sequence.enumerated().map { index, element in
      SectionReader(
        element, path: join(path, name) + "[]", shown: "\(shownKey(name))[\(index)]",
        line: node.mark?.line ?? line, list: list)
    }
  }

  static let twiceWords = "stands here and again further down; keep one"

  /// Notes keys that are not declared, and those that stand twice.
  func finish() {
    let known = SettingsKey.children(of: path).map(\.name)
    for (key, _) in node ?? [:] where !list.isFull {
      let name = key.scalar?.string ?? "?"
      let line = key.mark?.line ?? line
      if let again = DuplicateKeys.original(of: name) {
        list.add(line, shownKey(Self.clipped(again)), Self.twiceWords)
      } else if !known.contains(name) {
        list.add(
          line, shownKey(Self.clipped(name)), "is no key of the configuration; \(hint(name, known))"
        )
      }
    }
  }

  /// What may have been meant: a key written nearly so, or one of another section.
  private func hint(_ name: String, _ known: [String]) -> String {
    if let near = Self.nearest(name, known) { return "did you mean \(near)?" }
    let elsewhere = SettingsKey.all.filter { $0.name == name }
    if elsewhere.count == 1 { return "did you mean \(elsewhere[0].path)?" }
    return "known here: \(known.joined(separator: ", "))"
  }

  /// The nearest of some words, where one is near: at most a third of its letters away.
  static func nearest(_ word: String, _ words: [String]) -> String? {
    words.map { ($0, distance(word.lowercased(), $0.lowercased())) }
      .filter { $0.1 <= max(1, $0.0.count / 3) }
      .min { $0.1 < $1.1 }?.0
  }

  /// Levenshtein's distance, with a swap of neighbours counting as one.
  private static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    guard a.count < 64, b.count < 64 else { return 64 }
    var before = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        let isSame = a[i] == b[j]
        var cost = min(last[j] + (isSame ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          cost = min(cost, before[j - 1] + 1)
        }
        row.append(cost)
      }
      (before, last) = (last, row)
    }
    return last[b.count]
  }
}

extension Node {
  /// `~`, `null`, or nothing behind the colon.
  var isNull: Bool {
    guard let scalar else { return false }
    return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
  }
}
