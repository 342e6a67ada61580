import CBurst
import Testing

@testable import FlowEngine

/// Rules between parsing and the table: order, actions, and where every packet is counted.
@Suite struct FilterRuleTests {
  typealias Program = FilterBed.Program

  private func bed(workers: Int = 1) -> (FilterBed, WorkerBed) {
    let filters = FilterBed(workers: workers)
    let bed = WorkerBed(workers: workers, capacity: 4096) { $0.filters = filters.memory }
    bed.start(at: 1)
    return (filters, bed)
  }

  private static func udp(_ client: Int, to port: Int, fromClient: Bool = true) -> [UInt8] {
    let payload =
      fromClient ? Frames.udp(client, port, payload: [1]) : Frames.udp(port, client, payload: [1])
    let a: UInt32 = 0x0a00_0001
    let b: UInt32 = 0x0a00_0101
    return Frames.ethernet(
      0x0800, Frames.ipv4(17, payload, src: fromClient ? a : b, dst: fromClient ? b : a))
  }

  private func packets(_ record: FlowRecord) -> UInt64 {
    record.hot.sideA.packets + record.hot.sideB.packets
  }

  @Test func theFirstRuleThatDecidesHolds() throws {
    let (filters, bed) = bed()
    try filters.set(
      [
        .init(program: Program.destinationPort(53), verdict: .keep, slot: 0),
        .init(program: Program.udp, verdict: .drop, slot: 1),
        .init(program: Program.everything, verdict: .probe, slot: 2),
        .init(program: Program.destinationPort(53), verdict: .drop, slot: 3),
      ], in: bed)
    for i in 0..<100 {
      bed.add(Self.udp(2000 + i, to: 53), at: 1)
      bed.add(Self.udp(2000 + i, to: 99), at: 1)
    }
    bed.add(Frames.ethernet(0x0806, [UInt8](repeating: 0, count: 46)), at: 1)
    bed.run(now: 1)
    #expect(filters.counts(0).packets == 100 && filters.counts(0).evaluated == 201)
    #expect(filters.counts(1).packets == 100 && filters.counts(1).dropped == 100)
    #expect(filters.counts(1).evaluated == 101)
    #expect(filters.counts(1).bytes == 100 * UInt64(Self.udp(1, to: 99).count))
    // A probe is shown what others have decided, too.
    #expect(filters.counts(2).evaluated == 201 && filters.counts(2).packets == 201)
    #expect(filters.counts(2).evaluatedBytes == filters.counts(2).bytes)
    #expect(filters.counts(3).evaluated == 1 && filters.counts(3).packets == 0)
    #expect(filters.counts(0).ticks > 0)
    #expect(bed.total(.filtered) == 100 && bed.total(.arp) == 1)
    #expect(bed.unaccounted == [0])
    #expect(bed.finish().map { $0.hot.key.portA == 53 || $0.hot.key.portB == 53 }.allSatisfy { $0 })
    #expect(bed.feed.pointee.outstanding.isEmpty)
  }

  /// What is not IP can be dropped like anything else, and is then filtered and not ARP.
  @Test func framesThatAreNotIPAreShown() throws {
    let (filters, bed) = bed()
    try filters.set([.init(program: Program.half(12, equals: 0x0806))], in: bed)
    for _ in 0..<10 { bed.add(Frames.ethernet(0x0806, [UInt8](repeating: 0, count: 46)), at: 1) }
    bed.add(Frames.ethernet(0x88cc, [0]), at: 1)
    bed.run(now: 1)
    #expect(bed.total(.filtered) == 10 && bed.total(.arp) == 0 && bed.total(.lldp) == 1)
    #expect(filters.counts(0).evaluated == 11)
    #expect(bed.unaccounted == [0])
  }

  @Test func everyPacketIsOfOneGeneration() throws {
    let (filters, bed) = bed()
    var expected: [UInt64] = [0, 0]
    for round in 0..<200 {
      let slot = UInt8(round % 2)
      try filters.set([.init(program: Program.destinationPort(99), slot: slot)], in: bed)
      #expect(filters.memory.reports[0].generation == UInt64(round + 1))
      let before = filters.counts(1 - slot)
      for i in 0..<(round % 37) { bed.add(Self.udp(3000 + i, to: 99), at: 1) }
      bed.run(now: 1)
      expected[Int(slot)] += UInt64(round % 37)
      #expect(filters.counts(slot).dropped == expected[Int(slot)])
      #expect(filters.counts(1 - slot) == before)
    }
    #expect(bed.total(.filtered) == expected[0] + expected[1])
    #expect(bed.unaccounted == [0])
  }

