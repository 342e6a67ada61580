import FlowEngine
import Testing

/// Records of what is against a rule: one a flow and name, within the limit in rate.
@Suite struct AnomalyTests {
  /// Checksums are summed in the cases that are about them and in no others: those frames have none.
  static func bed(
    for violation: Counter? = nil, packetTime: Bool = false, limit: Int = 100,
    detailCapacity: Int? = nil
  ) -> WorkerBed {
    let sums = violation == .ipChecksumBad || violation == .transportChecksumBad
    let bed = WorkerBed(timeouts: FlowTimeouts(tcp: 60), packetTime: packetTime) {
      $0.checksums = sums ? .count : .ignore
      $0.anomaliesPerSecond = limit
      $0.detailCapacity = detailCapacity
    }
    if !packetTime { bed.start(at: 100) }
    return bed
  }

  /// What dissection finds is tested where it is found.
  private static func isOfTheEngine(_ violation: Int) -> Bool {
    !(Counter.streamOverlapDiffers.rawValue...Counter.appHeadersTooLong.rawValue)
      .contains(violation)
  }

  /// A new violation needs a case.
  @Test func everyViolationHasItsCase() {
    #expect(
      AnomalyCase.all.map(\.violation.rawValue).sorted()
        == Counter.violations.map(\.rawValue).filter(Self.isOfTheEngine))
    #expect(Counter.violations.allSatisfy { !$0.violation!.clause.isEmpty })
  }

  @Test(arguments: AnomalyCase.all, [false, true])
  func eachIsReported(_ anomaly: AnomalyCase, _ packetTime: Bool) throws {
    let bed = Self.bed(for: anomaly.violation, packetTime: packetTime)
    anomaly.play(bed)
    bed.run(now: 100)
    let flows = bed.finish()
    #expect(bed.reported() == [anomaly.violation])
    let record = try #require(bed.anomalies.first)
    #expect(record.kind == FlowRecordKind.anomaly)
    #expect(record.hasFlow == (anomaly.owner == .flow))
    #expect(record.hasKey == (anomaly.owner != .nothing))
    #expect(flows.count == (anomaly.owner == .flow ? 1 : 0))
    if let flow = flows.first {
      #expect(record.hot.key == flow.hot.key)
      #expect(record.cold.ordinal == flow.cold.ordinal)
      #expect(record.cold.firstSeen == flow.cold.firstSeen)
      // The record is of the packet that showed it, the last of each case.
      #expect(record.exportTime == flow.hot.lastSeen)
    }
    #expect(bed.total(anomaly.violation) == 1)
    #expect(bed.total(.anomalyRecords) == 1)
    #expect(bed.total(.recordsMade) == UInt64(flows.count + 1))
    #expect(bed.total(.anomaliesSuppressed) == 0)
    #expect(bed.unaccounted == [0])
    for other in Counter.violations where other != anomaly.violation {
      #expect(bed.total(other) == 0, "\(other.name)")
    }
  }

  /// Addresses that are known are those of the packet.
  @Test func addressesAreThePackets() throws {
    let bed = Self.bed()
    bed.add(
      Frames.ethernet(
        0x0800, Frames.ipv4(6, [1], src: 0xc0a8_0101, dst: 0x0a01_0101), tags: [(0x8100, 42)]),
      at: 101.5)
    bed.run()
    #expect(bed.finish().isEmpty)
    let record = try #require(bed.anomalies.first)
    #expect(record.hot.key.addressA.v4 == 0x0a01_0101 && record.hot.key.addressB.v4 == 0xc0a8_0101)
    #expect(record.eventSide == 1)
    #expect(record.hot.key.proto == 6)
    #expect(record.cold.vlanOuter == 42)
    #expect(record.exportTime == 101_500_000_000)
  }

  /// Once a flow, however often: the counter has the number.
  @Test func onceAFlow() {
    let bed = Self.bed()
    let one = Conversation(on: bed)
    for _ in 0..<5 { one.client("SF", 0) }
    let other = Conversation(on: bed, clientPort: 40_001)
    other.client("SF", 0)
    #expect(one.flows().count == 2)
    #expect(bed.reported() == [.badTCPFlags, .badTCPFlags])
    #expect(Set(bed.anomalies.map(\.originator.port)) == [40_000, 40_001])
    #expect(bed.total(.badTCPFlags) == 6)
  }

  /// Several names of one flow are several records, and its ports' next flow has its own.
  @Test func eachNameOfAFlow() {
    let bed = Self.bed()
    let talk = Conversation(on: bed)
    for start in [0, 90_000] as [UInt32] {
      talk.client("S", start)
      talk.server("SA", start, ack: start + 1)
      talk.client("A", start + 1, ack: start + 1)
      talk.server("A", start + 1, ack: start + 101)
      talk.server("R", start + 500_000)
      talk.server("A", start + 1, ack: start + 201)
    }
    #expect(talk.flows().count == 2)
    #expect(bed.reported() == [.tcpGap, .rstOutsideWindow, .tcpGap, .rstOutsideWindow])
    #expect(bed.total(.tcpGap) == 4)
  }

  // MARK: The limit in rate

  /// Packets without a flow: so many a second and name, whatever the clock.
  @Test(arguments: [false, true])
  func packetsWithoutAFlow(_ packetTime: Bool) {
    let bed = Self.bed(packetTime: packetTime, limit: 10)
    for second in 0..<3 {
      for i in 0..<25 {
        bed.add([1, 2, 3], at: 100 + Double(second) + Double(i) * 0.01)
        bed.add(Frames.ethernet(0x8100, [0]), at: 100 + Double(second) + Double(i) * 0.01)
      }
    }
    bed.run()
    #expect(bed.finish().isEmpty)
    #expect(bed.reported().count { $0 == .truncatedEthernet } == 30)
    #expect(bed.reported().count { $0 == .truncatedVLAN } == 30)
    #expect(bed.total(.truncatedEthernet) == 75)
    #expect(bed.total(.anomaliesSuppressed) == 90)
    #expect(bed.total(.anomalyRecords) == 60)
    #expect(bed.unaccounted == [0])
  }

  /// Flows are limited on a live port; of a capture file every one is reported, since its workers must not
  /// make a difference.
  @Test(arguments: [(false, 10), (true, 40)])
  func flows(_ packetTime: Bool, _ expected: Int) {
    let bed = Self.bed(packetTime: packetTime, limit: 10)
    for i in 0..<40 {
      let frame = Frames.ethernet(0x0800, Frames.ipv4(6, Frames.tcp(1000 + i, 80, flags: 3)))
      bed.add(frame, at: 100)
    }
    bed.run()
    #expect(bed.finish().count == 40)
    #expect(bed.anomalies.count == expected)
    #expect(bed.total(.anomaliesSuppressed) == UInt64(40 - expected))
    #expect(bed.total(.badTCPFlags) == 40)
    #expect(bed.unaccounted == [0])
  }

  /// None at all where nobody wants them; what is counted is counted still.
  @Test(arguments: AnomalyCase.all)
  func noneWhereNobodyWantsThem(_ anomaly: AnomalyCase) {
    let bed = Self.bed(for: anomaly.violation, limit: 0)
    anomaly.play(bed)
    bed.run(now: 100)
    #expect(bed.finish().count == (anomaly.owner == .flow ? 1 : 0))
    #expect(bed.anomalies.isEmpty)
    #expect(bed.total(anomaly.violation) == 1)
    #expect(bed.total(.anomalyRecords) + bed.total(.anomaliesSuppressed) == 0)
  }

  // MARK: Room

  /// Flows in trouble beyond the room there is go on without, by count, and what ends makes room.
  @Test func troubleHasItsRoom() {
    let bed = Self.bed(detailCapacity: 3)
    for i in 0..<5 {
      let talk = Conversation(on: bed, clientPort: 40_000 + i)
      talk.handshake()
      talk.client("PA", 1, ack: 1, data: 10)
      talk.client("PA", 1, ack: 1, data: 10)
      talk.server("A", 1, ack: 101)
    }
    bed.run()
    #expect(bed.total(.detailsNotKept) > 0)
    bed.advance(to: 200)
    let flows = bed.takeRecords()
    #expect(flows.count { $0.parts & FlowRecord.Parts.trouble != 0 } == 3)
    #expect(flows.count { $0.originator.trouble.retransmissions == 1 } == 3)
    // The letter needs no room.
    #expect(flows.allSatisfy { $0.history.contains("T") })
    #expect(bed.anomalies.count == 3)
    #expect(bed.total(.tcpRetransmissions) == 5)

    let kept = bed.total(.detailsNotKept)
    let talk = Conversation(on: bed)
    talk.time = 201
    talk.handshake()
    talk.client("PA", 1, ack: 1, data: 10)
    talk.client("PA", 1, ack: 1, data: 10)
    bed.run()
    #expect(bed.finish().map { $0.originator.trouble.retransmissions } == [1])
    #expect(bed.total(.detailsNotKept) == kept)
    #expect(bed.unaccounted == [0])
  }

  /// A full ring drops anomalies as it drops flows: by count.
  @Test func aFullRingDropsThemByCount() {
    let bed = WorkerBed(recordSlots: 16)
    bed.start(at: 100)
    for _ in 0..<50 { bed.add([1, 2, 3], at: 100) }
    bed.run()
    #expect(bed.total(.recordsDropped) == 34)
    #expect(bed.finish().isEmpty)
    #expect(bed.anomalies.map(\.sequence) == Array(0..<16))
    #expect(bed.total(.anomalyRecords) == 16)
  }
}
