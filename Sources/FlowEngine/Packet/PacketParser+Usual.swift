package import CBurst

// The usual frame, in one go: Ethernet II with one VLAN tag or none, IPv4 without options or IPv6
// without extension headers, TCP or UDP, everything there, nothing contradictory. Nearly all frames of
// nearly all links are like that; perf/instructions has what one costs (`parse`). The rest
// goes through ``parseUnusual(_:into:now:)``, which knows these, too, and says the same of them: a test
// holds the two equal.
//
// Each combination has code of its own, in which the offsets are constants; hence the inlining.

extension PacketParser {
  /// Parses one packet and hashes its key. Returns the ``PacketVerdict``.
  @inline(__always)
  package func parse(
    _ packet: UnsafePointer<martlet_packet>, into out: UnsafeMutablePointer<ParsedPacket>,
    now: Int64
  ) -> UInt8 {
    parseUsual(packet, into: out, now: now)
      ? PacketVerdict.flow : parseUnusual(packet, into: out, now: now)
  }

  /// Whether the packet is of the usual kind; then it has been parsed, goes on as it is, and of its
  /// flags only those two are set that a plain packet over Ethernet has.
  @inline(__always)
  func parseUsual(
    _ packet: UnsafePointer<martlet_packet>, into out: UnsafeMutablePointer<ParsedPacket>,
    now: Int64
  ) -> Bool {
    // The shortest usual frame has 14 bytes of Ethernet, 20 of IPv4 and 8 of UDP.
    guard packet.pointee.captured_length >= 42,
      packet.pointee.link_type == Self.linkTypeEthernet,
      packet.pointee.flags & Self.portFlags == 0, let data = packet.pointee.data
    else { return false }
    let type = data.be16(12)
    if type == 0x0800 {
      return parseUsualIPv4(
        UsualFrame(packet, data, network: 14, vlan: 0xffff), into: out, now: now)
    }
    return parseOtherUsual(packet, data, type, into: out, now: now)
  }

  /// What the port says of a packet that is not for the short way.
  @inline(__always)
  private static var portFlags: UInt16 {
    UInt16(
      MARTLET_PACKET_VLAN_STRIPPED | MARTLET_PACKET_QINQ_STRIPPED
        | MARTLET_PACKET_IP_CHECKSUM_BAD | MARTLET_PACKET_L4_CHECKSUM_BAD)
  }

  /// IPv6, and frames with an 802.1Q tag.
  @inline(never)
  private func parseOtherUsual(
    _ packet: UnsafePointer<martlet_packet>, _ data: UnsafePointer<UInt8>, _ type: UInt16,
    into out: UnsafeMutablePointer<ParsedPacket>, now: Int64
  ) -> Bool {
    if type == 0x86dd {
      return parseUsualIPv6(
        UsualFrame(packet, data, network: 14, vlan: 0xffff), into: out, now: now)
    }
    guard type == 0x8100 else { return false }
    let frame = UsualFrame(packet, data, network: 18, vlan: data.be16(14) & 0x0fff)
    switch data.be16(16) {
    case 0x0800: return parseUsualIPv4(frame, into: out, now: now)
    case 0x86dd: return parseUsualIPv6(frame, into: out, now: now)
    default: return false
    }
  }

  private struct UsualFrame {
    let packet: UnsafePointer<martlet_packet>
    let data: UnsafePointer<UInt8>
    let captured: Int
    let wire: UInt32
    /// Where the IP header begins; at least 24 captured bytes follow.
    let network: Int
    let vlan: UInt16

    @inline(__always)
    init(
      _ packet: UnsafePointer<martlet_packet>, _ data: UnsafePointer<UInt8>, network: Int,
      vlan: UInt16
    ) {
      self.packet = packet
      self.data = data
      captured = Int(packet.pointee.captured_length)
      wire = PacketParser.wireLength(packet)
      self.network = network
      self.vlan = vlan
    }

    @inline(__always)
    func has(_ count: Int) -> Bool { captured >= count }

