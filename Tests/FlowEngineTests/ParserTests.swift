import CBurst
import FlowEngine
import Testing

@Suite struct ParserTests {
  // MARK: What is right

  @Test func tcpOverIPv4() {
    let segment = Frames.tcp(
      40000, 80, seq: 7, ack: 9, flags: 0x18, window: 512, payload: [1, 2, 3])
    let parsed = parse(Frames.ethernet(0x0800, Frames.ipv4(6, segment, ttl: 63, tos: 0xb8)))
    let p = parsed.packet
    #expect(parsed.verdict == PacketVerdict.flow)
    #expect(p.key.proto == 6)
    #expect(p.key.addressA.v4 == 0x0a00_0001)
    #expect(p.key.portA == 40000)
    #expect(p.key.portB == 80)
    #expect(p.side == 0)
    #expect(p.sequence == 7)
    #expect(p.acknowledgement == 9)
    #expect(p.tcpFlags == 0x18)
    #expect(p.window == 512)
    #expect(p.payloadLength == 3)
    #expect(p.payloadOffset == 54)
    #expect(p.ipLength == 43)
    #expect(p.wireLength == 57)
    #expect(p.ttl == 63)
    #expect(p.trafficClass == 0xb8)
    #expect(p.flags & ParsedPacket.Flags.plain != 0)
  }

