// TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), ICMP (RFC 792), ICMPv6 (RFC 4443), AH (RFC 4302).

extension PacketParser {
  /// Ports or what stands for them, then the key. `length` is what the IP header leaves for it.
  @inline(__always)
  func parseTransport(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, _ source: IPAddress,
    _ destination: IPAddress, _ proto: UInt8, length: Int, version: UInt8
  ) -> UInt8 {
    let header = cursor.data + cursor.offset
    out.pointee.transportOffset = UInt16(truncatingIfNeeded: cursor.offset)
    switch proto {
    case IPProtocol.tcp:
      guard cursor.has(20), length >= 20 else {
        return parseShortTransport(
          &cursor, out, source, destination, proto, length: length, version: version)
      }
      let dataOffset = Int(header.u8(12) >> 4) &* 4
      out.pointee.sequence = header.be32(4)
      out.pointee.acknowledgement = header.be32(8)
      out.pointee.tcpFlags = header.u8(13)
      out.pointee.window = header.be16(14)
      if dataOffset < 20 || dataOffset > length {
        out.pointee.flags |= ParsedPacket.Flags.badTransportHeader
        out.pointee.payloadLength = 0
      } else {
        out.pointee.payloadLength = UInt32(truncatingIfNeeded: length &- dataOffset)
      }
      out.pointee.payloadOffset = UInt16(truncatingIfNeeded: cursor.offset &+ dataOffset)
      out.pointee.setOrder(
        control: header.u8(13) & ParsedPacket.controlFlags,
        letter: out.pointee.payloadLength > 0 ? HistoryBits.data : HistoryBits.ack,
        advance: out.pointee.payloadLength)
      setKey(out, source, destination, header.be16(0), header.be16(2), proto, version)
      return PacketVerdict.flow
    case IPProtocol.udp:
      guard cursor.has(8), length >= 8 else {
        return parseShortTransport(
          &cursor, out, source, destination, proto, length: length, version: version)
      }
      let declared = Int(header.be16(4))
      if declared < 8 && declared != 0
        || declared > length
          && out.pointee.flags & ParsedPacket.Flags.fragment == 0
      {
        out.pointee.flags |= ParsedPacket.Flags.badTransportHeader
      }
      // The datagram ends where its own header says; what IP carries behind it is none of its data (RFC 9868,
      // section 5).
      let isShorter =
        declared >= 8 && declared < length && out.pointee.flags & ParsedPacket.Flags.fragment == 0
      let payload = (isShorter ? declared : length) &- 8
      out.pointee.payloadLength = UInt32(truncatingIfNeeded: payload)
      out.pointee.payloadOffset = UInt16(truncatingIfNeeded: cursor.offset &+ 8)
      out.pointee.sequence = 0
      out.pointee.acknowledgement = 0
      out.pointee.window = 1
      out.pointee.tcpFlags = 0
      let usual: UInt32 = version == 0 ? 28 : 48
      out.pointee.setOrder(
        control: out.pointee.ipLength &- out.pointee.payloadLength == usual ? TCPFlags.ack : 0,
        letter: HistoryBits.data, advance: 0)
      let sourcePort = header.be16(0)
      let destinationPort = header.be16(2)
      setKey(out, source, destination, sourcePort, destinationPort, proto, version)
      if (Self.isTunnel(port: destinationPort) || Self.isTunnel(port: sourcePort))
        && cursor.depth < decapsulation
      {
        return parseUDPTunnel(
          cursor, out, source: sourcePort, destination: destinationPort, length: payload)
      }
      return PacketVerdict.flow
    default:
      return parseOther(
        &cursor, out, source, destination, proto, length: length, version: version)
    }
  }

  /// A TCP or UDP header that is not all there: with four bytes the ports are known, and the packet
  /// counts in its flow.
  @inline(never)
  private func parseShortTransport(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, _ source: IPAddress,
    _ destination: IPAddress, _ proto: UInt8, length: Int, version: UInt8
  ) -> UInt8 {
    guard cursor.has(4), length >= 4 else {
      return shortCause(out, source, destination, proto, version)
    }
    let header = cursor.data + cursor.offset
    out.pointee.flags |= ParsedPacket.Flags.badTransportHeader
    out.pointee.sequence = 0
    out.pointee.acknowledgement = 0
    out.pointee.window = 0
    out.pointee.setOrder(control: 0, letter: 0, advance: 0)
    out.pointee.payloadLength = 0
    out.pointee.payloadOffset = UInt16(truncatingIfNeeded: cursor.offset)
    setKey(out, source, destination, header.be16(0), header.be16(2), proto, version)
    return PacketVerdict.flow
  }

  /// The ports are not there: the addresses are, for the record of it.
  private func shortCause(
    _ out: UnsafeMutablePointer<ParsedPacket>, _ source: IPAddress, _ destination: IPAddress,
    _ proto: UInt8, _ version: UInt8
  ) -> UInt8 {
    setKey(out, source, destination, 0, 0, proto, version)
    switch proto {
    case IPProtocol.tcp: return PacketVerdict.cause(.truncatedTCP)
    case IPProtocol.udp: return PacketVerdict.cause(.truncatedUDP)
    case IPProtocol.icmp, IPProtocol.icmpv6: return PacketVerdict.cause(.truncatedICMP)
    case IPProtocol.sctp: return PacketVerdict.cause(.truncatedSCTP)
    default: return PacketVerdict.cause(.truncatedAH)
    }
  }

