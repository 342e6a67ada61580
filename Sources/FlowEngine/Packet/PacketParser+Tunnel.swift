// What is carried within IP and UDP, down to the innermost packet: IP in IP (RFC 2003, RFC 4213, RFC
// 2473), GRE (RFC 2784, RFC 2890, RFC 2637) with ERSPAN (draft-foschiano-erspan), EtherIP (RFC 3378),
// VXLAN (RFC 7348, draft-ietf-nvo3-vxlan-gpe), Geneve (RFC 8926), GTP-U (3GPP TS 29.281), Teredo (RFC
// 4380), L2TP (RFC 2661), MPLS (RFC 4023, RFC 7510).
//
// A tunnel whose content makes no sense is no tunnel: the packet then counts in the outer flow. Nor is
// a fragment looked into: the later ones of its datagram could not be.

extension PacketParser {
  /// What stands behind a tunnel's header.
  private enum Inner: Equatable {
    case ip
    /// What an Ethertype says: MPLS, NSH.
    case link(UInt16)
    case ethernet
    case ppp
    case none
  }

  /// IP protocols that carry packets.
  @inline(__always)
  static func isTunnel(proto: UInt8) -> Bool {
    proto == 4 || proto == IPProtocol.ipv6 || proto == IPProtocol.gre || proto == 97
      || proto == Self.mplsInIP
  }

  /// IP's protocol number of MPLS (RFC 4023).
  private static var mplsInIP: UInt8 { 137 }

  /// From the lowest to the highest port of ``isTunnel(port:)``.
  @inline(__always)
  static var tunnelPorts: ClosedRange<UInt16> { 1701...8472 }

  /// UDP ports whose datagrams carry packets.
  @inline(__always)
  package static func isTunnel(port: UInt16) -> Bool {
    switch port {
    case 4789, 8472, 4790, 6081, 2152, 3544, 1701, 4754, 6635: true
    default: false
    }
  }

  /// Goes on from an IP header whose protocol is a tunnel's; the outer key is set.
  @inline(never)
  func parseTunnel(
    _ cursor: Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, proto: UInt8, length: Int
  ) -> UInt8 {
    guard out.pointee.flags & ParsedPacket.Flags.fragment == 0 else { return PacketVerdict.flow }
    var inner = cursor.within(length)
    var kind = Inner.none
    var tunnel = TunnelKind.ipip
    var vlan: UInt16 = 0
    let header = inner.base &+ inner.offset
    switch proto {
    case 4, IPProtocol.ipv6:
      // The protocol says which version, and a header of the other one is no packet within this one.
      guard inner.has(1), inner.data.u8(inner.offset) >> 4 == (proto == 4 ? 4 : 6) else {
        out.pointee.flags |= ParsedPacket.Flags.badInnerVersion
        return PacketVerdict.flow
      }
      kind = .ip
      if proto != 4 && out.pointee.key.ipVersion == 4 { tunnel = .sixInFour }
    case IPProtocol.gre: kind = skipGRE(&inner, &tunnel, &vlan)
    case Self.mplsInIP: (kind, tunnel) = (.link(0x8847), .mpls)
    default:
      tunnel = .etherIP
      // EtherIP: version 3, twelve bits of zero.
      if inner.has(2), inner.data.be16(inner.offset) == 0x3000 {
        inner.offset &+= 2
        kind = .ethernet
      }
    }
    return parseInner(&inner, out, kind, tunnel, header: header, vlan: vlan)
  }

