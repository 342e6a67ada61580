import Foundation
import Testing

@testable import Configuration

/// Files that are no configuration at all.
@Suite("YAML and files")
struct YAMLTests {
  static let anchor = "uses a YAML anchor or alias; write the value out"
  static let deep = "is nested too deeply; a configuration has four levels"

  @Test(
    "anchors and aliases are refused, with their line",
    arguments: [
      ("a: &x 1", 1), ("a: 1\nb: *x", 2), ("- &x\n  a: 1", 1), ("a: [1, *x]", 1),
      ("a: {&x b: 1}", 1),
      ("? &x a\n: 1", 1), ("&x a: 1", 1), ("\"a\": &x 1", 1), ("'it''s': 1\n\"b\\\"\": *x", 2),
      ("a: !!str &x 1", 1), ("# c\r\na: &x 1\r\n", 2), ("a: \"two\n  lines\"\nb: !t &x 1", 3),
      ("[\"a\", &x b]", 1),
    ])
  func anchors(_ text: String, _ line: Int) {
    #expect(Documents.problems(text) == ["t.yaml:\(line): \(Self.anchor)"])
  }

  @Test("a billion laughs are refused before anyone laughs")
  func laughs() {
    var text = "\"a\": &a [x, x, x, x, x, x, x, x, x, x]\n"
    for (one, next) in zip("abcdefgh", "bcdefghi") {
      text +=
        "\"\(next)\": &\(next) [\(Array(repeating: "*\(one)", count: 10).joined(separator: ", "))]\n"
    }
    #expect(Documents.problems(text) == ["t.yaml:1: \(Self.anchor)"])
  }

  @Test(
    "what the end of a quotation hides from a look at single lines",
    arguments: [
      ("? [\"\n \", &a [x], *a]\n: 1", 2), ("? ['\n ', &a [x], '\n ', *a]\n: 1", 3),
      ("a: [\"\n \", &a x]", 2), ("a: [\"\n # \", &a x, \"\n # \", *a]", 3),
      ("[x\n \"y, &a z, *a , z\"]", 2),
    ])
  func hidden(_ text: String, _ line: Int) {
    #expect(Documents.problems(text) == ["t.yaml:\(line): \(Self.anchor)"])
  }

