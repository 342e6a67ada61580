import CBurst
import FlowEngine
import Testing

/// Records, those of anomalies among them, depend on the packets and their order: not on how packets are cut
/// into bursts, nor on how many workers there are.
@Suite struct InvarianceTests {
  /// All of a record but who made it and when.
  static func text(_ record: FlowRecord) -> String {
    let sides = [record.originator, record.responder].map { side in
      let t = side.trouble
      return "\(side.packets) \(side.bytes) \(side.ipBytes) \(side.payloadBytes) \(side.tcpFlags) "
        + "\(side.ttl) \(t.retransmissions) \(t.outOfOrder) \(t.gaps) \(t.zeroWindows) "
        + "\(t.keepAlives) \(t.badChecksums) \(t.missedBytes)"
    }
    let tunnel =
      record.hasTunnel
      ? "\(record.tunnel.kind) \(record.tunnel.identifier) \(record.tunnel.depth)" : "-"
    return "\(record.kind) \(record.hot.key) \(record.cold.ordinal) \(record.cold.firstSeen) "
      + "\(record.hot.lastSeen) \(record.hot.state) \(record.hot.flags) \(record.history) "
      + "\(record.endReason) \(record.event) \(record.eventSide) \(record.packetOrdinal) "
      + "\(record.exportTime) \(record.parts) \(sides) \(tunnel)"
  }

  struct Packet {
    var frame: [UInt8]
    var time: Double
    /// What a port of capture files sends to one worker: a pair of hosts, or what cannot be parsed.
    var host: Int
  }

