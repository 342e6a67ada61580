import Configuration
import ControlAPI
import Dissection
import FlowEngine
import Logging
import Records
import Sinks
import Testing

@testable import Runtime

/// What the engine says of dissection: every protocol record is delivered or counted as lost, and what is
/// in use is shown as long as it is.
@Suite(.serialized) struct DissectionCountTests {
  static func engine(
    workers: Int, port: MemoryPort, sink: KeepingSink,
    _ change: (inout DissectionSettings) -> Void = { _ in }
  ) throws -> Engine {
    var settings = EngineSettings(
      sensor: "test", version: "0", workerCount: workers, flowCapacity: 4096,
      recordRingSlots: 1024, statsIntervalSeconds: 0, pollMode: .adaptive, noHugepages: true,
      drainSeconds: 10)
    var dissection = DissectionSettings()
    dissection.flowCapacity = 256
    dissection.bufferBytes = 1 << 20
    dissection.ringBytes = 1 << 20
    change(&dissection)
    settings.dissection = dissection
    return try Engine(
      settings: settings, ports: [port], host: ThreadHost(), sinks: [sink],
      logger: Logger(label: "test"))
  }

  static let everythingButStats = Set(EventType.allCases).subtracting([.stats])

  static func ip(_ proto: UInt8, _ flow: Int, _ payload: [UInt8]) -> [UInt8] {
    let length = 20 + payload.count
    return [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]
      + [0x45, 0, UInt8(length >> 8), UInt8(length & 255), 0, 0, 0, 0, 64, proto, 0, 0]
      + [10, 0, UInt8(flow >> 8), UInt8(flow & 255), 192, 0, 2, 1] + payload
  }

  /// A question for the address of `example.com`.
  static func query(_ flow: Int) -> [UInt8] {
    let message: [UInt8] =
      [UInt8(flow >> 8), UInt8(flow & 255), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
      + [7] + Array("example".utf8) + [3] + Array("com".utf8) + [0, 0, 1, 0, 1]
    let length = UInt8(8 + message.count)
    return ip(17, flow, [0x27, 0x10, 0, 53, 0, length, 0, 0] + message)
  }

  /// A segment of the client, `sequence` bytes into its stream.
  static func segment(_ flow: Int, _ sequence: UInt8, _ flags: UInt8, _ text: String) -> [UInt8] {
    let head: [UInt8] = [0x27, 0x10, 0, 80, 0, 0, 0, sequence, 0, 0, 0, 0]
    return ip(6, flow, head + [0x50, flags, 0xff, 0xff, 0, 0, 0, 0] + Array(text.utf8))
  }

  @Test(arguments: [1, 2])
  func everyProtocolRecordIsDelivered(_ workers: Int) throws {
    let port = MemoryPort(name: "mem0", queues: workers)
    let sink = KeepingSink(types: Self.everythingButStats)
    // Each query waits for its answer with a state.
    let engine = try Self.engine(workers: workers, port: port, sink: sink) {
      $0.flowCapacity = 512
    }
    try engine.start()
    for flow in 0..<500 { port.add(Self.query(flow), queue: flow % workers) }
    #expect(eventually { engine.stats().totals.countedInFlows == 500 })
    #expect(engine.stop())
    let totals = engine.stats().totals
    #expect(totals.dissection.flows == 500)
    #expect(totals.dissection.recordsMade == 500)
    // And a record for each flow.
    #expect(totals.recordsMade == 1000)
    #expect(totals.recordsMade == sink.counters.delivered + totals.recordsDropped)
    let types = try sink.objects().compactMap { $0["event_type"] as? String }
    #expect(
      UInt64(types.filter { $0 == "dns" }.count)
        == totals.dissection.recordsMade - totals.dissection.recordsDropped)
    let rings = engine.stats().rings.filter { $0.name.hasPrefix("protocol records") }
    #expect(rings.map(\.name) == (0..<workers).map { "protocol records \($0)" })
    #expect(rings.allSatisfy { $0.capacity == 1 << 20 && $0.used == 0 })
  }

