import Configuration
import ControlAPI
import FlowEngine
import Foundation
import Logging
import Records
import Synchronization
import Testing

@testable import Runtime

/// What an operator changes while packets come: timeouts, ports, the configuration file.
@Suite(.serialized) struct LiveChangeTests {
  private func tune(_ engine: Engine, _ key: String, _ value: TuningValue) throws -> TuningChange {
    try engine.tune(TuningSetParameters(key: key, value: value))
  }

  /// Waits until each worker has taken what was tuned: it does so before it publishes its counters, so that
  /// the second time from here on is behind it.
  private func settle(_ engine: Engine) {
    for _ in 0..<2 {
      let before = engine.snapshots().map { $0[.polls] }
      #expect(
        eventually { zip(engine.snapshots(), before).allSatisfy { $0[.polls] != $1 } })
    }
  }

  /// Flows that live when a timeout becomes shorter end by the new one, without another packet.
  @Test func shorterTimeoutsHoldForFlowsThatLive() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let sink = KeepingSink(types: [.flow])
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [sink])
    try engine.start()
    defer { engine.stop() }
    for i in 0..<500 { port.add(EngineTests.udp(i), queue: 0) }
    #expect(eventually { engine.stats().totals.flowsLive == 500 })
    let change = try tune(engine, "udpSeconds", .number(0.2))
    #expect(change.before == .number(30) && change.after == .number(0.2))
    #expect(eventually { engine.stats().totals.flowsLive == 0 })
    #expect(engine.stats().totals.flowsExpired.value("idle_timeout") == 500)
    _ = try tune(engine, "udpSeconds", .number(600))
    port.add(EngineTests.udp(1), queue: 0)
    #expect(eventually { engine.stats().totals.flowsLive == 1 })
    usleep(1_500_000)
    #expect(engine.stats().totals.flowsLive == 1)
  }

  /// Flows that live are reported by a new active timeout, and no longer when there is none.
  @Test func activeTimeoutsComeAndGo() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let sink = KeepingSink(types: [.flowUpdate])
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [sink])
    try engine.start()
    defer { engine.stop() }
    for i in 0..<50 { port.add(EngineTests.udp(i), queue: 0) }
    #expect(eventually { engine.stats().totals.flowsLive == 50 })
    func updates() -> UInt64 { engine.snapshots()[0][.flowUpdates] }
    #expect(updates() == 0)
    _ = try tune(engine, "activeSeconds", .number(1))
    #expect(eventually { updates() >= 100 })
    _ = try tune(engine, "activeSeconds", .number(0))
    settle(engine)
    let reached = updates()
    usleep(2_200_000)
    #expect(updates() == reached)
    #expect(engine.stats().totals.flowsLive == 50)
  }

  @Test func burstsAndPrefetchAreTuned() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [])
    try engine.start()
    defer { engine.stop() }
    _ = try tune(engine, "burstPackets", .integer(4))
    _ = try tune(engine, "prefetchDistance", .integer(2))
    #expect(throws: RPCError.self) { try tune(engine, "burstPackets", .integer(33)) }
    settle(engine)
    let before = engine.snapshots()[0]
    for i in 0..<400 { port.add(EngineTests.udp(i), queue: 0) }
    #expect(eventually { engine.stats().totals.countedInFlows == 400 })
    let after = engine.snapshots()[0]
    let full = (after[.polls] - before[.polls]) - (after[.emptyPolls] - before[.emptyPolls])
    #expect(full >= 100)
  }

  @Test func portsStopAndStart() throws {
    let ports = ["mem0", "mem1"].map { MemoryPort(name: $0, queues: 2) }
    let engine = try Engine(
      settings: EngineSettings(
        sensor: "test", version: "0", workerCount: 2, flowCapacity: 1024, recordRingSlots: 1024,
        statsIntervalSeconds: 0, pollMode: .adaptive, noHugepages: true, drainSeconds: 10),
      ports: ports, host: ThreadHost(), sinks: [], logger: Logger(label: "test"))
    #expect(throws: RPCError.self) {
      try engine.setPort(PortParameters(port: "mem1"), started: false)
    }
    try engine.start()
    defer { engine.stop() }
    let stop = try engine.setPort(PortParameters(port: "mem1"), started: false)
    #expect(stop.before && !stop.after && !stop.notes.isEmpty)
    #expect(ports[1].stops.withLock { $0 } == 1 && ports[0].stops.withLock { $0 } == 0)
    #expect(engine.portList().ports.map(\.isStarted) == [true, false])
    for i in 0..<100 {
      ports[0].add(EngineTests.udp(i), queue: i % 2)
      ports[1].add(EngineTests.udp(i), queue: i % 2)
    }
    #expect(eventually { engine.stats().totals.received == 100 })
    usleep(20_000)
    #expect(engine.stats().totals.received == 100)
    // Once more changes nothing.
    _ = try engine.setPort(PortParameters(port: "mem1"), started: false)
    #expect(ports[1].stops.withLock { $0 } == 1)
    let start = try engine.setPort(PortParameters(port: "mem1"), started: true)
    #expect(!start.before && start.after)
    #expect(eventually { engine.stats().totals.received == 200 })
    #expect(ports[1].starts.withLock { $0 } == 2)
    do {
      _ = try engine.setPort(PortParameters(port: "eth9"), started: true)
      Issue.record("a port that is not there")
    } catch let error as RPCError {
      #expect(error.message.contains("there are mem0, mem1"))
    }
  }

  @Test func ratesAreOfTheLastSecond() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [])
    try engine.start()
    defer { engine.stop() }
    #expect(engine.stats().rates.isEmpty)
    for i in 0..<300 { port.add(EngineTests.udp(i), queue: 0) }
    port.missed.withLock { $0 += 50 }
    #expect(
      eventually {
        engine.stats().rates.first { $0.seconds == 1 }.map { $0.total.packets > 0 } ?? false
      })
    let rates = try #require(engine.stats().rates.first)
    #expect(rates.workers.count == 1 && rates.ports.map(\.name) == ["mem0"])
    #expect(rates.total.packets <= 300 && rates.total.bits > rates.total.packets * 8 * 40)
    #expect(eventually { engine.stats().rates.first?.total.packets == 0 })
    #expect(engine.stats().rings.map(\.name) == ["records 0"])
  }

  // MARK: The configuration file

  private static func yaml(_ changes: (inout String) -> Void = { _ in }) -> String {
    var text = """
      sensor: test
      engine:
        polling: adaptive
      flows:
        capacity: 4096
        timeouts:
          udpSeconds: 30
      filters:
        - name: dns
          expression: udp port 53
          action: tag
          tag: dns
      ports:
        - name: mem0
          device: net_null0
      log:
        level: info

      """
    changes(&text)
    return text
  }

  private final class Bed {
    let engine: Engine
    let path: String
    let level = LogLevel(.info)

    init() throws {
      path = NSTemporaryDirectory() + "martlet-\(UUID().uuidString).yaml"
      try LiveChangeTests.yaml().write(toFile: path, atomically: true, encoding: .utf8)
      let settings = try #require(SettingsLoader.load(path: path).settings)
      var made = EngineSettings(
        sensor: "test", version: "0", workerCount: 1, flowCapacity: 4096, recordRingSlots: 1024,
        statsIntervalSeconds: 10, pollMode: .adaptive, noHugepages: true)
      made.filters = settings.filterRules
      engine = try Engine(
        settings: made, ports: [MemoryPort(name: "mem0", queues: 1)], host: ThreadHost(),
        sinks: [], logger: Logger(label: "test"))
      engine.reloader = Reloader(path: path, began: settings, logLevel: level)
      engine.logLevel = level
      try engine.start()
    }

    func write(_ changes: (inout String) -> Void) throws {
      try LiveChangeTests.yaml(changes).write(toFile: path, atomically: true, encoding: .utf8)
    }

    deinit {
      engine.stop()
      unlink(path)
    }
  }

  @Test func whatCanChangeDoesAndTheRestIsNamed() throws {
    let bed = try Bed()
    let none = try bed.engine.reload(ReloadParameters())
    #expect(none.applied.isEmpty && none.needsRestart.isEmpty && none.path == bed.path)
    try bed.write { text in
      text.replace("polling: adaptive", with: "polling: busy")
      text.replace("udpSeconds: 30", with: "udpSeconds: 7.5")
      text.replace("capacity: 4096", with: "capacity: 8192")
      text.replace("level: info", with: "level: debug")
      text.replace("tag: dns", with: "tag: names")
      text += "drainSeconds: 30\n"
    }
    let dry = try bed.engine.reload(ReloadParameters(dryRun: true))
    #expect(dry.isDryRun && dry.applied.count == 4)
    #expect(bed.level.level == .info)
    #expect(try bed.engine.filters().rules.map(\.rule.tag) == ["dns"])
    let answer = try bed.engine.reload(ReloadParameters())
    #expect(
      Set(answer.applied.map { "\($0.key): \($0.before) → \($0.after)" }) == [
        "engine.polling: adaptive → busy", "flows.timeouts.udpSeconds: 30 → 7.5",
        "log.level: info → debug",
        "filters[dns]: tag dns, udp port 53 → tag names, udp port 53",
      ])
    #expect(
      answer.needsRestart == [
        ReloadItem(key: "flows.capacity", before: "4096", after: "8192")
      ])
    #expect(bed.level.level == .debug)
    #expect(try bed.engine.filters().rules.map(\.rule.tag) == ["names"])
    let values = try bed.engine.tunables(TuningGetParameters(key: "udpSeconds")).tunables
    #expect(values.first?.value == .number(7.5))
    // It is in force now; what needs a restart still does.
    let again = try bed.engine.reload(ReloadParameters())
    #expect(again.applied.isEmpty && again.needsRestart.map(\.key) == ["flows.capacity"])
  }

  @Test func aWrongFileChangesNothing() throws {
    let bed = try Bed()
    let generation = try bed.engine.filters().generation
    let wrong: [((inout String) -> Void, String)] = [
      ({ $0.replace("udpSeconds: 30", with: "udpSeconds: -1") }, "udpSeconds"),
      ({ $0.replace("udp port 53", with: "udp prot 53") }, "syntax error"),
      ({ $0.replace("tag: dns", with: "oneIn: 4") }, "wants a tag's name"),
      ({ $0 += "noSuchKey: 1\n" }, "noSuchKey"),
    ]
    for (change, expected) in wrong {
      try bed.write { text in
        text.replace("level: info", with: "level: debug")
        change(&text)
      }
      do {
        _ = try bed.engine.reload(ReloadParameters())
        Issue.record("\(expected): a wrong file was taken")
      } catch let error as RPCError {
        #expect(error.message.contains("nothing has changed") && error.message.contains(expected))
        guard case .array(let problems) = error.data?["problems"] else {
          Issue.record("no list of problems")
          continue
        }
        #expect(!problems.isEmpty)
      }
    }
    unlink(bed.path)
    #expect(throws: RPCError.self) { try bed.engine.reload(ReloadParameters()) }
    #expect(bed.level.level == .info)
    #expect(try bed.engine.filters().generation == generation)
  }

  /// What somebody has tuned since gives way to the file; rules that the file does not change keep their
  /// counts.
  @Test func theFileIsTheTruth() throws {
    let bed = try Bed()
    _ = try tune(bed.engine, "udpSeconds", .number(99))
    _ = try bed.engine.addFilter(FilterAddParameters(name: "mine", expression: "tcp"))
    let since = try bed.engine.filters().rules[0].since
    let answer = try bed.engine.reload(ReloadParameters())
    #expect(
      Set(answer.applied.map(\.key)) == ["flows.timeouts.udpSeconds", "filters[mine]"])
    let rules = try bed.engine.filters().rules
    #expect(rules.map(\.rule.name) == ["dns"] && rules[0].since == since)
  }

  @Test func levelsHaveNames() throws {
    let bed = try Bed()
    let change = try bed.engine.setLogLevel(LogLevelParameters(level: "warning"))
    #expect(change == LogLevelChange(before: "info", after: "warning"))
    #expect(throws: RPCError.self) {
      try bed.engine.setLogLevel(LogLevelParameters(level: "loud"))
    }
    var logger = Logger(label: "x") { _ in
      LeveledLogHandler(StreamLogHandler.standardError(label: "x"), level: bed.level)
    }
    #expect(logger.logLevel == .warning)
    logger.logLevel = .error
    #expect(bed.level.level == .error)
  }
}
