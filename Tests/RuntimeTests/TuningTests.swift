import Configuration
import ControlAPI
import FlowEngine
import Foundation
import Logging
import Ports
import Testing

@testable import Runtime

/// What can be changed while the engine runs.
@Suite(.serialized) struct TuningTests {
  private func engine(
    _ mode: PollMode, maximumSleepMicroseconds: Int = 50, host: ThreadHost = ThreadHost(),
    descriptors: Int = 0
  ) throws -> (engine: Engine, port: MemoryPort) {
    let port = MemoryPort(name: "mem0", queues: 1, descriptors: descriptors)
    let engine = try Engine(
      settings: EngineSettings(
        sensor: "test", version: "0", workerCount: 1, flowCapacity: 4096, recordRingSlots: 1024,
        statsIntervalSeconds: 0, pollMode: mode,
        maximumSleepMicroseconds: maximumSleepMicroseconds, noHugepages: true, drainSeconds: 10),
      ports: [port], host: host, sinks: [], logger: Logger(label: "test"))
    return (engine, port)
  }

  private func refusal(_ body: () throws -> Void) -> RPCError? {
    do {
      try body()
      return nil
    } catch { return error as? RPCError }
  }

  @Test func everyTunableIsDescribedByItsKey() throws {
    let (engine, _) = try engine(.adaptive)
    let tunables = try engine.tunables(TuningGetParameters()).tunables
    #expect(Set(tunables.map(\.key)).count == tunables.count)
    for tunable in tunables {
      let key = SettingsKey.find(tunable.key)
      #expect(tunable.meaning == key.meaning && tunable.unit == key.unit)
      #expect((tunable.kind == .choice) == (tunable.allowed != nil), "\(tunable.key)")
      #expect((tunable.kind == .choice) == (tunable.minimum == nil), "\(tunable.key)")
      // What runs now is a value that could be set.
      if tunable.isLive {
        #expect(key.isLive, "\(tunable.key)")
        _ = try engine.tune(TuningSetParameters(key: tunable.key, value: tunable.value))
      }
      #expect(tunable.standard.description == key.standard)
    }
    #expect(tunables.contains { $0.isLive } && tunables.contains { !$0.isLive })
  }

  @Test func wrongKeysAndValuesSayWhatWouldBeRight() throws {
    let (engine, _) = try engine(.adaptive)
    func error(_ key: String, _ value: TuningValue) -> RPCError? {
      refusal { _ = try engine.tune(TuningSetParameters(key: key, value: value)) }
    }
    let unknown = error("engine.pooling", .text("busy"))
    #expect(unknown?.code == .invalidParams)
    #expect(unknown?.message.contains("engine.polling") == true)
    #expect(
      error("polling", .text("lazy"))?.message
        == "engine.polling cannot be \"lazy\"; it is one of busy, adaptive")
    #expect(
      error("maximumSleepMicroseconds", .integer(0))?.message
        == "engine.maximumSleepMicroseconds cannot be 0; a whole number from 1 to 10000 µs would"
        + " be right")
    #expect(error("maximumSleepMicroseconds", .integer(10_001))?.code == .invalidParams)
    #expect(error("maximumSleepMicroseconds", .number(1.5))?.code == .invalidParams)
    #expect(error("statsIntervalSeconds", .number(3600.5))?.code == .invalidParams)
    #expect(error("statsIntervalSeconds", .text("often"))?.code == .invalidParams)
    #expect(
      error("drainSeconds", .integer(5))?.message
        == "drainSeconds cannot change while the engine runs; set it in the configuration and"
        + " restart")
    // Nothing has changed.
    let values = try engine.tunables(TuningGetParameters()).tunables
    #expect(values.first { $0.key == "engine.polling" }?.value == .text("adaptive"))
    #expect(values.first { $0.key == "engine.maximumSleepMicroseconds" }?.value == .integer(50))
  }

  @Test func aChangeSaysBeforeAndAfter() throws {
    let (engine, _) = try engine(.adaptive)
    let change = try engine.tune(
      TuningSetParameters(key: "maximumSleepMicroseconds", value: .integer(200)))
    #expect(
      change
        == TuningChange(
          key: "engine.maximumSleepMicroseconds", before: .integer(50), after: .integer(200),
          unit: "µs"))
    #expect(
      try engine.tunables(TuningGetParameters(key: change.key)).tunables.map(\.value) == [
        .integer(200)
      ])
    // The test's host says that the worker shares its core.
    let busy = try engine.tune(TuningSetParameters(key: "polling", value: .text("busy")))
    #expect(busy.notes.count == 1 && busy.notes[0].contains("shares its core"))
  }

  /// A ring of 1,024 lasts 69 µs at 10 Gbit/s: half of that, whatever was asked for.
  @Test func ringsBoundTheSleepAndSaySo() throws {
    let (engine, _) = try engine(.adaptive, maximumSleepMicroseconds: 10_000, descriptors: 1024)
    try engine.start()
    #expect(engine.status().workers[0].sleepLimitMicroseconds == 34.406)
    let change = try engine.tune(
      TuningSetParameters(key: "maximumSleepMicroseconds", value: .integer(100)))
    #expect(change.notes.count == 1 && change.notes[0].contains("34 µs"))
    let quiet = try engine.tune(
      TuningSetParameters(key: "maximumSleepMicroseconds", value: .integer(30)))
    #expect(quiet.notes.isEmpty)
    engine.stop()
  }

  /// In adaptive mode an idle worker takes a small part of what it takes in busy mode, and each change
  /// holds while it runs, without a packet lost.
  @Test func pollModesSwitchWhileRunning() throws {
    let host = ThreadHost()
    let (engine, port) = try engine(.busy, maximumSleepMicroseconds: 2000, host: host)
    try engine.start()
    defer { engine.stop() }
    #expect(eventually { host.cpuNanoseconds(worker: 0) > 0 })
    // However little of a core the test gets, both modes get the same time.
    var wall = ContinuousClock.now
    let startCPU = host.cpuNanoseconds(worker: 0)
    #expect(eventually(60) { host.cpuNanoseconds(worker: 0) - startCPU > 200_000_000 })
    let span = ContinuousClock.now - wall
    #expect(engine.stats().workers[0].sleeps == 0)

    _ = try engine.tune(TuningSetParameters(key: "polling", value: .text("adaptive")))
    #expect(eventually { engine.stats().workers[0].sleeps > 10 })
    wall = ContinuousClock.now
    let adaptiveCPU = host.cpuNanoseconds(worker: 0)
    while ContinuousClock.now - wall < span { usleep(1000) }
    let spent = host.cpuNanoseconds(worker: 0) - adaptiveCPU
    #expect(spent < 100_000_000, "\(spent) ns asleep, 200,000,000 ns awake")

    // Packets wake it, and it sleeps again.
    let before = engine.stats().workers[0]
    for i in 0..<100 { port.add(EngineTests.udp(i), queue: 0) }
    #expect(eventually { engine.stats().totals.countedInFlows == 100 })
    #expect(eventually { engine.stats().workers[0].wakeUps > before.wakeUps })
    #expect(eventually { engine.stats().workers[0].sleeps > before.sleeps })

    _ = try engine.tune(TuningSetParameters(key: "polling", value: .text("busy")))
    let polls = engine.stats().workers[0].emptyPolls
    // More polls than sleeps of 2 ms could let through in a minute.
    #expect(eventually(60) { engine.stats().workers[0].emptyPolls > polls + 100_000 })
    #expect(engine.stats().conservation.holds)
  }
}
