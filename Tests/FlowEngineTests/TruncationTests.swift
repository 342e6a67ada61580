import FlowEngine
import Testing

/// Every header, cut at every byte: the parser names what is missing and reads nothing behind the cut.
@Suite struct TruncationTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var frame: [UInt8]
    /// From how many bytes on the packet's key is known.
    var complete: Int
    /// The causes that shorter cuts may end in.
    var causes: Set<Counter>
  }

  static let cases: [Case] = {
    let udp = Frames.udp(1, 2, payload: [UInt8](repeating: 7, count: 16))
    let tcp = Frames.tcp(1, 2, payload: [UInt8](repeating: 7, count: 16))
    let labels = Frames.be32(0x0001_0040) + Frames.be32(0x0002_0140)
    let session: [UInt8] = [0x11, 0, 0, 1, 0, 60, 0, 0x21]
    let extensions: [UInt8] =
      [60, 0, 0, 0, 0, 0, 0, 0] + [17, 1] + [UInt8](repeating: 0, count: 14)
    let ah: [UInt8] = [17, 4] + [UInt8](repeating: 0, count: 22)
    return [
      Case(
        testDescription: "TCP over IPv4", frame: Frames.ethernet(0x0800, Frames.ipv4(6, tcp)),
        complete: 14 + 20 + 4, causes: [.truncatedEthernet, .truncatedIPv4, .truncatedTCP]),
      Case(
        testDescription: "UDP over IPv4 with options",
        frame: Frames.ethernet(0x0800, Frames.ipv4(17, udp, options: [1, 1, 1, 0])),
        complete: 14 + 24 + 4, causes: [.truncatedEthernet, .truncatedIPv4, .truncatedUDP]),
      Case(
        testDescription: "UDP over IPv6", frame: Frames.ethernet(0x86dd, Frames.ipv6(17, udp)),
        complete: 14 + 40 + 4, causes: [.truncatedEthernet, .truncatedIPv6, .truncatedUDP]),
      Case(
        testDescription: "IPv6 with extension headers",
        frame: Frames.ethernet(0x86dd, Frames.ipv6(0, extensions + udp)),
        complete: 14 + 40 + 24 + 4,
        causes: [
          .truncatedEthernet, .truncatedIPv6, .truncatedIPv6Extension, .truncatedUDP,
        ]),
      Case(
        testDescription: "QinQ",
        frame: Frames.ethernet(
          0x0800, Frames.ipv4(17, udp), tags: [(0x88a8, 1), (0x8100, 2)]),
        complete: 22 + 20 + 4,
        causes: [.truncatedEthernet, .truncatedVLAN, .truncatedIPv4, .truncatedUDP]),
      Case(
        testDescription: "MPLS", frame: Frames.ethernet(0x8847, labels + Frames.ipv4(17, udp)),
        complete: 22 + 20 + 4,
        causes: [.truncatedEthernet, .truncatedMPLS, .truncatedIPv4, .truncatedUDP]),
      Case(
        testDescription: "PPPoE", frame: Frames.ethernet(0x8864, session + Frames.ipv4(17, udp)),
        complete: 22 + 20 + 4,
        causes: [.truncatedEthernet, .truncatedPPPoE, .truncatedIPv4, .truncatedUDP]),
      Case(
        testDescription: "ICMP", frame: Frames.ethernet(0x0800, Frames.ipv4(1, Frames.icmp(8))),
        complete: 14 + 20 + 2, causes: [.truncatedEthernet, .truncatedIPv4, .truncatedICMP]),
      Case(
        testDescription: "ICMPv6",
        frame: Frames.ethernet(0x86dd, Frames.ipv6(58, Frames.icmp(128))),
        complete: 14 + 40 + 2, causes: [.truncatedEthernet, .truncatedIPv6, .truncatedICMP]),
      Case(
        testDescription: "SCTP",
        frame: Frames.ethernet(
          0x0800, Frames.ipv4(132, [0, 1, 0, 2] + [UInt8](repeating: 0, count: 8))),
        complete: 14 + 20 + 4, causes: [.truncatedEthernet, .truncatedIPv4, .truncatedSCTP]),
      Case(
        testDescription: "AH", frame: Frames.ethernet(0x0800, Frames.ipv4(51, ah + udp)),
        complete: 14 + 20 + 24 + 4,
        causes: [.truncatedEthernet, .truncatedIPv4, .truncatedAH, .truncatedUDP]),
      Case(
        testDescription: "ESP",
        frame: Frames.ethernet(0x0800, Frames.ipv4(50, [UInt8](repeating: 1, count: 20))),
        complete: 14 + 20, causes: [.truncatedEthernet, .truncatedIPv4]),
      Case(
        testDescription: "IGMP",
        frame: Frames.ethernet(0x0800, Frames.ipv4(2, [0x16, 0, 0, 0, 0, 0, 0, 0])),
        complete: 14 + 20, causes: [.truncatedEthernet, .truncatedIPv4]),
    ]
  }()

  @Test(arguments: cases)
  func atEveryByte(_ testCase: Case) {
    for captured in 0...testCase.frame.count {
      // Once as a frame that is short, once as a whole one of which less was captured.
      for wire in [captured, testCase.frame.count] {
        let parsed = parse(testCase.frame, captured: captured, wire: wire)
        if captured >= testCase.complete {
          #expect(parsed.verdict == PacketVerdict.flow, "\(captured) bytes of \(wire)")
        } else {
          let cause = parsed.cause
          #expect(
            cause.map { testCase.causes.contains($0) } ?? false,
            "\(captured) bytes of \(wire): \(String(describing: cause))")
        }
        #expect(parsed.packet.wireLength == UInt32(wire))
      }
    }
  }

  @Test func badHeadersHaveNames() {
    let udp = Frames.udp(1, 2)
    var frame = Frames.ethernet(0x0800, Frames.ipv4(17, udp))
    frame[14] = 0x65
    #expect(parse(frame).cause == .badIPv4Version)
    frame[14] = 0x44
    #expect(parse(frame).cause == .badIPv4HeaderLength)
    frame[14] = 0x45
    frame[16] = 0
    frame[17] = 19
    #expect(parse(frame).cause == .badIPv4TotalLength)
    var six = Frames.ethernet(0x86dd, Frames.ipv6(17, udp))
    six[14] = 0x45
    #expect(parse(six).cause == .badIPv6Version)
    let tags = [(Int, Int)](repeating: (0x8100, 1), count: 5)
    #expect(
      parse(Frames.ethernet(0x0800, Frames.ipv4(17, udp), tags: tags)).cause == .tooManyVLANs)
    let labels = [UInt8](repeating: 0, count: 4 * 9)
    #expect(parse(Frames.ethernet(0x8847, labels)).cause == .tooManyLabels)
    let short = Frames.tcp(1, 2, dataOffset: 4)
    let parsed = parse(Frames.ethernet(0x0800, Frames.ipv4(6, short)))
    #expect(parsed.verdict == PacketVerdict.flow)
    #expect(parsed.packet.flags & ParsedPacket.Flags.badTransportHeader != 0)
  }

  /// Bytes at random, and real headers with bytes changed at random: any verdict, no read behind.
  @Test func noiseIsOnlyNamed() {
    var generator = SplitMix(state: 7)
    for _ in 0..<20_000 {
      let base = Self.cases[Int(generator.next() % UInt64(Self.cases.count))].frame
      var frame = base
      for _ in 0..<Int(generator.next() % 6) {
        frame[Int(generator.next() % UInt64(frame.count))] = UInt8(
          truncatingIfNeeded: generator.next())
      }
      let captured = Int(generator.next() % UInt64(frame.count + 1))
      let parsed = parse(
        frame, captured: captured, wire: Int(generator.next() & 0xffff_ffff))
      #expect(parsed.packet.wireLength >= UInt32(captured))
      if !PacketVerdict.isCause(parsed.verdict) {
        #expect(parsed.packet.ipLength <= parsed.packet.wireLength)
        #expect(parsed.packet.payloadLength <= parsed.packet.wireLength)
      }
    }
  }
}

/// A small generator with a seed, so that a failure comes again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}
