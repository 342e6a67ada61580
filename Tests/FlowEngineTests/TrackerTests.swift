import CBurst
import FlowEngine
import Testing

@Suite struct TrackerTests {
  static let a: UInt32 = 0x0a00_0001
  static let b: UInt32 = 0x0a00_0002

  static func tcp(
    _ flags: UInt8, fromA: Bool = true, seq: UInt32 = 1, payload: Int = 0, window: Int = 1000,
    sport: Int = 40000, dport: Int = 80
  ) -> [UInt8] {
    let bytes = [UInt8](repeating: 0, count: payload)
    let segment =
      fromA
      ? Frames.tcp(sport, dport, seq: seq, flags: flags, window: window, payload: bytes)
      : Frames.tcp(dport, sport, seq: seq, flags: flags, window: window, payload: bytes)
    return Frames.ethernet(
      0x0800, Frames.ipv4(6, segment, src: fromA ? a : b, dst: fromA ? b : a))
  }

  static func udp(fromA: Bool = true, sport: Int = 5000, payload: Int = 4, src: UInt32 = a)
    -> [UInt8]
  {
    let bytes = [UInt8](repeating: 0, count: payload)
    return Frames.ethernet(
      0x0800,
      Frames.ipv4(
        17, fromA ? Frames.udp(sport, 53, payload: bytes) : Frames.udp(53, sport, payload: bytes),
        src: fromA ? src : b, dst: fromA ? b : src, ttl: fromA ? 64 : 50, tos: fromA ? 0 : 8))
  }

  static let syn = TCPFlags.syn
  static let synAck = TCPFlags.syn | TCPFlags.ack
  static let ack = TCPFlags.ack
  static let finAck = TCPFlags.fin | TCPFlags.ack

  @Test func aConversationIsOneRecord() throws {
    let bed = WorkerBed()
    bed.start(at: 100)
    bed.add(Self.tcp(Self.syn), at: 100)
    bed.add(Self.tcp(Self.synAck, fromA: false, seq: 9), at: 100.010)
    bed.add(Self.tcp(Self.ack, seq: 2), at: 100.011)
    bed.add(Self.tcp(0x18, seq: 2, payload: 10), at: 100.012)
    bed.add(Self.tcp(Self.ack, fromA: false, seq: 10), at: 100.013)
    bed.add(Self.tcp(0x18, fromA: false, seq: 10, payload: 100), at: 100.014)
    bed.add(Self.tcp(Self.finAck, seq: 12), at: 100.020)
    bed.add(Self.tcp(Self.finAck, fromA: false, seq: 110), at: 100.021)
    bed.add(Self.tcp(Self.ack, seq: 13), at: 100.022)
    bed.run()
    #expect(bed.takeRecords().isEmpty)
    bed.advance(to: 103)
    let records = bed.takeRecords()
    let record = try #require(records.first)
    #expect(records.count == 1)
    #expect(record.originator.port == 40000)
    #expect(record.originator.packets == 5)
    #expect(record.responder.packets == 4)
    #expect(record.originator.bytes == UInt64(54 * 5 + 10))
    #expect(record.responder.ipBytes == UInt64(40 * 4 + 100))
    #expect(record.hot.state == FlowState.closed)
    #expect(record.endReason == FlowEndReason.endOfFlow)
    #expect(record.history == "ShADadFf")
    #expect(record.cold.firstReply - record.cold.firstSeen == 10_000_000)
    #expect(record.hot.lastSeen == 100_022_000_000)
    #expect(bed.unaccounted == [0])
    #expect(bed.feed.pointee.outstanding.isEmpty)
  }

  @Test func originatorBySynThenFirstPacketThenPort() throws {
    for (name, frames, port, history) in [
      ("SYN", [Self.tcp(Self.syn)], 40000, "S"),
      ("SYN/ACK first", [Self.tcp(Self.synAck, fromA: false)], 40000, "^h"),
      ("middle, from the client", [Self.tcp(Self.ack)], 40000, "A"),
      ("middle, from the server", [Self.tcp(Self.ack, fromA: false)], 40000, "^a"),
      (
        "middle, no port known",
        [Self.tcp(Self.ack, fromA: false, sport: 40000, dport: 18080)], 18080, "A"
      ),
      (
        "SYN after all",
        [
          Self.tcp(Self.ack, fromA: false, sport: 40000, dport: 18080),
          Self.tcp(Self.syn, sport: 40000, dport: 18080),
        ],
        40000, "A^S"
      ),
    ] {
      let bed = WorkerBed()
      bed.start(at: 1)
      for frame in frames { bed.add(frame, at: 1) }
      bed.run()
      let record = try #require(bed.finish().first)
      #expect(Int(record.originator.port) == port, "\(name)")
      #expect(record.history == history, "\(name)")
    }
  }