  @Test func samplesAreOfWholeFlows() throws {
    let (filters, bed) = bed()
    try filters.set([.init(program: Program.udp, verdict: .sample, shift: 3)], in: bed)
    for round in 0..<4 {
      for i in 0..<1024 {
        bed.add(Self.udp(2000 + i, to: 53, fromClient: round % 2 == 0), at: 1)
      }
      bed.run(now: 1)
    }
    let records = bed.finish()
    #expect((80...180).contains(records.count))
    #expect(records.allSatisfy { packets($0) == 4 && $0.sampling.interval == 8 })
    #expect(records.allSatisfy { !$0.sampling.isPartial })
    #expect(bed.total(.filtered) == UInt64(4 * (1024 - records.count)))
    #expect(filters.counts(0).dropped == bed.total(.filtered))
    #expect(filters.counts(0).packets == 4096)
    #expect(bed.unaccounted == [0])
  }

  @Test func unpublishedFlowsAreCountedAndNotTold() throws {
    let (filters, bed) = bed()
    try filters.set(
      [.init(program: Program.destinationPort(53), verdict: .mark)], in: bed)
    for i in 0..<50 {
      // The rule catches only the question; what it says holds for the flow.
      bed.add(Self.udp(2000 + i, to: 53), at: 1)
      bed.add(Self.udp(2000 + i, to: 53, fromClient: false), at: 1)
      bed.add(Self.udp(2000 + i, to: 99), at: 1)
    }
    bed.run(now: 1)
    #expect(bed.total(.countedInFlows) == 150 && bed.total(.filtered) == 0)
    let records = bed.finish()
    #expect(records.count == 50)
    #expect(records.allSatisfy { $0.hot.key.portA == 99 || $0.hot.key.portB == 99 })
    #expect(bed.total(.recordsUnpublished) == 50 && bed.total(.recordsMade) == 50)
    // Numbers of records have no hole where nothing was made.
    #expect(records.map(\.sequence).sorted() == (0..<50).map(UInt64.init))
    #expect(filters.counts(0).packets == 50)
  }

  @Test func tagsAddUpAndStay() throws {
    let (filters, bed) = bed()
    try filters.set(
      [
        .init(program: Program.udp, verdict: .mark, slot: 0, marks: .tag(0)),
        .init(program: Program.destinationPort(53), verdict: .mark, slot: 1, marks: .tag(11)),
        .init(program: Program.everything, verdict: .keep, slot: 2),
      ], in: bed)
    bed.add(Self.udp(2000, to: 53), at: 1)
    bed.add(Self.udp(2000, to: 99), at: 1)
    bed.run(now: 1)
    try filters.set([], in: bed)
    bed.add(Self.udp(2000, to: 53), at: 1)
    bed.run(now: 1)
    let records = bed.finish()
    let tags = Dictionary(
      uniqueKeysWithValues: records.map { (max($0.hot.key.portA, $0.hot.key.portB), $0) }.map {
        ($1.hot.key.portA == 53 || $1.hot.key.portB == 53, $1.cold.marks.tags)
      })
    #expect(tags == [true: 1 | 1 << 11, false: 1])
    #expect(records.allSatisfy { $0.sampling == .none })
  }

  @Test func rulesHoldForTheirPorts() throws {
    let (filters, bed) = bed()
    // The bed's packets are of port 0.
    try filters.set(
      [
        .init(program: Program.everything, slot: 0, ports: 0b10),
        .init(program: Program.everything, slot: 1, ports: 0b01),
      ], in: bed)
    bed.add(Self.udp(2000, to: 53), at: 1)
    bed.run(now: 1)
    #expect(filters.counts(0).evaluated == 0 && filters.counts(1).dropped == 1)
  }

  /// Marks go with a packet to the worker that owns its flow, and with a fragment to its datagram's.
  @Test func marksCrossWorkers() throws {
    let (filters, bed) = bed(workers: 3)
    try filters.set(
      [.init(program: Program.byte(12, equals: 8), verdict: .mark, marks: .tag(3))], in: bed)
    for i in 0..<64 { bed.add(HandoffTests.frame(i), at: 1) }
    for id in 1...16 {
      for frame in HandoffTests.fragments(id: id, order: [1, 0, 2]) { bed.add(frame, at: 1) }
    }
    bed.run(to: 1, now: 1)
    let records = bed.finish()
    #expect(bed.total(.handedOut) > 20)
    #expect(records.allSatisfy { $0.cold.marks == .tag(3) })
    #expect(records.reduce(0) { $0 + packets($1) } == 64 + 48)
    #expect(bed.unaccounted == [0, 0, 0])
  }

