import Foundation
import Records
import Yams

/// What reading a configuration gave: settings where nothing is wrong, else everything that is.
package struct SettingsResult: Sendable {
  package var settings: Settings?
  package var problems: [Problem]
  /// Odd, but not wrong.
  package var warnings: [Problem]
}

/// From YAML to ``Settings``.
package enum SettingsLoader {
  /// A larger file is no configuration.
  package static let maximumBytes = 1 << 20

  /// Reads a file; what cannot be read is a problem like any other.
  package static func load(
    path: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> SettingsResult {
    guard let data = FileManager.default.contents(atPath: path) else {
      let exists = FileManager.default.fileExists(atPath: path)
      return SettingsResult(
        settings: nil,
        problems: [
          Problem(
            file: path, line: 0, key: "",
            message: exists
              ? "cannot be read; give this user the right to read it"
              : "there is no such file; give one with --config")
        ], warnings: [])
    }
    guard data.count <= maximumBytes else {
      return refuse(path, "has \(data.count) bytes; a configuration has at most \(maximumBytes)")
    }
    guard let text = String(data: data, encoding: .utf8) else {
      return refuse(path, "is not UTF-8 text")
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    return load(text: text, file: path, folder: folder, environment: environment)
  }

  private static func refuse(_ file: String, line: Int = 0, _ message: String) -> SettingsResult {
    SettingsResult(
      settings: nil, problems: [Problem(file: file, line: line, key: "", message: message)],
      warnings: [])
  }

  /// Reads text; `folder` is where relative paths begin.
  package static func load(
    text: String, file: String, folder: String = ".", environment: [String: String] = [:]
  ) -> SettingsResult {
    guard text.utf8.count <= maximumBytes else {
      return refuse(
        file, "has \(text.utf8.count) bytes; a configuration has at most \(maximumBytes)")
    }
    // A few lines of aliases can stand for a billion nodes, and no configuration needs any.
    if let line = lineOfAlias(text) {
      return refuse(file, line: line, "uses a YAML anchor or alias; write the value out")
    }
    if let line = lineTooDeep(text) {
      return refuse(file, line: line, "is nested too deeply; a configuration has four levels")
    }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      return refuse(file, line: line(of: error), "is not YAML: \(words(of: error))")
    }
    guard let root, root.mapping != nil else {
      return refuse(file, line: 1, "holds no keys; begin with `sensor: NAME`")
    }
    let list = ProblemList(file: file, environment: environment)
    let warnings = ProblemList(file: file, environment: environment)
    let reader = SectionReader(root, path: "", shown: "", line: 1, list: list)
    var settings = readSettings(reader, folder: folder)
    SettingsChecks.check(&settings, reader, list, warnings)
    return SettingsResult(
      settings: list.problems.isEmpty ? settings : nil,
      problems: list.problems.sorted { ($0.line, $0.key) < ($1.line, $1.key) },
      warnings: warnings.problems)
  }

  // MARK: YAML's own troubles

  private static func line(of error: any Error) -> Int {
    guard let error = error as? YamlError else { return 0 }
    switch error {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
      return mark.line
    default: return 0
    }
  }

  private static func words(of error: any Error) -> String {
    guard let error = error as? YamlError else { return String(describing: error) }
    switch error {
    case .scanner(_, let problem, _, _), .parser(_, let problem, _, _),
      .composer(_, let problem, _, _):
      return problem
    default:
      return String(describing: error).split(separator: "\n").first.map(String.init) ?? "unreadable"
    }
  }

  /// The first line with an anchor or alias, as far as a line-wise look can tell.
  private static func lineOfAlias(_ text: String) -> Int? {
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      var previous: Character = " "
      for character in line {
        if character == "#" && (previous == " " || previous == "\t") { break }
        if character == "\"" || character == "'" { break }
        if (character == "&" || character == "*") && " \t[,:-".contains(previous) {
          return index + 1
        }
        previous = character
      }
    }
    return nil
  }

  /// The first line that opens more brackets or indents further than any configuration does.
  private static func lineTooDeep(_ text: String) -> Int? {
    var open = 0
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if line.prefix(while: { $0 == " " || $0 == "-" }).count > 64 { return index + 1 }
      for character in line where "[]{}".contains(character) {
        open += character == "[" || character == "{" ? 1 : -1
        if open > 16 { return index + 1 }
      }
    }
    return nil
  }
}
