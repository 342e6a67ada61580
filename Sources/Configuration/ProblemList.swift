/// Collects what is wrong while a document is read, so that all of it can be said at once.
final class ProblemList {
  /// So many are named; who has more has given the wrong file.
  static let limit = 100

  let file: String
  let environment: [String: String]
  private var kept: [Problem] = []
  /// A section is looked at more than once; what is wrong with it is said once.
  private var seen: Set<String> = []
  private var furtherCount = 0

  init(file: String, environment: [String: String]) {
    self.file = file
    self.environment = environment
  }

  var isEmpty: Bool { kept.isEmpty }
  var isFull: Bool { kept.count >= Self.limit }

  func add(_ line: Int, _ key: String, _ message: String) {
    let key = Self.oneLine(key, atMost: 200)
    let message = Self.oneLine(message, atMost: 600)
    guard seen.count > 2 * Self.limit || seen.insert("\(line) \(key) \(message)").inserted else {
      return
    }
    guard !isFull else {
      furtherCount += 1
      return
    }
    kept.append(Problem(file: file, line: line, key: key, message: message))
  }

  /// A text as it may stand in a message: on one line, without what a terminal would obey, and cut where
  /// it is long. Both ends of a configuration's words can be anything, a mebibyte of escapes as well.
  static func oneLine(_ text: String, atMost limit: Int) -> String {
    var out = String.UnicodeScalarView()
    for (count, scalar) in text.unicodeScalars.enumerated() {
      guard count < limit else { return String(out) + "…" }
      out.append(isPrintable(scalar) ? scalar : "?")
    }
    return String(out)
  }

  /// No control character of either set, no end of a line or paragraph.
  static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: false
    default: true
    }
  }

  /// Whether a key's value has been found wrong, so that nothing should be concluded from it.
  func isWrong(_ key: String) -> Bool { kept.contains { $0.key == key } }

  /// In the order of the file, with a last line for those that are not named.
  var problems: [Problem] {
    var all = kept.sorted { ($0.line, $0.key) < ($1.line, $1.key) }
    if furtherCount > 0 {
      all.append(
        Problem(
          file: file, line: 0, key: "",
          message: "\(furtherCount) problems more are not shown; put these right first"))
    }
    return all
  }
}