  /// Hosts that talk TCP with loss, in tunnels and in fragments, with whatever can be wrong.
  static func traffic(seed: UInt64, count: Int = 1500) -> [Packet] {
    var random = SplitMix(state: seed)
    var time = 1000.0
    return (0..<count).map { _ in
      let isPause = Int.random(in: 0..<60, using: &random) == 0
      time += isPause ? 16 : [0, 0.0001, 0.01, 0.1].randomElement(using: &random)!
      let host = Int.random(in: 1...5, using: &random)
      let toServer = Bool.random(using: &random)
      let (client, server) = (UInt32(0x0a00_0000 + host), UInt32(0x0a00_0100 + host))
      let (src, dst) = toServer ? (client, server) : (server, client)
      let port = Int.random(in: 40_000..<40_002, using: &random)
      let place = UInt32.random(in: 0...6, using: &random) * 10
      let bytes = [UInt8](
        repeating: 7, count: [0, 0, 1, 10, 20].randomElement(using: &random)!)
      func ip(_ proto: UInt8, _ payload: [UInt8], id: Int = 1, fragment: Int = 0) -> [UInt8] {
        Frames.ipv4(proto, payload, src: src, dst: dst, id: id, fragment: fragment)
      }
      func ports(_ serverPort: Int) -> (Int, Int) {
        toServer ? (port, serverPort) : (serverPort, port)
      }
      let frame: [UInt8]
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<11:
        let flags =
          [
            TCPFlags.syn, TCPFlags.syn | TCPFlags.ack, TCPFlags.fin | TCPFlags.ack, TCPFlags.rst,
            TCPFlags.syn | TCPFlags.fin,
          ].randomElement(using: &random)!
        let isPlain = Int.random(in: 0..<4, using: &random) > 0
        let (from, to) = ports(443)
        let segment = Frames.tcp(
          from, to, seq: flags == TCPFlags.rst && !isPlain ? place &* 1_000_000 : place,
          ack: UInt32.random(in: 0...6, using: &random) * 10,
          flags: isPlain ? TCPFlags.ack : flags,
          window: Int.random(in: 0..<6, using: &random) == 0 ? 0 : 900, payload: bytes)
        frame = Frames.ethernet(0x0800, ip(6, segment)).summed()
      case 11..<14:
        let (from, to) = ports(53)
        frame = Frames.ethernet(0x0800, ip(17, Frames.udp(from, to, payload: bytes))).summed()
      case 14..<17:
        let id = Int.random(in: 1..<3, using: &random)
        let (from, to) = ports(53)
        let offset = Int.random(in: 0..<5, using: &random)
        frame = Frames.ethernet(
          0x0800,
          ip(
            17,
            offset == 0
              ? Frames.udp(from, to, payload: [UInt8](repeating: 0, count: 8 * id))
              : [UInt8](repeating: 0, count: 16), id: id,
            fragment: offset | (Bool.random(using: &random) ? 0x2000 : 0)))
      case 17:
        let (from, to) = ports(53)
        let inner = ip(17, Frames.udp(from, to))
        frame = Frames.ethernet(0x0800, ip(4, inner))
      case 18: frame = Frames.ethernet(0x0800, ip(6, [1, 2, 3]))
      default: return Packet(frame: [1, 2, 3], time: time, host: 0)
      }
      // Now and then a byte is wrong: of the TTL, or the last one.
      guard Int.random(in: 0..<12, using: &random) == 0 else {
        return Packet(frame: frame, time: time, host: host)
      }
      let broken = frame.flipping(Bool.random(using: &random) ? 22 : frame.count - 1)
      return Packet(frame: broken, time: time, host: host)
    }
  }

  /// What the workers make of it, each with the hosts that are its own.
  static func outcome(
    _ traffic: [Packet], policy: ChecksumPolicy, burst: Int = 64, workers: Int = 1
  ) -> [String] {
    let bed = WorkerBed(
      workers: workers, recordSlots: 8192, fragmentCapacity: 1024, heldFragments: 1024,
      packetTime: true, burst: burst
    ) { $0.checksums = policy }
    var records: [FlowRecord] = []
    for worker in 0..<workers {
      // Each sees the clock of all packets and its own packets alone.
      bed.feed.pointee.ordinal = 0
      bed.feed.pointee.clock = 0
      for packet in traffic {
        if packet.host % workers == worker {
          bed.add(packet.frame, at: packet.time)
        } else {
          bed.feed.pointee.ordinal += 1
          bed.feed.pointee.clock = max(bed.feed.pointee.clock, UInt64(packet.time * 1e9))
        }
      }
      bed.tell(reached: traffic.last!.time, now: traffic.last!.time)
      bed.run(to: worker)
    }
    records += bed.finish()
    #expect(bed.unaccounted.allSatisfy { $0 == 0 })
    #expect(bed.total(.received) == UInt64(traffic.count))
    return (records + bed.anomalies).map(text).sorted()
  }

  /// The same records; where not, the first that differ.
  static func expectSame(
    _ some: [String], _ others: [String], _ comment: Comment,
    _ sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(some.count == others.count, comment, sourceLocation: sourceLocation)
    let difference = zip(some, others).first { $0 != $1 }
    #expect(difference?.0 == difference?.1, comment, sourceLocation: sourceLocation)
  }

  @Test(arguments: ChecksumPolicy.allCases)
  func burstsMakeNoDifference(_ policy: ChecksumPolicy) {
    for seed in 1...3 as ClosedRange<UInt64> {
      let traffic = Self.traffic(seed: seed)
      let whole = Self.outcome(traffic, policy: policy)
      #expect(whole.count > 100)
      for burst in [1, 2, 3, 5, 8, 13, 21, 34, 55] {
        Self.expectSame(
          Self.outcome(traffic, policy: policy, burst: burst), whole,
          "seed \(seed), bursts of \(burst)")
      }
    }
  }

  @Test(arguments: ChecksumPolicy.allCases)
  func workersMakeNoDifference(_ policy: ChecksumPolicy) {
    for seed in 1...5 as ClosedRange<UInt64> {
      let traffic = Self.traffic(seed: seed)
      let alone = Self.outcome(traffic, policy: policy)
      for workers in [2, 3, 5] {
        Self.expectSame(
          Self.outcome(traffic, policy: policy, burst: 17, workers: workers), alone,
          "seed \(seed), \(workers) workers")
      }
    }
  }

  /// What the two tests above are worth: the traffic has all of it.
  @Test func theTrafficHasEverything() {
    var seen: Set<Counter> = []
    for policy in [ChecksumPolicy.count, .discard] {
      let bed = WorkerBed(recordSlots: 8192, packetTime: true) { $0.checksums = policy }
      for packet in Self.traffic(seed: 1) { bed.add(packet.frame, at: packet.time) }
      bed.run()
      _ = bed.finish()
      seen.formUnion(Counter.allCases.filter { bed.total($0) > 0 })
      #expect(bed.total(.anomalyRecords) == UInt64(bed.anomalies.count))
    }
    let wanted: [Counter] = [
      .truncatedEthernet, .truncatedTCP, .transportChecksumBad, .ipChecksumBad,
      .transportChecksumDiscarded, .ipChecksumDiscarded, .fragmentOverlap, .fragmentDuplicates,
      .fragmentWithoutFirst, .datagramsIncomplete, .badTCPFlags, .rstOutsideWindow, .tcpGap,
      .tcpRetransmissions, .tcpOutOfOrder, .tcpZeroWindows, .portsReused,
    ]
    #expect(wanted.filter { !seen.contains($0) }.map(\.name) == [])
  }

  /// On live ports packets come to whichever worker and are handed on: the flows are the same.
  @Test func handingOnMakesNoDifference() {
    func outcome(_ workers: Int) -> [String] {
      let bed = WorkerBed(
        workers: workers, recordSlots: 8192, fragmentCapacity: 1024, heldFragments: 1024
      ) {
        $0.checksums = .count
        $0.anomaliesPerSecond = 100_000
      }
      bed.start(at: 1000)
      for (i, packet) in Self.traffic(seed: 4).enumerated() {
        bed.add(packet.frame, at: packet.time)
        bed.run(to: i % workers, now: packet.time)
        for worker in 0..<workers {
          bed.workers[worker].housekeep(now: Int64(packet.time * 1e9))
        }
      }
      let records = bed.finish() + bed.anomalies
      #expect(bed.unaccounted.allSatisfy { $0 == 0 })
      return records.map { record in
        var record = record
        // Counted by each worker for itself; and when a record is made is when the wheel comes by.
        record.cold.ordinal = 0
        record.packetOrdinal = 0
        record.exportTime = 0
        return Self.text(record)
      }.sorted()
    }
    let alone = outcome(1)
    #expect(alone.count > 100)
    for workers in [2, 4] { Self.expectSame(outcome(workers), alone, "\(workers) workers") }
  }
}
