internal import FlowEngine
internal import Records

/// A message's options as fields (RFC 2132 and those that came after). Of an option that is there
/// more than
/// once the first counts.
struct DHCPMessage {
  private let d: Delivery
  private let space: DNSWorkspace
  private var seen = DHCPCodes()
  /// The options end in the middle of one.
  private(set) var isBroken = false
  /// An option's data is not what it should be.
  private(set) var isMalformed = false
  private(set) var hasBootFile = false

  init(_ d: Delivery) {
    self.d = d
    space = DNSWorkspace(d)
  }

  mutating func options(_ w: inout EventWriter, _ bytes: Bytes) {
    var options = DHCPOptions(bytes)
    while let (code, data) = options.next() {
      if seen.insert(code), !option(&w, code, data) { isMalformed = true }
    }
    isBroken = options.isBroken
  }

  /// Codes of all options; an option in two parts is told once (RFC 3396).
  static func codes(_ w: inout EventWriter, _ header: DHCPHeader, _ overload: UInt8) {
    w.beginArray(DHCPFields.optionCodes)
    var seen = DHCPCodes()
    for place in 0..<3 {
      let isThere = place == 0 || overload & UInt8(place) != 0
      let bytes = place == 0 ? header.options : place == 1 ? header.file : header.serverName
      var options = DHCPOptions(isThere ? bytes : .empty)
      while let (code, _) = options.next() {
        if seen.insert(code) { w.integer(DHCPFields.optionCodes, code) }
      }
    }
    w.end()
  }

  /// False where the data is not what it should be.
  private mutating func option(
    _ w: inout EventWriter, _ code: UInt8, _ data: Bytes
  ) -> Bool {
    switch code {
    case 1: return address(&w, DHCPFields.subnetMask, data)
    case 3: return addresses(&w, DHCPFields.routers, data)
    case 6: return addresses(&w, DHCPFields.dnsServers, data)
    case 12: text(&w, DHCPFields.hostname, data)
    case 15: text(&w, DHCPFields.domain, data)
    case 26:
      guard let value = data.be16(0) else { return false }
      w.integer(DHCPFields.mtu, value)
    case 28: return address(&w, DHCPFields.broadcastIP, data)
    case 42: return addresses(&w, DHCPFields.ntpServers, data)
    case 44: return addresses(&w, DHCPFields.winsServers, data)
    case 50: return address(&w, DHCPFields.requestedIP, data)
    case 51: return seconds(&w, DHCPFields.leaseTime, data)
    case 53:
      guard let type = data.u8(0) else { return false }
      w.text(DHCPFields.dhcpType, Self.type(type))
    case 54: return address(&w, DHCPFields.serverID, data)
    case 55: parameters(&w, data)
    case 56: if !d.settings.isHeaderOnly { text(&w, DHCPFields.message, data) }
    case 57:
      guard let value = data.be16(0) else { return false }
      w.integer(DHCPFields.maximumSize, value)
    case 58: return seconds(&w, DHCPFields.renewalTime, data)
    case 59: return seconds(&w, DHCPFields.rebindingTime, data)
    default: return newerOption(&w, code, data)
    }
    return true
  }

  private mutating func newerOption(
    _ w: inout EventWriter, _ code: UInt8, _ data: Bytes
  ) -> Bool {
    switch code {
    case 60: text(&w, DHCPFields.vendorClass, data)
    case 61:
      // The first byte is a hardware type, or 0; Suricata leaves it out.
      guard data.count > 1 else { return false }
      w.hexColons(DHCPFields.clientID, data.dropFirst(1))
      w.integer(DHCPFields.zeekClientIDType, data.u8(0) ?? 0)
    case 66: text(&w, DHCPFields.tftpServer, data)
    case 67:
      text(&w, DHCPFields.bootFile, data)
      hasBootFile = !data.isEmpty
    case 77: text(&w, DHCPFields.userClass, data)
    case 81: return name(&w, data)
    case 82: relayAgent(&w, data)
    case 114: text(&w, DHCPFields.portalURL, data)
    case 119: return search(&w, data)
    case 121: return routes(&w, data)
    case 150: if seen.insert(66) { return address(&w, DHCPFields.tftpServer, data.prefix(4)) }
    case 252: text(&w, DHCPFields.proxyURL, data)
    default: break
    }
    return true
  }

  private static func type(_ type: UInt8) -> StaticString {
    switch type {
    case 1: "discover"
    case 2: "offer"
    case 3: "request"
    case 4: "decline"
    case 5: "ack"
    case 6: "nak"
    case 7: "release"
    case 8: "inform"
    case 9: "forcerenew"
    case 10: "leasequery"
    case 11: "leaseunassigned"
    case 12: "leaseunknown"
    case 13: "leaseactive"
    default: "unknown"
    }
  }

  // MARK: Data

  /// Text, without the zero that some put at its end.
  private func text(_ w: inout EventWriter, _ field: EventField, _ data: Bytes) {
    let text = data.count > 0 && data.u8(data.count &- 1) == 0 ? data.prefix(data.count &- 1) : data
    if !text.isEmpty { w.string(field, text) }
  }

