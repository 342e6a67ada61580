import CBurst
import Testing

@testable import FlowEngine

/// What a worker writes down of traced packets.
@Suite struct TraceTests {
  typealias Program = FilterBed.Program

  private static func udp(_ client: Int, to port: Int) -> [UInt8] {
    Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(client, port, payload: [1])))
  }

  @Test func eachFateHasItsName() throws {
    let filters = FilterBed()
    let bed = WorkerBed(capacity: 64) { $0.filters = filters.memory }
    bed.start(at: 1)
    try filters.set(
      [
        .init(program: Program.everything, verdict: .trace, slot: 0),
        .init(program: Program.destinationPort(53), verdict: .mark, slot: 1, marks: .tag(1)),
        .init(program: Program.destinationPort(99), slot: 2),
      ], in: bed, trace: 7)
    bed.add(Self.udp(2000, to: 53), at: 1)
    bed.add(Self.udp(2000, to: 99), at: 1)
    bed.add(Frames.ethernet(0x0806, [UInt8](repeating: 0, count: 46)), at: 1)
    bed.add(Self.udp(2000, to: 53), at: 1)
    bed.run(now: 5)
    let log = filters.memory.traces[0]
    #expect(log.count(session: 7) == 4 && log.count(session: 6) == 0)
    let entries = (0..<4).map { log.entry($0).pointee }
    #expect(entries.map(\.outcome) == [0, 1, 2, 0])
    #expect(entries.map(\.isNew) == [true, false, false, false])
    #expect(entries.map(\.hasBefore) == [false, false, false, false])
    // Places among the rules: the trace itself has none.
    #expect(entries.map(\.caught) == [0b01, 0b10, 0, 0b01])
    #expect(entries[1].rule == 1)
    #expect(entries[2].verdict == PacketVerdict.cause(.arp))
    #expect(entries.allSatisfy { $0.time == 5_000_000_000 && $0.port == 0 })
    // Both of one burst: each is told how the flow stands behind the burst.
    #expect(entries[0].hot.sideA.packets + entries[0].hot.sideB.packets == 2)
    #expect(entries[3].parsed.key == entries[3].hot.key)
    for (number, frame) in [Self.udp(2000, to: 53), Self.udp(2000, to: 99)].enumerated() {
      let bytes = UnsafeBufferPointer(
        start: log.bytes(number), count: Int(entries[number].captured))
      #expect(Array(bytes) == frame && entries[number].wireLength == UInt32(frame.count))
    }
    bed.add(Self.udp(2000, to: 53), at: 1)
    bed.run(now: 6)
    #expect(log.entry(4).pointee.hasBefore && !log.entry(4).pointee.isNew)
    #expect(bed.unaccounted == [0])
  }

  @Test func handedOverPacketsSayToWhom() throws {
    let filters = FilterBed(workers: 2)
    let bed = WorkerBed(workers: 2, capacity: 256) { $0.filters = filters.memory }
    bed.start(at: 1)
    try filters.set(
      [.init(program: Program.everything, verdict: .trace)], in: bed, trace: 1)
    for i in 0..<40 { bed.add(HandoffTests.frame(i), at: 1) }
    bed.run(to: 0, now: 1)
    let log = filters.memory.traces[0]
    let entries = (0..<log.count(session: 1)).map { log.entry($0).pointee }
    #expect(entries.count == 40)
    let handed = entries.filter { $0.outcome == TraceOutcome.handedOut.rawValue }
    #expect(UInt64(handed.count) == bed.counters[0][.handedOut] && !handed.isEmpty)
    #expect(handed.allSatisfy { $0.receiver == 1 })
    #expect(filters.memory.traces[1].count(session: 1) == 0)
  }

  @Test func aFullLogTakesNoMoreAndTheNextSessionBeginsAnew() throws {
    let filters = FilterBed()
    let bed = WorkerBed(capacity: 1024) { $0.filters = filters.memory }
    bed.start(at: 1)
    let rule = FilterBed.Rule(program: Program.everything, verdict: .trace)
    try filters.set([rule], in: bed, trace: 1)
    for i in 0..<300 { bed.add(Self.udp(2000 + i, to: 53), at: 1) }
    bed.run(now: 1)
    let log = filters.memory.traces[0]
    #expect(log.count(session: 1) == TraceLog.capacity)
    try filters.set([rule], in: bed, trace: 2)
    #expect(log.count(session: 1) == 0 && log.count(session: 2) == 0)
    bed.add(Self.udp(9, to: 53), at: 1)
    bed.run(now: 2)
    #expect(log.count(session: 2) == 1 && log.entry(0).pointee.time == 2_000_000_000)
    #expect(filters.counts(0).packets == 301)
  }

  /// With as many rules as there can be the last one still has its bit.
  @Test func theLastRuleOfAllIsNamed() throws {
    let filters = FilterBed()
    let bed = WorkerBed(capacity: 64) { $0.filters = filters.memory }
    bed.start(at: 1)
    var rules = [FilterBed.Rule(program: Program.everything, verdict: .trace, slot: 0)]
    for i in 0..<63 {
      rules.append(.init(program: Program.destinationPort(7), slot: UInt8(i + 1)))
    }
    rules.append(.init(program: Program.destinationPort(53), slot: 64))
    try filters.set(rules, in: bed, trace: 1)
    bed.add(Self.udp(2000, to: 53), at: 1)
    bed.run(now: 1)
    let entry = filters.memory.traces[0].entry(0).pointee
    #expect(entry.outcome == TraceOutcome.filtered.rawValue)
    #expect(entry.rule == 63 && entry.caught == 1 << 63)
  }

  @Test func entriesFitTheirPlace() {
    #expect(MemoryLayout<TraceEntry>.size <= 512)
    #expect(TraceLog.capacity < Int(UInt16.max))
  }
}