  @Test func eachKindHasItsTimeout() {
    let bed = WorkerBed()
    bed.start(at: 1000)
    bed.add(Self.tcp(Self.syn), at: 1000)  // half-open: 10 s
    bed.add(Self.tcp(Self.ack, sport: 40001), at: 1000)  // in the middle: 300 s
    bed.add(Self.udp(), at: 1000)  // 30 s
    bed.add(Frames.ethernet(0x0800, Frames.ipv4(1, Frames.icmp(8))), at: 1000)  // 10 s
    bed.add(Frames.ethernet(0x0800, Frames.ipv4(47, [0, 0, 8, 0])), at: 1000)  // 30 s
    bed.run()
    for (time, expected) in [
      (1009.9, 0), (1010.6, 2), (1029.9, 0), (1030.6, 2), (1299.9, 0), (1300.6, 1),
    ] {
      bed.advance(to: time)
      let records = bed.takeRecords()
      #expect(records.count == expected, "at \(time)")
      #expect(records.allSatisfy { $0.endReason == FlowEndReason.idleTimeout })
    }
  }

  @Test func trafficKeepsAFlowAlive() {
    let bed = WorkerBed(timeouts: FlowTimeouts(active: 0))
    bed.start(at: 0.001)
    for second in stride(from: 1.0, to: 2000, by: 25) {
      bed.add(Self.udp(), at: second)
      bed.run()
      bed.advance(to: second)
      #expect(bed.takeRecords().isEmpty)
    }
    bed.advance(to: 5000)
    #expect(bed.takeRecords().first?.hot.sideA.packets == 80)
  }

