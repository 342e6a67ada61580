// IEEE 802.11 frames, and what radios put before them.

extension PacketParser {
  /// 105 802.11; 119 with Prism's header, 127 with radiotap's, 163 with AVS's.
  func parseWLAN(
    _ link: UInt32, _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    var isPadded = false
    if link != 105 {
      guard cursor.has(8) else { return PacketVerdict.cause(.truncatedLinkHeader) }
      let head = cursor.data + cursor.offset
      let size: Int
      if link == 127 {
        guard head.u8(0) == 0 else { return PacketVerdict.cause(.badLinkHeader) }
        size = Int(head.le16(2))
        guard size >= 8 else { return PacketVerdict.cause(.badLinkHeader) }
        guard cursor.has(size) else { return PacketVerdict.cause(.truncatedLinkHeader) }
        isPadded = Self.radiotapFlags(head, size: size) & 0x20 != 0
      } else if head.be32(0) & 0xffff_f000 == 0x8021_1000 {
        // AVS, which also comes under Prism's number.
        size = Int(head.be32(4))
      } else {
        // Prism: message code and length in the byte order of the writer.
        let length = head.le32(4)
        size = Int(length > 0xffff ? length.byteSwapped : length)
      }
      guard size >= 8 else { return PacketVerdict.cause(.badLinkHeader) }
      guard cursor.has(size) else { return PacketVerdict.cause(.truncatedLinkHeader) }
      cursor.offset &+= size
    }
    return parseWLANFrame(&cursor, out, isPadded: isPadded)
  }

  /// The flags field of a radiotap header, of which `size` bytes are there; 0 where it has none.
  private static func radiotapFlags(_ head: UnsafePointer<UInt8>, size: Int) -> UInt8 {
    let present = head.le32(4)
    guard present & 0x02 != 0 else { return 0 }
    // Bit 31 says that another word of present bits follows.
    var offset = 8
    var word = present
    while word & 0x8000_0000 != 0 {
      guard offset &+ 4 <= size else { return 0 }
      word = head.le32(offset)
      offset &+= 4
    }
    // Only the time stamp stands before it: eight bytes, aligned to eight.
    if present & 0x01 != 0 { offset = ((offset &+ 7) & ~7) &+ 8 }
    return offset < size ? head.u8(offset) : 0
  }

  private func parseWLANFrame(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, isPadded: Bool
  ) -> UInt8 {
    guard cursor.has(2) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    let frame = cursor.data + cursor.offset
    let control = frame.u8(0)
    let flags = frame.u8(1)
    switch control >> 2 & 3 {
    case 0: return PacketVerdict.cause(.wlanManagement)
    case 1: return PacketVerdict.cause(.wlanControl)
    case 2: break
    default: return PacketVerdict.cause(.otherLinkProtocol)
    }
    // Subtypes with this bit say something about the link and carry nothing.
    if control & 0x40 != 0 { return PacketVerdict.cause(.wlanNull) }
    if flags & 0x40 != 0 { return PacketVerdict.cause(.wlanProtected) }
    guard cursor.has(24) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    // A frame's later fragments begin in the middle of a packet.
    if frame.u8(22) & 0x0f != 0 { return PacketVerdict.cause(.wlanFragment) }
    var size = 24
    // From one access point to another: a fourth address.
    if flags & 0x03 == 0x03 { size &+= 6 }
    var isAggregate = false
    if control & 0x80 != 0 {
      guard cursor.has(size &+ 2) else { return PacketVerdict.cause(.truncatedLinkHeader) }
      isAggregate = frame.u8(size) & 0x80 != 0
      size &+= 2
      // HT control.
      if flags & 0x80 != 0 { size &+= 4 }
    }
    if isPadded { size = (size &+ 3) & ~3 }
    // One frame is one packet here: of an A-MSDU the first.
    if isAggregate { size &+= 14 }
    guard cursor.has(size &+ 3) else { return PacketVerdict.cause(.truncatedLinkHeader) }
    cursor.offset &+= size
    return parseEthertype(0, &cursor, out)
  }
}