  @Test("laughs in a key, behind the ends of quotations, cost nothing", .timeLimit(.minutes(1)))
  func laughsInKey() {
    var text = "? [\"\n \", &a0 [x, x]"
    for level in 1...30 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      text += ", \"\n \", &a\(level) [\(aliases)]"
    }
    #expect(Documents.problems(text + "]\n: 1\n") == ["t.yaml:3: \(Self.anchor)"])
  }

  @Test("the two signs before different words, or within words, are no alias")
  func signs() {
    let text = Documents.least + "# &one *two R&D 2*D max*200 * & **\nlog: {} # a &b, *c\n"
    #expect(Documents.problems(text) == [])
  }

  @Test(
    "ampersands and asterisks in texts and comments are no anchors",
    arguments: ["R&D", "a & b", "a *b", "\"&x\"", "'*'", "x # &y", "x&", "5 * 4"])
  func noAnchors(_ value: String) {
    let text = Documents.least.replacing("net_ring0", with: value)
    #expect(Documents.problems(text) == [])
  }

  @Test(
    "deep nesting is refused, whatever opens the levels",
    arguments: [
      (String(repeating: "[", count: 100_000), 1),
      ("a: 1\nb: " + String(repeating: "{a: ", count: 17), 2),
      (String(repeating: "- ", count: 50_000) + "x", 1),
      (String(repeating: "? ", count: 50_000) + "x", 1),
      (String(repeating: ": ", count: 50_000) + "x", 1),
      (String(repeating: "-\t", count: 50_000) + "x", 1),
      (String(repeating: "]", count: 100_000) + "\n" + String(repeating: "[", count: 100_000), 2),
      ("# " + String(repeating: "]", count: 100) + "\n" + String(repeating: "[", count: 17), 2),
      (
        "a: \"" + String(repeating: "]", count: 100) + "\"\nb: "
          + String(repeating: "[", count: 17), 2
      ),
      ((0..<80).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"), 66),
    ])
  func depth(_ text: String, _ line: Int) {
    #expect(Documents.problems(text) == ["t.yaml:\(line): \(Self.deep)"])
  }

  @Test("brackets in comments and quotes open nothing")
  func brackets() {
    let more = String(repeating: "# see [1\n", count: 40) + "log: {} # [[[[[[[[[[[[[[[[[[[[[\n"
    #expect(Documents.problems(Documents.least + more) == [])
    let quoted = Documents.least.replacing(
      "net_ring0", with: "\"" + String(repeating: "[", count: 40) + "\"")
    #expect(Documents.problems(quoted) == [])
  }

  @Test(
    "syntax errors have their line",
    arguments: [
      ("sensor: s\nports: [\n  - x", 3), ("sensor: s\n\tports: 1", 2), ("a: b: c", 1),
      ("sensor: \"s\nports: 1", 2), ("a: 1\n---\nb: 2", 2), ("a: 1\n b: 2", 2), ("a: 1\nb: @", 2),
      ("a: 1\nb: \u{1}", 2), ("a: %x", 1),
    ])
  func syntax(_ text: String, _ line: Int) {
    let problems = Documents.problems(text)
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("t.yaml:\(line): is not YAML: ") == true, "\(problems)")
  }

  @Test(
    "texts without keys",
    arguments: ["", "\n", "# nothing\n", "~", "just words", "- a\n- b", "---\n"])
  func empty(_ text: String) {
    #expect(Documents.problems(text) == ["t.yaml:1: holds no keys; begin with `sensor: NAME`"])
  }

  @Test("line ends of Windows, a byte order mark, a document's marks")
  func forms() throws {
    let expected = try Documents.settings(Documents.least)
    let windows = Documents.least.replacing("\n", with: "\r\n")
    #expect(try Documents.settings(windows) == expected)
    #expect(
      Documents.problems(windows + "log: { level: x }\r\n").first?.hasPrefix("t.yaml:5: log.level")
        == true)
    #expect(try Documents.settings("\u{FEFF}" + Documents.least) == expected)
    #expect(try Documents.settings("---\n" + Documents.least + "...\n") == expected)
  }

  // MARK: Files

  private func withFile(_ data: Data, _ body: (String) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "martlet-conf-\(UUID().uuidString).yaml"
    try data.write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test("more than a mebibyte is not looked at")
  func tooLarge() throws {
    let room = SettingsLoader.maximumBytes - Documents.least.utf8.count
    for (extra, isRight) in [(0, true), (1, false)] {
      let text = Documents.least + "#" + String(repeating: "x", count: room - 1 + extra)
      let says = "has \(text.utf8.count) bytes; a configuration has at most 1048576"
      #expect(Documents.problems(text) == (isRight ? [] : ["t.yaml: \(says)"]))
      try withFile(Data(text.utf8)) { path in
        let problems = SettingsLoader.load(path: path, environment: [:]).problems
        #expect(problems.map(\.description) == (isRight ? [] : ["\(path): \(says)"]))
      }
    }
  }

  @Test("what is not UTF-8 is refused")
  func notUTF8() throws {
    for bytes: [UInt8] in [[0xFF], [0x61, 0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80]] {
      try withFile(Data(Documents.least.utf8) + Data(bytes)) { path in
        let problems = SettingsLoader.load(path: path, environment: [:]).problems
        #expect(problems.map(\.description) == ["\(path): is not UTF-8 text"])
      }
    }
  }

  @Test("no file, and a folder")
  func noFile() {
    #expect(
      SettingsLoader.load(path: "/nonexistent/x.yaml").problems.map(\.description) == [
        "/nonexistent/x.yaml: there is no such file; give one with --config"
      ])
    let folder = SettingsLoader.load(path: "/tmp").problems.map(\.description)
    #expect(folder == ["/tmp: cannot be read; give this user the right to read it"])
  }

  @Test("relative paths begin at the configuration's folder")
  func folder() throws {
    let text =
      "sensor: s\nports:\n  - { name: p, player: { capture: x.pcap } }\nsinks:\n"
      + "  - { type: file, path: out/eve.json }\n  - { type: file, path: /var/eve.json }\n"
    try withFile(Data(text.utf8)) { path in
      let folder = (path as NSString).deletingLastPathComponent
      let settings = try #require(SettingsLoader.load(path: path, environment: [:]).settings)
      #expect(settings.ports[0].player?.capture == "\(folder)/x.pcap")
      #expect(settings.sinks.map(\.path) == ["\(folder)/out/eve.json", "/var/eve.json"])
    }
  }
}
