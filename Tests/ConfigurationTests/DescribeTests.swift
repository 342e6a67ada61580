import Testing

@testable import Configuration

/// The effective settings, written out.
@Suite("Settings described")
struct DescribeTests {
  /// In a folder with an absolute path, as the daemon has it.
  private func settings(_ text: String) throws -> Settings {
    let result = SettingsLoader.load(text: text, file: "t.yaml", folder: "/etc/martlet")
    #expect(result.problems == [], "\(text)")
    return try #require(result.settings)
  }

  @Test(
    "read again, they are the same settings",
    arguments: ["config/martlet.yaml", "config/demo.yaml"])
  func samples(_ path: String) throws {
    let read = try settings(Documents.file(path))
    #expect(try settings(read.describe()) == read)
  }

  @Test("every key survives", arguments: SettingsKey.values)
  func everyKey(_ key: SettingsKey) throws {
    let value: String
    switch key.kind {
    case .text where key.path == "control.mode": value = "\"0604\""
    case .text where key.path == "ports[].device": value = "net_pcap0,rx_pcap=/a \\b.pcap"
    case .text where key.path == "sinks[].url": value = "redis://10.0.0.1:6380/3"
    case .text where key.path == "metrics.listen": value = "\"[::1]:9464\""
    case .texts where key.parent == "control": value = "[alice, \"@netops\", \"@2001\"]"
    // Secrets are masked, and so not read again.
    case .text where key.name.hasPrefix("password"): return
    case .text: value = "other"
    case .flag: value = key.standard == "true" ? "false" : "true"
    case .integer(let range), .powerOfTwo(let range):
      let low = String(range.lowerBound)
      value = low == key.standard ? String(range.upperBound) : low
    case .number: value = "1.25"
    case .choice(let words):
      if key.path == "sinks[].type" { return }
      value = words.last { $0 != key.standard } ?? ""
    case .choices(let words): value = "[\(words.last ?? "")]"
    case .integers: value = "[7]"
    case .texts where key.name == "depths": value = "[\"http 1024 64\", \"tls 0 1\"]"
    case .texts where key.name == "redact": value = "[customer_number, pin]"
    case .texts: value = "[\"--log-level=pmd:debug\", \"--a=\\\"b\"]"
    case .paces: value = "[2.5, max, original]"
    case .section, .sections: return
    }
    let text = Documents.setting(key, to: value).text
    var read = try settings(text)
    #expect(read != (try settings(Documents.least)))
    let again = try settings(read.describe())
    // Each of many files is written out, and not that they come of one setting.
    for place in read.sinks.indices { read.sinks[place].isOneOfMany = false }
    #expect(again == read, "\(read.describe())")
  }

  @Test("secrets do not show")
  func secrets() throws {
    let text =
      Documents.least
      + "sinks:\n  - { type: redis, url: \"redis://me:hunter2@h/1\", passwordEnvironment: P }\n"
    let settings = try Documents.settings(text, ["P": "swordfish"])
    #expect(settings.sinks[0].password == "swordfish")
    let shown = settings.describe()
    #expect(!shown.contains("hunter2") && !shown.contains("swordfish"))
    #expect(shown.contains("\n    url: \"redis://me:***@h/1\"\n"))
    #expect(shown.contains("\n    # password: ***\n"))
  }

  @Test(
    "URLs masked",
    arguments: [
      ("redis://h:6379/0", "redis://h:6379/0"),
      ("redis://user@h", "redis://user@h"),
      ("redis://:secret@h", "redis://:***@h"), ("rediss://u:secret@h", "rediss://u:***@h"),
      ("redis://user:se@cr:et@h:1/2", "redis://user:***@h:1/2"),
      ("unix:/run/a:b@c.sock", "unix:/run/a:b@c.sock"),
    ])
  func urls(_ url: String, _ masked: String) { #expect(Settings.masked(url: url) == masked) }

  @Test("the form")
  func form() throws {
    let shown = try Documents.settings(Documents.least).describe()
    #expect(
      shown.hasPrefix(
        """
        sensor: "s"
        drainSeconds: 30
        engine:
          workers: 1
          shareCores: false

        """), "\(shown)")
    #expect(shown.contains("ports:\n  - name: \"p\"\n    device: \"net_ring0\"\n    queues: 1\n"))
    #expect(
      shown.hasSuffix(
        """
        sinks: []
        control:
          socket: "/run/martlet/control.sock"
          mode: "0660"
          viewers: []
          operators: []
          admins: []
          auditRequired: true
          limits:
            clients: 64
            messageBytes: 262144
            requestsPerBatch: 64
            subscriptionsPerClient: 8
            idleSeconds: 300
            writeSeconds: 30
        log:
          level: info
          format: text

        """
      ))
  }
}