  /// A datagram in pieces is in the sample or not as a whole, wherever its ports become known.
  @Test(arguments: [[0, 1, 2], [2, 1, 0]], [1, 3])
  func fragmentsAreSampledWithTheirFlow(order: [Int], workers: Int) throws {
    let (filters, bed) = bed(workers: workers)
    try filters.set([.init(program: Program.everything, verdict: .sample, shift: 1)], in: bed)
    for flow in 0..<64 {
      let udp = Frames.udp(5000 + flow, 53, payload: [UInt8](repeating: 1, count: 40))
      let pieces = [(0, 0..<16, true), (2, 16..<32, true), (4, 32..<48, false)].map {
        place, range, more in
        Frames.ethernet(
          0x0800,
          Frames.ipv4(
            17, Array(udp[range]), id: flow + 1, fragment: place | (more ? 0x2000 : 0)))
      }
      for i in order { bed.add(pieces[i], at: 1) }
      bed.run(now: 1)
    }
    let records = bed.finish()
    #expect((16...48).contains(records.count))
    #expect(records.allSatisfy { packets($0) == 3 && $0.sampling.interval == 2 })
    #expect(bed.total(.filtered) == UInt64(3 * (64 - records.count)))
    #expect(filters.counts(0).dropped == bed.total(.filtered))
    #expect(bed.unaccounted == [Int64](repeating: 0, count: workers))
    #expect(bed.feed.pointee.outstanding.isEmpty)
  }

  /// Behind IP in IP the inner rule sees the inner packet, without any the packet itself; the outer
  /// rule sees the frame.
  @Test func innerRulesLookBehindTunnels() throws {
    let (filters, bed) = bed()
    let inner = Frames.ipv4(17, Frames.udp(1000, 53), src: 0xc000_0201, dst: 0xc000_0202)
    let tunnelled = Frames.ethernet(0x0800, Frames.ipv4(4, inner))
    try filters.set(
      [
        // Of raw IP: destination port behind a header of 20 bytes.
        .init(program: Program.half(22, equals: 53), verdict: .probe, isInner: true, slot: 0),
        .init(program: Program.udp, verdict: .probe, slot: 1),
        .init(program: Program.byte(23, equals: 4), verdict: .probe, slot: 2),
      ], in: bed)
    bed.add(tunnelled, at: 1)
    bed.add(Self.udp(2000, to: 53), at: 1)
    bed.add(Frames.ethernet(0x0806, [UInt8](repeating: 0, count: 46)), at: 1)
    bed.run(now: 1)
    #expect(filters.counts(0).packets == 2 && filters.counts(0).evaluated == 2)
    #expect(filters.counts(1).packets == 1 && filters.counts(2).packets == 1)
  }

  /// Tags that the port cut out are where they were when a program looks.
  @Test func strippedTagsAreSeen() throws {
    let (filters, bed) = bed()
    try filters.set(
      [
        .init(program: Program.half(12, equals: 0x8100), verdict: .probe, slot: 0),
        .init(program: Program.half(14, equals: 0x2064), verdict: .probe, slot: 1),
        // The destination port has moved by four bytes.
        .init(program: Program.half(40, equals: 53), verdict: .probe, slot: 2),
        .init(program: Program.half(12, equals: 0x88a8), verdict: .probe, slot: 3),
        .init(program: Program.half(44, equals: 53), verdict: .probe, slot: 4),
      ], in: bed)
    bed.add(
      Self.udp(2000, to: 53), at: 1, flags: UInt16(MARTLET_PACKET_VLAN_STRIPPED), tci: 0x2064)
    bed.add(
      Self.udp(2000, to: 53), at: 1,
      flags: UInt16(MARTLET_PACKET_VLAN_STRIPPED | MARTLET_PACKET_QINQ_STRIPPED), tci: 0x2064,
      outer: 100)
    bed.add(Self.udp(2000, to: 53), at: 1)
    bed.run(now: 1)
    #expect((0..<5).map { filters.counts($0).packets } == [1, 1, 1, 1, 1])
    #expect(bed.unaccounted == [0])
  }

  /// A full burst of 32 is a mask of all ones.
  @Test func fullBurstsAreShownWhole() throws {
    let (filters, bed) = bed()
    try filters.set([.init(program: Program.udp)], in: bed)
    for i in 0..<320 { bed.add(Self.udp(2000 + i, to: 53), at: 1) }
    bed.run(now: 1)
    #expect(filters.counts(0).dropped == 320 && bed.total(.polls) == 11)
  }
}
