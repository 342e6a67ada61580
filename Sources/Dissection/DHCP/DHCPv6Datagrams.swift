internal import FlowEngine
internal import Records

/// DHCP over IPv6 (RFC 8415): a record for each message, that of a relay taken out of its wrapping.
enum DHCPv6Datagrams: DatagramDissector {
  struct State: BitwiseCopyable {}

  /// Relays that a message may have gone through (RFC 8415, 7.6: HOP_COUNT_LIMIT).
  static let mostRelays = 8
  /// Type, hops, two addresses (RFC 8415, 9).
  static let relayBytes = 34

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard let type = bytes.u8(0), DHCPv6Type.name(type) != nil else { return .no }
    let isRelayed = type == DHCPv6Type.relayForward || type == DHCPv6Type.relayReply
    if isRelayed, let hops = bytes.u8(1), Int(hops) > 32 { return .no }
    guard bytes.count > (isRelayed ? relayBytes : 4) else { return .no }
    var options = DHCPv6Options(bytes.dropFirst(isRelayed ? relayBytes : 4))
    var isSure = false
    while let (code, data) = options.next() {
      guard code > 0, code < 512 else { return .no }
      switch code {
      case 1, 2: isSure = isSure || isDUID(data)
      case 9: isSure = isSure || data.count >= 4
      default: break
      }
    }
    let isExpected =
      context.serverPort == 547 || context.serverPort == 546 || context.clientPort == 546
      || context.clientPort == 547
    // Cut by the capture where the ports promise it: what is there has to be enough.
    return isSure && (options.isAtEnd || isExpected) ? .yes : .no
  }

  /// RFC 8415, 11.1: no more than 130 bytes.
  private static func isDUID(_ data: Bytes) -> Bool {
    guard let type = data.be16(0) else { return false }
    return type >= 1 && type <= 4 && data.count >= 4 && data.count <= 130
  }

  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes, missing: Int
  ) -> DatagramAnswer {
    var w = DNSWorkspace.event(d)
    guard let inner = unwrap(&w, bytes), let type = inner.u8(0),
      let head = inner.be32(0)
    else {
      if missing == 0 { d.note(.appMalformed) }
      return .idle
    }
    w.integer(DHCPFields.version, 6)
    w.text(DHCPFields.type, DHCPv6Type.isReply(type) ? "reply" : "request")
    w.text(DHCPFields.dhcpType, DHCPv6Type.name(type) ?? "unknown")
    w.integer(DHCPFields.id, head & 0xff_ffff)
    var message = DHCPv6Message(d)
    message.options(&w, inner.dropFirst(4))
    w.incomplete(missing: missing)
    if missing == 0 && message.isMalformed { d.note(.appMalformed) }
    d.emit(.dhcp, w, toServer: d.isToServer, transaction: d.nextTransaction())
    return .idle
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {}

  /// The message within those of relays, and what they say; nil where there is none.
  private static func unwrap(_ w: inout EventWriter, _ bytes: Bytes) -> Bytes? {
    guard let first = bytes.u8(0) else { return nil }
    guard first == DHCPv6Type.relayForward || first == DHCPv6Type.relayReply else {
      return bytes
    }
    w.beginArray(DHCPFields.relays)
    defer { w.end() }
    var message = bytes
    for _ in 0..<mostRelays {
      guard let type = message.u8(0) else { return nil }
      guard type == DHCPv6Type.relayForward || type == DHCPv6Type.relayReply else {
        return message
      }
      guard let hops = message.u8(1), let link = message.slice(2, 16),
        let peer = message.slice(18, 16)
      else { return nil }
      w.beginObject(DHCPFields.relays)
      w.integer(DHCPFields.hops, hops)
      w.address(DHCPFields.linkIP, link)
      w.address(DHCPFields.peerIP, peer)
      let inner = relayOptions(&w, message.dropFirst(relayBytes))
      w.end()
      guard let inner else { return nil }
      message = inner
    }
    return nil
  }

  private static func relayOptions(_ w: inout EventWriter, _ bytes: Bytes) -> Bytes? {
    var inner: Bytes?
    var (hasInterface, hasRemote, hasHardware) = (false, false, false)
    var options = DHCPv6Options(bytes)
    while let (code, data) = options.next() {
      switch code {
      case 9 where inner == nil: inner = data
      case 18 where !hasInterface:
        DHCPNames.opaque(&w, DHCPFields.interfaceID, data)
        hasInterface = true
      // RFC 4649, 3: the vendor's number before it.
      case 37 where !hasRemote:
        DHCPNames.opaque(&w, DHCPFields.remoteID, data.dropFirst(4))
        hasRemote = true
      // RFC 6939, 4.
      case 79 where !hasHardware && data.count > 2:
        w.mac(DHCPFields.clientMAC, data.dropFirst(2))
        hasHardware = true
      default: break
      }
    }
    return inner
  }
}
