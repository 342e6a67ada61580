import Foundation
import Testing

@testable import Configuration

/// Small configurations around one key, and shorthands for reading them.
enum Documents {
  /// The least that loads.
  static let least = "sensor: s\nports:\n  - name: p\n    device: net_ring0\n"

  static func load(_ text: String, _ environment: [String: String] = [:]) -> SettingsResult {
    SettingsLoader.load(text: text, file: "t.yaml", environment: environment)
  }

  /// What is wrong with a text, as it is printed.
  static func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
    load(text, environment).problems.map(\.description)
  }

  /// What is wrong, or nothing and settings.
  static func settings(
    _ text: String, _ environment: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Settings {
    let result = load(text, environment)
    #expect(result.problems == [], sourceLocation: sourceLocation)
    return try #require(result.settings, sourceLocation: sourceLocation)
  }

  /// A configuration with one key set to a value, everything around it as small as can be.
  ///
  /// - Returns: the text, the key's line in it, and its path as a message shows it.
  static func setting(_ key: SettingsKey, to value: String) -> (
    text: String, line: Int, shown: String
  ) {
    let parts = key.path.split(separator: ".").map(String.init)
    var lines: [String]
    switch key.path {
    case "sensor":
      lines = Array(least.split(separator: "\n").map(String.init).dropFirst())
      lines.append("sensor: \(value)")
    case "ports[].name":
      lines = ["sensor: s", "ports:", "  - device: net_ring0", "    name: \(value)"]
    case "ports[].device":
      lines = ["sensor: s", "ports:", "  - name: p", "    device: \(value)"]
    case "ports[].player.capture":
      lines = ["sensor: s", "ports:", "  - name: p", "    player:", "      capture: \(value)"]
    case _ where key.parent == "ports[].player":
      lines = [
        "sensor: s", "ports:", "  - name: p", "    player:", "      capture: c",
        "      \(key.name): \(value)",
      ]
    case _ where key.parent == "ports[]":
      // Enough workers for any number of queues.
      lines = ["engine: { workers: 128 }"] + least.split(separator: "\n").map(String.init)
      lines.append("    \(key.name): \(value)")
    case "filters[].name":
      lines = least.split(separator: "\n").map(String.init) + ["filters:", "  - name: \(value)"]
    case _ where key.parent == "filters[]":
      lines = least.split(separator: "\n").map(String.init)
      lines += ["filters:", "  - name: f", "    \(key.name): \(value)"]
    case "sinks[].type":
      lines = least.split(separator: "\n").map(String.init) + ["sinks:", "  - type: \(value)"]
    case _ where key.parent == "sinks[]":
      lines = least.split(separator: "\n").map(String.init) + ["sinks:"]
      let isFile = key.meaning.hasPrefix("file:")
      lines.append(isFile ? "  - type: file" : "  - type: redis")
      if isFile && key.name != "path" { lines.append("    path: f") }
      let isTLS = key.meaning.hasPrefix("redis, TLS:")
      if !isFile && key.name != "url" {
        lines.append("    url: \(isTLS ? "rediss://h" : "unix:/r")")
      }
      // A client's certificate and its key stand together.
      let companions = ["certificateFile": "keyFile", "keyFile": "certificateFile"]
      if let companion = companions[key.name] { lines.append("    \(companion): c") }
      lines.append("    \(key.name): \(value)")
    default:
      lines = least.split(separator: "\n").map(String.init)
      for (depth, part) in parts.enumerated() {
        let indent = String(repeating: "  ", count: depth)
        lines.append(indent + part + (depth == parts.count - 1 ? ": \(value)" : ":"))
      }
    }
    let line = lines.lastIndex { $0.contains("\(key.name): \(value)") }! + 1
    return (
      lines.joined(separator: "\n") + "\n", line, key.path.replacing("[]", with: "[0]")
    )
  }

  /// The package's own files, whatever the working folder is.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  static func file(_ path: String) throws -> String {
    try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
  }
}

extension SettingsKey {
  var isSection: Bool { kind == .section || kind == .sections }

  /// Keys that hold a value.
  static var values: [SettingsKey] { all.filter { !$0.isSection } }

  /// What its value may be, in the words that the manual and the reference share.
  var range: String {
    func list(_ words: [String]) -> String { words.joined(separator: ", ") }
    switch kind {
    case .text: return "text"
    case .flag: return "true or false"
    case .integer(let range): return "\(range.lowerBound) to \(range.upperBound)"
    case .powerOfTwo(let range):
      return "a power of two, \(range.lowerBound) to \(range.upperBound)"
    case .number(let range):
      return "\(SectionReader.plain(range.lowerBound)) to \(SectionReader.plain(range.upperBound))"
    case .choice(let words): return "one of \(list(words))"
    case .choices(let words): return "a list of \(list(words))"
    case .integers(let range): return "a list of \(range.lowerBound) to \(range.upperBound)"
    case .texts: return "a list of texts"
    case .paces: return "a list of `original`, `max` or numbers from 0.01 to 1000000"
    case .section: return "a section"
    case .sections: return "a list of sections"
    }
  }
}

extension SettingsKey: CustomTestStringConvertible {
  public var testDescription: String { path }
}
