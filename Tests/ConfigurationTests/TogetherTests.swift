import Testing

@testable import Configuration

/// Warnings, keys that stand twice, files split by type, and the limits of what is said.
@Suite("Warnings and splits")
struct TogetherTests {
  private func warnings(_ text: String) -> [String] {
    let result = Documents.load(text + "sinks: [{ type: stdout }]\n")
    #expect(result.problems == [])
    return result.warnings.map(\.description)
  }

  @Test("what is odd, and not wrong")
  func odd() {
    let two = "engine: { workers: 2, cores: [3, 3], mainCore: 3, shareCores: true }\n"
    #expect(
      warnings(two + Documents.least) == [
        "t.yaml:1: engine.cores: two workers share core 3; each has less than half of it",
        "t.yaml:1: engine.mainCore: the main thread and the publisher share core 3 with a worker",
      ])
    #expect(
      warnings("sensor: s\nports: [{ name: p, device: eth1 }]\n") == [
        "t.yaml:2: ports[0].device: is \"eth1\", neither a PCI address nor a vdev's name; for a"
          + " kernel interface write net_af_packet0,iface=eth1"
      ])
    #expect(
      warnings("engine: { workers: 4 }\n" + Documents.least + "    queues: 2\n") == [
        "t.yaml:1: engine.workers: is 4, and no port has more than 2 queues; the other workers get"
          + " only what these hand over"
      ])
    #expect(
      warnings(Documents.least + "    mbufCount: 512\n") == [
        "t.yaml:5: ports[0].mbufCount: is 512; 1 queues of 1024 descriptors take 1024 before a"
          + " packet comes"
      ])
    #expect(
      warnings(Documents.least + "flows:\n  timeouts: { tcpSeconds: 5 }\n") == [
        "t.yaml:6: flows.timeouts.halfOpenSeconds: is longer than tcpSeconds: such a flow is kept"
          + " longer than an open one"
      ])
    #expect(
      Documents.load(Documents.least).warnings.map(\.description) == [
        "t.yaml: sinks: there is none: records are made and thrown away"
      ])
    for device in ["0000:03:00.0", "03:00.1", "0000:AF:00.0,x=1", "net_tap0"] {
      let text = "sensor: s\nports: [{ name: p, device: \"\(device)\" }]\n"
      #expect(warnings(text) == [], "\(device)")
    }
  }

  @Test("keys twice do not hide what else is wrong")
  func twice() {
    let text = """
      sensor: s
      ports:
        - name: p
          device: net_ring0
          queues: 1
          queues: 1
        - name: p
          device: net_ring1
      sensor: t
      flows:
        timeouts:
          tcpSeconds: 1
          # tcpSeconds: 4
          "tcpSeconds" : 2
          tcpSeconds: 3
      log: { levle: info }
      """
    let expected = [
      "t.yaml:1: sensor: stands here and again further down; keep one",
      "t.yaml:5: ports[0].queues: stands here and again further down; keep one",
      "t.yaml:7: ports[1].name: is \"p\", as that of ports[0]; give each its own",
      "t.yaml:12: flows.timeouts.tcpSeconds: stands here and again further down; keep one",
      "t.yaml:14: flows.timeouts.tcpSeconds: stands here and again further down; keep one",
      "t.yaml:16: log.levle: is no key of the configuration; did you mean level?",
    ]
    #expect(Documents.problems(text) == expected)
    #expect(Documents.problems(text.replacing("\n", with: "\r\n")) == expected)
  }

  @Test(
    "keys twice in any style, with the whole key's name and what else is wrong",
    arguments: [
      ("log: { level: info, level: info }", ["log.level"]),
      ("log: { \"level\": info, level: info }", ["log.level"]),
      ("log: { 'level': info, format: text, \"level\": info }", ["log.level"]),
      ("\"log\": {}\nlog: {}", ["log"]),
      ("? log\n: {}\nlog: {}", ["log"]),
      ("log: {}\nlog: { level: info, level: info }", ["log", "log.level"]),
      ("log: {}\n\"a: b\": 1\n\"a: b\": 1", ["a: b"]),
    ])
  func twiceAnywhere(_ text: String, _ keys: [String]) {
    let problems = Documents.problems(Documents.least + "engine: 5\n" + text + "\n")
    #expect(problems.contains { $0.hasPrefix("t.yaml:5: engine: is a single value") })
    let twice = problems.filter { $0.hasSuffix(": stands here and again further down; keep one") }
    #expect(
      twice.map { $0.split(separator: ": ", maxSplits: 1)[1] }.map {
        String($0.dropLast(": stands here and again further down; keep one".count))
      } == keys, "\(problems)")
  }

  @Test("a key three times is said for each but the last")
  func thrice() {
    let words = "log: stands here and again further down; keep one"
    #expect(
      Documents.problems(Documents.least + "log: {}\nlog: {}\nlog: {}\n") == [
        "t.yaml:5: \(words)", "t.yaml:6: \(words)",
      ])
  }

  @Test("keys twice that cannot be renamed, and too many of them")
  func twiceAlone() {
    #expect(
      Documents.problems("sensor: s\nlog: { [a]: 1, [a]: 2 }\nengine: 5\n").count == 1)
    let many = String(repeating: "sensor: s\n", count: 50)
    #expect(Documents.problems(many).count == 1)
  }

  @Test("keys of another section")
  func elsewhere() {
    #expect(
      Documents.problems(Documents.least + "ringSlot: 5\nmaximumSleepMicroseconds: 9\n") == [
        "t.yaml:5: ringSlot: is no key of the configuration; known here: "
          + SettingsKey.children(of: "").map(\.name).joined(separator: ", "),
        "t.yaml:6: maximumSleepMicroseconds: is no key of the configuration; did you mean"
          + " engine.maximumSleepMicroseconds?",
      ])
  }

  @Test("devices and ports that cannot be")
  func devices() {
    #expect(
      Documents.problems("sensor: s\nports: [{ name: p, device: \",iface=x\" }]") == [
        "t.yaml:2: ports[0].device: is \",iface=x\", which names none; a PCI address or a vdev such"
          + " as net_af_packet0,iface=eth1 would be right"
      ])
    #expect(
      Documents.problems(
        "sensor: s\nports: [{ name: p, rss: hardware, player: { capture: c } }]") == [
          "t.yaml:2: ports[0].rss: is hardware, which a player has not; auto or software would be"
            + " right"
        ])
  }

  @Test("sinks that would write over each other")
  func sinksTwice() {
    #expect(
      Documents.problems(
        Documents.least + """
          sinks:
            - { type: redis, url: "redis://u:secret@h" }
            - { type: redis, url: "redis://u:secret@h" }
            - { type: file, path: /f }
            - { type: file, path: /f }
            - { type: stdout }
            - { type: stdout }
            - { type: "null" }
            - { type: "null" }
          """) == [
          "t.yaml:7: sinks[1].url: is that of sinks[0] again; it has room for one writer",
          "t.yaml:9: sinks[3].path: is that of sinks[2] again; it has room for one writer",
          "t.yaml:11: sinks[5].type: is that of sinks[4] again; it has room for one writer",
        ])
  }

  @Test("a password in a URL is not repeated")
  func secretURL() {
    let text = Documents.least + "sinks: [{ type: redis, url: \"redisss://u:secret@h\" }]\n"
    #expect(Documents.problems(text).allSatisfy { !$0.contains("secret") })
    #expect(Documents.problems(text).count == 1)
  }

  @Test("arguments that Martlet gives DPDK itself", arguments: SettingsChecks.ownArguments)
  func ownArguments(_ name: String, _ key: String) {
    for form in [name, name.hasPrefix("--") ? "\(name)=1" : "\(name)1", "\(name) 1"] {
      #expect(
        Documents.problems(Documents.least + "engine: { ealArguments: [\"\(form)\"] }\n") == [
          "t.yaml:5: engine.ealArguments: holds \(name), which follows from \(key); set that"
        ])
    }
  }

  @Test("one file an event type")
  func splitByType() throws {
    let settings = try Documents.settings(
      Documents.least + """
        sinks:
          - { type: stdout, types: stats }
          - type: file
            path: /l.d/eve.json
            types: [flow, flow_update, anomaly, stats]
            splitByType: true
            keepFiles: 3
          - { type: file, path: /l.d/.eve, splitByType: true, types: [flow, stats] }
        """)
    #expect(
      settings.sinks.map(\.path) == [
        "", "/l.d/eve-flow.json", "/l.d/eve-flow_update.json", "/l.d/eve-anomaly.json",
        "/l.d/eve-stats.json",
        "/l.d/.eve-flow", "/l.d/.eve-stats",
      ])
    #expect(settings.sinks.dropFirst().allSatisfy { $0.types.count == 1 })
    let shown = settings.describe()
    for type in ["flow", "flow_update", "stats"] {
      #expect(shown.contains("- type: file\n    types: [\(type)]\n"))
    }
    #expect(settings.sinks[3].keepFiles == 3)
    #expect(settings.sinks.map(\.isOneOfMany) == [false, true, true, true, true, true, true])
    // Of 64 MiB.
    #expect(settings.sinks.map(\.queueMegabytes) == [64, 16, 16, 16, 16, 32, 32])
    let all = try Documents.settings(
      Documents.least + """
        sinks:
          - { type: file, path: /a, splitByType: true }
          - { type: file, path: /b, splitByType: true, queueMegabytes: 4 }
        """)
    #expect(Set(all.sinks.filter { $0.path.hasPrefix("/a") }.map(\.queueMegabytes)) == [8])
    #expect(Set(all.sinks.filter { $0.path.hasPrefix("/b") }.map(\.queueMegabytes)) == [4])
  }

  @Test("a wrong file is not recited in full")
  func limit() {
    let text = Documents.least + (0..<500).map { "k\($0): 1\n" }.joined()
    let problems = Documents.problems(text)
    #expect(problems.count <= ProblemList.limit + 1)
    #expect(problems.first?.hasPrefix("t.yaml:5: k0: ") == true)
    let ports = "sensor: s\nports: [\(String(repeating: "{}, ", count: 100))]\n"
    #expect(
      Documents.problems(ports) == [
        "t.yaml:2: ports: has 100 elements; at most 64 would be right"
      ])
    let cores = "engine: { cores: [\(String(repeating: "1, ", count: 5000))] }\n" + Documents.least
    #expect(
      Documents.problems(cores) == [
        "t.yaml:1: engine.cores: has 5000 elements; at most 4096 would be right"
      ])
  }

  @Test("live keys hold values that no start depends on")
  func live() {
    let live = SettingsKey.all.filter(\.isLive)
    #expect(live.allSatisfy { !$0.isSection && !$0.isRequired && !$0.standard.isEmpty })
    #expect(live.contains { $0.path == "log.level" })
    for path in ["engine.workers", "flows.capacity", "records.ringSlots", "control.socket"] {
      #expect(!SettingsKey.find(path).isLive)
    }
  }
}