    /// Bytes on the wire from the IP header on; not negative, since what is captured was on the wire.
    @inline(__always)
    var room: Int { Int(wire) &- network }
  }

  @inline(__always)
  private func parseUsualIPv4(
    _ frame: UsualFrame, into out: UnsafeMutablePointer<ParsedPacket>, now: Int64
  ) -> Bool {
    let ip = frame.data + frame.network
    // Version 4, five words of header; not a fragment, and none follows.
    guard frame.has(frame.network &+ 28), ip.u8(0) == 0x45, ip.be16(6) & 0x3fff == 0 else {
      return false
    }
    let total = Int(ip.be16(2))
    guard total <= frame.room,
      parseUsualTransport(
        frame, out, ip.u8(9), at: frame.network &+ 20, length: total &- 20)
    else { return false }
    out.pointee.ipLength = UInt32(truncatingIfNeeded: total)
    out.pointee.trafficClass = ip.u8(1)
    out.pointee.ttl = ip.u8(8)
    // Address and port in one word are ordered as the two are, one behind the other.
    let source = UInt64(ip.be32(12)) << 16 | UInt64(ip.be16(20))
    let destination = UInt64(ip.be32(16)) << 16 | UInt64(ip.be16(22))
    let a = min(source, destination)
    let b = max(source, destination)
    finish(
      frame, out, now, isFromB: source > destination,
      FlowKey(
        addressA: IPAddress(v4: UInt32(truncatingIfNeeded: a >> 16)),
        addressB: IPAddress(v4: UInt32(truncatingIfNeeded: b >> 16)),
        portA: UInt16(truncatingIfNeeded: a), portB: UInt16(truncatingIfNeeded: b),
        proto: ip.u8(9), flags: 0, vlanOuter: key(vlan: frame.vlan)))
    return true
  }

  @inline(__always)
  private func parseUsualIPv6(
    _ frame: UsualFrame, into out: UnsafeMutablePointer<ParsedPacket>, now: Int64
  ) -> Bool {
    let ip = frame.data + frame.network
    guard frame.has(frame.network &+ 48), ip.u8(0) >> 4 == 6 else { return false }
    let length = Int(ip.be16(4))
    guard length &+ 40 <= frame.room,
      parseUsualTransport(frame, out, ip.u8(6), at: frame.network &+ 40, length: length)
    else { return false }
    out.pointee.ipLength = UInt32(truncatingIfNeeded: length &+ 40)
    out.pointee.trafficClass = UInt8(truncatingIfNeeded: ip.be16(0) >> 4)
    out.pointee.ttl = ip.u8(7)
    let source = (high: ip.be64(8), low: ip.be64(16), port: ip.be16(40))
    let destination = (high: ip.be64(24), low: ip.be64(32), port: ip.be16(42))
    // Which is the higher one nobody can guess either, but for equal addresses.
    let from = UInt128(source.high) << 64 | UInt128(source.low)
    let to = UInt128(destination.high) << 64 | UInt128(destination.low)
    let isFromB = from == to ? source.port > destination.port : from > to
    let mask: UInt64 = isFromB ? .max : 0
    let high = (source.high ^ destination.high) & mask
    let low = (source.low ^ destination.low) & mask
    let port = (source.port ^ destination.port) & UInt16(truncatingIfNeeded: mask)
    finish(
      frame, out, now, isFromB: isFromB,
      FlowKey(
        addressA: IPAddress(high: source.high ^ high, low: source.low ^ low),
        addressB: IPAddress(high: destination.high ^ high, low: destination.low ^ low),
        portA: source.port ^ port, portB: destination.port ^ port, proto: ip.u8(6),
        flags: FlowKey.Flags.ipv6, vlanOuter: key(vlan: frame.vlan)))
    return true
  }