  /// Goes on from a UDP header with a tunnel's port; the outer key is set. `length` is the payload's.
  @inline(never)
  func parseUDPTunnel(
    _ cursor: Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, source: UInt16,
    destination: UInt16, length: Int
  ) -> UInt8 {
    guard out.pointee.flags & ParsedPacket.Flags.fragment == 0 else { return PacketVerdict.flow }
    var inner = cursor.within(length &+ 8)
    inner.offset &+= 8
    let header = inner.base &+ inner.offset
    let kind: Inner
    let tunnel: TunnelKind
    var vlan: UInt16 = 0
    // Senders of VXLAN, Geneve and GTP-U choose their source ports freely; Teredo's and L2TP's servers
    // answer from theirs.
    switch destination {
    case 4789, 8472: (kind, tunnel) = (skipVXLAN(&inner), .vxlan)
    case 4790: (kind, tunnel) = (skipVXLANGPE(&inner), .vxlanGPE)
    case 6081: (kind, tunnel) = (skipGeneve(&inner), .geneve)
    case 2152: (kind, tunnel) = (skipGTPU(&inner), .gtpu)
    case 4754:
      var carrier = TunnelKind.gre
      kind = skipGRE(&inner, &carrier, &vlan)
      tunnel = carrier
    case 6635: (kind, tunnel) = (.link(0x8847), .mpls)
    default:
      if destination == 3544 || source == 3544 {
        (kind, tunnel) = (skipTeredo(&inner), .teredo)
      } else if destination == 1701 || source == 1701 {
        (kind, tunnel) = (skipL2TP(&inner), .l2tp)
      } else {
        return PacketVerdict.flow
      }
    }
    return parseInner(&inner, out, kind, tunnel, header: header, vlan: vlan)
  }

  /// The packet behind a tunnel's header; where there is none the outer one stands as it was. `header`:
  /// where the tunnel's own header stands within the frame.
  private func parseInner(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, _ kind: Inner,
    _ tunnel: TunnelKind, header: Int, vlan: UInt16
  ) -> UInt8 {
    let outer = out.pointee
    cursor.depth &+= 1
    out.pointee.flags &= ~ParsedPacket.Flags.plain
    let frame = cursor.wire &- cursor.offset
    let depth = cursor.depth
    let outerNetwork = cursor.base &+ Int(outer.networkOffset)
    let verdict: UInt8
    switch kind {
    case .none: return PacketVerdict.flow
    case .ip: verdict = parseInnerIP(&cursor, out)
    case .ppp: verdict = parseInnerPPP(&cursor, out)
    case .ethernet: verdict = parseInnerEthernet(&cursor, out, vlan: vlan == 0 ? 0xffff : vlan)
    case .link(let type): verdict = parseEthertype(type, &cursor, out)
    }
    guard verdict == PacketVerdict.flow || verdict == PacketVerdict.laterFragment else {
      out.pointee = outer
      out.pointee.flags &= ~ParsedPacket.Flags.plain
      return PacketVerdict.flow
    }
    // One within this one has said so already.
    // Beyond 65,535 bytes of headers its place cannot be told, and nobody can mean it.
    if out.pointee.tunnelDepth < depth && max(header, outerNetwork, cursor.base) <= 0xffff {
      out.pointee.tunnelDepth = depth
      out.pointee.tunnelKind = tunnel.rawValue
      out.pointee.tunnelOffset = UInt16(truncatingIfNeeded: header)
      out.pointee.tunnelNetworkOffset = UInt16(truncatingIfNeeded: outerNetwork)
    }
    if out.pointee.wireLength == outer.wireLength {
      out.pointee.wireLength =
        kind == .ethernet
        ? UInt32(truncatingIfNeeded: max(frame, 0)) : out.pointee.ipLength
    }
    return verdict
  }

  private func parseInnerIP(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    guard cursor.has(1) else { return PacketVerdict.cause(.truncatedIPv4) }
    switch cursor.data.u8(cursor.offset) >> 4 {
    case 4: return parseIPv4(&cursor, out)
    case 6: return parseIPv6(&cursor, out)
    default: return PacketVerdict.cause(.badIPv4Version)
    }
  }

  /// PPP (RFC 1661): address and control may be left out, and the protocol's first byte.
  private func parseInnerPPP(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    if cursor.has(2), cursor.data.be16(cursor.offset) == 0xff03 { cursor.offset &+= 2 }
    guard cursor.has(2) else { return PacketVerdict.cause(.truncatedPPPoE) }
    if cursor.data.u8(cursor.offset) & 1 == 1 {
      let proto = cursor.data.u8(cursor.offset)
      guard proto == 0x21 || proto == 0x57 else { return PacketVerdict.cause(.pppoeControl) }
      cursor.offset &+= 1
    } else {
      let proto = cursor.data.be16(cursor.offset)
      guard proto == 0x0021 || proto == 0x0057 else { return PacketVerdict.cause(.pppoeControl) }
      cursor.offset &+= 2
    }
    return parseInnerIP(&cursor, out)
  }

