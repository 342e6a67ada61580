import FlowEngine
import Testing

/// Ethernet within MPLS, MPLS within IP and UDP, service headers, and all of it in any order.
@Suite struct PseudowireTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var frame: [UInt8]
    /// Bytes of the innermost frame, or of the packet from its IP header on.
    var length: Int
    var vlans: [UInt16] = []
  }

  static let segment = Frames.tcp(40_000, 443, payload: [UInt8](repeating: 9, count: 11))
  static let v4 = Frames.ipv4(6, segment, src: 0xc0a8_0101, dst: 0xc0a8_0202)
  static let label: [UInt8] = [0, 1, 0, 64]
  static let bottom: [UInt8] = [0, 2, 1, 64]
  static let word: [UInt8] = [0, 0, 0, 0]
  /// Its MACs are the other way round than the outer frame's.
  static let inner = Frames.macA + Frames.macB + [0x81, 0, 0, 77, 8, 0] + v4
  static let outerTag = [(0x8100, 5)]

  static func mpls(_ payload: [UInt8]) -> [UInt8] {
    Frames.ethernet(0x8847, label + bottom + payload, tags: outerTag)
  }

  private static func ip(_ proto: UInt8, _ payload: [UInt8]) -> [UInt8] {
    Frames.ethernet(0x0800, Frames.ipv4(proto, payload), tags: outerTag)
  }

  private static func pppoe(_ proto: Int, _ payload: [UInt8]) -> [UInt8] {
    [0x11, 0, 0, 1] + Frames.be16(payload.count + 2) + Frames.be16(proto) + payload
  }

  static let cases: [Case] = {
    let four = [UInt8](repeating: 0, count: 4)
    let nsh: (UInt8) -> [UInt8] = { [0x0f, 0xc6, 1, $0] + [UInt8](repeating: 0, count: 20) }
    let session = Frames.macA + Frames.macB + [0x81, 0, 0, 3, 0x88, 0x64] + pppoe(0x21, v4)
    let queues =
      Frames.macA + Frames.macB + [0x91, 0, 0, 8, 0x88, 0xa8, 0, 9, 0x81, 0, 0, 10, 8, 0] + v4
    // A destination that begins as IP does.
    var fourth = inner
    fourth[0] = 0x45
    fourth[2] = 0xff
    return [
      Case(
        testDescription: "control word", frame: mpls(word + inner), length: inner.count, vlans: [77]
      ),
      Case(
        testDescription: "no control word", frame: mpls(inner), length: inner.count, vlans: [77]),
      Case(
        testDescription: "MAC like IPv4", frame: mpls(fourth), length: fourth.count, vlans: [77]),
      Case(
        testDescription: "PPPoE in a VLAN in a pseudowire", frame: mpls(word + session),
        length: session.count, vlans: [3]),
      Case(
        testDescription: "three tags in a pseudowire", frame: mpls(word + queues),
        length: queues.count, vlans: [8, 9]),
      Case(
        testDescription: "pseudowire in a pseudowire", frame: mpls(word + mpls(word + inner)),
        length: inner.count, vlans: [77]),
      Case(
        testDescription: "MPLS in PPPoE in a pseudowire",
        frame: mpls(
          word + Frames.ethernet(0x8864, pppoe(0x281, bottom + word + inner))),
        length: inner.count, vlans: [77]),
      Case(testDescription: "MPLS in IP", frame: ip(137, label + bottom + v4), length: v4.count),
      Case(
        testDescription: "MPLS in UDP",
        frame: ip(17, Frames.udp(50_000, 6635, payload: bottom + v4)), length: v4.count),
      Case(
        testDescription: "pseudowire in GRE",
        frame: ip(47, [0, 0, 0x88, 0x47] + bottom + word + inner), length: inner.count, vlans: [77]),
      Case(
        testDescription: "MPLS in Geneve",
        frame: ip(17, Frames.udp(50_000, 6081, payload: [0, 0, 0x88, 0x47] + four + bottom + v4)),
        length: v4.count),
      Case(
        testDescription: "NSH in VXLAN-GPE",
        frame: ip(17, Frames.udp(50_000, 4790, payload: [0x0c, 0, 0, 4] + four + nsh(3) + inner)),
        length: inner.count, vlans: [77]),
      Case(
        testDescription: "MPLS in VXLAN-GPE",
        frame: ip(17, Frames.udp(50_000, 4790, payload: [0x0c, 0, 0, 5] + four + bottom + v4)),
        length: v4.count),
      Case(
        testDescription: "NSH on Ethernet", frame: Frames.ethernet(0x894f, nsh(3) + inner),
        length: inner.count, vlans: [77]),
    ]
  }()

  @Test(arguments: cases)
  func isTheInnerFlow(_ one: Case) {
    let parsed = parse(one.frame)
    let plain = parse(
      Frames.ethernet(0x0800, v4(), tags: one.vlans.map { (0x8100, Int($0)) }))
    #expect(parsed.verdict == PacketVerdict.flow, "\(parsed.cause.map { "\($0)" } ?? "")")
    #expect(parsed.packet.payloadLength == 11)
    #expect(Int(parsed.packet.wireLength) == one.length)
    #expect(parsed.packet.flags & ParsedPacket.Flags.plain == 0)
    #expect(parsed.packet.flags & ParsedPacket.Flags.ethernet != 0)
    if !one.vlans.isEmpty {
      #expect(parsed.packet.key == plain.packet.key)
      #expect(parsed.packet.vlanOuter == one.vlans[0])
    } else {
      #expect(parsed.packet.key.addressA == plain.packet.key.addressA)
      #expect(parsed.packet.key.portA == plain.packet.key.portA)
    }
  }

  private func v4() -> [UInt8] { Self.v4 }

  /// Cut anywhere, a frame ends in one verdict.
  @Test(arguments: cases)
  func cutAnywhere(_ one: Case) {
    for captured in 0...one.frame.count {
      let parsed = parse(one.frame, captured: captured)
      #expect(parsed.cause != nil || parsed.verdict == PacketVerdict.flow)
    }
  }

  @Test func onlyWhereTunnelsAreLookedInto() {
    #expect(parse(Self.mpls(Self.word + Self.inner), decapsulation: 0).cause == .mplsOther)
    #expect(parse(Self.mpls(Self.v4), decapsulation: 0).verdict == PacketVerdict.flow)
    let twice = Self.mpls(Self.word + Self.mpls(Self.word + Self.inner))
    #expect(parse(twice, decapsulation: 1).cause == .mplsOther)
    #expect(parse(twice, decapsulation: 2).verdict == PacketVerdict.flow)
    let inIP = parse(Self.ip(137, Self.bottom + Self.v4), decapsulation: 0)
    #expect(inIP.verdict == PacketVerdict.flow && inIP.packet.key.proto == 137)
  }

  @Test func whatIsNoFrame() {
    // An associated channel (RFC 5586), a control word with something else, a frame of a group.
    #expect(parse(Self.mpls([0x10, 0, 0, 7] + Self.v4)).cause == .mplsOther)
    #expect(parse(Self.mpls(Self.word + [1, 2, 3, 4, 5, 6, 7, 8])).cause == .mplsOther)
    var group = Self.inner
    group[6] |= 1
    #expect(parse(Self.mpls(Self.word + group)).cause == .mplsOther)
    // Its own causes, where there is a frame.
    let arp = Frames.ethernet(0x0806, [0, 1, 8, 0])
    #expect(parse(Self.mpls(Self.word + arp)).cause == .arp)
    // In a tunnel the outer flow stands instead.
    let inGRE = parse(Self.ip(47, [0, 0, 0x88, 0x47] + Self.bottom + Self.word + arp))
    #expect(inGRE.verdict == PacketVerdict.flow && inGRE.packet.key.proto == 47)
    #expect(inGRE.packet.vlanOuter == 5)
  }
}
