// MPLS (RFC 3032) with IP or an Ethernet pseudowire (RFC 4448) at its bottom, and the network service
// header (RFC 8300), which carries the same.

extension PacketParser {
  /// Skips a stack of labels; `type` is then what stands behind it.
  ///
  /// Nothing in the stack says what that is. The first four bits do: 4 and 6 are IP's versions, 0 is a
  /// pseudowire's control word (RFC 4385, section 3). Without a control word the frame's destination
  /// stands there, and then only a frame that makes sense is taken for one.
  func skipLabels(
    _ cursor: inout Cursor, _ type: inout UInt16, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    var labels = 0
    while true {
      guard cursor.has(4) else { return PacketVerdict.cause(.truncatedMPLS) }
      labels &+= 1
      if labels > Self.maximumLabels { return PacketVerdict.cause(.tooManyLabels) }
      let bottom = cursor.data.u8(cursor.offset &+ 2) & 1
      cursor.offset &+= 4
      if bottom == 1 { break }
    }
    guard cursor.has(1) else { return PacketVerdict.cause(.truncatedMPLS) }
    let nibble = cursor.data.u8(cursor.offset) >> 4
    if nibble == 4 || nibble == 6 {
      // Addresses of frames may begin so, too: then the length in the IP header is no length.
      if Self.hasRightLength(cursor, version: nibble) || !Self.isFrame(cursor, behind: 0) {
        type = nibble == 4 ? 0x0800 : 0x86dd
        return PacketVerdict.flow
      }
    }
    guard cursor.depth < decapsulation else { return PacketVerdict.cause(.mplsOther) }
    // A tagged frame makes sense four bytes on, too: so a control word comes first only where it is
    // zero, as it is without sequence numbers and as no address begins.
    let isZero = cursor.has(4) && cursor.data.be32(cursor.offset) == 0
    if isZero || !Self.isFrame(cursor, behind: 0) {
      guard nibble == 0, Self.isFrame(cursor, behind: 4) else {
        return PacketVerdict.cause(.mplsOther)
      }
      cursor.offset &+= 4
    }
    return enterFrame(&cursor, &type, out)
  }

  /// Skips a network service header; `type` is then what its next protocol says.
  func skipServiceHeader(
    _ cursor: inout Cursor, _ type: inout UInt16, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    guard cursor.has(8) else { return PacketVerdict.cause(.otherEthertype) }
    let size = Int(cursor.data.be16(cursor.offset) & 0x3f) &* 4
    guard size >= 8, cursor.has(size) else { return PacketVerdict.cause(.otherEthertype) }
    let next = cursor.data.u8(cursor.offset &+ 3)
    cursor.offset &+= size
    switch next {
    case 1: type = 0x0800
    case 2: type = 0x86dd
    case 3 where cursor.depth < decapsulation: return enterFrame(&cursor, &type, out)
    case 4: type = 0x894f
    case 5: type = 0x8847
    default: return PacketVerdict.cause(.otherEthertype)
    }
    return PacketVerdict.flow
  }

  /// A frame within this one: its addresses, tags and length replace the outer ones.
  func enterFrame(
    _ cursor: inout Cursor, _ type: inout UInt16, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    guard cursor.has(14) else { return PacketVerdict.cause(.truncatedEthernet) }
    cursor.base &+= cursor.offset
    cursor.data += cursor.offset
    cursor.end &-= cursor.offset
    cursor.wire &-= cursor.offset
    cursor.offset = 14
    cursor.depth &+= 1
    out.pointee.data = cursor.data
    out.pointee.frameOffset = UInt16(truncatingIfNeeded: cursor.base)
    out.pointee.captured = UInt32(truncatingIfNeeded: max(cursor.end, 0))
    out.pointee.vlanOuter = 0xffff
    out.pointee.vlanInner = 0xffff
    out.pointee.flags |= ParsedPacket.Flags.ethernet
    out.pointee.wireLength = UInt32(truncatingIfNeeded: max(cursor.wire, 0))
    type = cursor.data.be16(12)
    return PacketVerdict.flow
  }

  /// Whether an IP header of `version` tells a length that fits the frame.
  private static func hasRightLength(_ cursor: Cursor, version: UInt8) -> Bool {
    guard cursor.has(6) else { return false }
    let room = cursor.wire &- cursor.offset
    let header = cursor.data + cursor.offset
    if version == 6 { return Int(header.be16(4)) &+ 40 <= room }
    let total = Int(header.be16(2))
    return header.u8(0) & 0x0f >= 5 && total >= 20 && total <= room
  }

  /// Whether what begins `skip` bytes on can be an Ethernet frame.
  private static func isFrame(_ cursor: Cursor, behind skip: Int) -> Bool {
    guard cursor.has(skip &+ 15) else { return false }
    let frame = cursor.data + (cursor.offset &+ skip)
    // No group sends.
    guard frame.u8(6) & 1 == 0 else { return false }
    let next = frame.u8(14)
    let type = frame.be16(12)
    switch type {
    case 0x0800: return next >> 4 == 4
    case 0x86dd: return next >> 4 == 6
    case 0x0806, 0x8035, 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300, 0x8847, 0x8848, 0x8863, 0x8864,
      0x8808, 0x8809, 0x888e, 0x88cc, 0x88e5, 0x88f7, 0x8902, 0x9000:
      return true
    case 3...1500:
      // LLC of a known service: spanning tree, SNAP, ISO, NetBIOS, IPX.
      guard Int(type) &+ 14 &+ skip <= cursor.wire &- cursor.offset else { return false }
      return next == 0x42 || next == 0xaa || next == 0xfe || next == 0xf0 || next == 0xe0
    default: return false
    }
  }
}
