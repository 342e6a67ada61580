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
  /// Sums what there is to sum and flags the packet with what is wrong. What the port calls right is taken
  /// for that; what it calls wrong is summed again, because ports err.
  @inline(never)
  func verifyChecksums(
    _ p: UnsafeMutablePointer<ParsedPacket>, _ packet: UnsafePointer<martlet_packet>
  ) {
    guard let data = p.pointee.data else { return }
    // Behind a tunnel the port's word is of the outer headers.
    let said = p.pointee.tunnelKind == 0 ? packet.pointee.flags : 0
    let start = Int(p.pointee.networkOffset)
    let end = Int(p.pointee.captured)
    let header = data + start
    if p.pointee.key.ipVersion == 4, said & UInt16(MARTLET_PACKET_IP_CHECKSUM_GOOD) == 0 {
      let length = Int(header.u8(0) & 0x0f) &* 4
      if start &+ length <= end {
        if !InternetChecksum.isIPv4HeaderRight(header, length: length) {
          p.pointee.flags |= ParsedPacket.Flags.badIPChecksum
        } else if said & UInt16(MARTLET_PACKET_IP_CHECKSUM_BAD) != 0 {
          counters.add(.checksumOffloadWrong)
        }
      }
    }
    guard said & UInt16(MARTLET_PACKET_L4_CHECKSUM_GOOD) == 0 else { return }
    switch TransportChecksum.verdict(p, header, start: start, end: end) {
    case .right:
      if said & UInt16(MARTLET_PACKET_L4_CHECKSUM_BAD) != 0 { counters.add(.checksumOffloadWrong) }
    case .wrong: p.pointee.flags |= ParsedPacket.Flags.badTransportChecksum
    case .notComputed:
      p.pointee.flags |= ParsedPacket.Flags.badTransportChecksum
      counters.add(.checksumNotComputed)
    case .unknown:
      // Cut off, or a fragment: the port may have seen more.
      if said & UInt16(MARTLET_PACKET_L4_CHECKSUM_BAD) != 0 {
        p.pointee.flags |= ParsedPacket.Flags.badTransportChecksum
      }
    }
  }
}

/// Checksums of what IP carries: TCP (RFC 9293, section 3.1), UDP (RFC 768), ICMP (RFC 792), ICMPv6 (RFC
/// 4443, section 2.3), SCTP (RFC 9260, section 6.8).
enum TransportChecksum {
  enum Verdict {
    case right, wrong
    /// Wrong as it is where the sender's own NIC had still to compute it: only the pseudo-header is summed.
    case notComputed
    /// Not all of it is here, or it has none.
    case unknown
  }

  static func verdict(
    _ p: UnsafePointer<ParsedPacket>, _ header: UnsafePointer<UInt8>, start: Int, end: Int
  ) -> Verdict {
    let key = p.pointee.key
    let transport = Int(p.pointee.transportOffset) &- start
    var length = Int(p.pointee.ipLength) &- transport
    guard p.pointee.flags & ParsedPacket.Flags.fragment == 0, transport >= 20, length >= 8,
      start &+ transport &+ length <= end
    else { return .unknown }
    let segment = header + transport
    let field: Int
    var hasPseudoHeader = true
    switch key.proto {
    case IPProtocol.tcp:
      guard length >= 20 else { return .unknown }
      field = 16
    case IPProtocol.udp:
      field = 6
      // Not computed by choice (RFC 768), which IPv6 allows in tunnels only (RFC 6935).
      if segment.be16(6) == 0 { return key.ipVersion == 4 ? .right : .wrong }
      // It is over the datagram; IP may carry something behind it (RFC 9868, section 5).
      let declared = Int(segment.be16(4))
      if declared >= 8 && declared < length { length = declared }
    case IPProtocol.icmp:
      field = 2
      hasPseudoHeader = false
    case IPProtocol.icmpv6: field = 2
    case IPProtocol.sctp:
      guard length >= 12 else { return .unknown }
      return CRC32C.isSCTPRight(segment, count: length) ? .right : .wrong
    default: return .unknown
    }
    var pseudo: UInt64 = 0
    if hasPseudoHeader {
      pseudo = UInt64(key.proto) &+ UInt64(length)
      pseudo =
        key.ipVersion == 4
        ? InternetChecksum.add(header + 12, count: 8, to: pseudo)
        : InternetChecksum.add(header + 8, count: 32, to: pseudo)
    }
    if InternetChecksum.fold(InternetChecksum.add(segment, count: length, to: pseudo)) == 0xffff {
      return .right
    }
    return hasPseudoHeader && segment.be16(field) == InternetChecksum.fold(pseudo)
      ? .notComputed : .wrong
  }
}

/// CRC-32C (RFC 9260, appendix A), four bits at a time by a table that fits into a cache line: it is
/// computed only where somebody asks for it.
enum CRC32C {
  /// The remainders of four bits, polynomial 0x82f63b78.
  @inline(__always)
  private static var remainders: SIMD16<UInt32> {
    SIMD16(
      0x0000_0000, 0x105e_c76f, 0x20bd_8ede, 0x30e3_49b1,
      0x417b_1dbc, 0x5125_dad3, 0x61c6_9362, 0x7198_540d,
      0x82f6_3b78, 0x92a8_fc17, 0xa24b_b5a6, 0xb215_72c9,
      0xc38d_26c4, 0xd3d3_e1ab, 0xe330_a81a, 0xf36e_6f75)
  }

  /// Whether the checksum of an SCTP packet, in bytes 8 to 11 and counted as zeros, is right.
  static func isSCTPRight(_ bytes: UnsafePointer<UInt8>, count: Int) -> Bool {
    let table = remainders
    var sum: UInt32 = 0xffff_ffff
    for offset in 0..<count {
      sum ^= UInt32(offset >= 8 && offset < 12 ? 0 : bytes.u8(offset))
      sum = sum >> 4 ^ table[Int(sum & 0x0f)]
      sum = sum >> 4 ^ table[Int(sum & 0x0f)]
    }
    // The least significant byte comes first.
    return (~sum).byteSwapped == bytes.be32(8)
  }
}
