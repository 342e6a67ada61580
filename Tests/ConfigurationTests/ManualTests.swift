import Foundation
import Testing

@testable import Configuration

/// config/martlet.yaml is the manual: it loads, and says of every key what the code says.
@Suite("Sample configurations")
struct ManualTests {
  @Test("the sample loads without a word")
  func sample() throws {
    let path = "\(Documents.root)/config/martlet.yaml"
    let result = SettingsLoader.load(path: path, environment: [:])
    #expect(result.problems == [])
    #expect(result.warnings == [])
    let settings = try #require(result.settings)
    #expect(settings.engine.workers == 2)
    #expect(settings.ports.map(\.device) == ["0000:03:00.0"])
    #expect(settings.sinks.map(\.type) == [.redis, .file])
  }

  @Test("the demonstration loads without a word, as it is and with its environment set")
  func demo() throws {
    let path = "\(Documents.root)/config/demo.yaml"
    let result = SettingsLoader.load(path: path, environment: [:])
    #expect(result.problems == [])
    #expect(result.settings?.ports.first?.player?.capture == "\(Documents.root)/config/demo.pcap")
    #expect(result.settings?.engine.noHugepages == true)
    let other = SettingsLoader.load(
      path: path,
      environment: [
        "MARTLET_NO_HUGEPAGES": "false", "REDIS_URL": "redis://h:1/2", "MARTLET_RUN": "/r",
      ])
    #expect(other.settings?.engine.noHugepages == false)
    #expect(other.settings?.sinks.first?.url == "redis://h:1/2")
    #expect(other.settings?.control.socket == "/r/control.sock")
  }

  /// A key in the sample: its path, and the comment above it.
  struct Entry {
    var path: String
    var comment: String
  }

  /// Every key of the sample, commented out or not, in order. `#key:` without a space is a key.
  static func entries(_ text: String) -> [Entry] {
    var found: [Entry] = []
    var stack: [(indent: Int, path: String)] = []
    var comment: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let trimmed = line.drop { $0 == " " }
      var indent = line.count - trimmed.count
      if trimmed.isEmpty { comment = [] }
      if trimmed.hasPrefix("# ") { comment.append(String(trimmed.dropFirst(2))) }
      var rest = trimmed.hasPrefix("#") ? trimmed.dropFirst() : trimmed
      let isElement = rest.hasPrefix("- ")
      if isElement {
        rest = rest.dropFirst(2)
        indent += 2
      }
      guard let first = rest.first, first.isLetter, let colon = rest.firstIndex(of: ":"),
        !trimmed.hasPrefix("# ")
      else { continue }
      while let last = stack.last, last.indent >= indent { stack.removeLast() }
      var parent = stack.last?.path ?? ""
      if SettingsKey.all.contains(where: { $0.path == parent && $0.kind == .sections }) {
        parent += "[]"
      }
      let path = (parent.isEmpty ? "" : parent + ".") + rest[..<colon]
      stack.append((indent, path))
      found.append(Entry(path: path, comment: comment.joined(separator: " ")))
      comment = []
    }
    return found
  }

  @Test("the sample has every key, and no other")
  func everyKey() throws {
    let paths = Self.entries(try Documents.file("config/martlet.yaml")).map(\.path)
    #expect(Set(paths) == Set(SettingsKey.all.map(\.path)))
  }

  @Test("the sample has every key's range, default and unit", arguments: SettingsKey.values)
  func ranges(_ key: SettingsKey) throws {
    let entries = Self.entries(try Documents.file("config/martlet.yaml"))
    let entry = try #require(entries.first { $0.path == key.path })
    let comment = entry.comment.lowercased()
    if key.kind != .text { #expect(comment.contains(key.range.lowercased()), "\(entry.comment)") }
    if !key.standard.isEmpty {
      #expect(comment.contains("default \(key.standard.lowercased())."), "\(entry.comment)")
    }
    #expect(!key.isRequired || comment.contains("required"), "\(entry.comment)")
    let words = ["s": "seconds", "ms": "milliseconds", "µs": "microseconds"]
    let unit = words[key.unit] ?? key.unit.lowercased()
    #expect(unit.isEmpty || comment.contains("\(unit): "), "\(entry.comment)")
    #expect(!entry.comment.isEmpty)
  }

  @Test("what the sample has commented out is right, too")
  func commentedOut() throws {
    let text = try Documents.file("config/martlet.yaml")
    let keys = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let trimmed = line.drop { $0 == " " }
      let isKey = trimmed.dropFirst().first?.isLetter == true || trimmed.hasPrefix("#- ")
      guard trimmed.hasPrefix("#"), isKey else { return String(line) }
      return String(line.prefix(line.count - trimmed.count) + trimmed.dropFirst())
    }
    let result = SettingsLoader.load(
      text: keys.joined(separator: "\n"), file: "f",
      environment: ["MARTLET_REDIS_PASSWORD": "p"])
    // Only what the comments say cannot stand together.
    #expect(
      result.problems.map { "\($0.key): \($0.message)" } == [
        "ports[0].player: stands beside device; one of them would be right",
        "sinks[0].passwordEnvironment: stands beside passwordFile; one of them would be right",
      ]
        + ["caFile", "certificateFile", "keyFile"].map {
          "sinks[0].\($0): is for TLS, which the url does not ask for; rediss://… would be right"
        })
  }
}
