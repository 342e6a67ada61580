import FlowEngine
import Testing

/// Each kind of tunnel around the same TCP segment, and what is no tunnel although it looks like one.
@Suite struct TunnelTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var frame: [UInt8]
    /// Bytes of the inner packet: its frame where it has one, else from its IP header on.
    var length: Int
  }

  static let segment = Frames.tcp(40_000, 443, payload: [UInt8](repeating: 9, count: 11))
  static let v4 = Frames.ipv4(6, segment, src: 0xc0a8_0101, dst: 0xc0a8_0202)
  static let v6 = Frames.ipv6(6, segment)
  static let inner = Frames.ethernet(0x0800, v4, tags: [(0x8100, 77)])

  private static func outer(_ proto: UInt8, _ payload: [UInt8]) -> [UInt8] {
    // Bytes behind the outer packet: a trailer is not the tunnel's.
    Frames.ethernet(0x0800, Frames.ipv4(proto, payload), tags: [(0x8100, 5)]) + [0xaa, 0xbb]
  }

  private static func udp(_ port: Int, _ payload: [UInt8], from: Int = 50_000) -> [UInt8] {
    outer(17, Frames.udp(from, port, payload: payload))
  }

  private static func gre(_ flags: Int, _ proto: Int, _ rest: [UInt8]) -> [UInt8] {
    outer(47, Frames.be16(flags) + Frames.be16(proto) + rest)
  }

  static let cases: [Case] = {
    let four = [UInt8](repeating: 0, count: 4)
    let eight = four + four
    let vxlan: [UInt8] = [8, 0, 0, 0, 0, 0, 42, 0]
    let ip = v4.count
    let frame = inner.count
    return [
      Case(testDescription: "IPv4 in IPv4", frame: outer(4, v4), length: ip),
      Case(testDescription: "GRE", frame: gre(0, 0x0800, v4), length: ip),
      Case(
        testDescription: "GRE with checksum, key and sequence",
        frame: gre(0xb000, 0x0800, eight + four + v4), length: ip),
      Case(testDescription: "GRE with Ethernet", frame: gre(0, 0x6558, inner), length: frame),
      Case(
        testDescription: "GRE version 1, PPP",
        frame: gre(0x3081, 0x880b, eight + four + [0xff, 0x03, 0x00, 0x21] + v4), length: ip),
      Case(
        testDescription: "GRE version 1, compressed PPP",
        frame: gre(0x3001, 0x880b, eight + [0x21] + v4), length: ip),
      Case(testDescription: "ERSPAN I", frame: gre(0, 0x88be, inner), length: frame),
      Case(
        testDescription: "ERSPAN II", frame: gre(0x1000, 0x88be, four + eight + inner),
        length: frame),
      Case(
        testDescription: "ERSPAN III", frame: gre(0x1000, 0x22eb, four + eight + four + inner),
        length: frame),
      Case(
        testDescription: "ERSPAN III with a subheader",
        frame: gre(0x1000, 0x22eb, four + eight + [0, 0, 0, 1] + eight + inner), length: frame),
      Case(testDescription: "EtherIP", frame: outer(97, [0x30, 0] + inner), length: frame),
      Case(testDescription: "VXLAN", frame: udp(4789, vxlan + inner), length: frame),
      Case(
        testDescription: "VXLAN-GPE", frame: udp(4790, [0x0c, 0, 0, 1, 0, 0, 1, 0] + v4),
        length: ip),
      Case(
        testDescription: "Geneve with options",
        frame: udp(6081, [2, 0, 0x65, 0x58, 0, 0, 1, 0] + eight + inner), length: frame),
      Case(
        testDescription: "GTP-U", frame: udp(2152, [0x30, 0xff, 0, 40, 0, 0, 0, 1] + v4),
        length: ip),
      Case(
        testDescription: "GTP-U with an extension header",
        frame: udp(
          2152, [0x34, 0xff, 0, 40, 0, 0, 0, 1] + [0, 0, 0, 0x85] + [1, 0, 0, 0] + v4),
        length: ip),
      Case(
        testDescription: "L2TP with length",
        frame: udp(1701, [0x40, 2, 0, 0, 0, 1, 0, 1, 0xff, 3, 0, 0x21] + v4), length: ip),
      Case(
        testDescription: "VXLAN in GRE in IPv4",
        frame: gre(0, 0x0800, Frames.ipv4(17, Frames.udp(1, 4789, payload: vxlan + inner))),
        length: frame),
    ]
  }()

  @Test(arguments: cases)
  func theInnermostPacketIsTheFlow(_ tunnel: Case) {
    let parsed = parse(tunnel.frame)
    #expect(parsed.verdict == PacketVerdict.flow)
    let key = parsed.packet.key
    #expect(key.proto == 6 && key.ipVersion == 4)
    #expect(key.addressA.v4 == 0xc0a8_0101 && key.addressB.v4 == 0xc0a8_0202)
    #expect(key.portA == 40_000 && key.portB == 443)
    #expect(Int(parsed.packet.ipLength) == Self.v4.count)
    #expect(Int(parsed.packet.wireLength) == tunnel.length)
    #expect(parsed.packet.payloadLength == 11)
    // A frame within brings its own tags; a packet within keeps those of the frame around it.
    #expect(parsed.packet.vlanOuter == (tunnel.length == Self.inner.count ? 77 : 5))
    #expect(parsed.packet.flags & ParsedPacket.Flags.plain == 0)
  }

  @Test func sixInFourAndTeredo() {
    let teredo = [0, 1, 0, 0] + [UInt8](repeating: 3, count: 9) + [0, 0, 1, 2, 3, 4, 5, 6]
    for frame in [
      Self.outer(41, Self.v6), Self.udp(3544, Self.v6), Self.udp(3544, teredo + Self.v6),
      Self.udp(60_000, Self.v6, from: 3544),
      Frames.ethernet(0x86dd, Frames.ipv6(41, Self.v6)),
    ] {
      let parsed = parse(frame)
      #expect(parsed.verdict == PacketVerdict.flow)
      #expect(parsed.packet.key.proto == 6 && parsed.packet.key.ipVersion == 6)
      #expect(Int(parsed.packet.wireLength) == Self.v6.count)
    }
  }

  /// Cut at every byte: the inner flow, the outer one, or a cause; never a read behind the cut.
  @Test(arguments: cases)
  func cutAnywhereItIsOneOrTheOther(_ tunnel: Case) {
    for length in 0..<tunnel.frame.count {
      let parsed = parse(tunnel.frame, captured: length, wire: tunnel.frame.count)
      guard parsed.verdict == PacketVerdict.flow else {
        #expect(parsed.cause != nil)
        continue
      }
      let port = parsed.packet.key.portB
      #expect([0, 443, 50_000, 4789, 4790].contains(port) || parsed.packet.key.proto == 17)
    }
  }

  @Test func whatMakesNoSenseInsideCountsOutside() {
    let garbage = [UInt8](repeating: 0xff, count: 60)
    for (frame, proto) in [
      (Self.outer(4, garbage), 4), (Self.outer(47, garbage), 47), (Self.outer(97, garbage), 97),
      (Self.udp(4789, garbage), 17), (Self.udp(2152, garbage), 17),
      (Self.udp(3544, garbage), 17), (Self.udp(1701, garbage), 17),
      (Self.udp(6081, garbage), 17),
    ] {
      let parsed = parse(frame)
      #expect(parsed.verdict == PacketVerdict.flow)
      #expect(Int(parsed.packet.key.proto) == proto)
      #expect(parsed.packet.key.addressA.v4 == 0x0a00_0001)
      #expect(Int(parsed.packet.wireLength) == frame.count)
      #expect(parsed.packet.vlanOuter == 5)
    }
  }

  /// The first fragment of a tunnel's packet is not looked into: the rest of it could not be.
  @Test func fragmentsAreNotLookedInto() {
    let frame = Frames.ethernet(0x0800, Frames.ipv4(4, Self.v4, fragment: 0x2000))
    #expect(parse(frame).packet.key.proto == 4)
  }

  @Test func tunnelsWithinTunnelsHaveAnEnd() {
    var packet = Self.v4
    for _ in 0..<40 { packet = Frames.ipv4(4, packet) }
    let parsed = parse(Frames.ethernet(0x0800, packet))
    #expect(parsed.verdict == PacketVerdict.flow)
    #expect(parsed.packet.key.proto == 4)
  }
}
