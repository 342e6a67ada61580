// Links between two ends: PPP (RFC 1661, RFC 1662), PPPoE (RFC 2516), Cisco's HDLC, Frame Relay (RFC
// 2427).

extension PacketParser {
  /// PPP, with or without address and control, or Cisco's HDLC where its addresses stand instead.
  func parsePPP(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, skip: Int
  ) -> UInt8 {
    cursor.offset &+= skip
    guard cursor.has(2) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    let head = cursor.data.be16(cursor.offset)
    if head == 0x0f00 || head == 0x8f00 { return parseCiscoHDLC(&cursor, out, skip: 0) }
    if head == 0xff03 { cursor.offset &+= 2 }
    return parsePPPProtocol(&cursor, out)
  }

  /// A PPP protocol number, whose first byte may be left out (RFC 1661, section 6.5).
  private func parsePPPProtocol(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    guard cursor.has(2) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    let first = cursor.data.u8(cursor.offset)
    let proto = first & 1 == 1 ? UInt16(first) : cursor.data.be16(cursor.offset)
    cursor.offset &+= first & 1 == 1 ? 1 : 2
    let type = Self.ethertype(ofPPP: proto)
    if type == 0 { return PacketVerdict.cause(.pppOther) }
    return parseEthertype(type, &cursor, out)
  }

  /// What a PPP protocol is called on Ethernet; 0 where it is neither IP nor MPLS (RFC 3032).
  @inline(__always)
  static func ethertype(ofPPP proto: UInt16) -> UInt16 {
    switch proto {
    case 0x0021: 0x0800
    case 0x0057: 0x86dd
    case 0x0281: 0x8847
    case 0x0283: 0x8848
    default: 0
    }
  }

  /// PPPoE without Ethernet before it: sessions and discovery differ in the code.
  func parsePPPoE(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    guard cursor.has(6) else { return PacketVerdict.cause(.truncatedPPPoE) }
    let isSession = cursor.data.u8(cursor.offset &+ 1) == 0
    return parseEthertype(isSession ? 0x8864 : 0x8863, &cursor, out)
  }

  /// An address, a control byte, and an Ethertype or a number of Cisco's own.
  func parseCiscoHDLC(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, skip: Int
  ) -> UInt8 {
    cursor.offset &+= skip
    guard cursor.has(4) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    let type = cursor.data.be16(cursor.offset &+ 2)
    cursor.offset &+= 4
    switch type {
    // Below Ethertypes; SLARP, which is RARP elsewhere; CDP; OSI.
    case 0..<0x0600, 0x8035, 0x2000, 0xfefe: return PacketVerdict.cause(.otherLinkProtocol)
    default: return parseEthertype(type, &cursor, out)
    }
  }

  /// An address of two to four bytes, then a protocol as RFC 2427 has it, or Cisco's Ethertype.
  func parseFrameRelay(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, skip: Int
  ) -> UInt8 {
    cursor.offset &+= skip
    var size = 0
    while true {
      guard cursor.has(1) else { return PacketVerdict.cause(.truncatedLinkHeader) }
      let byte = cursor.data.u8(cursor.offset)
      cursor.offset &+= 1
      size &+= 1
      // The last byte of the address says so.
      if byte & 1 == 1 { break }
      if size == 4 { return PacketVerdict.cause(.badLinkHeader) }
    }
    guard size >= 2 else { return PacketVerdict.cause(.badLinkHeader) }
    guard cursor.has(2) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    if cursor.data.u8(cursor.offset) != 0x03 {
      let type = cursor.data.be16(cursor.offset)
      guard type >= 0x0600 else { return PacketVerdict.cause(.otherLinkProtocol) }
      cursor.offset &+= 2
      return parseEthertype(type, &cursor, out)
    }
    cursor.offset &+= 1
    // A byte that makes what follows even.
    if cursor.data.u8(cursor.offset) == 0 { cursor.offset &+= 1 }
    guard cursor.has(1) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    let proto = cursor.data.u8(cursor.offset)
    cursor.offset &+= 1
    switch proto {
    case 0xcc: return parseEthertype(0x0800, &cursor, out)
    case 0x8e: return parseEthertype(0x86dd, &cursor, out)
    case 0xcf: return parsePPPProtocol(&cursor, out)
    case 0x80:
      guard cursor.has(5) else { return PacketVerdict.cause(.truncatedLinkHeader) }
      let organisation = cursor.data.be32(cursor.offset) >> 8
      let type = cursor.data.be16(cursor.offset &+ 3)
      cursor.offset &+= 5
      if organisation == 0 && type >= 0x0600 { return parseEthertype(type, &cursor, out) }
      // Bridged Ethernet, with and without its checksum.
      if organisation == 0x0080c2 && (type == 1 || type == 7) {
        return parseInnerEthernet(&cursor, out)
      }
      return PacketVerdict.cause(.otherLinkProtocol)
    default: return PacketVerdict.cause(.otherLinkProtocol)
    }
  }
}
