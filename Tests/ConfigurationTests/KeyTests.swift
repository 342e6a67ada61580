import Testing

@testable import Configuration

/// Every key on its own: right values, wrong ones, and what is said about them.
@Suite("Keys")
struct KeyTests {
  @Test("the least configuration loads, with the defaults")
  func least() throws {
    let settings = try Documents.settings(Documents.least)
    var expected = Settings()
    expected.sensor = "s"
    expected.ports = [Settings.Port()]
    expected.ports[0].name = "p"
    expected.ports[0].device = "net_ring0"
    #expect(settings == expected)
  }

  @Test("a default written out is the default", arguments: SettingsKey.values)
  func defaults(_ key: SettingsKey) throws {
    // The queues' default is another key.
    guard !key.standard.isEmpty, key.path != "ports[].queues" else { return }
    let written = try Documents.settings(Documents.setting(key, to: key.standard).text)
    let line = "\(key.name): \(key.standard)"
    let without = Documents.setting(key, to: key.standard).text
      .split(separator: "\n").filter { !$0.hasSuffix(line) }.joined(separator: "\n")
    #expect(try Documents.settings(without) == written)
  }

  @Test("queues are as many as workers where they are left out")
  func queues() throws {
    let settings = try Documents.settings(Documents.least + "engine: { workers: 7 }\n")
    #expect(settings.ports[0].queues == 7)
    #expect(SettingsKey.find("ports[].queues").standard == "engine.workers")
  }

  @Test("both ends of a range are right, what is beyond is not", arguments: SettingsKey.values)
  func ranges(_ key: SettingsKey) throws {
    let right: [String]
    let wrong: [(value: String, says: String)]
    switch key.kind {
    case .integer(let range):
      let words = "a whole number from \(range.lowerBound) to \(range.upperBound) would be right"
      right = ["\(range.lowerBound)", "\(range.upperBound)", "\"\(range.lowerBound)\""]
      wrong =
        ["\(range.lowerBound - 1)", "\(range.upperBound + 1)"].map { ($0, "is \($0); \(words)") }
        + ["many", "1.5", "9223372036854775808"].map { ($0, "is \"\($0)\"; \(words)") }
        + [("[1]", "is a list; \(words)")]
    case .powerOfTwo(let range):
      let words = "a power of two from \(range.lowerBound) to \(range.upperBound) would be right"
      right = ["\(range.lowerBound)", "\(range.upperBound)"]
      wrong = ["\(range.lowerBound / 2)", "\(range.upperBound * 2)", "\(range.upperBound - 1)"]
        .map { ($0, "is \($0); \(words)") }
    case .number(let range):
      let ends = [range.lowerBound, range.upperBound].map(SectionReader.plain)
      let words = "a number from \(ends[0]) to \(ends[1]) would be right"
      right = ends + ["12.5"]
      wrong =
        ["-1", SectionReader.plain(range.upperBound + 1)].map { ($0, "is \($0); \(words)") }
        + ["soon", "nan", ".inf", "1s"].map { ($0, "is \"\($0)\"; \(words)") }
        + [("{ a: 1 }", "is a mapping; \(words)")]
    case .flag:
      right = ["true", "false", "yes", "off"]
      wrong =
        ["maybe", "1"].map { ($0, "is \"\($0)\"; true or false would be right") }
        + [("\"true\"", "is \"true\"; true or false would be right")]
    case .choice(let words):
      right = key.name == "type" || key.name == "format" ? [] : words
      wrong = [("wrongest", "is \"wrongest\"; it is one of \(words.joined(separator: ", "))")]
    case .text:
      right = []
      wrong = [
        ("[a, b]", "is a list; a text would be right"),
        ("\"\"", "is empty; a text would be right" + (key.isRequired ? "" : ", or no such key")),
        ("\"a\\nb\"", "holds a control character; a text on one line would be right"),
      ]
    default: return
    }
    for value in right {
      // A player's rings have their own limit; devices do not.
      #expect(Documents.problems(Documents.setting(key, to: value).text) == [], "\(value)")
    }
    for (value, says) in wrong {
      let (text, line, shown) = Documents.setting(key, to: value)
      let problems = Documents.problems(text)
      #expect(problems.contains("t.yaml:\(line): \(shown): \(says)"), "\(value): \(problems)")
      #expect(problems.count == 1, "\(value): \(problems)")
    }
  }

