internal import FlowEngine
internal import Records

/// A message's options of version 6 as fields.
struct DHCPv6Message {
  private let d: Delivery
  private let space: DNSWorkspace
  private var seen = DHCPCodes()
  private(set) var isMalformed = false

  /// Identity associations, and addresses in one, that are told.
  private static let mostAssociations = 32

  init(_ d: Delivery) {
    self.d = d
    space = DNSWorkspace(d)
  }

  mutating func options(_ w: inout EventWriter, _ bytes: Bytes) {
    var options = DHCPv6Options(bytes)
    while let (code, data) = options.next() {
      // Codes above are of nothing that is told here.
      guard let short = UInt8(exactly: code), seen.insert(short) else { continue }
      if !option(&w, short, data) { isMalformed = true }
    }
    if !options.isAtEnd { isMalformed = true }
    associations(&w, bytes)
    codes(&w, bytes)
  }

  private func codes(_ w: inout EventWriter, _ bytes: Bytes) {
    w.beginArray(DHCPFields.optionCodes)
    var options = DHCPv6Options(bytes)
    var count = 0
    while let (code, _) = options.next(), count < 256 {
      w.integer(DHCPFields.optionCodes, code)
      count &+= 1
    }
    w.end()
  }

  private mutating func option(_ w: inout EventWriter, _ code: UInt8, _ data: Bytes) -> Bool {
    switch code {
    case 1:
      w.hexColons(DHCPFields.clientID, data)
      hardware(&w, DHCPFields.clientMAC, data)
    case 2:
      w.hexColons(DHCPFields.serverDUID, data)
      hardware(&w, DHCPFields.serverMAC, data)
    case 6: return parameters(&w, data)
    case 7:
      guard let value = data.u8(0) else { return false }
      w.integer(DHCPFields.preference, value)
    case 8:
      guard let value = data.be16(0) else { return false }
      w.integer(DHCPFields.elapsed, UInt32(value) &* 10)
    case 12: w.address(DHCPFields.serverID, data)
    case 13: return status(&w, data)
    case 14: w.boolean(DHCPFields.rapidCommit, true)
    case 15: return classes(&w, DHCPFields.userClass, data)
    case 16:
      guard let enterprise = data.be32(0) else { return false }
      w.integer(DHCPFields.enterprise, enterprise)
      return classes(&w, DHCPFields.vendorClass, data.dropFirst(4))
    case 19:
      guard let type = data.u8(0) else { return false }
      w.text(DHCPFields.reconfigure, DHCPv6Type.name(type) ?? "unknown")
    case 23: return addresses(&w, DHCPFields.dnsServers, data)
    case 24:
      w.beginArray(DHCPFields.domainSearch)
      defer { w.end() }
      return DHCPNames.list(&w, DHCPFields.domainSearch, data, space)
    case 31: if seen.insert(56) { return addresses(&w, DHCPFields.ntpServers, data) }
    case 32:
      guard let value = data.be32(0) else { return false }
      w.integer(DHCPFields.refreshTime, value)
    case 39:
      // RFC 4704, 4: flags, name.
      return DHCPNames.write(&w, DHCPFields.clientFQDN, data.dropFirst(1), space)
    case 56: if seen.insert(31) { return timeServers(&w, data) }
    case 59: w.string(DHCPFields.bootFile, data)
    case 103: w.string(DHCPFields.portalURL, data)
    default: break
    }
    return true
  }

  // MARK: Data

  /// The hardware address in a DUID of types 1 and 3 (RFC 8415, 11.2 and 11.4).
  private func hardware(_ w: inout EventWriter, _ field: EventField, _ duid: Bytes) {
    guard let type = duid.be16(0), duid.be16(2) == 1 else { return }
    let address = duid.dropFirst(type == 1 ? 8 : 4)
    if (type == 1 || type == 3) && address.count == 6 { w.mac(field, address) }
  }

  private func parameters(_ w: inout EventWriter, _ data: Bytes) -> Bool {
    var cursor = ByteCursor(data)
    w.beginArray(DHCPFields.params)
    while let code = cursor.be16() {
      switch code {
      case 23: w.text(DHCPFields.params, "dns_server")
      case 24: w.text(DHCPFields.params, "domain")
      case 31, 56: w.text(DHCPFields.params, "ntp_server")
      default: break
      }
    }
    w.end()
    w.beginArray(DHCPFields.paramCodes)
    cursor = ByteCursor(data)
    while let code = cursor.be16() { w.integer(DHCPFields.paramCodes, code) }
    w.end()
    return cursor.isAtEnd
  }

  private func addresses(_ w: inout EventWriter, _ field: EventField, _ data: Bytes) -> Bool {
    var cursor = ByteCursor(data)
    w.beginArray(field)
    while let address = cursor.take(16) { w.address(field, address) }
    w.end()
    return cursor.isAtEnd
  }

  /// Texts behind their lengths in two bytes; the first is told (RFC 8415, 21.15 and 21.16).
  private func classes(_ w: inout EventWriter, _ field: EventField, _ data: Bytes) -> Bool {
    var cursor = ByteCursor(data)
    guard let first = cursor.prefixed16() else { return data.isEmpty }
    DHCPNames.opaque(&w, field, first)
    return true
  }

