import ControlAPI
import FlowEngine
import Foundation
import Logging
import Records
import Synchronization
import Testing

@testable import Runtime

/// Sampling as the engine does it, from the setting to the record.
@Suite(.serialized) struct SamplingTests {
  private func engine(
    _ port: MemoryPort, _ sink: KeepingSink, _ sampling: SamplingSettings
  ) throws -> Engine {
    var settings = EngineSettings(
      sensor: "test", version: "0", workerCount: 1, flowCapacity: 4096, recordRingSlots: 4096,
      statsIntervalSeconds: 0, pollMode: .adaptive, noHugepages: true, drainSeconds: 10)
    settings.sampling = sampling
    return try Engine(
      settings: settings, ports: [port], host: ThreadHost(), sinks: [sink],
      logger: Logger(label: "test"))
  }

  @Test func recordsSayForHowManyTheyStand() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let sink = KeepingSink(types: [.flow, .stats])
    var sampling = SamplingSettings()
    sampling.isOn = true
    sampling.minimumInterval = 4
    // No further, however busy the machine is that runs this.
    sampling.maximumInterval = 4
    let engine = try engine(port, sink, sampling)
    try engine.start()
    // From the first packet on.
    for i in 0..<4000 { port.add(EngineTests.udp(i % 1000, fromClient: i < 2000), queue: 0) }
    #expect(eventually { engine.stats().totals.received == 4000 })
    #expect(engine.samplingIntervals == [4])
    #expect(engine.stats().workers[0].samplingInterval == 4)
    #expect(engine.stop())
    let stats = engine.stats()
    #expect(stats.conservation.holds)
    let left = stats.totals.discarded.value("sampled_out")
    #expect(stats.totals.countedInFlows + left == 4000 && left > 2000)
    let records = try sink.objects()
    let flows = records.filter { $0["event_type"] as? String == "flow" }
    #expect(UInt64(flows.count * 4) == stats.totals.countedInFlows)
    for flow in flows {
      let sampling = try #require(flow["sampling"] as? [String: Int])
      #expect(sampling == ["interval": 4, "highest_interval": 4])
      let counts = try #require(flow["flow"] as? [String: Any])
      #expect(counts["pkts_toserver"] as? Int == 2 && counts["pkts_toclient"] as? Int == 2)
    }
    let last = try #require(records.last { $0["event_type"] as? String == "stats" })
    let body = try #require(last["stats"] as? [String: Any])
    #expect((body["discarded"] as? [String: Int])?["sampled_out"] == Int(left))
    let workers = try #require(body["workers"] as? [[String: Int]])
    #expect(workers.map { $0["sampling_interval"] } == [4])
  }

  @Test func missedPacketsArePressure() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    var sampling = SamplingSettings()
    sampling.isOn = true
    sampling.maximumInterval = 8
    sampling.calmSeconds = 0.1
    let engine = try engine(port, KeepingSink(), sampling)
    try engine.start()
    defer { engine.stop() }
    // What was missed before is no news.
    #expect(eventually { engine.stats().workers[0].sleeps > 0 })
    #expect(engine.samplingIntervals == [1])
    #expect(
      eventually {
        port.missed.withLock { $0 += 1 }
        return engine.samplingIntervals == [8]
      })
    // And when it is over, every flow is kept again.
    #expect(eventually { engine.samplingIntervals == [1] })
  }

  @Test func isSwitchedOnWhileRunning() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try engine(port, KeepingSink(), SamplingSettings())
    try engine.start()
    defer { engine.stop() }
    func set(_ key: String, _ value: TuningValue) throws -> TuningChange {
      try engine.tune(TuningSetParameters(key: key, value: value))
    }
    #expect(try set("minimumInterval", .integer(16)).notes.isEmpty)
    #expect(throws: RPCError.self) { try set("minimumInterval", .integer(12)) }
    #expect(eventually { engine.stats().workers[0].sleeps > 10 })
    #expect(engine.samplingIntervals == [1])
    _ = try set("sampling", .text("auto"))
    #expect(eventually { engine.samplingIntervals == [16] })
    #expect(
      try set("maximumInterval", .integer(2)).notes == [
        "the maximum is below the minimum, and holds"
      ])
    #expect(eventually { engine.samplingIntervals == [2] })
    _ = try set("sampling", .text("none"))
    #expect(eventually { engine.samplingIntervals == [1] })
  }
}