  /// One line of a configuration and what is said about it, word by word.
  @Test(
    "messages, word by word",
    arguments: [
      ("drainSeconds: 0", "drainSeconds: is 0; a number from 1 to 3600 would be right"),
      ("drainSeconds: long", "drainSeconds: is \"long\"; a number from 1 to 3600 would be right"),
      (
        "engine: { workers: 0 }",
        "engine.workers: is 0; a whole number from 1 to 128 would be right"
      ),
      (
        "engine: { shareCores: perhaps }",
        "engine.shareCores: is \"perhaps\"; true or false would be right"
      ),
      (
        "engine: { polling: adaptiv }",
        "engine.polling: is \"adaptiv\"; it is one of busy, adaptive (did you mean adaptive?)"
      ),
      (
        "engine: { cores: [one] }",
        "engine.cores: holds something else than core numbers; [2, 3] would be right"
      ),
      (
        "engine: { cores: [4096] }",
        "engine.cores: holds something else than core numbers; [2, 3] would be right"
      ),
      ("engine: { cores: { a: 1 } }", "engine.cores: is a mapping; a list would be right"),
      (
        "engine: { ealArguments: [[a]] }",
        "engine.ealArguments: holds something else than texts; [\"--log-level=pmd:debug\"] would be"
          + " right"
      ),
      (
        "handoff: { ringSlots: 1000 }",
        "handoff.ringSlots: is 1000; a power of two from 64 to 1048576 would be right"
      ),
      ("flows: 12", "flows: is a single value; it holds keys and values"),
      ("flows: { timeouts: [1] }", "flows.timeouts: is a list; it holds keys and values"),
      ("sinks: { a: 1 }", "sinks: is a mapping; a list would be right, each element after a dash"),
      ("sinks: [5]", "sinks[0]: is a single value; it holds keys and values"),
      (
        "sinks: [{ type: null-, path: x }]",
        "sinks[0].type: is \"null-\"; it is one of redis, file, stdout, null (did you mean null?)"
      ),
      (
        "sinks: [{ type: stdout, types: [flow, dnz] }]",
        "sinks[0].types: holds something else than event types; they are "
          + "flow, flow_update, anomaly, stats, dns, tls, http, quic, ssh, smtp, ftp, ftp_data, imap, pop3, telnet, dhcp, ntp, snmp, sip, mqtt, tftp, fileinfo"
      ),
      (
        "control: { mode: \"888\" }",
        "control.mode: is \"888\"; octal digits in quotes would be right, such as \"0660\""
      ),
      (
        "control: { mode: \"7\" }",
        "control.mode: is \"7\"; octal digits in quotes would be right, such as \"0660\""
      ),
      (
        "control: { viewers: [alice, \"@\"] }",
        "control.viewers: holds \"@\"; a user's name or number, or a group's behind an @, would be"
          + " right"
      ),
      (
        "metrics: { listen: localhost:9464 }",
        "metrics.listen: is \"localhost:9464\"; an address and a port would be right, such as"
          + " 127.0.0.1:9464 or [::1]:9464"
      ),
      (
        "metrics: { listen: \"127.0.0.1:99999\" }",
        "metrics.listen: is \"127.0.0.1:99999\"; an address and a port would be right, such as"
          + " 127.0.0.1:9464 or [::1]:9464"
      ),
      (
        "log: { level: loud }",
        "log.level: is \"loud\"; it is one of trace, debug, info, notice, warning, error, critical"
      ),
    ])
  func messages(_ line: String, _ says: String) {
    let problems = Documents.problems(Documents.least + line + "\n")
    #expect(problems.first == "t.yaml:5: \(says)", "\(problems)")
  }

  @Test("lists: one value stands for a list of one")
  func lists() throws {
    let text = Documents.least + "engine: { cores: 3, ealArguments: --log-level=8 }\n"
    let engine = try Documents.settings(text).engine
    #expect(engine.cores == [3])
    #expect(engine.ealArguments == ["--log-level=8"])
  }

  @Test(
    "paces",
    arguments: [
      ("[original, max, 2, 0.5]", [1, 0, 2, 0.5]), ("max", [0]), ("[100]", [100]),
      ("[original, max*3, 2*2]", [1, 0, 0, 0, 2, 2]), ("[max*0]", nil), ("[max*100001]", nil),
      ("[max*x]", nil), ("[\"*2\"]", nil),
      ("[]", nil), ("[fast]", nil), ("[0]", nil), ("[-1]", nil), ("[1000001]", nil),
      ("[[1]]", nil),
    ] as [(String, [Double]?)])
  func paces(_ value: String, _ expected: [Double]?) throws {
    let key = SettingsKey.find("ports[].player.passes")
    let (text, line, _) = Documents.setting(key, to: value)
    guard let expected else {
      #expect(
        Documents.problems(text) == [
          "t.yaml:\(line): ports[0].player.passes: holds something else than paces; each is"
            + " `original`, `max`, or a number such as 2, and `max*100` stands for a hundred"
        ])
      return
    }
    #expect(try Documents.settings(text).ports[0].player?.passes == expected)
  }

  @Test("modes, with and without quotes")
  func modes() throws {
    for (text, bits) in [("\"0660\"", 0o660), ("0600", 0o600), ("777", 0o777), ("'000'", 0)] {
      let settings = try Documents.settings(Documents.least + "control: { mode: \(text) }\n")
      #expect(settings.control.mode == bits)
    }
  }

  @Test("the table of keys is in order: every section declared, choices those of the settings")
  func table() {
    #expect(Set(SettingsKey.all.map(\.path)).count == SettingsKey.all.count)
    for key in SettingsKey.all where !key.parent.isEmpty {
      let parent = key.parent.hasSuffix("[]") ? String(key.parent.dropLast(2)) : key.parent
      let kind = SettingsKey.find(parent).kind
      #expect(kind == (key.parent.hasSuffix("[]") ? .sections : .section), "\(key.path)")
    }
    func check<E: CaseIterable & RawRepresentable>(_ path: String, _ type: E.Type)
    where E.RawValue == String {
      #expect(SettingsKey.find(path).kind == .choice(E.allCases.map(\.rawValue)))
    }
    check("engine.polling", Settings.Engine.Polling.self)
    check("ports[].rss", Settings.Port.RSS.self)
    check("ports[].player.spread", Settings.Player.Spread.self)
    check("sinks[].type", Settings.Sink.Kind.self)
    check("log.level", Settings.Log.Level.self)
  }
}