  @inline(never)
  private func parseOther(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, _ source: IPAddress,
    _ destination: IPAddress, _ firstProto: UInt8, length: Int, version: UInt8
  ) -> UInt8 {
    var proto = firstProto
    var length = length
    if proto == IPProtocol.ah && version == 0 {
      // Authenticated, not hidden: what it carries is the flow.
      guard cursor.has(12) else { return shortCause(out, source, destination, proto, version) }
      out.pointee.flags &= ~ParsedPacket.Flags.plain
      let size = (Int(cursor.data.u8(cursor.offset &+ 1)) &+ 2) &* 4
      let next = cursor.data.u8(cursor.offset)
      guard cursor.has(size) else { return shortCause(out, source, destination, proto, version) }
      cursor.offset &+= size
      length = max(length &- size, 0)
      if next == IPProtocol.tcp || next == IPProtocol.udp {
        return parseTransportBehindAH(
          &cursor, out, source, destination, next, length: length, version: version)
      }
      proto = next
    }
    let header = cursor.data + cursor.offset
    out.pointee.payloadOffset = UInt16(truncatingIfNeeded: cursor.offset)
    out.pointee.payloadLength = UInt32(truncatingIfNeeded: length)
    out.pointee.setOrder(control: 0, letter: 0, advance: 0)
    switch proto {
    case IPProtocol.sctp:
      guard cursor.has(4), length >= 4 else {
        return shortCause(out, source, destination, proto, version)
      }
      // NICs differ in whether they hash SCTP's ports.
      out.pointee.flags &= ~ParsedPacket.Flags.plain
      out.pointee.payloadLength = UInt32(truncatingIfNeeded: max(length &- 12, 0))
      setKey(out, source, destination, header.be16(0), header.be16(2), proto, version)
    case IPProtocol.icmp where version == 0, IPProtocol.icmpv6 where version != 0:
      guard cursor.has(2), length >= 2 else {
        return shortCause(out, source, destination, proto, version)
      }
      let type = header.u8(0)
      let code = header.u8(1)
      out.pointee.icmpType = type
      out.pointee.icmpCode = code
      out.pointee.payloadLength = UInt32(truncatingIfNeeded: max(length &- 8, 0))
      let counterpart =
        version == 0 ? ICMPCounterpart.v4(type) : ICMPCounterpart.v6(type)
      if counterpart != ICMPCounterpart.none {
        setKey(out, source, destination, UInt16(type), counterpart, proto, version)
      } else {
        setKey(
          out, source, destination, UInt16(type), UInt16(code), proto,
          version | FlowKey.Flags.oneWay)
      }
    default:
      // ICMP over IPv6 and ICMPv6 over IPv4 come here, too: their types are nobody's.
      out.pointee.icmpType = 0
      out.pointee.icmpCode = 0
      setKey(out, source, destination, 0, 0, proto, version)
      if Self.isTunnel(proto: proto) && cursor.depth < decapsulation {
        return parseTunnel(cursor, out, proto: proto, length: length)
      }
    }
    return PacketVerdict.flow
  }

  /// Kept out of line, so that the common path is inlined once.
  @inline(never)
  private func parseTransportBehindAH(
    _ cursor: inout Cursor, _ out: UnsafeMutablePointer<ParsedPacket>, _ source: IPAddress,
    _ destination: IPAddress, _ proto: UInt8, length: Int, version: UInt8
  ) -> UInt8 {
    parseTransport(
      &cursor, out, source, destination, proto, length: length, version: version)
  }

  /// Writes the key with its end points in canonical order, and which of them sent the packet.
  @inline(__always)
  func setKey(
    _ out: UnsafeMutablePointer<ParsedPacket>, _ source: IPAddress, _ destination: IPAddress,
    _ sourcePort: UInt16, _ destinationPort: UInt16, _ proto: UInt8, _ flags: UInt8
  ) {
    let outer = out.pointee.vlanOuter
    let inner = out.pointee.vlanInner
    let vlanOuter: UInt16 = vlanInKey && outer != 0xffff ? outer : 0
    let vlanInner: UInt16 = vlanInKey && inner != 0xffff ? inner : 0
    let sourceIsA =
      source.high != destination.high
      ? source.high < destination.high
      : source.low != destination.low ? source.low < destination.low : sourcePort <= destinationPort
    let direction =
      !sourceIsA && flags & FlowKey.Flags.oneWay != 0 ? FlowKey.Flags.oneWayFromB : 0
    let key = FlowKey(
      addressA: sourceIsA ? source : destination, addressB: sourceIsA ? destination : source,
      portA: sourceIsA ? sourcePort : destinationPort,
      portB: sourceIsA ? destinationPort : sourcePort, proto: proto, flags: flags | direction,
      vlanOuter: vlanOuter, vlanInner: vlanInner)
    out.pointee.key = key
    out.pointee.hash = hash(key)
    out.pointee.side = sourceIsA ? 0 : 1
  }
}

/// Which ICMP type answers which; the pairs are the Community ID specification's.
package enum ICMPCounterpart {
  package static let none: UInt16 = 0xffff

  @inlinable
  package static func v4(_ type: UInt8) -> UInt16 {
    switch type {
    case 8: 0  // echo
    case 0: 8
    case 13: 14  // timestamp
    case 14: 13
    case 15: 16  // information
    case 16: 15
    case 10: 9  // router solicitation and advertisement
    case 9: 10
    case 17: 18  // address mask
    case 18: 17
    default: none
    }
  }

  @inlinable
  package static func v6(_ type: UInt8) -> UInt16 {
    switch type {
    case 128: 129  // echo
    case 129: 128
    case 133: 134  // router solicitation and advertisement
    case 134: 133
    case 135: 136  // neighbour solicitation and advertisement
    case 136: 135
    case 130: 131  // multicast listener query and report
    case 131: 130
    case 139: 140  // node information
    case 140: 139
    case 144: 145  // home agent address discovery
    case 145: 144
    default: none
    }
  }
}
