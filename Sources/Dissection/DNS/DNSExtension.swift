internal import Records

/// The OPT record, which is no record of data (RFC 6891, 6.1): object `edns`.
enum DNSExtension {
  /// Options of which the codes are listed.
  private static let mostOptions = 64

  /// False where the options make no sense.
  static func write(
    _ w: inout EventWriter, _ record: DNSRecord, _ message: Bytes, _ space: DNSWorkspace,
    rcode: UInt8
  ) -> Bool {
    w.beginObject(DNSFields.edns)
    defer { w.end() }
    w.integer(DNSFields.ednsVersion, UInt8(truncatingIfNeeded: record.ttl >> 16))
    w.integer(DNSFields.udpSize, record.recordClass)
    if record.ttl & 0x8000 != 0 { w.boolean(DNSFields.dnssecOK, true) }
    let upper = UInt16(truncatingIfNeeded: record.ttl >> 24)
    if upper != 0 {
      let code = upper << 4 | UInt16(rcode)
      if let name = DNSRcode.name(code) {
        w.text(DNSFields.extendedRcode, name)
      } else {
        var text = BoundedText(space)
        text.decimal(code)
        w.string(DNSFields.extendedRcode, text.bytes)
      }
    }
    return options(&w, record.bytes(message), space)
  }

  private static func options(
    _ w: inout EventWriter, _ data: Bytes, _ space: DNSWorkspace
  ) -> Bool {
    var isSound = true
    var cursor = ByteCursor(data)
    var count = 0
    var seen: UInt32 = 0
    while let code = cursor.be16(), let value = cursor.prefixed16(), count < mostOptions {
      count &+= 1
      // Each member once, whatever is repeated.
      let bit: UInt32 = code < 32 ? 1 << UInt32(code) : 0
      if bit == 0 || seen & bit != 0 { continue }
      seen |= bit
      if !option(&w, code, value, space) { isSound = false }
    }
    if count == 0 { return isSound && data.isEmpty }
    w.beginArray(DNSFields.options)
    cursor = ByteCursor(data)
    var listed = 0
    while let code = cursor.be16(), cursor.prefixed16() != nil, listed < mostOptions {
      w.integer(DNSFields.options, code)
      listed &+= 1
    }
    w.end()
    return isSound && (cursor.isAtEnd || listed == mostOptions)
  }

  private static func option(
    _ w: inout EventWriter, _ code: UInt16, _ value: Bytes, _ space: DNSWorkspace
  ) -> Bool {
    switch code {
    case 3: if !value.isEmpty { w.string(DNSFields.nsid, value) }
    case 8: return clientSubnet(&w, value, space)
    case 10:
      // The values are what an attacker would have to guess.
      guard value.count >= 8 else { return false }
      w.text(DNSFields.cookie, value.count == 8 ? "client" : "client+server")
    case 12: w.integer(DNSFields.padding, value.count)
    case 15:
      guard let error = value.be16(0) else { return false }
      w.integer(DNSFields.extendedError, error)
      if value.count > 2 { w.string(DNSFields.extendedErrorText, value.dropFirst(2)) }
    default: break
    }
    return true
  }

  /// RFC 7871, 6.
  private static func clientSubnet(
    _ w: inout EventWriter, _ value: Bytes, _ space: DNSWorkspace
  ) -> Bool {
    guard let family = value.be16(0), let source = value.u8(2), let scope = value.u8(3) else {
      return false
    }
    let length = family == 1 ? 4 : family == 2 ? 16 : 0
    let prefix = value.dropFirst(4)
    guard prefix.count <= length, Int(source) <= length &* 8 else { return false }
    // The end of the address is left out on the wire.
    let address = space.name
    address.update(repeating: 0, count: length)
    address.update(from: prefix.base, count: prefix.count)
    var text = BoundedText(space)
    text.address(Bytes(address, length))
    text.text("/")
    text.decimal(source)
    w.string(DNSFields.clientSubnet, text.bytes)
    w.integer(DNSFields.clientSubnetScope, scope)
    return true
  }
}
