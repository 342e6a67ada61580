/// Data of records as master files have it (RFC 1035, 5.1, and each type's own RFC). Keys and
/// signatures
/// are left out: their length stands for them.
enum DNSDataText {
  /// False where the data makes no sense; what was understood stands all the same.
  static func write(_ record: DNSRecord, _ message: Bytes, _ text: inout BoundedText) -> Bool {
    let data = record.bytes(message)
    switch record.type {
    // Those whose data is a name: MD MF MB MG MR, NSAPPTR, DNAME.
    case 3, 4, 7, 8, 9, 23, 39: return text.name(message, at: record.data) != nil
    // MINFO, RP
    case 14, 17:
      guard let next = text.name(message, at: record.data) else { return false }
      text.space()
      return text.name(message, at: next) != nil
    // AFSDB, RT, KX
    case 18, 21, 36:
      guard let number = data.be16(0) else { return false }
      text.number(number)
      return text.name(message, at: record.data &+ 2) != nil
    // HINFO, X25, ISDN, GPOS, SPF
    case 13, 19, 20, 27, 99: return strings(data, &text)
    // DS, CDS, TA, DLV
    case 43, 59, 32768, 32769: return ds(data, &text)
    // KEY, DNSKEY, CDNSKEY
    case 25, 48, 60: return key(data, &text)
    // SIG, RRSIG
    case 24, 46: return signature(record, message, data, &text)
    case 47:
      guard let next = text.name(message, at: record.data), next <= record.next else {
        return false
      }
      return DNSBitmap.write(data.dropFirst(next &- record.data), &text)
    case 50: return nsec3(data, &text)
    case 51: return nsec3Parameters(data, &text)
    // TLSA, SMIMEA
    case 52, 53:
      guard let usage = data.u8(0), let selector = data.u8(1), let matching = data.u8(2) else {
        return false
      }
      text.number(usage)
      text.number(selector)
      text.number(matching)
      text.hex(data.dropFirst(3))
      return true
    case 35: return naptr(record, message, data, &text)
    case 37: return certificate(data, &text)
    case 64, 65: return DNSServiceText.write(record, message, data, &text)
    case 256:
      guard let priority = data.be16(0), let weight = data.be16(2) else { return false }
      text.number(priority)
      text.number(weight)
      text.quoted(data.dropFirst(4))
      return true
    case 257:
      guard let flags = data.u8(0), let length = data.u8(1), let tag = data.slice(2, Int(length))
      else { return false }
      text.number(flags)
      text.bytes(tag)
      text.space()
      text.quoted(data.dropFirst(2 &+ Int(length)))
      return true
    case 250: return transactionSignature(record, message, &text)
    case 29: return DNSLocationText.write(data, &text)
    case 38 where data.u8(0) == 0:
      text.text("0 ")
      text.address(data.dropFirst(1))
      return true
    default:
      // RFC 3597, 5.
      text.text("\\# ")
      text.number(UInt32(truncatingIfNeeded: data.count))
      text.hex(data)
      return true
    }
  }

  private static func strings(_ data: Bytes, _ text: inout BoundedText) -> Bool {
    var cursor = ByteCursor(data)
    while let string = cursor.prefixed8() {
      if text.count > 0 { text.space() }
      text.quoted(string)
    }
    return cursor.isAtEnd
  }

  /// RFC 4034, 5.3.
  private static func ds(_ data: Bytes, _ text: inout BoundedText) -> Bool {
    guard let tag = data.be16(0), let algorithm = data.u8(2), let digest = data.u8(3) else {
      return false
    }
    text.number(tag)
    text.number(algorithm)
    text.number(digest)
    text.hex(data.dropFirst(4))
    return true
  }

  /// RFC 4034, 2.2, and the key's tag (appendix B) for the key.
  private static func key(_ data: Bytes, _ text: inout BoundedText) -> Bool {
    guard let flags = data.be16(0), let proto = data.u8(2), let algorithm = data.u8(3) else {
      return false
    }
    text.number(flags)
    text.number(proto)
    text.number(algorithm)
    // At the most 65,535 bytes of 255 each in either place: below 2^32.
    var sum: UInt32 = 0
    for i in 0..<data.count {
      let byte = UInt32(data.u8(i) ?? 0)
      sum &+= i & 1 == 0 ? byte << 8 : byte
    }
    sum &+= sum >> 16 & 0xffff
    text.text("; key id = ")
    text.decimal(UInt16(truncatingIfNeeded: sum))
    return true
  }