  private func seconds(_ w: inout EventWriter, _ field: EventField, _ data: Bytes) -> Bool {
    guard let value = data.be32(0) else { return false }
    w.integer(field, value)
    return true
  }

  private func address(_ w: inout EventWriter, _ field: EventField, _ data: Bytes) -> Bool {
    guard data.count == 4 else { return false }
    w.address(field, data)
    return true
  }

  private func addresses(_ w: inout EventWriter, _ field: EventField, _ data: Bytes) -> Bool {
    var cursor = ByteCursor(data)
    w.beginArray(field)
    while let address = cursor.take(4) { w.address(field, address) }
    w.end()
    return cursor.isAtEnd
  }

  private func parameters(_ w: inout EventWriter, _ data: Bytes) {
    w.beginArray(DHCPFields.params)
    for i in 0..<data.count {
      switch data.u8(i) ?? 0 {
      case 1: w.text(DHCPFields.params, "subnet_mask")
      case 3: w.text(DHCPFields.params, "router")
      case 6: w.text(DHCPFields.params, "dns_server")
      case 15: w.text(DHCPFields.params, "domain")
      case 35: w.text(DHCPFields.params, "arp_timeout")
      case 42: w.text(DHCPFields.params, "ntp_server")
      case 66: w.text(DHCPFields.params, "tftp_server_name")
      case 150: w.text(DHCPFields.params, "tftp_server_ip")
      default: break
      }
    }
    w.end()
    w.beginArray(DHCPFields.paramCodes)
    for i in 0..<data.count { w.integer(DHCPFields.paramCodes, data.u8(i) ?? 0) }
    w.end()
  }

  /// RFC 4702, 2: three bytes, and a name as text or, by a flag, as DNS has it.
  private func name(_ w: inout EventWriter, _ data: Bytes) -> Bool {
    guard let flags = data.u8(0), data.count >= 3 else { return false }
    let name = data.dropFirst(3)
    if flags & 0x04 == 0 {
      text(&w, DHCPFields.clientFQDN, name)
      return true
    }
    return DHCPNames.write(&w, DHCPFields.clientFQDN, name, space)
  }

  /// RFC 3397, 2: names one behind the other, pointers among them.
  private func search(_ w: inout EventWriter, _ data: Bytes) -> Bool {
    w.beginArray(DHCPFields.domainSearch)
    defer { w.end() }
    return DHCPNames.list(&w, DHCPFields.domainSearch, data, space)
  }

  /// RFC 3046, 2.
  private func relayAgent(_ w: inout EventWriter, _ data: Bytes) {
    w.beginObject(DHCPFields.relayAgent)
    var seen = DHCPCodes()
    var options = DHCPOptions(data)
    while let (code, value) = options.next() {
      guard seen.insert(code) else { continue }
      if code == 1 { DHCPNames.opaque(&w, DHCPFields.circuitID, value) }
      if code == 2 { DHCPNames.opaque(&w, DHCPFields.remoteID, value) }
    }
    w.end()
  }

  /// RFC 3442: length of the prefix, as many of its bytes as matter, router.
  private func routes(_ w: inout EventWriter, _ data: Bytes) -> Bool {
    w.beginArray(DHCPFields.staticRoutes)
    defer { w.end() }
    var cursor = ByteCursor(data)
    while let length = cursor.u8() {
      guard length <= 32, let prefix = cursor.take((Int(length) &+ 7) >> 3),
        let router = cursor.take(4)
      else { return false }
      var text = BoundedText(space)
      for i in 0..<4 {
        if i > 0 { text.text(".") }
        text.decimal(prefix.u8(i) ?? 0)
      }
      text.text("/")
      text.decimal(length)
      w.beginObject(DHCPFields.staticRoutes)
      w.string(DHCPFields.destination, text.bytes)
      w.address(DHCPFields.router, router)
      w.end()
    }
    return true
  }
}

/// Names as DNS has them, and bytes that may be text.
enum DHCPNames {
  /// False where it is none.
  static func write(
    _ w: inout EventWriter, _ field: EventField, _ data: Bytes, _ space: DNSWorkspace
  ) -> Bool {
    let name = DNSName.read(data, at: 0, into: space.name)
    // A name that is not whole ends without its zero (RFC 4704, 4.2).
    if name.count > 0 { w.string(field, Bytes(space.name, name.count)) }
    return !name.isLoop
  }

  static func list(
    _ w: inout EventWriter, _ field: EventField, _ data: Bytes, _ space: DNSWorkspace
  ) -> Bool {
    var offset = 0
    // Each name has a byte at least. Small references can stand for long names: what has no room is not read.
    while offset < data.count, !w.isTruncated {
      let name = DNSName.read(data, at: offset, into: space.name)
      guard name.isSound, name.next > offset else { return false }
      if name.count > 0 { w.string(field, Bytes(space.name, name.count)) }
      offset = name.next
    }
    return true
  }

  /// Text where it is printable, else its bytes.
  static func opaque(_ w: inout EventWriter, _ field: EventField, _ data: Bytes) {
    if data.isPrintable {
      w.string(field, data)
    } else {
      w.hexColons(field, data)
    }
  }
}
