import CBurst

// Frames of capture files that do not begin with an Ethernet header. Each link type is told by its
// LINKTYPE_ number (https://www.tcpdump.org/linktypes.html) and ends where the other frames go on: at
// an Ethertype, an IP header or an Ethernet header. MAC addresses are those of Ethernet headers alone.

extension PacketParser {
  /// Whether frames of a LINKTYPE_ are looked into; all others end as ``Counter/unknownLinkType``.
  package static func reads(linkType: UInt32) -> Bool {
    if linkType == linkTypeEthernet { return true }
    // A frame of no bytes: what is read at all calls it too short.
    var generator = SystemRandomNumberGenerator()
    let parser = PacketParser(hash: FlowHash(using: &generator))
    return withUnsafeTemporaryAllocation(of: ParsedPacket.self, capacity: 1) { out in
      UnsafeMutableRawPointer(out.baseAddress!).initializeMemory(
        as: UInt8.self, repeating: 0, count: MemoryLayout<ParsedPacket>.stride)
      return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { byte in
        var cursor = Cursor(data: UnsafePointer(byte.baseAddress!), offset: 0, end: 0, wire: 0)
        return parser.parseLinkType(linkType, &cursor, out.baseAddress!)
          != PacketVerdict.cause(.unknownLinkType)
      }
    }
  }

  /// A frame of any link type but Ethernet; what all frames have in common is already in `out`.
  @inline(never)
  func parseOtherLink(
    _ packet: UnsafePointer<martlet_packet>, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    // Never plain: no NIC has hashed it.
    out.pointee.flags = 0
    let link = packet.pointee.link_type
    guard let data = packet.pointee.data else {
      return PacketVerdict.cause(
        Self.reads(linkType: link) ? .truncatedLinkHeader : .unknownLinkType)
    }
    var cursor = Cursor(
      data: data, offset: 0, end: Int(packet.pointee.captured_length),
      wire: Int(out.pointee.wireLength))
    return parseLinkType(link, &cursor, out)
  }

  private func parseLinkType(
    _ link: UInt32, _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    switch link {
    case 101, 12, 14: return parseRawIP(&cursor, out)  // RAW, and what systems call DLT_RAW
    case 228: return parseEthertype(0x0800, &cursor, out)  // IPV4
    case 229: return parseEthertype(0x86dd, &cursor, out)  // IPV6
    case 0, 108: return parseFamily(&cursor, out, header: 4)  // NULL, LOOP
    case 109: return parseFamily(&cursor, out, header: 12)  // ENC: the family, SPI, flags
    case 113: return parseCooked(&cursor, out, header: 16, hardware: 2, type: 14)  // LINUX_SLL
    case 276: return parseCooked(&cursor, out, header: 20, hardware: 8, type: 0)  // LINUX_SLL2
    case 9, 50: return parsePPP(&cursor, out, skip: 0)  // PPP, PPP_HDLC
    case 204: return parsePPP(&cursor, out, skip: 1)  // PPP_WITH_DIR: the direction
    case 166: return parsePPP(&cursor, out, skip: 2)  // PPP_PPPD: the direction for 0xff
    case 51: return parsePPPoE(&cursor, out)  // PPP_ETHER
    case 104: return parseCiscoHDLC(&cursor, out, skip: 0)  // C_HDLC
    case 205: return parseCiscoHDLC(&cursor, out, skip: 1)  // C_HDLC_WITH_DIR
    case 107: return parseFrameRelay(&cursor, out, skip: 0)  // FRELAY
    case 206: return parseFrameRelay(&cursor, out, skip: 1)  // FRELAY_WITH_DIR
    case 100: return parseEthertype(0, &cursor, out)  // ATM_RFC1483: LLC
    case 219: return parseEthertype(0x8847, &cursor, out)  // MPLS
    case 8:  // SLIP: the direction and the compressed header
      guard cursor.has(17) else { return PacketVerdict.cause(.truncatedLinkHeader) }
      cursor.offset &+= 16
      return parseRawIP(&cursor, out)
    case 239: return parseNetfilterLog(&cursor, out)  // NFLOG
    case 105, 119, 127, 163: return parseWLAN(link, &cursor, out)
    case 178: return parseJuniperEthernet(&cursor, out)
    case 281, 282, 284, 285: return parseSwitchTag(link, &cursor, out)
    case 192, 258: return parseNamedLinkType(link, &cursor, out)
    default: return PacketVerdict.cause(.unknownLinkType)
    }
  }

  /// PPI and PKTAP: headers that name the link type of the frame behind them.
  private func parseNamedLinkType(
    _ link: UInt32, _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    guard cursor.has(12) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    // PPI has version, flags, length, link type; PKTAP length, record type, link type: little-endian.
    let isPPI = link == 192
    let size = isPPI ? Int(cursor.data.le16(2)) : Int(cursor.data.le32(0))
    let named = cursor.data.le32(isPPI ? 4 : 8)
    guard size >= (isPPI ? 8 : 12) else { return PacketVerdict.cause(.badLinkHeader) }
    guard cursor.has(size) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    cursor.offset = size
    switch named {
    case Self.linkTypeEthernet: return parseInnerEthernet(&cursor, out)
    case 192, 258: return PacketVerdict.cause(.badLinkHeader)
    default: return parseLinkType(named, &cursor, out)
    }
  }

