// IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers.

extension PacketParser {
  @inline(__always)
  func parseIPv4(_ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>) -> UInt8 {
    guard cursor.has(20) else { return PacketVerdict.cause(.truncatedIPv4) }
    let ip = cursor.data + cursor.offset
    let first = ip.u8(0)
    guard first >> 4 == 4 else { return PacketVerdict.cause(.badIPv4Version) }
    let headerLength = Int(first & 0x0f) &* 4
    guard headerLength >= 20 else { return PacketVerdict.cause(.badIPv4HeaderLength) }
    guard cursor.has(headerLength) else { return PacketVerdict.cause(.truncatedIPv4) }

    // What the frame has room for; a total length of 0 is what segmentation offload writes.
    let room = cursor.wire &- cursor.offset
    var total = Int(ip.be16(2))
    if total == 0 { total = room }
    guard total >= headerLength else { return PacketVerdict.cause(.badIPv4TotalLength) }
    if total > room {
      out.pointee.flags |= ParsedPacket.Flags.lengthBeyondFrame
      total = room
      guard total >= headerLength else { return PacketVerdict.cause(.truncatedIPv4) }
    }

    out.pointee.networkOffset = UInt16(truncatingIfNeeded: cursor.offset)
    out.pointee.ipLength = UInt32(truncatingIfNeeded: total)
    out.pointee.trafficClass = ip.u8(1)
    out.pointee.ttl = ip.u8(8)
    let proto = ip.u8(9)
    let source = IPAddress(v4: ip.be32(12))
    let destination = IPAddress(v4: ip.be32(16))
    let fragmentField = ip.be16(6)
    if headerLength > 20 { checkOptions(&cursor, out, headerLength) }
    cursor.offset &+= headerLength
    if fragmentField & 0x3fff != 0 {
      return parseFragment(
        &cursor, out, source, destination, proto, length: total &- headerLength,
        place: fragmentField & 0x1fff, more: fragmentField & 0x2000 != 0,
        before: headerLength, id: UInt32(ip.be16(4)), version: 0)
    }
    return parseTransport(
      &cursor, out, source, destination, proto, length: total &- headerLength, version: 0)
  }

  @inline(never)
  private func checkOptions(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, _ headerLength: Int
  ) {
    if !TCPOptions.areReadable(
      cursor.data, from: cursor.offset &+ 20, to: cursor.offset &+ headerLength)
    {
      out.pointee.flags |= ParsedPacket.Flags.badOptions
    }
  }

  @inline(__always)
  func parseIPv6(_ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>) -> UInt8 {
    guard cursor.has(40) else { return PacketVerdict.cause(.truncatedIPv6) }
    let ip = cursor.data + cursor.offset
    let word = ip.be32(0)
    guard word >> 28 == 6 else { return PacketVerdict.cause(.badIPv6Version) }
    let room = cursor.wire &- cursor.offset
    let declared = Int(ip.be16(4))
    let total = declared == 0 ? Self.undeclared(room, next: ip.u8(6)) : min(declared &+ 40, room)
    if declared &+ 40 > room { out.pointee.flags |= ParsedPacket.Flags.lengthBeyondFrame }
    out.pointee.networkOffset = UInt16(truncatingIfNeeded: cursor.offset)
    out.pointee.ipLength = UInt32(truncatingIfNeeded: total)
    out.pointee.trafficClass = UInt8(truncatingIfNeeded: word >> 20)
    out.pointee.ttl = ip.u8(7)
    let source = IPAddress(high: ip.be64(8), low: ip.be64(16))
    let destination = IPAddress(high: ip.be64(24), low: ip.be64(32))
    let next = ip.u8(6)
    cursor.offset &+= 40
    if Self.isIPv6Extension(next) {
      return parseExtensions(&cursor, out, source, destination, next, length: total &- 40)
    }
    return parseTransport(
      &cursor, out, source, destination, next, length: total &- 40, version: FlowKey.Flags.ipv6)
  }

  /// Length of an IPv6 packet that declares a payload of 0: a jumbogram (RFC 2675) or segmentation offload,
  /// where the frame tells; else it has none, and what follows is the frame's padding.
  @inline(never)
  private static func undeclared(_ room: Int, next: UInt8) -> Int {
    let carries = next == IPProtocol.tcp || next == IPProtocol.udp || next == 0
    // 46 bytes fill the shortest Ethernet frame.
    return carries && room > 46 ? room : min(room, 40)
  }

