extension Tunnel {
  /// Reads the innermost tunnel around a packet from its frame, where the parser said it stands. Nil where
  /// the bytes are not at hand any more.
  init?(_ packet: UnsafePointer<ParsedPacket>) {
    let p = packet.pointee
    guard let data = p.data, let kind = TunnelKind(rawValue: p.tunnelKind) else { return nil }
    // The parser has read both headers: within the captured bytes of the frame.
    let frame = data - Int(p.frameOffset)
    let ip = frame + Int(p.tunnelNetworkOffset)
    let header = frame + Int(p.tunnelOffset)
    let isIPv6 = ip.u8(0) >> 4 == 6
    self.init(
      source: isIPv6
        ? IPAddress(high: ip.be64(8), low: ip.be64(16)) : IPAddress(v4: ip.be32(12)),
      destination: isIPv6
        ? IPAddress(high: ip.be64(24), low: ip.be64(32)) : IPAddress(v4: ip.be32(16)),
      identifier: Self.identifier(kind, header),
      // Of a tunnel over UDP the header before its own is the datagram's: GRE's and MPLS's, too, where
      // IP says so.
      port: kind.proto == IPProtocol.udp || ip.u8(isIPv6 ? 6 : 9) == IPProtocol.udp
        ? (header - 8).be16(2) : 0, kind: p.tunnelKind,
      depth: p.tunnelDepth, isIPv6: isIPv6)
  }

  private static func identifier(_ kind: TunnelKind, _ header: UnsafePointer<UInt8>) -> UInt32 {
    switch kind {
    case .vxlan, .vxlanGPE, .geneve: return header.be32(4) >> 8
    case .gtpu: return header.be32(4)
    case .gre:
      // The key stands behind the checksum, where there is one (RFC 2890).
      let flags = header.be16(0)
      guard flags & 0x2000 != 0 else { return 0 }
      return header.be32(flags & 0x8000 != 0 ? 8 : 4)
    case .pptp: return UInt32(header.be16(6))  // call id, RFC 2637 section 4.1
    case .erspan:
      let flags = header.be16(0)
      // Type I has no header of its own; II and III keep the session in the low ten bits.
      guard flags & 0x1000 != 0 else { return 0 }
      var offset = 8
      if flags & 0x8000 != 0 { offset &+= 4 }
      if flags & 0x2000 != 0 { offset &+= 4 }
      return UInt32((header + offset).be16(2) & 0x03ff)
    case .l2tp:
      // Tunnel and session id, as one number.
      return header.be32(header.be16(0) & 0x4000 != 0 ? 4 : 2)
    case .mpls: return header.be32(0) >> 12
    case .ipip, .sixInFour, .etherIP, .teredo: return 0
    }
  }
}
