import CBurst
import FlowEngine
import Testing

/// What is done about wrong checksums: nothing, counted, or discarded.
@Suite struct ChecksumPolicyTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var frame: [UInt8]
    /// Where its payload is.
    var payload: Int
    /// The history says so of TCP and UDP alone.
    var hasLetter = true
  }

  static let data: [UInt8] = [1, 2, 3, 4, 5, 6, 7]

  static let cases: [Case] = [
    Case(
      testDescription: "TCP",
      frame: Frames.ethernet(0x0800, Frames.ipv4(6, Frames.tcp(5000, 80, payload: data))).summed(),
      payload: 54),
    Case(
      testDescription: "TCP over IPv6",
      frame: Frames.ethernet(0x86dd, Frames.ipv6(6, Frames.tcp(5000, 80, payload: data))).summed(),
      payload: 74),
    Case(
      testDescription: "UDP",
      frame: Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(5000, 53, payload: data))).summed(),
      payload: 42),
    Case(
      testDescription: "UDP with IP options",
      frame: Frames.ethernet(
        0x0800, Frames.ipv4(17, Frames.udp(5000, 53, payload: data), options: [1, 1, 1, 0])
      ).summed(), payload: 46),
    Case(
      testDescription: "UDP over IPv6",
      frame: Frames.ethernet(0x86dd, Frames.ipv6(17, Frames.udp(5000, 53, payload: data)))
        .summed(), payload: 62),
    Case(
      testDescription: "ICMP",
      frame: Frames.ethernet(0x0800, Frames.ipv4(1, Frames.icmp(8) + data)).summed(), payload: 42,
      hasLetter: false),
    Case(
      testDescription: "ICMPv6",
      frame: Frames.ethernet(0x86dd, Frames.ipv6(58, Frames.icmp(128) + data)).summed(),
      payload: 62, hasLetter: false),
    Case(
      testDescription: "SCTP",
      frame: Frames.ethernet(
        0x0800,
        Frames.ipv4(
          132, Frames.be16(5000) + Frames.be16(38_412) + [0, 0, 0, 9, 0, 0, 0, 0] + data)
      ).summed(), payload: 46, hasLetter: false),
    Case(testDescription: "UDP and what IP carries behind it", frame: behind, payload: 42),
  ]

  /// A datagram and four bytes more, which its length and its checksum do not count (RFC 9868, section 5).
  static let behind: [UInt8] = {
    let datagram = Frames.udp(5000, 53, payload: data)
    let alone = Frames.ethernet(0x0800, Frames.ipv4(17, datagram)).summed()
    var frame = Frames.ethernet(0x0800, Frames.ipv4(17, datagram + [9, 9, 9, 9])).summed()
    frame.replaceSubrange(40..<42, with: alone[40..<42])
    return frame
  }()

  static func play(
    _ frames: [[UInt8]], _ policy: ChecksumPolicy, flags: UInt16 = 0, wire: Int? = nil
  ) -> (WorkerBed, [FlowRecord]) {
    let bed = WorkerBed { $0.checksums = policy }
    bed.start(at: 1)
    for frame in frames { bed.add(frame, at: 1, flags: flags, wire: wire) }
    bed.run()
    let records = bed.finish()
    #expect(bed.unaccounted == [0])
    #expect(bed.feed.pointee.outstanding.isEmpty)
    return (bed, records)
  }

  @Test(arguments: cases, ChecksumPolicy.allCases)
  func whatIsRightIsLeftAlone(_ right: Case, _ policy: ChecksumPolicy) {
    let (bed, records) = Self.play([right.frame], policy)
    #expect(records.count == 1)
    #expect(bed.anomalies.isEmpty)
    #expect(bed.total(.transportChecksumBad) + bed.total(.ipChecksumBad) == 0)
  }

  @Test(arguments: cases)
  func aWrongOneIsIgnored(_ right: Case) {
    let (bed, records) = Self.play([right.frame.flipping(right.payload)], .ignore)
    #expect(records.map(\.originator.packets) == [1])
    #expect(bed.total(.transportChecksumBad) == 0)
    #expect(bed.anomalies.isEmpty)
  }

  @Test(arguments: cases)
  func aWrongOneIsCounted(_ right: Case) {
    let wrong = right.frame.flipping(right.payload)
    let (bed, records) = Self.play([wrong, right.frame, wrong], .count)
    #expect(records.map(\.originator.packets) == [3])
    #expect(bed.total(.transportChecksumBad) == 2)
    #expect(bed.reported() == [.transportChecksumBad])
    #expect(records.map { $0.originator.trouble.badChecksums } == [right.hasLetter ? 2 : 0])
    #expect(records.map { $0.history.contains("C") } == [right.hasLetter])
  }

  @Test(arguments: cases)
  func aWrongOneIsDiscarded(_ right: Case) {
    let wrong = right.frame.flipping(right.payload)
    let (bed, records) = Self.play([wrong, right.frame, wrong], .discard)
    // The flow of the right one knows of the wrong one behind it.
    #expect(records.map(\.originator.packets) == [1])
    #expect(records.map { $0.history.contains("C") } == [right.hasLetter])
    #expect(bed.total(.transportChecksumDiscarded) == 2)
    #expect(bed.reported() == [.transportChecksumBad])
  }

  /// IPv4's header has one of its own.
  @Test func theHeadersSum() {
    let right = Self.cases[0].frame
    let wrong = right.flipping(22)  // TTL
    let (ignored, _) = Self.play([wrong], .ignore)
    #expect(ignored.total(.ipChecksumBad) == 0)
    let (counted, records) = Self.play([wrong, right], .count)
    #expect(records.map(\.originator.packets) == [2])
    #expect(counted.total(.ipChecksumBad) == 1)
    #expect(counted.reported() == [.ipChecksumBad])
    let (discarded, rest) = Self.play([right, wrong], .discard)
    #expect(rest.map(\.originator.packets) == [1])
    #expect(discarded.total(.ipChecksumDiscarded) == 1)
    #expect(discarded.total(.transportChecksumDiscarded) == 0)
    #expect(discarded.reported() == [.ipChecksumBad])
  }

  /// A packet that is wrong in both is one packet.
  @Test func bothAtOnceAreOneDiscard() {
    let wrong = Self.cases[0].frame.flipping(22).flipping(54)
    let (bed, records) = Self.play([wrong], .discard)
    #expect(records.isEmpty)
    #expect(bed.total(.ipChecksumDiscarded) == 1)
    #expect(bed.total(.transportChecksumDiscarded) == 0)
  }

  /// Seen on the sender itself its NIC has still to sum: wrong, and told apart.
  @Test(arguments: [0, 1, 2, 4])
  func aSumLeftToTheNIC(_ number: Int) {
    let frame = Self.cases[number].frame.summedForOffload()
    let (bed, records) = Self.play([frame], .count)
    #expect(records.count == 1)
    #expect(bed.total(.checksumNotComputed) == 1)
    #expect(bed.total(.transportChecksumBad) == 1)
    let (other, _) = Self.play(
      [Self.cases[number].frame.flipping(Self.cases[number].payload)], .count)
    #expect(other.total(.checksumNotComputed) == 0)
  }

  /// None is allowed over IPv4 (RFC 768), and over IPv6 in tunnels alone.
  @Test func datagramsWithoutASum() {
    let v4 = Self.cases[2].frame.setting(40, to: 0)
    #expect(Self.play([v4], .discard).1.count == 1)
    let v6 = Self.cases[4].frame.setting(60, to: 0)
    #expect(Self.play([v6], .discard).1.isEmpty)
  }

  /// What is not all here cannot be summed.
  @Test(arguments: cases)
  func whatIsCutOffIsBelieved(_ right: Case) {
    let cut = Array(right.frame.flipping(right.payload).dropLast(2))
    let (bed, records) = Self.play([cut], .discard, wire: right.frame.count)
    #expect(records.count == 1)
    #expect(bed.total(.transportChecksumDiscarded) == 0)
  }

  /// Nor can a fragment; its header can.
  @Test func fragmentsHaveTheirHeadersSumAlone() {
    let frame = FragmentTests.datagram(4, count: 1608, size: 800)[0]
    let right = frame.summed().flipping(60)
    #expect(Self.play([right], .discard).1.count == 1)
    let (bed, records) = Self.play([right.flipping(22)], .discard)
    #expect(records.isEmpty)
    #expect(bed.total(.ipChecksumDiscarded) == 1)
  }

  /// Behind a tunnel it is the inner packet whose sums count.
  @Test func theInnerPacketIsSummed() {
    let inner = Self.cases[0]
    func carry(_ frame: [UInt8]) -> [UInt8] {
      Frames.ethernet(
        0x0800,
        Frames.ipv4(17, Frames.udp(50_000, 4789, payload: [8, 0, 0, 0, 0, 0, 1, 0] + frame)))
    }
    // The outer sums are wrong, and nobody asks.
    #expect(Self.play([carry(inner.frame)], .discard).1.count == 1)
    let (bed, records) = Self.play([carry(inner.frame.flipping(inner.payload))], .discard)
    #expect(records.isEmpty)
    #expect(bed.total(.transportChecksumDiscarded) == 1)
  }

  // MARK: What the port says

  /// What a port calls wrong is summed again, whatever the policy: ports err.
  @Test(arguments: ChecksumPolicy.allCases)
  func aPortThatErrs(_ policy: ChecksumPolicy) {
    let flags = UInt16(MARTLET_PACKET_IP_CHECKSUM_BAD | MARTLET_PACKET_L4_CHECKSUM_BAD)
    let right = Self.cases[0].frame
    let (bed, records) = Self.play([right], policy, flags: flags)
    #expect(records.count == 1)
    #expect(bed.total(.checksumOffloadWrong) == 2)
    #expect(bed.anomalies.isEmpty)
    let (wrong, _) = Self.play([right.flipping(54)], policy, flags: flags)
    #expect(wrong.total(.checksumOffloadWrong) == 1)
    #expect(
      wrong.total(policy == .discard ? .transportChecksumDiscarded : .transportChecksumBad) == 1)
  }

  /// What a port calls right is believed.
  @Test func aPortIsBelieved() {
    let wrong = Self.cases[0].frame.flipping(22).flipping(54)
    for (flags, cause) in [
      (MARTLET_PACKET_IP_CHECKSUM_GOOD, Counter.transportChecksumDiscarded),
      (MARTLET_PACKET_L4_CHECKSUM_GOOD, .ipChecksumDiscarded),
    ] {
      let (bed, _) = Self.play([wrong], .discard, flags: UInt16(flags))
      #expect(bed.total(cause) == 1)
    }
    let both = UInt16(MARTLET_PACKET_IP_CHECKSUM_GOOD | MARTLET_PACKET_L4_CHECKSUM_GOOD)
    #expect(Self.play([wrong], .discard, flags: both).1.count == 1)
  }
}