  @Test func bothDirectionsGiveOneKey() {
    let there = parse(Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(5000, 53))))
    let back = parse(
      Frames.ethernet(
        0x0800, Frames.ipv4(17, Frames.udp(53, 5000), src: 0x0a00_0002, dst: 0x0a00_0001)))
    #expect(there.packet.key == back.packet.key)
    #expect(there.packet.side == 0)
    #expect(back.packet.side == 1)
  }

  @Test func equalAddressesAreOrderedByPort() {
    let there = parse(
      Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(9, 8), src: 1, dst: 1)))
    let back = parse(Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(8, 9), src: 1, dst: 1)))
    #expect(there.packet.key == back.packet.key)
    #expect(there.packet.side != back.packet.side)
  }

  @Test func paddingIsNotPayload() {
    let frame =
      Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2, payload: [9])))
      + [UInt8](repeating: 0, count: 17)
    let parsed = parse(frame)
    #expect(frame.count == 60)
    #expect(parsed.packet.ipLength == 29)
    #expect(parsed.packet.payloadLength == 1)
    #expect(parsed.packet.wireLength == 60)
  }

  @Test func ipv4Options() {
    let frame = Frames.ethernet(
      0x0800, Frames.ipv4(17, Frames.udp(1, 2), options: [UInt8](repeating: 1, count: 40)))
    #expect(parse(frame).packet.payloadOffset == 14 + 60 + 8)
  }

  @Test func totalLengthZeroIsSegmentationOffload() {
    let frame = Frames.ethernet(
      0x0800, Frames.ipv4(6, Frames.tcp(1, 2, payload: [1, 2]), totalLength: 0))
    #expect(parse(frame).packet.ipLength == 42)
    #expect(parse(frame).packet.payloadLength == 2)
  }

  @Test func wireLengthStandsForWhatWasCut() {
    let frame = Frames.ethernet(
      0x0800, Frames.ipv4(6, Frames.tcp(1, 2), totalLength: 1500))
    let parsed = parse(frame, wire: 1514)
    #expect(parsed.packet.wireLength == 1514)
    #expect(parsed.packet.ipLength == 1500)
    #expect(parsed.packet.payloadLength == 1460)
    #expect(parsed.packet.flags & ParsedPacket.Flags.lengthBeyondFrame == 0)
  }

  /// The datagram ends where its own length says (RFC 768, RFC 9868); a length of 0, or one beyond what IP
  /// carries, says nothing.
  @Test(arguments: [(13, 5), (0, 9), (8, 0), (17, 9), (18, 9)])
  func datagramsEndWhereTheySay(_ declared: Int, _ payload: Int) {
    var datagram = Frames.udp(5000, 53, payload: [1, 2, 3, 4, 5, 6, 7, 8, 9])
    datagram.replaceSubrange(4..<6, with: Frames.be16(declared))
    for frame in [
      Frames.ethernet(0x0800, Frames.ipv4(17, datagram)),
      Frames.ethernet(0x86dd, Frames.ipv6(17, datagram)),
    ] {
      #expect(parse(frame).packet.payloadLength == UInt32(payload))
    }
  }

  @Test func lengthsThatLieAreClamped() {
    let frame = Frames.ethernet(
      0x0800, Frames.ipv4(6, Frames.tcp(1, 2), totalLength: 60000))
    let parsed = parse(frame)
    #expect(parsed.packet.ipLength == 40)
    #expect(parsed.packet.flags & ParsedPacket.Flags.lengthBeyondFrame != 0)
    #expect(parse(frame, wire: Int(UInt32.max)).packet.wireLength == 262_144)
    #expect(parse(frame, wire: 3).packet.wireLength == UInt32(frame.count))
  }

  @Test(arguments: [
    ([(0x8100, 5)], UInt16(5), UInt16(0xffff)), ([(0x88a8, 7), (0x8100, 9)], 7, 9),
    ([(0x9100, 0xe007), (0x8100, 0x6009)], 7, 9), ([(0x8100, 1), (0x8100, 2), (0x8100, 3)], 1, 2),
  ])
  func vlanTags(_ tags: [(Int, Int)], outer: UInt16, inner: UInt16) {
    let parsed = parse(
      Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)), tags: tags))
    #expect(parsed.verdict == PacketVerdict.flow)
    #expect(parsed.packet.vlanOuter == outer)
    #expect(parsed.packet.vlanInner == inner)
    #expect(parsed.packet.key.vlanOuter == outer)
    #expect(parsed.packet.key.vlanInner == (inner == 0xffff ? 0 : inner))
    #expect((parsed.packet.flags & ParsedPacket.Flags.plain != 0) == (tags.count == 1))
  }

  @Test func vlanOutsideTheKey() {
    let parsed = parse(
      Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)), tags: [(0x8100, 5)]),
      vlanInKey: false)
    #expect(parsed.packet.key.vlanOuter == 0)
    #expect(parsed.packet.vlanOuter == 5)
  }

  @Test func strippedTagsArePutBack() {
    let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)))
    let one = parse(frame, flags: UInt16(MARTLET_PACKET_VLAN_STRIPPED), vlan: 0x6005)
    #expect(one.packet.vlanOuter == 5)
    #expect(one.packet.key.vlanOuter == 5)
    let both = UInt16(MARTLET_PACKET_VLAN_STRIPPED | MARTLET_PACKET_QINQ_STRIPPED)
    let two = parse(frame, flags: both, vlan: 9, outer: 7)
    #expect(two.packet.vlanOuter == 7)
    #expect(two.packet.vlanInner == 9)
    // Stripped outside, another one still inside the frame.
    let mixed = parse(
      Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)), tags: [(0x8100, 9)]),
      flags: UInt16(MARTLET_PACKET_VLAN_STRIPPED), vlan: 7)
    #expect(mixed.packet.vlanOuter == 7)
    #expect(mixed.packet.vlanInner == 9)
  }

  @Test func labelsAndSessions() {
    let v4 = Frames.ipv4(17, Frames.udp(1, 2))
    let v6 = Frames.ipv6(17, Frames.udp(1, 2))
    let stack = Frames.be32(0x0001_0040) + Frames.be32(0x0002_0140)
    #expect(parse(Frames.ethernet(0x8847, stack + v4)).packet.key.ipVersion == 4)
    #expect(parse(Frames.ethernet(0x8848, stack + v6)).packet.key.ipVersion == 6)
    #expect(parse(Frames.ethernet(0x8847, stack + [0, 0, 0, 0])).cause == .mplsOther)
    let session: [UInt8] = [0x11, 0, 0, 1] + Frames.be16(v4.count + 2)
    #expect(parse(Frames.ethernet(0x8864, session + [0, 0x21] + v4)).verdict == 0)
    #expect(parse(Frames.ethernet(0x8864, session + [0, 0x57] + v6)).verdict == 0)
    #expect(parse(Frames.ethernet(0x8864, session + [0xc0, 0x21, 0])).cause == .pppoeControl)
    let snap: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00]
    #expect(parse(Frames.ethernet(snap.count + v4.count, snap + v4)).verdict == 0)
  }

  @Test func ipv6ExtensionHeaders() {
    let segment = Frames.tcp(1, 2, payload: [1])
    let hopByHop: [UInt8] = [60, 0, 0, 0, 0, 0, 0, 0]
    let destination: [UInt8] = [43, 1] + [UInt8](repeating: 0, count: 14)
    let routing: [UInt8] = [51, 0, 0, 0, 0, 0, 0, 0]
    let authentication: [UInt8] = [6, 4] + [UInt8](repeating: 0, count: 22)
    let chain = hopByHop + destination + routing + authentication + segment
    let parsed = parse(Frames.ethernet(0x86dd, Frames.ipv6(0, chain)))
    #expect(parsed.verdict == PacketVerdict.flow)
    #expect(parsed.packet.key.proto == 6)
    #expect(parsed.packet.payloadLength == 1)
    #expect(parsed.packet.flags & ParsedPacket.Flags.plain == 0)
    let many = [UInt8](repeating: 0, count: 8 * 13)
    #expect(parse(Frames.ethernet(0x86dd, Frames.ipv6(0, many))).cause == .tooManyIPv6Extensions)
  }

  @Test func atomicIPv6FragmentIsWhole() {
    let parsed = parse(
      Frames.ethernet(0x86dd, Frames.ipv6(44, [17, 0, 0, 0, 0, 0, 0, 9] + Frames.udp(1, 2))))
    #expect(parsed.verdict == PacketVerdict.flow)
    #expect(parsed.packet.flags & ParsedPacket.Flags.fragment == 0)
    #expect(parsed.packet.key.portB == 2)
  }

  @Test func aSecondFragmentHeaderDecides() {
    let first: [UInt8] = [60, 0, 0, 1, 0, 0, 0, 9]
    let options: [UInt8] = [44, 0, 1, 4, 0, 0, 0, 0]
    let later: [UInt8] = [17, 0, 0, 8, 0, 0, 0, 9]
    let parsed = parse(
      Frames.ethernet(
        0x86dd, Frames.ipv6(44, first + options + later + [UInt8](repeating: 1, count: 16))))
    #expect(parsed.verdict == PacketVerdict.laterFragment)
    #expect(parsed.packet.flags & ParsedPacket.Flags.firstFragment == 0)
    #expect(parsed.packet.flags & ParsedPacket.Flags.fragment != 0)
  }

  @Test func fragments() {
    let first = parse(
      Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2), id: 77, fragment: 0x2000)))
    #expect(first.packet.flags & ParsedPacket.Flags.firstFragment != 0)
    #expect(first.packet.key.portA == 1)
    #expect(first.packet.fragmentID == 77)
    let later = parse(
      Frames.ethernet(0x0800, Frames.ipv4(17, [1, 2, 3], id: 77, fragment: 0x0001)))
    #expect(later.verdict == PacketVerdict.laterFragment)
    #expect(later.packet.key.portA == 0)
    #expect(later.packet.payloadLength == 3)
    let six = parse(
      Frames.ethernet(0x86dd, Frames.ipv6(44, [17, 0, 0, 9, 1, 2, 3, 4] + [5, 6])))
    #expect(six.verdict == PacketVerdict.laterFragment)
    #expect(six.packet.fragmentID == 0x0102_0304)
  }

  @Test func icmpTypesStandForPorts() {
    let request = parse(Frames.ethernet(0x0800, Frames.ipv4(1, Frames.icmp(8))))
    let reply = parse(
      Frames.ethernet(
        0x0800, Frames.ipv4(1, Frames.icmp(0), src: 0x0a00_0002, dst: 0x0a00_0001)))
    #expect(request.packet.key == reply.packet.key)
    let unreachable = parse(Frames.ethernet(0x0800, Frames.ipv4(1, Frames.icmp(3, 1))))
    let other = parse(
      Frames.ethernet(
        0x0800, Frames.ipv4(1, Frames.icmp(3, 1), src: 0x0a00_0002, dst: 0x0a00_0001)))
    #expect(unreachable.packet.key.flags & FlowKey.Flags.oneWay != 0)
    #expect(unreachable.packet.key != other.packet.key)
    let solicitation = parse(Frames.ethernet(0x86dd, Frames.ipv6(58, Frames.icmp(135))))
    #expect(solicitation.packet.key.portA == 135)
    #expect(solicitation.packet.key.portB == 136)
  }

  @Test(arguments: [
    (UInt8(132), UInt16(1), UInt16(2)), (50, 0, 0), (2, 0, 0), (103, 0, 0),
  ])
  func otherProtocols(_ proto: UInt8, a: UInt16, b: UInt16) {
    let parsed = parse(
      Frames.ethernet(0x0800, Frames.ipv4(proto, [0, 1, 0, 2] + [UInt8](repeating: 0, count: 8))))
    #expect(parsed.verdict == PacketVerdict.flow)
    #expect(parsed.packet.key.proto == proto)
    #expect(parsed.packet.key.portA == a)
    #expect(parsed.packet.key.portB == b)
  }

  @Test func authenticatedPayloadIsTheFlow() {
    let header: [UInt8] = [17, 4] + [UInt8](repeating: 0, count: 22)
    let parsed = parse(Frames.ethernet(0x0800, Frames.ipv4(51, header + Frames.udp(1, 2))))
    #expect(parsed.packet.key.proto == 17)
    #expect(parsed.packet.key.portB == 2)
  }

  // MARK: What is not IP

  @Test(arguments: [
    (0x0806, Counter.arp), (0x88cc, .lldp), (0x8809, .slowProtocols), (0x8808, .macControl),
    (0x888e, .eapol), (0x88f7, .ptp), (0x88e5, .macsec), (0x8863, .pppoeDiscovery),
    (0x9999, .otherEthertype),
  ])
  func namesWhatIsNotIP(_ type: Int, counter: Counter) {
    #expect(parse(Frames.ethernet(type, [UInt8](repeating: 0, count: 46))).cause == counter)
  }

  @Test func spanningTreeAndOtherLLC() {
    #expect(parse(Frames.ethernet(38, [0x42, 0x42, 3, 0])).cause == .spanningTree)
    #expect(parse(Frames.ethernet(38, [0xe0, 0xe0, 3, 0])).cause == .llc)
  }
}
