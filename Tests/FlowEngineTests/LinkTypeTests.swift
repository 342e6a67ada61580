import FlowEngine
import Testing

/// Each link type of capture files around the same segments, and what is no IP in it.
@Suite struct LinkTypeTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var linkType: UInt32
    /// What stands before the IP header.
    var head: [UInt8]
    var isV6 = false
    var vlan: UInt16 = 0xffff
    /// The header ends with one of Ethernet, whose addresses are the flow's.
    var hasMACs = false
  }

  static let segment = Frames.tcp(40_000, 443, payload: [UInt8](repeating: 9, count: 11))
  static let v4 = Frames.ipv4(6, segment, src: 0xc0a8_0101, dst: 0xc0a8_0202)
  static let v6 = Frames.ipv6(6, segment)
  static let macs = Frames.macB + Frames.macA

  static func cooked(_ proto: Int, device: Int = 1, _ rest: [UInt8] = []) -> [UInt8] {
    [0, 0] + Frames.be16(device) + [0, 6] + Frames.macA + [0, 0] + Frames.be16(proto) + rest
  }

  static func cooked2(_ proto: Int, device: Int = 1, _ rest: [UInt8] = []) -> [UInt8] {
    Frames.be16(proto) + [0, 0, 0, 0, 0, 3] + Frames.be16(device) + [0, 6] + Frames.macA + [0, 0]
      + rest
  }

  static func wlan(
    _ control: UInt8 = 0x08, flags: UInt8 = 0x01, sequence: [UInt8] = [0x10, 0],
    _ rest: [UInt8] = [],
    llc: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0]
  ) -> [UInt8] {
    [control, flags, 0, 0] + macs + Frames.macA + sequence + rest + llc
  }

  static let radiotap: [UInt8] = [0, 0, 9, 0, 0x02, 0, 0, 0, 0x00]
  static let snap: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0]
  static let zeros = [UInt8](repeating: 0, count: 144)

  static let raw: [Case] = [
    Case(testDescription: "RAW", linkType: 101, head: []),
    Case(testDescription: "RAW, IPv6", linkType: 101, head: [], isV6: true),
    Case(testDescription: "DLT_RAW", linkType: 12, head: []),
    Case(testDescription: "OpenBSD's DLT_RAW", linkType: 14, head: [], isV6: true),
    Case(testDescription: "IPV4", linkType: 228, head: []),
    Case(testDescription: "IPV6", linkType: 229, head: [], isV6: true),
    Case(testDescription: "NULL, little-endian", linkType: 0, head: [2, 0, 0, 0]),
    Case(testDescription: "NULL, big-endian", linkType: 0, head: [0, 0, 0, 2]),
    Case(testDescription: "NULL, Linux", linkType: 0, head: [10, 0, 0, 0], isV6: true),
    Case(testDescription: "NULL, NetBSD", linkType: 0, head: [0, 0, 0, 24], isV6: true),
    Case(testDescription: "NULL, FreeBSD", linkType: 0, head: [28, 0, 0, 0], isV6: true),
    Case(testDescription: "NULL, Darwin", linkType: 0, head: [30, 0, 0, 0], isV6: true),
    Case(testDescription: "LOOP", linkType: 108, head: [0, 0, 0, 24], isV6: true),
    Case(testDescription: "ENC", linkType: 109, head: [2] + zeros[..<11]),
    Case(testDescription: "SLIP", linkType: 8, head: Array(zeros[..<16])),
    Case(
      testDescription: "NFLOG", linkType: 239,
      head: [2, 0, 0, 1, 6, 0, 10, 0, 1, 2, 0, 0, 0xff, 0, 9, 0]),
    Case(
      testDescription: "NFLOG, big-endian", linkType: 239,
      head: [10, 0, 0, 1, 0, 5, 0, 1, 1, 0, 0, 0, 0, 0xff, 0, 9], isV6: true),
  ]

  static let linux: [Case] = [
    Case(testDescription: "SLL", linkType: 113, head: cooked(0x0800)),
    Case(testDescription: "SLL, IPv6", linkType: 113, head: cooked(0x86dd), isV6: true),
    Case(
      testDescription: "SLL, VLAN", linkType: 113, head: cooked(0x8100, [0, 7, 8, 0]), vlan: 7),
    Case(testDescription: "SLL, LLC", linkType: 113, head: cooked(4, snap)),
    Case(testDescription: "SLL, 802.11", linkType: 113, head: cooked(4, device: 801, wlan())),
    Case(
      testDescription: "SLL, radiotap", linkType: 113,
      head: cooked(4, device: 803, radiotap + wlan())),
    Case(testDescription: "SLL2", linkType: 276, head: cooked2(0x0800)),
    Case(
      testDescription: "SLL2, VLAN", linkType: 276, head: cooked2(0x88a8, [0, 7, 0x86, 0xdd]),
      isV6: true, vlan: 7),
  ]

  static let serial: [Case] = [
    Case(testDescription: "PPP", linkType: 9, head: [0xff, 3, 0, 0x21]),
    Case(testDescription: "PPP, no address", linkType: 9, head: [0, 0x57], isV6: true),
    Case(testDescription: "PPP, one byte", linkType: 9, head: [0x21]),
    Case(testDescription: "PPP, MPLS", linkType: 9, head: [0xff, 3, 2, 0x81, 0, 1, 1, 64]),
    Case(testDescription: "PPP, HDLC after all", linkType: 9, head: [0x0f, 0, 8, 0]),
    Case(testDescription: "PPP_HDLC", linkType: 50, head: [0xff, 3, 0, 0x21]),
    Case(
      testDescription: "PPP_HDLC, Cisco", linkType: 50, head: [0x8f, 0, 0x86, 0xdd], isV6: true),
    Case(testDescription: "PPP_WITH_DIR", linkType: 204, head: [1, 0xff, 3, 0, 0x21]),
    Case(testDescription: "PPP_PPPD", linkType: 166, head: [1, 3, 0, 0x21]),
    Case(testDescription: "PPP_ETHER", linkType: 51, head: [0x11, 0, 0, 1, 0, 60, 0, 0x21]),
    Case(testDescription: "C_HDLC", linkType: 104, head: [0x0f, 0, 8, 0]),
    Case(testDescription: "C_HDLC, MPLS", linkType: 104, head: [0x0f, 0, 0x88, 0x47, 0, 1, 1, 64]),
    Case(testDescription: "C_HDLC_WITH_DIR", linkType: 205, head: [0, 0x0f, 0, 8, 0]),
    Case(testDescription: "FRELAY", linkType: 107, head: [0x18, 0x41, 3, 0xcc]),
    Case(
      testDescription: "FRELAY, padded", linkType: 107, head: [0x18, 0x41, 3, 0, 0x8e], isV6: true),
    Case(
      testDescription: "FRELAY, SNAP", linkType: 107,
      head: [0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]),
    Case(
      testDescription: "FRELAY, bridged", linkType: 107,
      head: [0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7] + macs + [0x81, 0, 0, 9, 8, 0], vlan: 9,
      hasMACs: true),
    Case(testDescription: "FRELAY, Cisco", linkType: 107, head: [0x18, 0x40, 0, 0x41, 8, 0]),
    Case(testDescription: "FRELAY, PPP", linkType: 107, head: [0x18, 0x41, 3, 0xcf, 0, 0x21]),
    Case(testDescription: "FRELAY_WITH_DIR", linkType: 206, head: [0, 0x18, 0x41, 3, 0xcc]),
    Case(testDescription: "ATM_RFC1483", linkType: 100, head: snap),
    Case(testDescription: "MPLS", linkType: 219, head: [0, 1, 1, 64], isV6: true),
  ]

  static let wireless: [Case] = [
    Case(testDescription: "802.11", linkType: 105, head: wlan()),
    Case(testDescription: "802.11, QoS", linkType: 105, head: wlan(0x88, [0, 0])),
    Case(
      testDescription: "802.11, four addresses", linkType: 105,
      head: wlan(0x88, flags: 0x03, Frames.macA + [0, 0])),
    Case(
      testDescription: "802.11, HT control", linkType: 105,
      head: wlan(0x88, flags: 0x81, [0, 0, 1, 2, 3, 4])),
    Case(
      testDescription: "802.11, A-MSDU", linkType: 105,
      head: wlan(0x88, [0x80, 0] + macs + [0, 80])),
    Case(testDescription: "radiotap", linkType: 127, head: radiotap + wlan()),
    Case(
      testDescription: "radiotap, padded", linkType: 127,
      head: [0, 0, 25, 0, 0x03, 0, 0, 0x80, 0, 0, 0, 0] + zeros[..<12] + [0x20]
        + wlan(0x88, [0, 0, 0, 0])),
    Case(
      testDescription: "Prism", linkType: 119,
      head: [0x44, 0, 0, 0, 144, 0, 0, 0] + zeros[..<136] + wlan()),
    Case(
      testDescription: "Prism, AVS", linkType: 119,
      head: [0x80, 0x21, 0x10, 1, 0, 0, 0, 64] + zeros[..<56] + wlan()),
    Case(
      testDescription: "AVS", linkType: 163,
      head: [0x80, 0x21, 0x10, 2, 0, 0, 0, 80] + zeros[..<72] + wlan()),
  ]

  static let prefixed: [Case] = [
    Case(testDescription: "PPI, 802.11", linkType: 192, head: [0, 0, 8, 0, 105, 0, 0, 0] + wlan()),
    Case(
      testDescription: "PPI, Ethernet", linkType: 192,
      head: [0, 0, 12, 0, 1, 0, 0, 0, 9, 9, 9, 9] + macs + [8, 0], hasMACs: true),
    Case(
      testDescription: "PKTAP, raw", linkType: 258,
      head: [16, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0]),
    Case(
      testDescription: "JUNIPER_ETHER", linkType: 178,
      head: [0x4d, 0x47, 0x43, 0x81, 0, 3, 1, 2, 3] + macs + [8, 0], hasMACs: true),
    Case(
      testDescription: "Broadcom's tag", linkType: 281, head: macs + [0, 0, 0, 1, 8, 0],
      hasMACs: true),
    Case(
      testDescription: "Broadcom's tag in front", linkType: 282,
      head: [0, 0, 0, 1] + macs + [8, 0],
      hasMACs: true),
    Case(
      testDescription: "DSA", linkType: 284, head: macs + [0xe0, 0, 0, 6, 8, 0], vlan: 6,
      hasMACs: true),
    Case(
      testDescription: "EDSA", linkType: 285,
      head: macs + [0xda, 0xda, 0, 0, 0xc0, 0, 0, 6, 8, 0], hasMACs: true),
  ]

  static let cases = raw + linux + serial + wireless + prefixed

  @Test(arguments: cases)
  func isTheFlow(_ one: Case) {
    let ip = one.isV6 ? Self.v6 : Self.v4
    let frame = one.head + ip
    let parsed = parse(frame, linkType: one.linkType)
    let plain = parse(
      Frames.ethernet(
        one.isV6 ? 0x86dd : 0x0800, ip,
        tags: one.vlan == 0xffff ? [] : [(0x8100, Int(one.vlan))]))
    #expect(parsed.verdict == PacketVerdict.flow, "\(parsed.cause.map { "\($0)" } ?? "")")
    #expect(parsed.packet.key == plain.packet.key)
    #expect(parsed.packet.hash == plain.packet.hash)
    #expect(parsed.packet.side == plain.packet.side)
    #expect(parsed.packet.payloadLength == 11)
    #expect(Int(parsed.packet.ipLength) == ip.count)
    #expect(parsed.packet.vlanOuter == one.vlan)
    #expect(Int(parsed.packet.wireLength) == frame.count)
    #expect((parsed.packet.flags & ParsedPacket.Flags.ethernet != 0) == one.hasMACs)
    #expect(parsed.packet.flags & ParsedPacket.Flags.plain == 0)
    #expect(PacketParser.reads(linkType: one.linkType))
  }

  /// Cut anywhere, each frame ends in one verdict: a cause until the ports are there, then the flow.
  @Test(arguments: cases)
  func cutAnywhere(_ one: Case) {
    let frame = one.head + (one.isV6 ? Self.v6 : Self.v4)
    let ports = one.head.count + (one.isV6 ? 40 : 20) + 4
    for captured in 0...frame.count {
      let parsed = parse(frame, captured: captured, linkType: one.linkType)
      if captured >= ports {
        #expect(parsed.verdict == PacketVerdict.flow)
      } else {
        #expect(parsed.cause != nil && parsed.cause != .unknownLinkType, "\(captured)")
      }
    }
  }

  /// Bytes of any kind, whatever link type they are said to be of.
  @Test func anyBytes() {
    var generator = SplitMix(state: 21)
    for linkType in 0..<300 as Range<UInt32> {
      for _ in 0..<200 {
        let frame = (0..<Int.random(in: 0..<96, using: &generator)).map { _ in
          // Small numbers are what lengths and types are made of.
          UInt8.random(in: 0...255, using: &generator)
            & (Bool.random(using: &generator) ? 0xff : 0x0f)
        }
        let parsed = parse(frame, linkType: linkType)
        #expect(
          parsed.cause != nil || parsed.verdict == PacketVerdict.flow
            || parsed.verdict == PacketVerdict.laterFragment)
        if !PacketParser.reads(linkType: linkType) { #expect(parsed.cause == .unknownLinkType) }
      }
    }
  }

  @Test func byName() {
    func cause(_ linkType: UInt32, _ frame: [UInt8]) -> Counter? {
      parse(frame, linkType: linkType).cause
    }
    let ip = Self.v4
    #expect(cause(147, ip) == .unknownLinkType)
    #expect(cause(192, [0, 0, 8, 0, 147, 0, 0, 0] + ip) == .unknownLinkType)
    #expect(cause(192, [0, 0, 7, 0, 105, 0, 0, 0] + ip) == .badLinkHeader)
    #expect(cause(258, [11, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0] + ip) == .badLinkHeader)
    #expect(cause(101, [0x50, 0, 0, 0]) == .otherLinkProtocol)
    #expect(cause(0, [7, 0, 0, 0] + ip) == .otherLinkProtocol)
    #expect(cause(113, Self.cooked(0x0806, [0, 1])) == .arp)
    #expect(cause(113, Self.cooked(0x000c) + ip) == .otherLinkProtocol)
    #expect(cause(113, Self.cooked(0x0800, device: 824) + ip) == .otherLinkProtocol)
    #expect(cause(113, Self.cooked(4, [0x42, 0x42, 3, 0])) == .spanningTree)
    #expect(cause(9, [0xff, 3, 0xc0, 0x21, 1, 1]) == .pppOther)
    #expect(cause(51, [0x11, 0, 0, 1, 0, 6, 0xc0, 0x21, 1]) == .pppoeControl)
    #expect(cause(51, [0x11, 9, 0, 0, 0, 0, 0, 0]) == .pppoeDiscovery)
    #expect(cause(104, [0x8f, 0, 0x80, 0x35, 0, 0]) == .otherLinkProtocol)
    #expect(cause(107, [0x18, 0x41, 3, 0x81, 0, 0]) == .otherLinkProtocol)
    #expect(cause(107, [0x18, 0x40, 0, 0, 0, 0]) == .badLinkHeader)
    #expect(cause(105, Self.wlan(0x80) + ip) == .wlanManagement)
    #expect(cause(105, Self.wlan(0xd4) + ip) == .wlanControl)
    #expect(cause(105, Self.wlan(0x48) + ip) == .wlanNull)
    #expect(cause(105, Self.wlan(flags: 0x41) + ip) == .wlanProtected)
    #expect(cause(105, Self.wlan(sequence: [0x11, 0]) + ip) == .wlanFragment)
    #expect(cause(127, [1] + Self.radiotap.dropFirst() + Self.wlan() + ip) == .badLinkHeader)
    #expect(cause(239, [2, 0, 0, 1, 3, 0, 9, 0] + ip) == .badLinkHeader)
    #expect(cause(178, [1, 2, 3, 4, 5, 6] + Self.macs + [8, 0] + ip) == .badLinkHeader)
  }

  @Test func whatIsNotReadIsNamed() {
    let notRead = (0..<300 as Range<UInt32>).filter { !PacketParser.reads(linkType: $0) }
    #expect(notRead.count > 200)
    #expect(notRead.contains(147) && !notRead.contains(1) && !notRead.contains(192))
    for linkType in notRead {
      #expect(parse(Self.v4, captured: 0, linkType: linkType).cause == .unknownLinkType)
    }
  }
}
