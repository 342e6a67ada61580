package import CBurst

/// From a frame to a ``ParsedPacket``: link layer, tags and labels, IP, transport.
///
/// The parser owns nothing and never fails: each frame ends in a ``PacketVerdict``, which is either
/// a complete key or the name of the counter that says what was wrong. It reads no byte at or
/// beyond `captured_length`, whatever any length field says; each header is checked once, before
/// its first load.
package struct PacketParser: BitwiseCopyable, Sendable {
  /// A wire length above this is taken for a lie; the longest frames seen with receive offload are
  /// 65,322 bytes, and capture files hold at most 262,144.
  package static let maximumWireLength: UInt32 = 262_144
  package static let maximumVLANs = 4
  package static let maximumLabels = 8
  package static let maximumIPv6Extensions = 12

  /// Tunnels within tunnels beyond this are not looked into.
  package static let maximumTunnels: UInt8 = 8

  /// VLAN ids are part of the key.
  package var vlanInKey: Bool
  /// Tunnels that are looked into: 0 none, 1 the outermost, ``maximumTunnels`` all.
  package var decapsulation: UInt8
  /// Hashes each key while it is in registers: read back from where it has just been written, it would
  /// wait for the store buffer (seen here: 30 ticks a packet).
  let hash: FlowHash

  package init(
    vlanInKey: Bool = true, decapsulation: UInt8 = PacketParser.maximumTunnels, hash: FlowHash
  ) {
    self.vlanInKey = vlanInKey
    self.decapsulation = decapsulation
    self.hash = hash
  }

  /// LINKTYPE_ETHERNET; other link types come with capture files (``parseOtherLink(_:_:)``).
  @usableFromInline static let linkTypeEthernet: UInt32 = 1

  /// Where the parser is in a frame: kept in registers.
  @usableFromInline
  struct Cursor: BitwiseCopyable {
    @usableFromInline var data: UnsafePointer<UInt8>
    @usableFromInline var offset: Int
    /// Captured bytes: the bound of every load.
    @usableFromInline var end: Int
    /// Bytes on the wire: the bound of every length that is counted.
    @usableFromInline var wire: Int
    /// Tunnels that the offset lies within.
    @usableFromInline var depth: UInt8 = 0
    /// Where `data` lies within the frame: behind a tunnel an Ethernet header is a frame's beginning again.
    @usableFromInline var base: Int = 0

    @inline(__always)
    func has(_ count: Int) -> Bool { offset &+ count <= end }
  }

  /// Bytes on the wire, as far as they can be believed.
  @inline(__always)
  static func wireLength(_ packet: UnsafePointer<martlet_packet>) -> UInt32 {
    max(packet.pointee.captured_length, min(packet.pointee.wire_length, maximumWireLength))
  }

  /// Parses a packet of any kind and hashes its key. Returns the ``PacketVerdict``.
  @inline(never)
  package func parseUnusual(
    _ packet: UnsafePointer<martlet_packet>, into out: UnsafeMutablePointer<ParsedPacket>,
    now: Int64
  ) -> UInt8 {
    let captured = packet.pointee.captured_length
    let wire = Self.wireLength(packet)
    let stamp = packet.pointee.timestamp_ns
    out.pointee.wireLength = wire
    out.pointee.time = stamp == 0 ? now : Int64(truncatingIfNeeded: stamp)
    out.pointee.data = packet.pointee.data
    out.pointee.handle = packet.pointee.handle
    out.pointee.port = packet.pointee.port
    out.pointee.vlanOuter = 0xffff
    out.pointee.vlanInner = 0xffff
    out.pointee.tcpFlags = 0
    out.pointee.setOrder(control: 0, letter: 0, advance: 0)
    out.pointee.captured = captured
    out.pointee.frameOffset = 0
    out.pointee.tunnelKind = 0
    out.pointee.tunnelDepth = 0

    guard packet.pointee.link_type == Self.linkTypeEthernet else {
      return parseOtherLink(packet, out)
    }
    guard let data = packet.pointee.data, captured >= 14 else {
      return PacketVerdict.cause(.truncatedEthernet)
    }
    out.pointee.flags = ParsedPacket.Flags.plain | ParsedPacket.Flags.ethernet
    // Both fit: wire is at most 2^32 - 1 and Int has 64 bits.
    var cursor = Cursor(data: data, offset: 14, end: Int(captured), wire: Int(wire))
    var type = data.be16(12)

    let stripped =
      UInt16(MARTLET_PACKET_VLAN_STRIPPED | MARTLET_PACKET_QINQ_STRIPPED)
    let badSums =
      UInt16(MARTLET_PACKET_IP_CHECKSUM_BAD | MARTLET_PACKET_L4_CHECKSUM_BAD)
    if packet.pointee.flags & (stripped | badSums) != 0 {
      if packet.pointee.flags & stripped != 0 { restoreTags(packet, out) }
      if packet.pointee.flags & badSums != 0 {
        out.pointee.flags |= ParsedPacket.Flags.portSaysBadChecksum
      }
    }
    if type == 0x0800 { return parseIPv4(&cursor, out) }
    if type == 0x86dd { return parseIPv6(&cursor, out) }
    let verdict = parseLinkLayer(&cursor, &type, out)
    if verdict != PacketVerdict.flow { return verdict }
    return type == 0x0800 ? parseIPv4(&cursor, out) : parseIPv6(&cursor, out)
  }

  /// Puts tags that the port cut out back where they were: in front of those still in the frame.
  @inline(never)
  private func restoreTags(
    _ packet: UnsafePointer<martlet_packet>, _ out: UnsafeMutablePointer<ParsedPacket>
  ) {
    if packet.pointee.flags & UInt16(MARTLET_PACKET_QINQ_STRIPPED) != 0 {
      out.pointee.vlanOuter = packet.pointee.vlan_tci_outer & 0x0fff
      out.pointee.vlanInner = packet.pointee.vlan_tci & 0x0fff
      out.pointee.flags &= ~ParsedPacket.Flags.plain
    } else {
      out.pointee.vlanOuter = packet.pointee.vlan_tci & 0x0fff
    }
  }

  /// Tags, labels, PPPoE and LLC, until IP; `type` is then 0x0800 or 0x86dd.
  @inline(never)
  func parseLinkLayer(
    _ cursor: inout Cursor, _ type: inout UInt16, _ out: UnsafeMutablePointer<ParsedPacket>
  ) -> UInt8 {
    var tags = 0
    while true {
      switch type {
      case 0x0800, 0x86dd:
        return PacketVerdict.flow
      case 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300:  // IEEE 802.1Q, 802.1ad and its predecessors
        guard cursor.has(4) else { return PacketVerdict.cause(.truncatedVLAN) }
        tags &+= 1
        if tags > Self.maximumVLANs { return PacketVerdict.cause(.tooManyVLANs) }
        let id = cursor.data.be16(cursor.offset) & 0x0fff
        if out.pointee.vlanOuter == 0xffff {
          out.pointee.vlanOuter = id
        } else {
          // Not every NIC looks behind a second tag.
          out.pointee.flags &= ~ParsedPacket.Flags.plain
          if out.pointee.vlanInner == 0xffff { out.pointee.vlanInner = id }
        }
        type = cursor.data.be16(cursor.offset &+ 2)
        cursor.offset &+= 4
      case 0x8847, 0x8848, 0x894f:  // MPLS, RFC 3032; NSH, RFC 8300
        out.pointee.flags &= ~ParsedPacket.Flags.plain
        let depth = cursor.depth
        let verdict =
          type == 0x894f ? skipServiceHeader(&cursor, &type, out) : skipLabels(&cursor, &type, out)
        if verdict != PacketVerdict.flow { return verdict }
        // A frame within has tags of its own.
        if cursor.depth != depth { tags = 0 }
      case 0x8903:  // Cisco FabricPath: two bytes of tag and hop count, then the whole frame
        out.pointee.flags &= ~ParsedPacket.Flags.plain
        tags &+= 1
        if tags > Self.maximumVLANs { return PacketVerdict.cause(.tooManyVLANs) }
        cursor.offset &+= 2
        let verdict = enterFrame(&cursor, &type, out)
        if verdict != PacketVerdict.flow { return verdict }
        // A tag in front of the frame, and no tunnel.
        cursor.depth &-= 1
      case 0x893f, 0x8926:  // E-Tag, IEEE 802.1BR; VN-Tag of Cisco
        out.pointee.flags &= ~ParsedPacket.Flags.plain
        let size = type == 0x893f ? 6 : 4
        guard cursor.has(size &+ 2) else { return PacketVerdict.cause(.truncatedVLAN) }
        tags &+= 1
        if tags > Self.maximumVLANs { return PacketVerdict.cause(.tooManyVLANs) }
        type = cursor.data.be16(cursor.offset &+ size)
        cursor.offset &+= size &+ 2
      case 0x8864:  // PPPoE session, RFC 2516; PPP protocol behind it, RFC 1661
        out.pointee.flags &= ~ParsedPacket.Flags.plain
        guard cursor.has(8) else { return PacketVerdict.cause(.truncatedPPPoE) }
        type = Self.ethertype(ofPPP: cursor.data.be16(cursor.offset &+ 6))
        if type == 0 { return PacketVerdict.cause(.pppoeControl) }
        cursor.offset &+= 8
      case 0...1500:  // IEEE 802.3: a length, then LLC
        guard cursor.has(3) else { return PacketVerdict.cause(.llc) }
        if cursor.data.be16(cursor.offset) == 0x4242 {
          return PacketVerdict.cause(.spanningTree)
        }
        // SNAP with an encapsulated Ethertype (RFC 1042).
        guard cursor.has(8), cursor.data.be32(cursor.offset) == 0xaaaa_0300,
          cursor.data.be16(cursor.offset &+ 4) == 0, cursor.data.be16(cursor.offset &+ 6) > 1500
        else { return PacketVerdict.cause(.llc) }
        out.pointee.flags &= ~ParsedPacket.Flags.plain
        type = cursor.data.be16(cursor.offset &+ 6)
        cursor.offset &+= 8
      default:
        return PacketVerdict.cause(Self.nameOfEthertype(type))
      }
    }
  }

  private static func nameOfEthertype(_ type: UInt16) -> Counter {
    switch type {
    case 0x0806, 0x8035: .arp
    case 0x88cc: .lldp
    case 0x8809: .slowProtocols
    case 0x8808: .macControl
    case 0x888e: .eapol
    case 0x88f7: .ptp
    case 0x88e5: .macsec
    case 0x8863: .pppoeDiscovery
    default: .otherEthertype
    }
  }
}
