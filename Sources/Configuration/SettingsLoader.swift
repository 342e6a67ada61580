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
    if text.utf8.contains(0) {
      return refuse(file, "has a NUL byte in it; plain text would be right")
    }
    // A byte order mark is allowed in YAML, and more than its parser takes.
    let text =
      text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    if let problem = YAMLGuard.refuse(text) {
      return refuse(file, line: problem.line, problem.words)
    }
    let root: Node?
    let anchorLine: Int?
    do {
      (root, anchorLine) = try compose(text)
    } catch {
      return refuse(error, file, text)
    }
    if let anchorLine { return refuse(file, line: anchorLine, YAMLGuard.anchorWords) }
    guard let root, root.mapping != nil else {
      return refuse(file, line: 1, "holds no keys; begin with `sensor: NAME`")
    }
    let list = ProblemList(file: file, environment: environment)
    let warnings = ProblemList(file: file, environment: environment)
    let reader = SectionReader(root, path: "", shown: "", line: 1, list: list)
    var settings = readSettings(reader, folder: folder)
    SettingsChecks.check(settings, reader, list, warnings)
    splitFilesByType(&settings, reader)
    return SettingsResult(
      settings: list.isEmpty ? settings : nil, problems: list.problems,
      warnings: warnings.problems)
  }

  // MARK: YAML's own troubles

  /// The node tree, keys that stand twice told apart by name (see ``DuplicateKeys``), and the line of an
  /// anchor in it.
  private static func compose(_ text: String) throws -> (Node?, anchorLine: Int?) {
    var text = text
    var renamedCount = 0
    var pair: YamlError?
    while true {
      do {
        // Nodes hold their anchors weakly, the parser holds them: it has to outlive the look.
        let parser = try Parser(yaml: text)
        let root = try parser.singleRoot()
        return (root, withExtendedLifetime(parser) { root.flatMap(YAMLGuard.lineOfAnchor) })
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        let error = YamlError.duplicatedKeysInMapping(duplicates: keys, context: context)
        let mark = context.mark
        guard renamedCount < maximumDuplicates,
          renamedCount * text.utf8.count < maximumBytes,
          let renamed = DuplicateKeys.renamed(
            renamedCount, line: mark.line, column: mark.column, in: text)
        else { throw error }
        text = renamed
        renamedCount += 1
        pair = error
      } catch {
        // A new name could have broken what is around it (a list as a key): say what was true before.
        throw pair ?? error
      }
    }
  }

  /// Keys that stand twice and are said beside everything else; one more is said alone. In a large file,
  /// where each costs another look at all of it, fewer.
  private static let maximumDuplicates = 16

  private static func refuse(_ error: any Error, _ file: String, _ text: String) -> SettingsResult {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return refuse(file, line: mark.line, "is not YAML: \(problem)")
    case .reader(let problem, let offset, _, _):
      let lines = text.utf8.prefix(offset ?? 0).count { $0 == UInt8(ascii: "\n") } + 1
      return refuse(file, line: offset == nil ? 0 : lines, "is not YAML: \(problem)")
    case .duplicatedKeysInMapping(let keys, let context):
      let problem = Problem(
        file: file, line: context.mark.line, key: SectionReader.clipped(keys.first ?? ""),
        message: SectionReader.twiceWords)
      return SettingsResult(settings: nil, problems: [problem], warnings: [])
    default:
      let words = String(describing: error).split(separator: "\n").first.map(String.init)
      return refuse(file, "is not YAML: \(words ?? "unreadable")")
    }
  }
}
