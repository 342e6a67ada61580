import CBurst

/// The Internet checksum (RFC 1071).
package enum InternetChecksum {
  /// Ones' complement sum of `count` bytes, on top of `sum`; not yet folded.
  static func add(_ bytes: UnsafePointer<UInt8>, count: Int, to sum: UInt64) -> UInt64 {
    var sum = sum
    var offset = 0
    while offset &+ 2 <= count {
      // At most 131,072 words of 16 bits: far from overflow in 64.
      sum &+= UInt64(bytes.be16(offset))
      offset &+= 2
    }
    if offset < count { sum &+= UInt64(bytes.u8(offset)) << 8 }
    return sum
  }

  static func fold(_ sum: UInt64) -> UInt16 {
    var sum = sum
    while sum > 0xffff { sum = (sum & 0xffff) &+ (sum >> 16) }
    return UInt16(truncatingIfNeeded: sum)
  }

  /// Whether an IPv4 header's sum is right; `header` has `length` readable bytes.
  static func isIPv4HeaderRight(_ header: UnsafePointer<UInt8>, length: Int) -> Bool {
    fold(add(header, count: length, to: 0)) == 0xffff
  }
}

extension FlowWorker {
  /// A port has called a checksum wrong. Ports are wrong about that, too, so the IPv4 header is summed
  /// again here; what the port says of TCP and UDP is taken where the bytes are not all here.
  @inline(never)
  func checkChecksums(
    _ p: UnsafePointer<ParsedPacket>, _ packet: UnsafePointer<martlet_packet>
  ) {
    let said = packet.pointee.flags
    let isIPv4 = p.pointee.key.ipVersion == 4
    guard let data = p.pointee.data else { return }
    let end = Int(packet.pointee.captured_length)
    // The IP header ends where the parser took the IP length from: behind it are ipLength bytes.
    let start = Int(p.pointee.networkOffset)
    guard start &+ 20 <= end else { return }
    let header = data + start
    if said & UInt16(MARTLET_PACKET_IP_CHECKSUM_BAD) != 0 && isIPv4 {
      let length = Int(header.u8(0) & 0x0f) &* 4
      let right =
        start &+ length <= end && InternetChecksum.isIPv4HeaderRight(header, length: length)
      counters.add(right ? .checksumOffloadWrong : .ipChecksumBad)
    }
    if said & UInt16(MARTLET_PACKET_L4_CHECKSUM_BAD) != 0 {
      counters.add(
        isTransportRight(p, header, start: start, end: end)
          ? .checksumOffloadWrong : .transportChecksumBad)
    }
  }

  /// Sums a TCP or UDP segment with its pseudo-header (RFC 9293, section 3.1; RFC 8200, section 8.1).
  private func isTransportRight(
    _ p: UnsafePointer<ParsedPacket>, _ header: UnsafePointer<UInt8>, start: Int, end: Int
  ) -> Bool {
    let key = p.pointee.key
    let transport = Int(p.pointee.transportOffset) &- start
    let length = Int(p.pointee.ipLength) &- transport
    guard key.proto == IPProtocol.tcp || key.proto == IPProtocol.udp,
      p.pointee.flags & ParsedPacket.Flags.fragment == 0, transport >= 20, length >= 8,
      start &+ transport &+ length <= end
    else { return false }
    if key.proto == IPProtocol.udp && header.be16(transport &+ 6) == 0 {
      return key.ipVersion == 4  // not computed (RFC 768)
    }
    var sum = UInt64(key.proto) &+ UInt64(length)
    sum =
      key.ipVersion == 4
      ? InternetChecksum.add(header + 12, count: 8, to: sum)
      : InternetChecksum.add(header + 8, count: 32, to: sum)
    return InternetChecksum.fold(
      InternetChecksum.add(header + transport, count: length, to: sum)) == 0xffff
  }
}