  /// RFC 4034, 3.2, without the signature.
  private static func signature(
    _ record: DNSRecord, _ message: Bytes, _ data: Bytes, _ text: inout BoundedText
  ) -> Bool {
    guard let covered = data.be16(0), let algorithm = data.u8(2), let labels = data.u8(3),
      let ttl = data.be32(4), let expiration = data.be32(8), let inception = data.be32(12),
      let tag = data.be16(16)
    else { return false }
    type(covered, &text)
    text.space()
    text.number(algorithm)
    text.number(labels)
    text.number(ttl)
    text.number(expiration)
    text.number(inception)
    text.number(tag)
    return text.name(message, at: record.data &+ 18) != nil
  }

  /// RFC 5155, 3.3; the hash of the next name as hexadecimal digits.
  private static func nsec3(_ data: Bytes, _ text: inout BoundedText) -> Bool {
    guard nsec3Parameters(data, &text), let salt = data.u8(4),
      let length = data.u8(5 &+ Int(salt)), let next = data.slice(6 &+ Int(salt), Int(length))
    else { return false }
    text.space()
    text.hex(next)
    return DNSBitmap.write(data.dropFirst(6 &+ Int(salt) &+ Int(length)), &text)
  }

  /// RFC 5155, 4.3.
  private static func nsec3Parameters(_ data: Bytes, _ text: inout BoundedText) -> Bool {
    guard let algorithm = data.u8(0), let flags = data.u8(1), let iterations = data.be16(2),
      let length = data.u8(4), let salt = data.slice(5, Int(length))
    else { return false }
    text.number(algorithm)
    text.number(flags)
    text.number(iterations)
    if salt.isEmpty { text.text("-") } else { text.hex(salt) }
    return true
  }

  /// RFC 3403, 4.1.
  private static func naptr(
    _ record: DNSRecord, _ message: Bytes, _ data: Bytes, _ text: inout BoundedText
  ) -> Bool {
    var cursor = ByteCursor(data)
    guard let order = cursor.be16(), let preference = cursor.be16(),
      let flags = cursor.prefixed8(), let services = cursor.prefixed8(),
      let expression = cursor.prefixed8()
    else { return false }
    text.number(order)
    text.number(preference)
    text.quoted(flags)
    text.space()
    text.quoted(services)
    text.space()
    text.quoted(expression)
    text.space()
    return text.name(message, at: record.data &+ cursor.position) != nil
  }

  /// RFC 4398, 2.2, without the certificate.
  private static func certificate(_ data: Bytes, _ text: inout BoundedText) -> Bool {
    guard let kind = data.be16(0), let tag = data.be16(2), let algorithm = data.u8(4) else {
      return false
    }
    text.number(kind)
    text.number(tag)
    text.decimal(algorithm)
    return true
  }

  /// RFC 8945, 4.2: algorithm, time, fudge, original id, error; without the signature.
  private static func transactionSignature(
    _ record: DNSRecord, _ message: Bytes, _ text: inout BoundedText
  ) -> Bool {
    guard let next = text.name(message, at: record.data), next <= record.next,
      let rest = message.slice(next, record.next &- next), let high = rest.be16(0),
      let low = rest.be32(2), let fudge = rest.be16(6), let size = rest.be16(8),
      let original = rest.be16(10 &+ Int(size)), let error = rest.be16(12 &+ Int(size))
    else { return false }
    text.space()
    text.number(UInt64(high) << 32 | UInt64(low))
    text.number(fudge)
    text.number(original)
    text.decimal(error)
    return true
  }

  static func type(_ type: UInt16, _ text: inout BoundedText) {
    if let name = DNSType.name(type) { return text.text(name) }
    text.text("TYPE")
    text.decimal(type)
  }
}

/// Types that exist, as NSEC and NSEC3 have them (RFC 4034, 4.1.2).
enum DNSBitmap {
  static func write(_ data: Bytes, _ text: inout BoundedText) -> Bool {
    var cursor = ByteCursor(data)
    while let window = cursor.u8() {
      guard let map = cursor.prefixed8(), map.count <= 32 else { return false }
      for i in 0..<(map.count &* 8) {
        guard let byte = map.u8(i >> 3) else { return false }
        if byte >> UInt8(7 &- i & 7) & 1 == 0 { continue }
        text.space()
        DNSDataText.type(UInt16(window) << 8 | UInt16(i), &text)
        if text.isCut { return true }
      }
    }
    return true
  }
}
