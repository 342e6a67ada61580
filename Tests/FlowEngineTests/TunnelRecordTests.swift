import FlowEngine
import Testing

/// What a flow's record says of the tunnel around it.
@Suite struct TunnelRecordTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var kind: TunnelKind
    var identifier: UInt32
    var port: UInt16
    /// What stands in IP: its protocol, and all behind it.
    var proto: UInt8
    var carried: [UInt8]
    var depth: UInt8 = 1

    init(
      _ name: String, _ kind: TunnelKind, id: UInt32 = 0, port: Int = 0, proto: UInt8,
      _ carried: [UInt8], depth: UInt8 = 1
    ) {
      testDescription = name
      self.kind = kind
      identifier = id
      self.port = UInt16(port)
      self.proto = proto
      self.carried = carried
      self.depth = depth
    }

    init(
      _ name: String, _ kind: TunnelKind, id: UInt32 = 0, udp port: Int, _ payload: [UInt8],
      depth: UInt8 = 1
    ) {
      self.init(
        name, kind, id: id, port: port, proto: 17, Frames.udp(50_000, port, payload: payload),
        depth: depth)
    }
  }

  static let packet = Frames.ipv4(6, Frames.tcp(40_000, 443), src: 0xc0a8_0101, dst: 0xc0a8_0202)
  static let packet6 = Frames.ipv6(6, Frames.tcp(40_000, 443))
  static let frame = Frames.ethernet(0x0800, packet)
  static let vxlan: [UInt8] = [8, 0, 0, 0, 0, 0x12, 0x34, 0]
  static let zeros = [UInt8](repeating: 0, count: 4)

  private static func gre(_ flags: Int, _ proto: Int, _ rest: [UInt8]) -> [UInt8] {
    Frames.be16(flags) + Frames.be16(proto) + rest
  }

  static let cases: [Case] = [
    Case("IP in IP", .ipip, proto: 4, packet),
    Case("GRE", .gre, proto: 47, gre(0, 0x0800, packet)),
    Case(
      "GRE with key", .gre, id: 0xdead_beef, proto: 47,
      gre(0x2000, 0x0800, [0xde, 0xad, 0xbe, 0xef] + packet)),
    Case(
      "GRE with checksum, key and sequence", .gre, id: 77, proto: 47,
      gre(0xb000, 0x0800, zeros + Frames.be32(77) + zeros + packet)),
    Case(
      "PPTP", .pptp, id: 0x1234, proto: 47,
      gre(0x3001, 0x880b, [0, 40, 0x12, 0x34] + zeros + [0xff, 3, 0, 0x21] + packet)),
    Case("ERSPAN I", .erspan, proto: 47, gre(0, 0x88be, frame)),
    Case(
      "ERSPAN II", .erspan, id: 0x155, proto: 47,
      gre(0x1000, 0x88be, zeros + [0x10, 0, 0x09, 0x55] + zeros + frame)),
    Case(
      "ERSPAN III", .erspan, id: 0x2aa, proto: 47,
      gre(0x1000, 0x22eb, zeros + [0x20, 0, 0x02, 0xaa] + zeros + zeros + frame)),
    Case("EtherIP", .etherIP, proto: 97, [0x30, 0] + frame),
    Case("MPLS", .mpls, id: 0xabcde, proto: 137, [0xab, 0xcd, 0xe1, 64] + packet),
    Case("VXLAN", .vxlan, id: 0x1234, udp: 4789, vxlan + frame),
    Case("VXLAN on the old port", .vxlan, id: 0x1234, udp: 8472, vxlan + frame),
    Case("VXLAN-GPE", .vxlanGPE, id: 0x100, udp: 4790, [0x0c, 0, 0, 1, 0, 1, 0, 0] + packet),
    Case(
      "Geneve", .geneve, id: 0x010203, udp: 6081, [1, 0, 0x65, 0x58, 1, 2, 3, 0] + zeros + frame),
    Case(
      "GTP-U", .gtpu, id: 0xcafe_0001, udp: 2152, [0x30, 0xff, 0, 40, 0xca, 0xfe, 0, 1] + packet),
    Case("Teredo", .teredo, udp: 3544, packet6),
    Case("L2TP", .l2tp, id: 0x0007_0009, udp: 1701, [0, 2, 0, 7, 0, 9, 0xff, 3, 0, 0x21] + packet),
    Case(
      "L2TP with length", .l2tp, id: 0x0007_0009, udp: 1701,
      [0x40, 2, 0, 60, 0, 7, 0, 9, 0xff, 3, 0, 0x21] + packet),
    Case("GRE over UDP", .gre, id: 9, udp: 4754, gre(0x2000, 0x0800, Frames.be32(9) + packet)),
    Case("MPLS over UDP", .mpls, id: 5, udp: 6635, [0, 0, 0x51, 64] + packet),
    // The innermost one is told, and how many there are.
    Case(
      "VXLAN in GRE in IP", .vxlan, id: 0x1234, port: 4789, proto: 4,
      Frames.ipv4(
        47,
        gre(
          0, 0x0800,
          Frames.ipv4(
            17, Frames.udp(1, 4789, payload: vxlan + frame), src: 0x0b00_0001, dst: 0x0b00_0002)),
        src: 0x0c00_0001, dst: 0x0c00_0002), depth: 3),
  ]

  private static func only(_ frames: [[UInt8]]) throws -> FlowRecord {
    let bed = WorkerBed()
    bed.start(at: 1)
    for frame in frames { bed.add(frame, at: 1) }
    bed.run()
    let records = bed.finish()
    #expect(records.count == 1)
    #expect(bed.unaccounted == [0])
    return try #require(records.first)
  }

  @Test(arguments: cases)
  func overIPv4(_ expected: Case) throws {
    let record = try Self.only([
      Frames.ethernet(
        0x0800, Frames.ipv4(expected.proto, expected.carried, src: 0x0a00_0009, dst: 0x0a00_0008),
        tags: [(0x8100, 5)])
    ])
    #expect(record.originator.port == 40_000 && record.hasTunnel)
    let isDeep = expected.depth > 1
    #expect(record.tunnel.kind == expected.kind.rawValue)
    #expect(record.tunnel.identifier == expected.identifier)
    #expect(record.tunnel.port == expected.port)
    #expect(record.tunnel.proto(ofVersion: 4) == (expected.port != 0 ? 17 : expected.proto))
    #expect(record.tunnel.depth == expected.depth)
    #expect(record.tunnel.ipVersion == 4)
    #expect(record.tunnel.source.v4 == (isDeep ? 0x0b00_0001 : 0x0a00_0009))
    #expect(record.tunnel.destination.v4 == (isDeep ? 0x0b00_0002 : 0x0a00_0008))
  }

  @Test(arguments: cases.filter { $0.depth == 1 })
  func overIPv6(_ expected: Case) throws {
    let record = try Self.only([
      Frames.ethernet(
        0x86dd, Frames.ipv6(expected.proto, expected.carried, src: Frames.v6B, dst: Frames.v6A))
    ])
    #expect(record.originator.port == 40_000 && record.hasTunnel)
    #expect(record.tunnel.kind == expected.kind.rawValue)
    #expect(record.tunnel.identifier == expected.identifier)
    #expect(record.tunnel.port == expected.port)
    #expect(record.tunnel.depth == 1)
    #expect(record.tunnel.ipVersion == 6)
    #expect(record.tunnel.source == IPAddress(high: 0x2001_0db8_0000_0000, low: 2))
    #expect(record.tunnel.destination == IPAddress(high: 0x2001_0db8_0000_0000, low: 1))
  }

  /// IPv6 within IPv4 has a name of its own; within IPv6 it is IP in IP.
  @Test func sixInFour() throws {
    let four = try Self.only([Frames.ethernet(0x0800, Frames.ipv4(41, Self.packet6))])
    #expect(four.tunnel.kind == TunnelKind.sixInFour.rawValue)
    #expect(four.tunnel.proto(ofVersion: 6) == 41)
    let six = try Self.only([Frames.ethernet(0x86dd, Frames.ipv6(41, Self.packet6))])
    #expect(six.tunnel.kind == TunnelKind.ipip.rawValue)
    #expect(six.tunnel.ipVersion == 6)
  }

  @Test func everyKindHasItsCase() {
    let seen = Set(Self.cases.map(\.kind)).union([.sixInFour])
    #expect(seen == Set(TunnelKind.allCases))
  }

  /// What is in no tunnel says so, and so does a tunnel whose content makes no sense.
  @Test func withoutATunnel() throws {
    for packet in [
      Self.packet, Frames.ipv4(17, Frames.udp(50_000, 4789, payload: Self.vxlan + [1, 2, 3])),
      Frames.ipv4(4, [UInt8](repeating: 0xff, count: 30)),
    ] {
      let record = try Self.only([Frames.ethernet(0x0800, packet)])
      #expect(!record.hasTunnel)
    }
  }

  /// IP in IP whose inner header is of the other version is the outer flow, and is reported.
  @Test(arguments: [(4, packet6), (41, packet)] as [(UInt8, [UInt8])])
  func theOtherVersionIsNoTunnel(_ proto: UInt8, _ inner: [UInt8]) throws {
    let bed = WorkerBed()
    bed.start(at: 1)
    bed.add(Frames.ethernet(0x0800, Frames.ipv4(proto, inner)), at: 1)
    bed.run()
    let record = try #require(bed.finish().first)
    #expect(record.hot.key.proto == proto && !record.hasTunnel)
    #expect(bed.reported() == [.badInnerVersion])
  }

  /// ERSPAN takes a mirrored frame's tag off and says it in its own header.
  @Test func theMirroredFramesVLAN() throws {
    for (header, vlan) in [
      (Self.gre(0x1000, 0x88be, Self.zeros + [0x10, 99, 0, 1] + Self.zeros), 99),
      (Self.gre(0x1000, 0x22eb, Self.zeros + [0x2a, 0xbc, 0, 1] + Self.zeros + Self.zeros), 0xabc),
      (Self.gre(0x1000, 0x88be, Self.zeros + [0x10, 0, 0, 1] + Self.zeros), 0xffff),
    ] {
      let record = try Self.only([
        Frames.ethernet(
          0x0800, Frames.ipv4(47, header + Self.frame), tags: [(0x8100, 5)])
      ])
      #expect(Int(record.cold.vlanOuter) == vlan)
      #expect(Int(record.hot.key.vlanOuter) == (vlan == 0xffff ? 0 : vlan))
    }
  }

  // MARK: Room

  /// A frame of flow `port` in tunnel `vni`.
  private static func flow(_ port: Int, in vni: Int) -> [UInt8] {
    let inner = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(port, 53)))
    let header: [UInt8] = [8, 0, 0, 0, 0] + Frames.be16(vni) + [0]
    return Frames.ethernet(
      0x0800, Frames.ipv4(17, Frames.udp(50_000, 4789, payload: header + inner)))
  }

  /// 1,024 flows have room for 64 tunnels: what is beyond is counted, and its flows are kept.
  @Test func tunnelsBeyondTheRoomAreCounted() {
    let bed = WorkerBed(capacity: 1024)
    bed.start(at: 1)
    for i in 0..<70 { bed.add(Self.flow(1000 + i, in: i), at: 1) }
    // Flows more in tunnels that are known take no more room.
    for i in 0..<70 { bed.add(Self.flow(2000 + i, in: i % 64), at: 1) }
    bed.run(now: 1)
    #expect(bed.total(.tunnelsNotKept) == 6)
    bed.advance(to: 40)
    let records = bed.takeRecords()
    #expect(records.count == 140)
    #expect(records.count { $0.hasTunnel } == 134)
    for record in records where record.hasTunnel {
      let port = Int(record.originator.port)
      #expect(Int(record.tunnel.identifier) == (port < 2000 ? port - 1000 : (port - 2000) % 64))
    }
    // All have ended, and all 64 places are free again, in whatever order they were given back.
    for i in 0..<65 { bed.add(Self.flow(1000 + i, in: 5000 + i), at: 41) }
    bed.run(now: 41)
    #expect(bed.total(.tunnelsNotKept) == 7)
    #expect(bed.finish().count { $0.hasTunnel } == 64)
    #expect(bed.unaccounted == [0])
  }

  /// A tunnel is kept as long as one of its flows lives.
  @Test func aTunnelLivesAsLongAsItsFlows() {
    let bed = WorkerBed(capacity: 1024)
    bed.start(at: 1)
    for i in 0..<64 { bed.add(Self.flow(1000 + i, in: i), at: 1) }
    bed.add(Self.flow(3000, in: 7), at: 20)
    bed.run(now: 20)
    bed.advance(to: 35)
    #expect(bed.takeRecords().count == 64)
    // 63 places are free: the 64th new tunnel finds none.
    for i in 0..<64 { bed.add(Self.flow(1000 + i, in: 100 + i), at: 36) }
    bed.run(now: 36)
    #expect(bed.total(.tunnelsNotKept) == 1)
    let last = bed.finish().first { $0.originator.port == 3000 }
    #expect(last?.tunnel.identifier == 7)
  }

  // MARK: Headers before IP

  /// Headers of fabrics in front of the frame or the tag: the flow is the one within.
  @Test func fabricHeaders() throws {
    let ip: [UInt8] = [0x08, 0x00] + Self.packet
    let fabricPath = Frames.ethernet(0x8903, [0x12, 0x34] + Self.frame)
    let eTag = Frames.ethernet(0x893f, [0, 1, 0, 2, 0, 0] + ip)
    let vnTag = Frames.ethernet(0x8926, [0, 1, 0, 2] + ip)
    let tagged = Frames.ethernet(0x893f, [0, 1, 0, 2, 0, 0, 0x81, 0, 0, 9] + ip)
    for (name, frame, vlan) in [
      ("FabricPath", fabricPath, 0xffff), ("E-Tag", eTag, 0xffff), ("VN-Tag", vnTag, 0xffff),
      ("E-Tag and VLAN", tagged, 9),
    ] {
      let record = try Self.only([frame])
      #expect(record.originator.port == 40_000, "\(name)")
      #expect(Int(record.cold.vlanOuter) == vlan, "\(name)")
      #expect(!record.hasTunnel, "\(name)")
      // Cut at every byte it is a cause or the flow, never a read behind the cut.
      for length in 0..<frame.count {
        let parsed = parse(frame, captured: length, wire: frame.count)
        #expect(parsed.verdict == PacketVerdict.flow || parsed.cause != nil)
      }
    }
  }
}
