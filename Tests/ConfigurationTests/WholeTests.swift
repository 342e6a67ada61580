import Foundation
import Testing

@testable import Configuration

/// How keys fit together.
@Suite("Keys together")
struct WholeTests {
  /// A text behind the least configuration (which has four lines), and all that is said about it.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let says: [String]

    /// - Parameter more: stands behind the least configuration, from line 5 on.
    init(_ name: String, more: String, _ says: String...) {
      self.init(name, Documents.least + more + "\n", says)
    }

    init(_ name: String, all text: String, _ says: String...) { self.init(name, text, says) }

    private init(_ name: String, _ text: String, _ says: [String]) {
      self.name = name
      self.text = text
      self.says = says.map { "t.yaml:" + $0 }
    }

    var testDescription: String { name }
  }

  @Test("wrong together, word by word", arguments: keys + cores + ports + sinks)
  func together(_ wrong: Case) {
    #expect(Documents.problems(wrong.text) == wrong.says)
  }

  static let keys = [
    Case(
      "required keys", all: "log: { level: info }",
      "1: ports: is missing; Where packets come from",
      "1: sensor: is missing; Name of this sensor, in every record and stream; letters, digits,"
        + " `.`, `_`, `-`"),
    Case(
      "required keys of a port", all: "sensor: s\nports:\n  - queues: 1",
      "3: ports[0]: has neither device nor player; name a PCI address or a vdev such as"
        + " net_af_packet0,iface=eth1",
      "3: ports[0].name: is missing; Name of the port, `in_iface` of its records"),
    Case(
      "a player without a capture",
      all: "sensor: s\nports:\n  - name: p\n    player: { passes: max }",
      "4: ports[0].player.capture: is missing; The file, pcap or pcapng; relative to the"
        + " configuration's folder"),
    Case(
      "a misspelt key", more: "engine:\n  worker: 2",
      "6: engine.worker: is no key of the configuration; did you mean workers?"),
    Case(
      "letters' case", more: "LOG: {}", "5: LOG: is no key of the configuration; did you mean log?"),
    Case(
      "a key of nowhere", more: "control: { xyzzy: 1 }",
      "5: control.xyzzy: is no key of the configuration; known here: socket, mode, group, viewers,"
        + " operators, admins, auditLog, auditRequired, limits"),
    Case(
      "a merge key", more: "log: { <<: { level: info } }",
      "5: log.<<: is no key of the configuration; known here: level, format"),
    Case(
      "a key twice", more: "log: {}\nflows: {}\nlog: {}",
      "5: log: stands here and again further down; keep one"),
    Case(
      "sensor's name", all: Documents.least.replacing("sensor: s", with: "sensor: a b"),
      "1: sensor: is \"a b\"; letters, digits, `.`, `_` and `-` would be right, at most 64"),
    Case(
      "sensor's name in letters of others",
      all: Documents.least.replacing("sensor: s", with: "sensor: küche"),
      "1: sensor: is \"küche\"; letters, digits, `.`, `_` and `-` would be right, at most 64"),
    Case(
      "a long socket", more: "control:\n  socket: /\(String(repeating: "x", count: 107))",
      "6: control.socket: has 108 bytes; a socket's path has at most 107"),
    Case(
      "several at once, by line",
      all:
        "ports:\n  - name: p\n    device: d\n    queues: 0\nengine:\n  polling: x\n  workers: 0\n"
        + "  nap: 1\nsensor: '?'",
      "4: ports[0].queues: is 0; a whole number from 1 to 128 would be right",
      "6: engine.polling: is \"x\"; it is one of busy, adaptive",
      "7: engine.workers: is 0; a whole number from 1 to 128 would be right",
      "8: engine.nap: is no key of the configuration; known here: workers, cores, mainCore,"
        + " shareCores, noHugepages, memoryMegabytes, filePrefix, ealArguments, polling,"
        + " maximumSleepMicroseconds, burstPackets, prefetchDistance, traceInterval",
      "9: sensor: is \"?\"; letters, digits, `.`, `_` and `-` would be right, at most 64"),
  ]

  static let cores = [
    Case(
      "two workers on one core", more: "engine:\n  workers: 3\n  cores: [2, 3, 2]",
      "7: engine.cores: gives core 2 to two workers; name another, or set engine.shareCores: true"),
    Case(
      "the main thread on a worker's core", more: "engine:\n  cores: [2]\n  mainCore: 2",
      "7: engine.mainCore: is 2, a worker's core; name another, or set engine.shareCores: true"),
    Case(
      "as many cores as workers", more: "engine:\n  workers: 2\n  cores: [2, 3, 4]",
      "7: engine.cores: names 3 for 2 workers; name one for each worker"),
    Case(
      "no consequences of wrong workers", more: "engine:\n  workers: 0\n  cores: [2, 3]",
      "6: engine.workers: is 0; a whole number from 1 to 128 would be right"),
    Case(
      "EAL arguments that follow from keys",
      more: "engine:\n  ealArguments: [-l, --lcores=0-3, --main-lcore, -m 512, --no-huge,"
        + " --file-prefix=x, --vdev=net_null0, --allow, -a0000:03:00.0, --no-pci, --log-level=8]",
      "6: engine.ealArguments: holds -l, which follows from engine.cores; set that",
      "6: engine.ealArguments: holds --lcores, which follows from engine.cores; set that",
      "6: engine.ealArguments: holds --main-lcore, which follows from engine.mainCore; set that",
      "6: engine.ealArguments: holds -m, which follows from engine.memoryMegabytes; set that",
      "6: engine.ealArguments: holds --no-huge, which follows from engine.noHugepages; set that",
      "6: engine.ealArguments: holds --file-prefix, which follows from engine.filePrefix; set that",
      "6: engine.ealArguments: holds --vdev, which follows from ports[].device; set that",
      "6: engine.ealArguments: holds --allow, which follows from ports[].device; set that",
      "6: engine.ealArguments: holds -a, which follows from ports[].device; set that",
      "6: engine.ealArguments: holds --no-pci, which follows from ports[].device; set that"),
  ]

  @Test("cores may be shared where the configuration says so")
  func shared() throws {
    let text = "engine: { workers: 2, cores: [1, 1], mainCore: 1, shareCores: true }\n"
    #expect(try Documents.settings(Documents.least + text).engine.cores == [1, 1])
  }

  static let ports = [
    Case("no port", all: "sensor: s\nports: []", "2: ports: is empty; name at least one port"),
    Case(
      "device and player", more: "    player: { capture: c }",
      "5: ports[0].player: stands beside device; one of them would be right"),
    Case(
      "queues and workers", more: "    queues: 3\nengine: { workers: 2 }",
      "5: ports[0].queues: is 3 for 2 workers; each queue needs a worker of its own"),
    Case(
      "one name twice", more: "  - { name: p, device: net_ring1 }",
      "5: ports[1].name: is \"p\", as that of ports[0]; give each its own"),
    Case(
      "one device twice", more: "  - { name: q, device: \"net_ring0,iface=x\" }",
      "5: ports[1].device: is \"net_ring0\", as that of ports[0]; give each its own"),
    Case(
      "one PCI device in two spellings",
      all: "sensor: s\nports:\n  - { name: a, device: \"0000:0A:00.0\" }\n"
        + "  - { name: b, device: \"0a:00.0\" }",
      "4: ports[1].device: is \"0a:00.0\", as that of ports[0]; give each its own"),
    Case(
      "a port's name", all: Documents.least.replacing("name: p", with: "name: p/0"),
      "3: ports[0].name: is \"p/0\"; letters, digits, `.`, `_` and `-` would be right, at most 32"),
    Case(
      "a player's rings",
      all: "sensor: s\nengine: { workers: 17 }\nports:\n  - name: p\n"
        + "    player: { capture: c }\n    rxDescriptors: 1000\n    queues: 17",
      "6: ports[0].rxDescriptors: is 1000; a player's rings want a power of two",
      "7: ports[0].queues: is 17; a player has at most 16"),
  ]

  static let sinks = [
    Case(
      "what a sink lacks", more: "sinks:\n  - type: redis\n  - type: file\n  - format: eve",
      "6: sinks[0].url: is missing; redis://127.0.0.1:6379/0 or unix:/run/redis/redis.sock would be"
        + " right",
      "7: sinks[1].path: is missing; name the file", "8: sinks[2].type: is missing; What kind"),
    Case(
      "keys of another kind",
      more: "sinks:\n  - type: file\n    path: f\n    url: unix:/r\n  - type: redis\n"
        + "    url: unix:/r\n    keepFiles: 3\n  - type: stdout\n    path: f\n  - type: null\n"
        + "    requireAtStart: true",
      "8: sinks[0].url: means nothing for a sink of type file",
      "11: sinks[1].keepFiles: means nothing for a sink of type redis",
      "13: sinks[2].path: means nothing for a sink of type stdout",
      "15: sinks[3].requireAtStart: means nothing for a sink of type null"),
    Case(
      "fields in a file", more: "sinks: [{ type: stdout, format: fields }]",
      "5: sinks[0].format: is fields, which only redis takes; eve would be right"),
    Case(
      "another scheme", more: "sinks: [{ type: redis, url: \"http://h\" }]",
      "5: sinks[0].url: names no Redis; redis://127.0.0.1:6379/0 or unix:/run/redis/redis.sock"
        + " would be right"),
    Case(
      "two passwords",
      more: "sinks:\n  - { type: redis, url: unix:/r, passwordFile: f, passwordEnvironment: V }",
      "6: sinks[0].passwordEnvironment: stands beside passwordFile; one of them would be right"),
    Case(
      "TLS's files without TLS",
      more: "sinks:\n  - { type: redis, url: \"redis://h\", caFile: ca.crt }",
      "6: sinks[0].caFile: is for TLS, which the url does not ask for; rediss://… would be right"),
    Case(
      "a certificate without its key",
      more: "sinks:\n  - { type: redis, url: \"rediss://h\", certificateFile: c }",
      "6: sinks[0].certificateFile: stands without keyFile; both would be right, or none"),
    Case(
      "a key without its certificate",
      more: "sinks:\n  - { type: redis, url: \"rediss://h\", keyFile: k }",
      "6: sinks[0].keyFile: stands without certificateFile; both would be right, or none"),
    Case(
      "a password in the file", more: "sinks:\n  - { type: redis, url: unix:/r, password: x }",
      "6: sinks[0].password: is no key of the configuration; did you mean passwordFile?"),
  ]

  @Test("names at their limits")
  func limits() throws {
    let sensor = String(repeating: "s", count: 64)
    let port = String(repeating: "p", count: 32)
    let socket = "/" + String(repeating: "x", count: 106)
    func text(_ sensor: String, _ port: String) -> String {
      "sensor: \(sensor)\nports: [{ name: \(port), device: d }]\ncontrol: { socket: \(socket) }\n"
    }
    #expect(try Documents.settings(text(sensor, port)).control.socket == socket)
    #expect(Documents.problems(text(sensor + "s", port)).count == 1)
    #expect(Documents.problems(text(sensor, port + "p")).count == 1)
    #expect(try Documents.settings(text("A-b_c.9", "0")).sensor == "A-b_c.9")
  }

  @Test("no sink is odd, but not wrong")
  func noSink() {
    let result = Documents.load(Documents.least)
    #expect(
      result.warnings.map(\.description) == [
        "t.yaml: sinks: there is none: records are made and thrown away"
      ])
    #expect(Documents.load(Documents.least + "sinks: [{ type: stdout }]\n").warnings.isEmpty)
  }

  @Test("passwords from a file's first line, and from the environment")
  func passwords() throws {
    let folder = NSTemporaryDirectory() + "martlet-conf-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "geheim\nnot this\n".write(toFile: "\(folder)/pw", atomically: false, encoding: .utf8)
    let head = Documents.least + "sinks:\n  - type: redis\n    url: unix:/r\n    "
    func load(_ line: String) -> SettingsResult {
      SettingsLoader.load(
        text: head + line + "\n", file: "t.yaml", folder: folder, environment: ["PW": "secret"])
    }
    #expect(load("passwordFile: pw").settings?.sinks[0].password == "geheim")
    #expect(load("passwordFile: \(folder)/pw").settings?.sinks[0].password == "geheim")
    #expect(load("passwordEnvironment: PW").settings?.sinks[0].password == "secret")
    #expect(
      load("passwordFile: other").problems.map(\.description) == [
        "t.yaml:8: sinks[0].passwordFile: \(folder)/other cannot be read, or holds nothing"
      ])
    #expect(
      load("passwordEnvironment: GONE").problems.map(\.description) == [
        "t.yaml:8: sinks[0].passwordEnvironment: names the environment variable GONE, which is not"
          + " set"
      ])
  }
}
