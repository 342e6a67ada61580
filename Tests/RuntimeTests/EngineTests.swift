import CBurst
import ControlAPI
import FlowEngine
import Foundation
import Logging
import Ports
import Records
import Sinks
import Synchronization
import Testing

@testable import Runtime

/// The whole engine but for DPDK: ports, workers on threads, pump, sinks.
@Suite(.serialized) struct EngineTests {
  static func udp(_ flow: Int, fromClient: Bool = true) -> [UInt8] {
    let client: [UInt8] = [10, 0, UInt8(flow >> 8), UInt8(flow & 255)]
    let server: [UInt8] = [192, 0, 2, 1]
    let ports: [UInt8] = fromClient ? [0x27, 0x10, 0, 53] : [0, 53, 0x27, 0x10]
    return [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0]
      + (fromClient ? client + server : server + client) + ports + [0, 12, 0, 0, 1, 2, 3, 4]
  }

  static func engine(
    workers: Int, port: MemoryPort, sinks: [any RecordSink],
    timeouts: FlowTimeouts = FlowTimeouts(),
    statsInterval: Double = 0, capacity: Int = 4096
  ) throws -> Engine {
    try Engine(
      settings: EngineSettings(
        sensor: "test", version: "0", workerCount: workers, flowCapacity: capacity,
        timeouts: timeouts, recordRingSlots: 1024, statsIntervalSeconds: statsInterval,
        pollMode: .adaptive, noHugepages: true, drainSeconds: 10),
      ports: [port], host: ThreadHost(), sinks: sinks, logger: Logger(label: "test"))
  }

  @Test(arguments: [1, 2, 3])
  func everyPacketIsInOneFlow(_ workers: Int) throws {
    let port = MemoryPort(name: "mem0", queues: workers)
    let sink = KeepingSink(types: [.flow])
    let engine = try Self.engine(workers: workers, port: port, sinks: [sink])
    try engine.start()
    for i in 0..<3000 {
      port.add(Self.udp(i % 500, fromClient: i % 3 != 0), queue: i % workers)
    }
    #expect(eventually { engine.stats().totals.countedInFlows == 3000 })
    let stats = engine.stats()
    #expect(stats.conservation.holds)
    #expect(stats.totals.flowsLive == 500)
    #expect(engine.stop())
    let flows = try sink.objects()
    #expect(flows.count == 500)
    let packets = flows.compactMap { $0["flow"] as? [String: Any] }.reduce(0) {
      $0 + ($1["pkts_toserver"] as? Int ?? 0) + ($1["pkts_toclient"] as? Int ?? 0)
    }
    #expect(packets == 3000)
    #expect(flows.allSatisfy { $0["in_iface"] as? String == "mem0" })
    #expect(engine.stats().conservation.holds)
    #expect(port.hasAllBack)
  }

  @Test func aRecordLeavesWithinASecondOfItsDeadline() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let sink = KeepingSink(types: [.flow])
    let engine = try Self.engine(
      workers: 1, port: port, sinks: [sink], timeouts: FlowTimeouts(udp: 0.5))
    try engine.start()
    port.add(Self.udp(1), queue: 0)
    #expect(eventually { !sink.lines.isEmpty })
    let record = try #require(try sink.objects().first)
    let flow = try #require(record["flow"] as? [String: Any])
    #expect(flow["end_reason"] as? String == "idle_timeout")
    // Made at `timestamp`, due half a second behind `end`.
    let late = try seconds(record["timestamp"]) - seconds(flow["end"]) - 0.5
    #expect((0...1).contains(late.truncatingRemainder(dividingBy: 86_400)), "\(late) s late")
    engine.stop()
  }

  /// Seconds within the day of `2026-11-21T05:36:00.123456+0000`.
  private func seconds(_ timestamp: Any?) throws -> Double {
    let text = try #require(timestamp as? String)
    let parts = text.dropFirst(11).prefix(15).split(separator: ":").compactMap { Double($0) }
    try #require(parts.count == 3)
    return parts[0] * 3600 + parts[1] * 60 + parts[2]
  }

  @Test func updatesAndStatsGoToWhoWantsThem() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let all = KeepingSink()
    let stats = KeepingSink(types: [.stats])
    let fields = KeepingSink(format: .fields, types: [.flow])
    let engine = try Self.engine(
      workers: 1, port: port, sinks: [all, stats, fields],
      timeouts: FlowTimeouts(active: 0.5, udp: 60), statsInterval: 0.3)
    try engine.start()
    port.add(Self.udp(1), queue: 0)
    #expect(eventually { all.lines.contains { $0.contains("\"flow_update\"") } })
    #expect(eventually { stats.lines.count > 1 })
    engine.stop()
    #expect(stats.lines.allSatisfy { $0.contains("\"event_type\":\"stats\"") })
    #expect(fields.lines.count == 1)
    #expect(fields.lines[0].hasPrefix("$"))
  }

  @Test func statusSaysWhatItIsMadeOf() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let sink = KeepingSink()
    let engine = try Self.engine(workers: 2, port: port, sinks: [sink])
    #expect(engine.status().state == .starting)
    try engine.start()
    let status = engine.status()
    #expect(status.state == .running)
    #expect(status.workers.map(\.queues) == [[QueueName(port: "mem0", queue: 0)], []])
    #expect(status.ports.first?.rss.mode == .software)
    #expect(status.sinks.first?.target == "memory")
    #expect(status.memoryBytes.contains { $0.name == "flow entries, hot" && $0.value > 0 })
    engine.stop()
    #expect(engine.status().state == .draining)
  }

  /// Each worker's tables come from its own NUMA node: the host is told of them before they are touched.
  @Test func eachWorkersMemoryIsPlaced() throws {
    let host = ThreadHost()
    let engine = try Engine(
      settings: EngineSettings(
        sensor: "test", version: "0", workerCount: 2, flowCapacity: 65_536, noHugepages: true),
      ports: [MemoryPort(name: "mem0", queues: 2)], host: host, sinks: [],
      logger: Logger(label: "test"))
    let bound = host.bound.withLock { $0 }
    #expect(bound.keys.sorted() == [0, 1])
    #expect(bound.values.allSatisfy { $0 >= 65_536 * 256 && $0 % (2 << 20) == 0 })
    withExtendedLifetime(engine) {}
  }

  @Test func aSinkThatCannotStartTakesEverythingDown() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try Self.engine(
      workers: 1, port: port,
      sinks: [KeepingSink(), KeepingSink(startError: SinkError("no such place"))])
    #expect(throws: SinkError.self) { try engine.start() }
  }

  @Test func theClockFollowsTheSystem() {
    let clock = EngineClock()
    let reader = clock.reader
    for _ in 0..<5 {
      usleep(20_000)
      let difference = abs(reader.nanoseconds(at: martlet_tsc()) - EngineClock.systemNanoseconds)
      #expect(difference < 2_000_000)
      clock.synchronize()
    }
    var last = reader.nanoseconds(at: martlet_tsc())
    for _ in 0..<10_000 {
      let now = reader.nanoseconds(at: martlet_tsc())
      #expect(now >= last)
      last = now
    }
  }
}