  /// A whole frame: its own addresses and tags replace the outer ones. `vlan`: of a tag that was taken off.
  func parseInnerEthernet(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, vlan: UInt16 = 0xffff
  ) -> UInt8 {
    guard cursor.has(14) else { return PacketVerdict.cause(.truncatedEthernet) }
    // Offsets count from the frame that MAC addresses are read from.
    cursor.base &+= cursor.offset
    cursor.data += cursor.offset
    cursor.end &-= cursor.offset
    cursor.wire &-= cursor.offset
    out.pointee.data = cursor.data
    out.pointee.frameOffset = UInt16(truncatingIfNeeded: cursor.base)
    out.pointee.captured = UInt32(truncatingIfNeeded: max(cursor.end, 0))
    out.pointee.vlanOuter = vlan
    out.pointee.vlanInner = 0xffff
    out.pointee.flags |= ParsedPacket.Flags.ethernet
    var type = cursor.data.be16(12)
    cursor.offset = 14
    let verdict = parseLinkLayer(&cursor, &type, out)
    guard verdict == PacketVerdict.flow else { return verdict }
    return type == 0x0800 ? parseIPv4(&cursor, out) : parseIPv6(&cursor, out)
  }

  // MARK: Headers

  /// `vlan`: of a mirrored frame, where ERSPAN took its tag off; else 0.
  private func skipGRE(
    _ cursor: inout Cursor, _ tunnel: inout TunnelKind, _ vlan: inout UInt16
  ) -> Inner {
    tunnel = .gre
    guard cursor.has(4) else { return .none }
    let flags = cursor.data.be16(cursor.offset)
    let proto = cursor.data.be16(cursor.offset &+ 2)
    let hasSequence = flags & 0x1000 != 0
    // Source routing is long gone (RFC 2784, section 2.3).
    guard flags & 0x4000 == 0 else { return .none }
    var size = 4
    if flags & 0x8000 != 0 { size &+= 4 }
    if flags & 0x2000 != 0 { size &+= 4 }
    if hasSequence { size &+= 4 }
    switch flags & 7 {
    case 0: break
    case 1:
      // PPTP's: key always, acknowledgement by a bit of its own; without a sequence no payload.
      guard flags & 0x2000 != 0, proto == 0x880b, hasSequence else { return .none }
      if flags & 0x0080 != 0 { size &+= 4 }
    default: return .none
    }
    guard cursor.has(size) else { return .none }
    cursor.offset &+= size
    switch proto {
    case 0x0800, 0x86dd: return .ip
    case 0x6558: return .ethernet
    case 0x8847, 0x8848, 0x894f: return .link(proto)
    case 0x880b:
      tunnel = .pptp
      return .ppp
    case 0x88be:
      tunnel = .erspan
      // ERSPAN: type I has no header and no sequence, type II has both.
      if hasSequence {
        guard cursor.has(8) else { return .none }
        vlan = cursor.data.be16(cursor.offset) & 0x0fff
        cursor.offset &+= 8
      }
      return .ethernet
    case 0x22eb:
      tunnel = .erspan
      guard cursor.has(12) else { return .none }
      // Type III; its last bit says that eight more bytes follow.
      let more = cursor.data.u8(cursor.offset &+ 11) & 1 == 1
      vlan = cursor.data.be16(cursor.offset) & 0x0fff
      cursor.offset &+= more ? 20 : 12
      return .ethernet
    default: return .none
    }
  }

  private func skipVXLAN(_ cursor: inout Cursor) -> Inner {
    // The I bit: a network identifier is there.
    guard cursor.has(8), cursor.data.u8(cursor.offset) & 0x08 != 0 else { return .none }
    cursor.offset &+= 8
    return .ethernet
  }

