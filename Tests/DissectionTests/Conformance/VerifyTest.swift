import Foundation

/// A test of Suricata-verify: a capture, how it was read, and what was asked of the records.
struct VerifyTest {
  let name: String
  let capture: String
  let checks: [VerifyCheck]
  /// `suricata.yaml` and the arguments, where they are searched for what changes the records.
  let configuration: String
  let arguments: String

  /// Schemas that are told apart: Suricata 7's, which records claim to have, and what came later.
  enum Version: CaseIterable {
    case seven, later

    var numbers: [Int] { self == .seven ? [7, 0, 99] : [9, 99, 99] }
  }

  static func all(in folder: String) -> [VerifyTest] {
    let root = folder + "/suricata-verify/tests"
    let files = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    return files.filter { $0.hasSuffix("/test.yaml") }.sorted().compactMap { load($0, root) }
  }

  private static func load(_ file: String, _ root: String) -> VerifyTest? {
    let name = (file as NSString).deletingLastPathComponent
    let home = "\(root)/\(name)"
    guard let text = try? String(contentsOfFile: "\(root)/\(file)", encoding: .utf8),
      let truth = SimpleYAML.read(text), truth["skip"] == nil, truth["command"] == nil,
      let capture = capture(truth, home)
    else { return nil }
    let all = truth["checks"]?.list ?? []
    let checks = all.enumerated().compactMap { number, check in
      VerifyCheck(check, number: number, requires: truth["requires"])
    }
    let settings = (try? String(contentsOfFile: "\(home)/suricata.yaml", encoding: .utf8)) ?? ""
    let arguments = (truth["args"]?.list ?? []).compactMap(\.text).joined(separator: " ")
    return VerifyTest(
      name: name, capture: capture, checks: checks, configuration: settings, arguments: arguments)
  }

  private static func capture(_ truth: TruthNode, _ home: String) -> String? {
    let path: String?
    if let named = truth["pcap"]?.text {
      path = "\(home)/\(named)"
    } else {
      let files = (try? FileManager.default.contentsOfDirectory(atPath: home)) ?? []
      path = files.sorted().first { $0.contains(".pcap") }.map { "\(home)/\($0)" }
    }
    return path.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
  }
}

/// `filter: {count, match}` of a test.
struct VerifyCheck {
  let number: Int
  let count: Int
  var match: [String: TruthNode]
  /// Keys were left out, so that more records may be as asked.
  var isAtLeast = false
  /// Nil where it is only for versions that are gone.
  let version: VerifyTest.Version?

  var eventType: String { match["event_type"]?.text ?? "" }

  init?(_ check: TruthNode, number: Int, requires: TruthNode?) {
    guard let filter = check["filter"], let match = filter["match"]?.map,
      let count = filter["count"]?.integer
    else { return nil }
    self.number = number
    self.count = count
    self.match = match
    version = VerifyTest.Version.allCases.first { version in
      [requires, check["requires"], filter["requires"]].allSatisfy {
        $0.map { Self.meets(version, $0) } ?? true
      }
    }
  }

  private static func meets(_ version: VerifyTest.Version, _ requirement: TruthNode) -> Bool {
    func numbers(_ text: String) -> [Int] {
      let parts = text.split(separator: ".").map { Int($0) ?? 0 }
      return parts + Array(repeating: 0, count: max(0, 3 - parts.count))
    }
    if let text = requirement["min-version"]?.text,
      version.numbers.lexicographicallyPrecedes(numbers(text))
    {
      return false
    }
    if let text = requirement["lt-version"]?.text,
      !version.numbers.lexicographicallyPrecedes(numbers(text))
    {
      return false
    }
    if let text = requirement["version"]?.text {
      let parts = text.split(separator: ".").map { Int($0) ?? 0 }
      return parts.elementsEqual(version.numbers.prefix(parts.count))
    }
    return true
  }

  // MARK: Records

  /// How many records are as it asks.
  func found(in records: [TruthNode]) -> Int {
    records.count { record in match.allSatisfy { Self.holds($0.key, $0.value, record) } }
  }

  /// Whether so many records are enough and not too many.
  func isMet(_ found: Int) -> Bool { isAtLeast && count > 0 ? found >= count : found == count }

  static func holds(_ key: String, _ expected: TruthNode, _ record: TruthNode) -> Bool {
    switch key {
    case "has-key": return expected.text.flatMap { value($0, record) } != nil
    case "not-has-key": return expected.text.flatMap { value($0, record) } == nil
    default: return value(key, record).map { agrees(expected, $0) } ?? false
    }
  }

  /// What a record has at `dns.answers[0].rdata`; `__len` is the length of what it stands behind.
  static func value(_ path: String, _ record: TruthNode) -> TruthNode? {
    var node = record
    for part in path.split(separator: ".") {
      if part == "__len" {
        switch node {
        case .list(let list): return .integer(list.count)
        case .map(let map): return .integer(map.count)
        case .text(let text): return .integer(text.count)
        default: return .integer(-1)
        }
      }
      let pieces = part.split(separator: "[")
      guard let name = pieces.first, let member = node[String(name)] else { return nil }
      node = member
      for piece in pieces.dropFirst() {
        guard let index = Int(piece.dropLast()), let list = node.list, index < list.count else {
          return nil
        }
        node = list[index]
      }
    }
    return node
  }

  static func agrees(_ expected: TruthNode, _ found: TruthNode) -> Bool {
    switch (expected, found) {
    case (.number(let a), .number(let b)): return abs(a - b) < 1e-6
    case (.number(let a), .integer(let b)), (.integer(let b), .number(let a)):
      return a == Double(b)
    case (.list(let a), .list(let b)):
      return a.count == b.count && zip(a, b).allSatisfy { agrees($0, $1) }
    case (.map(let a), .map(let b)):
      return a.count == b.count
        && a.allSatisfy { key, value in b[key].map { agrees(value, $0) } ?? false }
    default: return expected == found || (expected.text != nil && expected.text == found.text)
    }
  }

  /// The record that comes nearest, and what of it is not as asked.
  func nearest(in records: [TruthNode]) -> String {
    let ofType = records.filter { $0["event_type"]?.text == eventType }
    let best = ofType.map { record in
      match.filter { !Self.holds($0.key, $0.value, record) }.map { key, value in
        let found = Self.value(key, record).map(\.description) ?? "absent"
        return "\(key): \(value) ≠ \(found.prefix(120))"
      }.sorted()
    }.min { $0.count < $1.count }
    return best.map { "nearest of \(ofType.count): " + $0.joined(separator: "; ") }
      ?? "no such record"
  }
}

extension VerifyCheck: CustomStringConvertible {
  var description: String {
    let keys = match.filter { $0.key != "event_type" }.sorted { $0.key < $1.key }
    return "\(eventType) × \(count) "
      + keys.map { "\($0.key)=\($0.value)" }.joined(separator: " ").prefix(200)
  }
}