  /// Extension headers that lead to another header (IANA, IPv6 Extension Header Types). ESP ends the
  /// chain: what is behind it is encrypted.
  @inline(__always)
  static func isIPv6Extension(_ next: UInt8) -> Bool {
    switch next {
    case 0, 43, 44, 51, 60, 135, 139, 140: true
    default: false
    }
  }

  @inline(never)
  private func parseExtensions(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, _ source: IPAddress,
    _ destination: IPAddress, _ firstHeader: UInt8, length: Int
  ) -> UInt8 {
    out.pointee.flags &= ~ParsedPacket.Flags.plain
    var next = firstHeader
    var length = length
    var count = 0
    while Self.isIPv6Extension(next) {
      count &+= 1
      if count > Self.maximumIPv6Extensions { return PacketVerdict.cause(.tooManyIPv6Extensions) }
      guard cursor.has(8) else { return PacketVerdict.cause(.truncatedIPv6Extension) }
      let header = cursor.data + cursor.offset
      let following = header.u8(0)
      if next == 44 {  // fragment header, RFC 8200 section 4.5
        let field = header.be16(2)
        let id = header.be32(4)
        cursor.offset &+= 8
        length &-= 8
        if field & 0xfff9 != 0 {  // an offset, or more to come: not an atomic fragment (RFC 6946)
          if field & 0xfff8 == 0 && Self.isIPv6Extension(following) {
            out.pointee.flags |= ParsedPacket.Flags.firstFragment | ParsedPacket.Flags.fragment
            out.pointee.fragmentID = id
            noteFragment(out, place: 0, more: field & 1 != 0, length: length, before: 0)
            next = following
            continue
          }
          return parseFragment(
            &cursor, out, source, destination, following, length: length,
            place: field >> 3, more: field & 1 != 0, before: 0, id: id,
            version: FlowKey.Flags.ipv6)
        }
        next = following
        continue
      }
      // AH counts in words of four bytes less two (RFC 4302), the others in eights less one.
      let size = next == 51 ? (Int(header.u8(1)) &+ 2) &* 4 : (Int(header.u8(1)) &+ 1) &* 8
      guard cursor.has(size) else { return PacketVerdict.cause(.truncatedIPv6Extension) }
      cursor.offset &+= size
      length &-= size
      next = following
    }
    return parseTransport(
      &cursor, out, source, destination, next, length: max(length, 0),
      version: FlowKey.Flags.ipv6)
  }

  /// Where in its datagram a fragment stands; `before` is what of the header counts towards the 65,535
  /// bytes that a datagram has at the most (RFC 791, section 3.1; RFC 8200, section 4.5).
  private func noteFragment(
    _ out: UnsafeMutablePointer<ParsedPacket>, place: UInt16, more: Bool, length: Int, before: Int
  ) {
    // Headers that follow are part of what was cut, so only here is known how much the first one has.
    let units = UInt16(truncatingIfNeeded: min((max(length, 0) &+ 7) / 8, 0x1fff))
    out.pointee.fragmentOffset = (place == 0 ? units : place) | (more ? 0x8000 : 0)
    if Int(place) &* 8 &+ length &+ before > 65_535 {
      out.pointee.flags |= ParsedPacket.Flags.tooLong
    }
  }

  /// A fragment: the first carries the transport header, the others only what follows it.
  @inline(never)
  private func parseFragment(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, _ source: IPAddress,
    _ destination: IPAddress, _ proto: UInt8, length: Int, place: UInt16, more: Bool,
    before: Int, id: UInt32, version: UInt8
  ) -> UInt8 {
    noteFragment(out, place: place, more: more, length: length, before: before)
    let first = place == 0
    out.pointee.fragmentID = id
    out.pointee.flags &= ~ParsedPacket.Flags.plain
    out.pointee.flags |= ParsedPacket.Flags.fragment
    if first {
      out.pointee.flags |= ParsedPacket.Flags.firstFragment
      // The fragment header itself may lie beyond what the IP header declares.
      return parseTransport(
        &cursor, out, source, destination, proto, length: max(length, 0), version: version)
    }
    // An IPv6 packet with two fragment headers may have looked like a first one before.
    out.pointee.flags &= ~ParsedPacket.Flags.firstFragment
    out.pointee.payloadLength = UInt32(truncatingIfNeeded: max(length, 0))
    out.pointee.payloadOffset = UInt16(truncatingIfNeeded: cursor.offset)
    out.pointee.transportOffset = UInt16(truncatingIfNeeded: cursor.offset)
    setKey(out, source, destination, 0, 0, proto, version)
    return PacketVerdict.laterFragment
  }
}