  /// Goes on at an Ethertype, or at LLC where `ethertype` is a length.
  @inline(never)
  func parseEthertype(
    _ ethertype: UInt16, _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    var type = ethertype
    let verdict = parseLinkLayer(&cursor, &type, out)
    guard verdict == PacketVerdict.flow else { return verdict }
    return type == 0x0800 ? parseIPv4(&cursor, out) : parseIPv6(&cursor, out)
  }

  private func parseRawIP(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    guard cursor.has(1) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    switch cursor.data.u8(cursor.offset) >> 4 {
    case 4: return parseEthertype(0x0800, &cursor, out)
    case 6: return parseEthertype(0x86dd, &cursor, out)
    default: return PacketVerdict.cause(.otherLinkProtocol)
    }
  }

  /// An address family in the byte order of whichever machine captured, for 4 bytes at most.
  private func parseFamily(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, header: Int
  ) -> UInt8 {
    guard cursor.has(header) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    let big = cursor.data.be32(cursor.offset)
    let family = big > 0xffff ? big.byteSwapped : big
    // Linux' tunnels have PPP behind this link type.
    if big >> 16 == 0xff03 { return parsePPP(&cursor, out, skip: 0) }
    cursor.offset &+= header
    switch family {
    case 2: return parseEthertype(0x0800, &cursor, out)
    // AF_INET6 of Linux; NetBSD and OpenBSD; FreeBSD; Darwin.
    case 10, 24, 28, 30: return parseEthertype(0x86dd, &cursor, out)
    // Some writers put an Ethertype there.
    case 0x0600...0xffff:
      return parseEthertype(UInt16(truncatingIfNeeded: family), &cursor, out)
    default: return PacketVerdict.cause(.otherLinkProtocol)
    }
  }

  /// Linux' own header. `hardware` and `type` are where the device's ARPHRD_ and the protocol stand.
  private func parseCooked(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, header: Int, hardware: Int,
    type: Int
  ) -> UInt8 {
    guard cursor.has(header) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    let device = cursor.data.be16(cursor.offset &+ hardware)
    let proto = cursor.data.be16(cursor.offset &+ type)
    cursor.offset &+= header
    switch device {
    case 801: return parseWLAN(105, &cursor, out)  // ARPHRD_IEEE80211
    case 802: return parseWLAN(119, &cursor, out)  // … _PRISM
    case 803: return parseWLAN(127, &cursor, out)  // … _RADIOTAP
    case 824: return PacketVerdict.cause(.otherLinkProtocol)  // ARPHRD_NETLINK: no Ethertype
    default: break
    }
    // Below an Ethertype it is a number of Linux' own: 4 is LLC.
    if proto == 4 || proto >= 0x0600 { return parseEthertype(proto, &cursor, out) }
    return PacketVerdict.cause(.otherLinkProtocol)
  }

  /// NFLOG: family, version and resource, then records of length and type; type 9 is the packet.
  private func parseNetfilterLog(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    guard cursor.has(4) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    let family = cursor.data.u8(cursor.offset)
    cursor.offset &+= 4
    while true {
      guard cursor.has(4) else { return PacketVerdict.cause(.truncatedLinkHeader) }
      var length = cursor.data.le16(cursor.offset)
      var type = cursor.data.le16(cursor.offset &+ 2)
      // The writer's byte order: but for two flags, no record's type goes beyond one byte.
      if type & 0x3fff > 0xff {
        type = type.byteSwapped
        length = length.byteSwapped
      }
      guard length >= 4 else { return PacketVerdict.cause(.badLinkHeader) }
      if type & 0x3fff == 9 {
        cursor.offset &+= 4
        switch family {
        case 2: return parseEthertype(0x0800, &cursor, out)
        case 10: return parseEthertype(0x86dd, &cursor, out)
        default: return PacketVerdict.cause(.otherLinkProtocol)
        }
      }
      cursor.offset &+= (Int(length) &+ 3) & ~3
    }
  }

  /// Juniper's header before Ethernet: its magic number, flags, and more where a flag says so.
  private func parseJuniperEthernet(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    guard cursor.has(6) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    let word = cursor.data.be32(cursor.offset)
    guard word >> 8 == 0x4d_4743 else { return PacketVerdict.cause(.badLinkHeader) }
    // 0x02: the frame's own header is not there.
    guard word & 0x02 == 0 else { return PacketVerdict.cause(.otherLinkProtocol) }
    let extensions = word & 0x80 != 0 ? 2 &+ Int(cursor.data.be16(cursor.offset &+ 4)) : 0
    cursor.offset &+= 4 &+ extensions
    return parseInnerEthernet(&cursor, out)
  }

  /// Ethernet with the tag of a switch behind the addresses: Broadcom's, which may stand in front
  /// instead, and Marvell's DSA, which stands for an 802.1Q tag.
  private func parseSwitchTag(
    _ link: UInt32, _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    if link == 282 {
      cursor.offset &+= 4
      return parseInnerEthernet(&cursor, out)
    }
    // EDSA has an Ethertype and two bytes of zero before the same four.
    let size = link == 285 ? 8 : 4
    guard cursor.has(12 &+ size &+ 2) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    out.pointee.data = cursor.data + cursor.offset
    out.pointee.flags |= ParsedPacket.Flags.ethernet
    cursor.offset &+= 12 &+ size
    if link != 281 {
      let tag = cursor.data.be32(cursor.offset &- 4)
      // The bit that says that the frame had come with an 802.1Q tag.
      if tag & 0x2000_0000 != 0 { out.pointee.vlanOuter = UInt16(tag & 0x0fff) }
    }
    let type = cursor.data.be16(cursor.offset)
    cursor.offset &+= 2
    return parseEthertype(type, &cursor, out)
  }
}