  @Test func whatTheRingHasNoRoomForIsCounted() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let sink = KeepingSink(types: Self.everythingButStats)
    // A burst has more records than this holds.
    let engine = try Self.engine(workers: 1, port: port, sink: sink) {
      $0.flowCapacity = 512
      $0.ringBytes = 1024
    }
    for flow in 0..<500 { port.add(Self.query(flow), queue: 0) }
    try engine.start()
    #expect(eventually { engine.stats().totals.countedInFlows == 500 })
    #expect(engine.stop())
    let totals = engine.stats().totals
    #expect(totals.dissection.recordsMade == 500)
    #expect(totals.dissection.recordsDropped > 0)
    #expect(totals.recordsDropped == totals.dissection.recordsDropped)
    #expect(totals.recordsMade == sink.counters.delivered + totals.recordsDropped)
  }

  /// What `martletd --check` says is what the engine takes, or a little more.
  @Test(arguments: [false, true])
  func memoryIsAsBudgeted(_ hashesFiles: Bool) throws {
    let text = """
      sensor: s
      ports: [{ name: p, device: net_ring0 }]
      engine: { workers: 2 }
      dissection: { flowCapacity: 1024, bufferMegabytes: 4, hashFiles: \(hashesFiles) }
      """
    let settings = try #require(SettingsLoader.load(text: text, file: "t.yaml").settings)
    let budget = MemoryBudget(settings)
    let port = MemoryPort(name: "mem0", queues: 2)
    let engine = try Self.engine(workers: 2, port: port, sink: KeepingSink()) {
      $0.flowCapacity = settings.dissection.flowCapacity
      $0.bufferBytes = settings.dissection.bufferMegabytes << 20
      $0.ringBytes = settings.dissection.ringMegabytes << 20
      $0.hashesFiles = hashesFiles
    }
    let names = [
      "dissection", "redact", "decompressors", "announced transfers",
    ]
    let taken = engine.memoryLines.filter { line in names.contains { line.name.contains($0) } }
      .reduce(0) { $0 + $1.bytes }
    let budgeted = budget.bytes(of: "dissection")
    #expect(taken <= budgeted && taken > budgeted - (2 * 32 << 10), "\(taken) of \(budgeted)")
    let rings = engine.memoryLines.first { $0.name == "protocol record rings" }
    #expect(rings?.bytes == budget.bytes(of: "protocol record rings"))
  }

  /// Live flows are shown, and added up, by what they speak.
  @Test func liveFlowsSayWhatTheySpeak() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try Self.engine(workers: 1, port: port, sink: KeepingSink())
    try engine.start()
    for flow in 0..<7 { port.add(Self.query(flow), queue: 0) }
    for flow in 0..<3 { port.add(Self.segment(flow, 0, 0x02, ""), queue: 0) }
    #expect(eventually { engine.stats().totals.countedInFlows == 10 })
    let flows = try engine.topFlows(FlowsTopParameters(count: 100)).flows
    #expect(flows.filter { $0.appProto == "dns" }.count == 7)
    #expect(flows.filter { $0.appProto == nil }.count == 3)
    let groups = try engine.topFlows(FlowsTopParameters(count: 100, by: .packets, key: .app)).groups
    #expect(groups.map(\.key) == ["dns", "-"] && groups.map(\.flows) == [7, 3])
    engine.stop()
  }

  @Test func whatIsInUseIsShownAsLongAsItIs() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let sink = KeepingSink(types: Self.everythingButStats)
    let engine = try Self.engine(workers: 1, port: port, sink: sink) { $0.flowCapacity = 20 }
    try engine.start()
    for flow in 0..<30 {
      port.add(Self.segment(flow, 0, 0x02, ""), queue: 0)
      port.add(Self.segment(flow, 1, 0x18, "GET / HTTP/1.1\r\n"), queue: 0)
      // Behind a hole of 4 bytes.
      port.add(Self.segment(flow, 21, 0x18, "example.com\r\n"), queue: 0)
    }
    #expect(eventually { engine.stats().totals.countedInFlows == 90 })
    var now = engine.stats().totals.dissection
    #expect(now.flowsLive == 20)
    // A block at least for what waits in each.
    #expect(now.bufferBytes >= 20 * 1024)
    #expect(now.noState == 10)
    #expect(engine.stop())
    now = engine.stats().totals.dissection
    #expect(now.flowsLive == 0 && now.bufferBytes == 0)
  }
}
