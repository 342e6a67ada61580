import ControlAPI
import FlowEngine
import Foundation
import Logging
import Records
import Synchronization
import Testing

@testable import Runtime

/// Filter rules from the control plane's call to the last packet, under traffic.
@Suite(.serialized) struct FilterTests {
  private static let drop53 = FilterAddParameters(name: "dns", expression: "udp dst port 53")

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing was thrown"
    } catch let error as RPCError {
      return error.message
    } catch {
      return "\(error)"
    }
  }

  /// A thousand times a rule comes and goes; each packet is on the side of the rules that were in force.
  @Test(arguments: [1, 2])
  func aThousandChanges(workers: Int) throws {
    let port = MemoryPort(name: "mem0", queues: workers)
    let engine = try EngineTests.engine(workers: workers, port: port, sinks: [KeepingSink()])
    try engine.start()
    defer { engine.stop() }
    var fed: UInt64 = 0
    func feed(_ count: Int) {
      for i in 0..<count { port.add(EngineTests.udp(i), queue: i % workers) }
      fed += UInt64(count)
      #expect(eventually { engine.snapshots().reduce(0) { $0 + $1[.received] } == fed })
    }
    var dropped: UInt64 = 0
    for round in 0..<1000 {
      let change = try engine.addFilter(Self.drop53)
      #expect(change.before == nil && change.after?.packets == 0)
      if round % 10 == 0 { feed(1 + round % 23) }
      let gone = try engine.removeFilter(FilterRemoveParameters(name: "dns"))
      let counts = try #require(gone.before)
      #expect(counts.dropped == (round % 10 == 0 ? UInt64(1 + round % 23) : 0))
      dropped += counts.dropped
      if round % 10 == 5 { feed(1 + round % 19) }
    }
    #expect(eventually { engine.stats().totals.filtered == dropped })
    let stats = engine.stats()
    #expect(stats.conservation.holds && stats.totals.received == fed)
    #expect(stats.totals.countedInFlows == fed - dropped)
    #expect(try engine.filters().generation == 2001)
  }

  /// The same while packets pour in from another thread: what the rules say they dropped is what the
  /// workers have filtered.
  @Test func changesUnderTraffic() throws {
    let port = MemoryPort(name: "mem0", queues: 2)
    let engine = try EngineTests.engine(workers: 2, port: port, sinks: [KeepingSink()])
    try engine.start()
    defer { engine.stop() }
    let isOver = Mutex(false)
    let fed = Mutex(0)
    let done = DispatchSemaphore(value: 0)
    Thread {
      while !isOver.withLock({ $0 }) {
        for i in 0..<200 { port.add(EngineTests.udp(i), queue: i % 2) }
        fed.withLock { $0 += 200 }
        usleep(300)
      }
      done.signal()
    }.start()
    var dropped: UInt64 = 0
    var sampled: UInt64 = 0
    // Slots of sampling rules rest for a while, and there are 256.
    for round in 0..<200 {
      _ = try engine.addFilter(Self.drop53)
      var sample = FilterAddParameters(name: "part", expression: "udp", action: .sample, oneIn: 4)
      sample.position = round % 2
      _ = try engine.addFilter(sample)
      _ = try engine.moveFilter(FilterMoveParameters(name: "dns", position: round % 2))
      dropped += try engine.removeFilter(FilterRemoveParameters(name: "dns")).before?.dropped ?? 0
      sampled += try engine.removeFilter(FilterRemoveParameters(name: "part")).before?.dropped ?? 0
    }
    isOver.withLock { $0 = true }
    done.wait()
    let total = UInt64(fed.withLock { $0 })
    #expect(eventually { engine.stats().totals.received == total })
    #expect(dropped > 0 && sampled > 0)
    #expect(eventually { engine.stats().totals.filtered == dropped + sampled })
    #expect(engine.stats().conservation.holds)
  }

  @Test func theListIsAsTheOperatorLeftIt() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [])
    try engine.start()
    defer { engine.stop() }
    for name in ["a", "b", "c"] {
      _ = try engine.addFilter(FilterAddParameters(name: name, expression: "tcp"))
    }
    _ = try engine.addFilter(
      FilterAddParameters(
        name: "d", expression: "host 10.0.0.1", action: .tag, tag: "lab", ports: ["mem0"],
        inner: true, position: 1))
    func names() throws -> [String] { try engine.filters().rules.map(\.rule.name) }
    #expect(try names() == ["a", "d", "b", "c"])
    #expect(try engine.filters().rules.map(\.position) == [0, 1, 2, 3])
    _ = try engine.moveFilter(FilterMoveParameters(name: "a", position: 99))
    #expect(try names() == ["d", "b", "c", "a"])
    let refused = message {
      _ = try engine.replaceFilter(FilterReplaceParameters(name: "d", action: .sample))
    }
    #expect(refused.contains("wants oneIn"))
    let change = try engine.replaceFilter(
      FilterReplaceParameters(name: "d", action: .sample, oneIn: 8, newName: "e"))
    #expect(change.before?.rule.tag == "lab" && change.after?.rule.tag == nil)
    #expect(change.after?.rule.inner == true && change.after?.rule.ports == ["mem0"])
    #expect(try names() == ["e", "b", "c", "a"])
  }

  @Test func wrongRulesChangeNothing() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [])
    try engine.start()
    defer { engine.stop() }
    _ = try engine.addFilter(FilterAddParameters(name: "a", expression: "tcp"))
    let generation = try engine.filters().generation
    let wrong: [(FilterAddParameters, String)] = [
      (.init(name: "b", expression: "tcp prot 80"), "syntax error"),
      (.init(name: "b b", expression: "tcp"), "name cannot be"),
      (.init(name: "a", expression: "tcp"), "there is a rule \"a\""),
      (.init(name: "b", expression: "tcp", action: .sample), "wants oneIn"),
      (.init(name: "b", expression: "tcp", action: .sample, oneIn: 3), "power of two"),
      (.init(name: "b", expression: "tcp", oneIn: 4), "oneIn is for"),
      (.init(name: "b", expression: "tcp", action: .tag), "wants a tag's name"),
      (.init(name: "b", expression: "tcp", ports: ["eth9"]), "there are mem0"),
      (.init(name: "b", expression: "tcp", position: -1), "the first one is 0"),
      (.init(name: "b", expression: "ether host 1:2:3:4:5:6", inner: true), "link type 101"),
    ]
    for (parameters, expected) in wrong {
      #expect(message { _ = try engine.addFilter(parameters) }.contains(expected))
    }
    #expect(
      message { _ = try engine.removeFilter(FilterRemoveParameters(name: "x")) }
        .contains("there are a"))
    #expect(try engine.filters().generation == generation)
    for i in 0..<63 {
      _ = try engine.addFilter(FilterAddParameters(name: "r\(i)", expression: ""))
    }
    #expect(
      message { _ = try engine.addFilter(FilterAddParameters(name: "z", expression: "")) }
        .contains("no more are possible"))
    let note = try engine.moveFilter(FilterMoveParameters(name: "a", position: 63)).notes
    #expect(note.first?.contains("it is shown none") == true)
  }

  @Test func whatWouldBeCaughtIsCounted() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [])
    try engine.start()
    defer { engine.stop() }
    // Even behind a rule that drops all: the test is shown every packet.
    _ = try engine.addFilter(FilterAddParameters(name: "all", expression: ""))
    let frames = 400
    Thread {
      usleep(50_000)
      for i in 0..<frames { port.add(EngineTests.udp(i, fromClient: i % 4 != 0), queue: 0) }
    }.start()
    let answer = try engine.testFilter(
      FilterTestParameters(expression: "udp dst port 53", packets: frames, timeoutSeconds: 20))
    #expect(answer.isComplete && answer.evaluated == UInt64(frames))
    #expect(answer.packets == UInt64(frames * 3 / 4))
    #expect(answer.bytes == answer.packets * UInt64(EngineTests.udp(1).count))
    #expect(answer.evaluatedBytes == UInt64(frames * EngineTests.udp(1).count))
    #expect(answer.program.first?.hasPrefix("(000) ldh      [12]") == true)
    #expect(answer.ticksPerPacket != nil)
    let none = try engine.testFilter(FilterTestParameters(expression: "tcp", packets: 0))
    #expect(none.evaluated == 0 && !none.program.isEmpty && none.isComplete)
    let short = try engine.testFilter(
      FilterTestParameters(expression: "tcp", packets: 10, timeoutSeconds: 0.05))
    #expect(!short.isComplete && short.evaluated == 0)
    #expect(engine.stats().totals.filtered == UInt64(frames))
  }

  @Test func tagsAndSilenceReachTheRecords() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let sink = KeepingSink(types: [.flow])
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [sink])
    try engine.start()
    _ = try engine.addFilter(
      FilterAddParameters(name: "t", expression: "host 10.0.0.1", action: .tag, tag: "lab"))
    _ = try engine.addFilter(
      FilterAddParameters(name: "s", expression: "host 10.0.0.2", action: .nopublish))
    for i in 1...3 { port.add(EngineTests.udp(i), queue: 0) }
    #expect(eventually { engine.stats().totals.countedInFlows == 3 })
    #expect(engine.stop())
    let records = try sink.objects()
    let tags = Dictionary(
      uniqueKeysWithValues: records.map {
        ($0["src_ip"] as? String ?? "", $0["tags"] as? [String])
      })
    #expect(tags == ["10.0.0.1": ["lab"], "10.0.0.3": nil])
  }

  // MARK: Traces

  @Test func tracedPacketsTellTheirWay() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let sink = KeepingSink(types: [.flow])
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [sink])
    try engine.start()
    _ = try engine.addFilter(
      FilterAddParameters(name: "noisy", expression: "src host 10.0.0.2 or dst host 10.0.0.2"))
    Thread {
      usleep(50_000)
      port.add(EngineTests.udp(1), queue: 0)
      port.add(EngineTests.udp(2), queue: 0)
      port.add(
        [UInt8](repeating: 0, count: 12) + [8, 6] + [UInt8](repeating: 0, count: 46), queue: 0)
      usleep(50_000)
      port.add(EngineTests.udp(1, fromClient: false), queue: 0)
    }.start()
    let answer = try engine.tracePackets(
      TraceParameters(packets: 4, timeoutSeconds: 20, pcapng: true))
    #expect(answer.isComplete && answer.packets.count == 4)
    let paths = answer.packets.map { $0.path.map { "\($0.stage.rawValue) \($0.outcome)" } }
    #expect(
      paths[0] == [
        "parse 10.0.0.1:10000 → 192.0.2.1:53", "filter passed", "flow new flow",
        "event history +D",
      ])
    #expect(paths[1] == ["parse 10.0.0.2:10000 → 192.0.2.1:53", "filter dropped"])
    #expect(paths[2] == ["parse not IP", "filter passed"])
    #expect(paths[3].contains("flow known flow") && paths[3].contains("event history +d"))
    #expect(paths[3].contains("event state established"))
    let file = try #require(answer.pcapng.flatMap { Data(base64Encoded: $0) })
    #expect(file.starts(with: [0x0a, 0x0d, 0x0d, 0x0a]))
    #expect(engine.stop())
    let record = try #require(sink.objects().first { $0["src_ip"] as? String == "10.0.0.1" })
    #expect(answer.packets[0].flowId == (record["flow_id"] as? UInt64))
    #expect(answer.packets[3].communityId == record["community_id"] as? String)
  }

  @Test func aTraceOfNothingEnds() throws {
    let port = MemoryPort(name: "mem0", queues: 1)
    let engine = try EngineTests.engine(workers: 1, port: port, sinks: [])
    try engine.start()
    defer { engine.stop() }
    let answer = try engine.tracePackets(
      TraceParameters(expression: "tcp port 80", packets: 1, timeoutSeconds: 0.1))
    #expect(!answer.isComplete && answer.packets.isEmpty && answer.pcapng == nil)
    #expect(try engine.filters().rules.isEmpty)
  }
}