  /// TCP or UDP, `length` bytes of it by the IP header, of which eight have been captured.
  @inline(__always)
  private func parseUsualTransport(
    _ frame: UsualFrame, _ out: UnsafeMutablePointer<ParsedPacket>, _ proto: UInt8,
    at offset: Int, length: Int
  ) -> Bool {
    let header = frame.data + offset
    let isTCP = proto == IPProtocol.tcp
    // So a UDP header is read as though it were one of TCP, and what it does not have is masked out: which
    // of the two comes next nobody can guess, and a wrong guess costs as much as thirty instructions.
    guard isTCP || proto == IPProtocol.udp, frame.has(offset &+ 20) else { return false }
    let mask: UInt32 = isTCP ? .max : 0
    let tcpSize = UInt32(header.u8(12) >> 4) &* 4
    let declared = UInt32(header.be16(4))
    // TCP's header within what IP leaves for it; of UDP the whole datagram, which is all of that.
    let told = tcpSize & mask | declared & ~mask
    let size = Int(tcpSize & mask | 8 & ~mask)
    let behind = UInt32(truncatingIfNeeded: length) &- told
    guard told >= 20 & mask | 8 & ~mask, behind & ~mask == 0, Int(told) <= length else {
      return false
    }
    let ports = (header.be16(0), header.be16(2))
    if Self.tunnelPorts.contains(ports.0) || Self.tunnelPorts.contains(ports.1) {
      guard isTCP || !Self.isTunnel(port: ports.0) && !Self.isTunnel(port: ports.1) else {
        return false
      }
    }
    let flags = header.u8(13) & UInt8(truncatingIfNeeded: mask)
    out.pointee.sequence = header.be32(4) & mask
    out.pointee.acknowledgement = header.be32(8) & mask
    out.pointee.window =
      header.be16(14) & UInt16(truncatingIfNeeded: mask) | UInt16(truncatingIfNeeded: ~mask) & 1
    out.pointee.tcpFlags = flags
    let payload = UInt32(truncatingIfNeeded: length &- size)
    out.pointee.payloadLength = payload
    let advance = payload & mask
    // A datagram counts as data also where it has none.
    let isData = UInt16(advance != 0 ? 1 : 0) | UInt16(truncatingIfNeeded: ~mask) & 1
    out.pointee.setOrder(
      control: flags & ParsedPacket.controlFlags | TCPFlags.ack & UInt8(truncatingIfNeeded: ~mask),
      // The letter of data is the one behind that of an acknowledgement.
      letter: HistoryBits.ack &<< isData, advance: advance)
    out.pointee.flags = ParsedPacket.Flags.plain | ParsedPacket.Flags.ethernet
    // Offsets are below 18 + 40 + 60.
    out.pointee.networkOffset = UInt16(truncatingIfNeeded: frame.network)
    out.pointee.transportOffset = UInt16(truncatingIfNeeded: offset)
    out.pointee.payloadOffset = UInt16(truncatingIfNeeded: offset &+ size)
    return true
  }

  @inline(__always)
  private func finish(
    _ frame: UsualFrame, _ out: UnsafeMutablePointer<ParsedPacket>, _ now: Int64, isFromB: Bool,
    _ key: FlowKey
  ) {
    let packet = frame.packet
    out.pointee.key = key
    out.pointee.hash = hash(key)
    out.pointee.side = isFromB ? 1 : 0
    out.pointee.wireLength = frame.wire
    let stamp = packet.pointee.timestamp_ns
    out.pointee.time = stamp == 0 ? now : Int64(truncatingIfNeeded: stamp)
    out.pointee.data = frame.data
    out.pointee.handle = packet.pointee.handle
    out.pointee.port = packet.pointee.port
    out.pointee.captured = UInt32(truncatingIfNeeded: frame.captured)
    out.pointee.vlanOuter = frame.vlan
    out.pointee.vlanInner = 0xffff
    out.pointee.frameOffset = 0
    out.pointee.tunnelKind = 0
    out.pointee.tunnelDepth = 0
  }

  /// A tag's id as it stands in the key.
  @inline(__always)
  private func key(vlan: UInt16) -> UInt16 { vlan != 0xffff && vlanInKey ? vlan : 0 }
}