  @Test func updatesTellTotalsAndDeltas() throws {
    let bed = WorkerBed(timeouts: FlowTimeouts(active: 10, udp: 5))
    bed.start(at: 1)
    var updates: [FlowRecord] = []
    for second in 1...36 {
      bed.add(Self.udp(), at: Double(second))
      bed.run()
      bed.advance(to: Double(second) + 0.9)
      updates += bed.takeRecords()
    }
    bed.advance(to: 100)
    let final = try #require(bed.takeRecords().last)
    #expect(updates.map(\.updateOrdinal) == [1, 2, 3])
    #expect(updates.allSatisfy { $0.kind == FlowRecordKind.flowUpdate })
    #expect(
      updates.map { $0.originator.packetsDelta }.reduce(0, +) == updates.last?.originator.packets)
    #expect(final.kind == FlowRecordKind.flow)
    #expect(final.originator.packets == 36)
    #expect(final.originator.packetsDelta == 36 - updates.last!.originator.packets)
    #expect(updates[0].cold.firstSeen == final.cold.firstSeen)
  }

  @Test func aSynOnAClosedFlowIsAnotherFlow() {
    let bed = WorkerBed()
    bed.start(at: 1)
    for (flags, fromA) in [
      (Self.syn, true), (Self.synAck, false), (Self.ack, true), (TCPFlags.rst, false),
    ] {
      bed.add(Self.tcp(flags, fromA: fromA), at: 1)
    }
    bed.add(Self.tcp(Self.syn, seq: 900), at: 1.5)
    bed.run()
    let records = bed.takeRecords() + bed.finish()
    #expect(records.map { $0.hot.sideA.packets + $0.hot.sideB.packets } == [4, 1])
    #expect(records.map(\.endReason) == [FlowEndReason.endOfFlow, FlowEndReason.forcedEnd])
    #expect(records[0].history == "ShAr")
    #expect(bed.total(.flowsCreated) == 2)
  }

  @Test func retransmissionsAndZeroWindows() {
    let bed = WorkerBed()
    bed.start(at: 1)
    bed.add(Self.tcp(Self.syn, seq: 0xffff_fff0), at: 1)
    bed.add(Self.tcp(0x18, seq: 0xffff_fff1, payload: 100), at: 1)  // across the wrap
    bed.add(Self.tcp(0x18, seq: 0xffff_fff1, payload: 100), at: 1)
    bed.add(Self.tcp(0x18, seq: 85, payload: 5), at: 1)
    bed.add(Self.tcp(Self.ack, fromA: false, window: 0), at: 1)
    bed.run()
    #expect(bed.finish().first?.history == "SDTaw")
  }

  @Test func bothSidesHaveTheirOwnMarks() throws {
    let bed = WorkerBed()
    bed.start(at: 1)
    bed.add(Self.udp(), at: 1)
    bed.add(Self.udp(fromA: false), at: 1.25)
    bed.run()
    let record = try #require(bed.finish().first)
    #expect(record.originator.ttl == 64)
    #expect(record.responder.ttl == 50)
    #expect(record.responder.trafficClass == 8)
    #expect(record.hot.state == FlowState.established)
    #expect(record.history == "Dd")
    let mac = record.originator.mac
    #expect([mac.0, mac.1, mac.2] == [0x0002, 0, 0x0a00])
  }

  // MARK: Bounds

  @Test func aFullTableEvictsAndSaysSo() {
    let bed = WorkerBed(capacity: 64, timeouts: FlowTimeouts(udp: 30))
    bed.start(at: 1)
    for i in 0..<200 {
      bed.add(Self.udp(sport: 1000 + i), at: 1 + Double(i) * 0.5)
      bed.run()
    }
    let evicted = bed.takeRecords()
    #expect(evicted.count == 136)
    #expect(evicted.allSatisfy { $0.endReason == FlowEndReason.lackOfResources })
    // The oldest go first: ports in the order in which they came.
    #expect(evicted.map { Int($0.originator.port) } == Array(1000..<1136))
    #expect(bed.total(.evicted) == 136)
    #expect(bed.finish().count == 64)
    #expect(bed.unaccounted == [0])
  }

  @Test func aFloodOfSynsDoesNotPushOutWhoTalks() {
    let bed = WorkerBed(capacity: 128)
    bed.start(at: 1)
    for (flags, fromA) in [(Self.syn, true), (Self.synAck, false), (Self.ack, true)] {
      bed.add(Self.tcp(flags, fromA: fromA), at: 1)
    }
    bed.run()
    for i in 0..<1000 {
      let frame = Frames.ethernet(
        0x0800,
        Frames.ipv4(6, Frames.tcp(i + 1, 443, flags: Self.syn), src: 0x0b00_0000 | UInt32(i)))
      bed.add(frame, at: 2 + Double(i) * 0.001)
    }
    bed.run()
    bed.add(Self.tcp(Self.ack), at: 4)
    bed.run()
    #expect(!bed.takeRecords().contains { $0.originator.port == 40000 })
    #expect(bed.finish().contains { $0.originator.port == 40000 && $0.hot.sideA.packets == 3 })
  }

  @Test func aFullRecordRingDropsByCount() {
    let bed = WorkerBed(recordSlots: 16)
    bed.start(at: 1)
    for i in 0..<100 { bed.add(Self.udp(sport: 1000 + i), at: 1) }
    bed.run()
    bed.advance(to: 100)
    #expect(bed.total(.recordsMade) == 100)
    #expect(bed.total(.recordsDropped) == 84)
    let numbers = bed.takeRecords().map(\.sequence)
    #expect(numbers == Array(0..<16))
  }

  /// The table against a dictionary: random packets of many flows, more than the table's buckets hold.
  @Test func manyFlowsAgainstADictionary() {
    let bed = WorkerBed(capacity: 5000, timeouts: FlowTimeouts(active: 0), recordSlots: 8192)
    bed.start(at: 1)
    var generator = SplitMix(state: 3)
    var truth: [Int: UInt64] = [:]
    for _ in 0..<60_000 {
      let number = Int(generator.next() % 4900)
      truth[number, default: 0] += 1
      bed.add(
        Self.udp(fromA: generator.next() % 2 == 0, sport: 1024 + number, src: 0x0a01_0000), at: 2)
      if truth.count % 64 == 0 { bed.run() }
    }
    bed.run()
    var found: [Int: UInt64] = [:]
    for record in bed.finish() {
      let port = record.hot.key.portA == 53 ? record.hot.key.portB : record.hot.key.portA
      found[Int(port) - 1024, default: 0] += record.hot.sideA.packets + record.hot.sideB.packets
    }
    #expect(found == truth)
    #expect(bed.total(.evicted) == 0)
    #expect(bed.unaccounted == [0])
  }
}