  /// RFC 5908, 4: suboptions with addresses and names.
  private func timeServers(_ w: inout EventWriter, _ data: Bytes) -> Bool {
    w.beginArray(DHCPFields.ntpServers)
    defer { w.end() }
    var options = DHCPv6Options(data)
    while let (code, value) = options.next() {
      switch code {
      case 1, 2: w.address(DHCPFields.ntpServers, value)
      case 3: if !DHCPNames.write(&w, DHCPFields.ntpServers, value, space) { return false }
      default: break
      }
    }
    return options.isAtEnd
  }

  /// RFC 8415, 21.13.
  private func status(_ w: inout EventWriter, _ data: Bytes) -> Bool {
    guard let code = data.be16(0) else { return false }
    let name: StaticString =
      switch code {
      case 0: "success"
      case 1: "unspec_fail"
      case 2: "no_addrs_avail"
      case 3: "no_binding"
      case 4: "not_on_link"
      case 5: "use_multicast"
      case 6: "no_prefix_avail"
      default: "unknown"
      }
    w.text(DHCPFields.status, name)
    if data.count > 2 && !d.settings.isHeaderOnly {
      w.string(DHCPFields.statusMessage, data.dropFirst(2))
    }
    return true
  }

  // MARK: Identity associations

  /// All of them, as one array.
  private mutating func associations(_ w: inout EventWriter, _ bytes: Bytes) {
    var options = DHCPv6Options(bytes)
    var count = 0
    while let (code, data) = options.next(), count < Self.mostAssociations {
      guard code == 3 || code == 4 || code == 25 else { continue }
      if count == 0 { w.beginArray(DHCPFields.associations) }
      count &+= 1
      w.beginObject(DHCPFields.associations)
      if !association(&w, code, data) { isMalformed = true }
      w.end()
    }
    if count > 0 { w.end() }
  }

  /// RFC 8415, 21.4, 21.5 and 21.21.
  private func association(_ w: inout EventWriter, _ code: UInt16, _ data: Bytes) -> Bool {
    w.text(DHCPFields.associationType, code == 3 ? "na" : code == 4 ? "ta" : "pd")
    guard let identifier = data.be32(0) else { return false }
    w.integer(DHCPFields.associationID, identifier)
    if code == 4 { return leases(&w, data.dropFirst(4)) }
    guard let renewal = data.be32(4), let rebinding = data.be32(8) else { return false }
    w.integer(DHCPFields.renewalTime, renewal)
    w.integer(DHCPFields.rebindingTime, rebinding)
    return leases(&w, data.dropFirst(12))
  }

  private func leases(_ w: inout EventWriter, _ bytes: Bytes) -> Bool {
    var isSound = leases(&w, bytes, code: 5, DHCPFields.addresses)
    isSound = leases(&w, bytes, code: 26, DHCPFields.prefixes) && isSound
    var options = DHCPv6Options(bytes)
    while let (code, data) = options.next() {
      if code == 13 { return status(&w, data) && isSound }
    }
    return isSound && options.isAtEnd
  }

  /// Addresses (RFC 8415, 21.6), or prefixes (21.22), in an array of their own.
  private func leases(
    _ w: inout EventWriter, _ bytes: Bytes, code: UInt16, _ field: EventField
  ) -> Bool {
    var options = DHCPv6Options(bytes)
    var count = 0
    var isSound = true
    while let (found, data) = options.next(), count < Self.mostAssociations {
      guard found == code else { continue }
      if count == 0 { w.beginArray(field) }
      count &+= 1
      w.beginObject(field)
      isSound = (code == 5 ? address(&w, data) : prefix(&w, data)) && isSound
      w.end()
    }
    if count > 0 { w.end() }
    return isSound
  }

  private func address(_ w: inout EventWriter, _ data: Bytes) -> Bool {
    guard let address = data.slice(0, 16), let preferred = data.be32(16),
      let valid = data.be32(20)
    else { return false }
    w.address(DHCPFields.address, address)
    w.integer(DHCPFields.preferredLifetime, preferred)
    w.integer(DHCPFields.validLifetime, valid)
    return innerStatus(&w, data.dropFirst(24))
  }

  private func prefix(_ w: inout EventWriter, _ data: Bytes) -> Bool {
    guard let preferred = data.be32(0), let valid = data.be32(4), let length = data.u8(8),
      let prefix = data.slice(9, 16)
    else { return false }
    w.address(DHCPFields.address, prefix)
    w.integer(DHCPFields.prefixLength, length)
    w.integer(DHCPFields.preferredLifetime, preferred)
    w.integer(DHCPFields.validLifetime, valid)
    return innerStatus(&w, data.dropFirst(25))
  }

  private func innerStatus(_ w: inout EventWriter, _ bytes: Bytes) -> Bool {
    var options = DHCPv6Options(bytes)
    while let (code, data) = options.next() {
      if code == 13 { return status(&w, data) }
    }
    return options.isAtEnd
  }
}
