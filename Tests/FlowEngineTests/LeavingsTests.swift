import CBurst
import FlowEngine
import Testing

/// A packet is what it is, whatever stood in its place before and wherever a burst began. All of these
/// were found by fuzzing.
@Suite struct LeavingsTests {
  /// A packet that is discarded for its checksum is told to the flow that began in the same burst, and
  /// not to one that is over by the clock.
  @Test(arguments: [1, 64])
  func aDiscardedPacketFindsItsFlow(burst: Int) throws {
    let bed = WorkerBed(packetTime: true, burst: burst) { $0.checksums = .discard }
    bed.start(at: 1)
    var wrong = ChecksumTests.frame()
    wrong[wrong.count - 1] ^= 1
    bed.add(ChecksumTests.frame(), at: 1)
    bed.add(wrong, at: 1)
    bed.add(wrong, at: 31.1)
    bed.run()
    let records = bed.finish()
    let record = try #require(records.first)
    #expect(records.count == 1)
    #expect(record.troubleA.badChecksums + record.troubleB.badChecksums == 1)
    #expect(bed.total(.transportChecksumDiscarded) == 2)
    #expect(bed.unaccounted == [0])
    #expect(bed.feed.pointee.outstanding.isEmpty)
  }

  /// Later fragments of a segment go on where the first one ends.
  @Test(arguments: [[0, 1], [1, 0]], [1, 2])
  func fragmentsOfASegmentFollowEachOther(_ order: [Int], workers: Int) throws {
    let a: UInt32 = 0x0a00_0001
    let b: UInt32 = 0x0a00_0002
    func there(_ segment: [UInt8], fragment: Int = 0) -> [UInt8] {
      Frames.ethernet(0x0800, Frames.ipv4(6, segment, src: a, dst: b, id: 7, fragment: fragment))
    }
    func back(_ segment: [UInt8]) -> [UInt8] {
      Frames.ethernet(0x0800, Frames.ipv4(6, segment, src: b, dst: a))
    }
    func data(_ sequence: UInt32, _ count: Int) -> [UInt8] {
      Frames.tcp(4000, 80, seq: sequence, ack: 501, payload: [UInt8](repeating: 1, count: count))
    }
    let bed = WorkerBed(workers: workers)
    bed.start(at: 1)
    bed.add(there(Frames.tcp(4000, 80, seq: 100, flags: TCPFlags.syn)), at: 1)
    bed.add(
      back(Frames.tcp(80, 4000, seq: 500, ack: 101, flags: TCPFlags.syn | TCPFlags.ack)), at: 1)
    bed.add(there(Frames.tcp(4000, 80, seq: 101, ack: 501)), at: 1)
    let whole = data(101, 40)
    let pieces = [
      there(Array(whole[..<32]), fragment: 0x2000), there(Array(whole[32...]), fragment: 4),
    ]
    for place in order { bed.add(pieces[place], at: 2) }
    // A burst later, so that in order they are in order with several workers, too.
    bed.run()
    bed.add(there(data(141, 10)), at: 3)
    bed.add(back(Frames.tcp(80, 4000, seq: 501, ack: 151)), at: 3)
    bed.run()
    let records = bed.finish()
    let record = try #require(records.first)
    #expect(records.count == 1)
    #expect(record.originator.packets == 5)
    #expect(record.originator.payloadBytes == 50)
    #expect(record.originator.trouble == FlowTrouble())
    #expect(record.history == "ShADa")
    #expect(bed.total(.tcpGap) == 0 && bed.total(.tcpMissedBytes) == 0)
  }

  /// ICMP over IPv6 has no type that means anything; least of all that of the packet before it.
  @Test func icmpOverIPv6HasNoType() throws {
    let bed = WorkerBed(burst: 1)
    bed.start(at: 1)
    bed.add(Frames.ethernet(0x86dd, Frames.ipv6(58, [128, 3, 0, 0, 0, 1, 0, 1])), at: 1)
    bed.add(Frames.ethernet(0x86dd, Frames.ipv6(1, [8, 9, 0, 0, 0, 1, 0, 1])), at: 1)
    bed.run()
    let record = try #require(bed.finish().first { $0.hot.key.proto == 1 })
    #expect(record.cold.icmpType == 0 && record.cold.icmpCode == 0)
  }

  /// A fragment header that lies beyond the declared payload leaves nothing, and not less than that.
  @Test func aFragmentHeaderBeyondThePayloadLeavesNothing() {
    let header: [UInt8] = [2, 0, 0, 1, 0, 0, 0, 7]
    let frame = Frames.ethernet(0x86dd, Frames.ipv6(44, header, payloadLength: 0))
    let parsed = parse(frame)
    #expect(parsed.verdict == PacketVerdict.flow)
    #expect(parsed.packet.payloadLength == 0)
  }
}