  private func skipVXLANGPE(_ cursor: inout Cursor) -> Inner {
    guard cursor.has(8) else { return .none }
    let flags = cursor.data.u8(cursor.offset)
    let next = cursor.data.u8(cursor.offset &+ 3)
    cursor.offset &+= 8
    guard flags & 0x04 != 0 else { return flags & 0x08 != 0 ? .ethernet : .none }
    switch next {
    case 1, 2: return .ip
    case 3: return .ethernet
    case 4: return .link(0x894f)
    case 5: return .link(0x8847)
    default: return .none
    }
  }

  private func skipGeneve(_ cursor: inout Cursor) -> Inner {
    guard cursor.has(8) else { return .none }
    let first = cursor.data.u8(cursor.offset)
    guard first >> 6 == 0 else { return .none }
    let proto = cursor.data.be16(cursor.offset &+ 2)
    let size = 8 &+ Int(first & 0x3f) &* 4
    guard cursor.has(size) else { return .none }
    cursor.offset &+= size
    switch proto {
    case 0x6558: return .ethernet
    case 0x0800, 0x86dd: return .ip
    case 0x8847, 0x8848, 0x894f: return .link(proto)
    default: return .none
    }
  }

  private func skipGTPU(_ cursor: inout Cursor) -> Inner {
    // Version 1, GTP and not GTP', a G-PDU.
    guard cursor.has(8), cursor.data.u8(cursor.offset) & 0xf0 == 0x30,
      cursor.data.u8(cursor.offset &+ 1) == 0xff
    else { return .none }
    let flags = cursor.data.u8(cursor.offset)
    cursor.offset &+= 8
    guard flags & 0x07 != 0 else { return .ip }
    guard cursor.has(4) else { return .none }
    var next = cursor.data.u8(cursor.offset &+ 3)
    cursor.offset &+= 4
    guard flags & 0x04 != 0 else { return .ip }
    var count = 0
    while next != 0 {
      count &+= 1
      guard count <= Self.maximumIPv6Extensions, cursor.has(4) else { return .none }
      let size = Int(cursor.data.u8(cursor.offset)) &* 4
      guard size > 0, cursor.has(size) else { return .none }
      next = cursor.data.u8(cursor.offset &+ size &- 1)
      cursor.offset &+= size
    }
    return .ip
  }

  private func skipTeredo(_ cursor: inout Cursor) -> Inner {
    // An authentication header, an origin indication, both or none (RFC 4380, section 5.1.1).
    if cursor.has(4), cursor.data.be16(cursor.offset) == 1 {
      let size =
        13 &+ Int(cursor.data.u8(cursor.offset &+ 2)) &+ Int(cursor.data.u8(cursor.offset &+ 3))
      guard cursor.has(size) else { return .none }
      cursor.offset &+= size
    }
    if cursor.has(8), cursor.data.be16(cursor.offset) == 0 { cursor.offset &+= 8 }
    // The port alone says little: the IPv6 packet has to fill the datagram.
    guard cursor.has(40), cursor.data.u8(cursor.offset) >> 4 == 6,
      Int(cursor.data.be16(cursor.offset &+ 4)) &+ 40 <= cursor.wire &- cursor.offset
    else { return .none }
    return .ip
  }

  private func skipL2TP(_ cursor: inout Cursor) -> Inner {
    guard cursor.has(6) else { return .none }
    let flags = cursor.data.be16(cursor.offset)
    // A data message of version 2.
    guard flags & 0x8000 == 0, flags & 0x000f == 2 else { return .none }
    var size = 6
    if flags & 0x4000 != 0 { size &+= 2 }
    if flags & 0x0800 != 0 { size &+= 4 }
    if flags & 0x0200 != 0 {
      guard cursor.has(size &+ 2) else { return .none }
      size &+= 2 &+ Int(cursor.data.be16(cursor.offset &+ size))
    }
    guard cursor.has(size) else { return .none }
    cursor.offset &+= size
    return .ppp
  }
}

extension PacketParser.Cursor {
  /// The same place, with nothing to be read beyond `length` bytes: trailers are not the tunnel's.
  @inline(__always)
  func within(_ length: Int) -> Self {
    var inner = self
    inner.wire = min(wire, offset &+ max(length, 0))
    inner.end = min(end, inner.wire)
    return inner
  }
}
