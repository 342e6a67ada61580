import Testing

@testable import Configuration

/// Whatever stands in a file, a message about it is one short line that a terminal only shows.
@Suite("Messages")
struct MessageTests {
  @Test(
    "line ends and escapes do not pass",
    arguments: [
      ("\"a\\nb\\e[31m\": 1", "a?b?[31m: is no key of the configuration; "),
      ("\"a\\u009b31m\": 1", "a?31m: is no key of the configuration; "),
      ("\"a\\u2028b\": 1\n\"a\\u2028b\": 1", "a?b: stands here and again further down; "),
      ("drainSeconds: \"${a\\nb}\"", "drainSeconds: has ${a?b}, which names no variable; "),
      ("drainSeconds: \"a\\Nb\"", "drainSeconds: is \"a?b\"; "),
      ("log: { level: \"a\\rb\" }", "log.level: is \"a?b\"; "),
      ("log: { \"a\\tb\": 1 }", "log.a?b: is no key of the configuration; "),
      ("engine: { filePrefix: \"a\\u0085b\" }", "engine.filePrefix: holds a control character; "),
    ])
  func controls(_ text: String, _ says: String) {
    let problems = Documents.problems(Documents.least + text + "\n")
    #expect(problems.first?.hasPrefix("t.yaml:5: \(says)") == true, "\(problems)")
  }

  @Test(
    "long values are cut",
    arguments: [
      "? LONG\n: 1", "? LONG\n: 1\n? LONG\n: 1", "drainSeconds: ${LONG}", "drainSeconds: ${LONG+}",
      "drainSeconds: LONG", "log: { level: LONG }", "log: { ? LONG : 1 }",
      "control: { mode: LONG }", "control: { socket: /LONG }", "engine: { filePrefix: +LONG }",
      "engine: { workers: LONG }", "sinks: [{ type: LONG }]",
      "sinks: [{ type: redis, url: LONG }]", "sinks: [{ type: redis, url: \"unix:/LONG\" }]",
      "sinks: [{ type: redis, url: \"unix:/r\", passwordFile: /LONG }]",
      "sinks: [{ type: redis, url: \"unix:/r\", passwordEnvironment: LONG }]",
      "sensor: +LONG", "ports: [{ name: +LONG, device: net_ring0 }]",
      "ports: [{ name: a, device: LONG }, { name: b, device: LONG }]",
      "ports: [{ name: a, device: \"LONG,x=y\" }]", "ports: [{ name: a, device: \",LONG\" }]",
    ])
  func long(_ text: String) {
    let long = String(repeating: "x", count: 100_000)
    let result = Documents.load(
      (text.hasPrefix("sensor") || text.hasPrefix("ports") ? "" : Documents.least)
        + text.replacing("LONG", with: long) + "\n")
    let all = (result.problems + result.warnings).map(\.description)
    #expect(!all.isEmpty)
    for words in all { #expect(words.unicodeScalars.count <= 820, "\(words)") }
  }

  @Test("letters of all scripts, and signs made of several, stay as they are")
  func letters() {
    let problems = Documents.problems(Documents.least + "küche👩‍👩‍👧東: 1\n")
    #expect(problems.first?.hasPrefix("t.yaml:5: küche👩‍👩‍👧東: is no key") == true, "\(problems)")
  }

  @Test("a hundred are said, and how many more there are")
  func many() {
    let keys = (0..<150).map { "key\($0): 1\n" }.joined()
    let problems = Documents.problems(Documents.least + keys)
    #expect(problems.count <= 101)
  }
}
