/// SVCB and HTTPS records as master files have them (RFC 9460, 2.1 and 7).
enum DNSServiceText {
  static func write(
    _ record: DNSRecord, _ message: Bytes, _ data: Bytes, _ text: inout BoundedText
  ) -> Bool {
    guard let priority = data.be16(0) else { return false }
    text.number(priority)
    guard let next = text.name(message, at: record.data &+ 2), next <= record.next else {
      return false
    }
    var cursor = ByteCursor(data.dropFirst(next &- record.data))
    while let key = cursor.be16() {
      guard let value = cursor.prefixed16() else { return false }
      text.space()
      if !parameter(key, value, &text) { return false }
      if text.isCut { return true }
    }
    return cursor.isAtEnd
  }

  private static func parameter(_ key: UInt16, _ value: Bytes, _ text: inout BoundedText) -> Bool {
    switch key {
    case 0:
      text.text("mandatory=")
      return list(value, width: 2, &text) { name($0.be16(0) ?? 0, &$1) }
    case 1:
      text.text("alpn=\"")
      var cursor = ByteCursor(value)
      while let name = cursor.prefixed8() {
        text.bytes(name)
        if !cursor.isAtEnd { text.text(",") }
      }
      text.text("\"")
      return cursor.isAtEnd
    case 2: text.text("no-default-alpn")
    case 3:
      guard let port = value.be16(0) else { return false }
      text.text("port=")
      text.decimal(port)
    case 4:
      text.text("ipv4hint=")
      return list(value, width: 4, &text) { $1.address($0) }
    case 5:
      // Which configuration it is matters to the hello, not here.
      text.text("ech=")
      text.decimal(UInt32(truncatingIfNeeded: value.count))
    case 6:
      text.text("ipv6hint=")
      return list(value, width: 16, &text) { $1.address($0) }
    case 7:
      text.text("dohpath=")
      text.quoted(value)
    default:
      name(key, &text)
      if value.isEmpty { return true }
      text.text("=\\#")
      text.hex(value)
    }
    return true
  }

  private static func name(_ key: UInt16, _ text: inout BoundedText) {
    switch key {
    case 0: text.text("mandatory")
    case 1: text.text("alpn")
    case 2: text.text("no-default-alpn")
    case 3: text.text("port")
    case 4: text.text("ipv4hint")
    case 5: text.text("ech")
    case 6: text.text("ipv6hint")
    case 7: text.text("dohpath")
    default:
      text.text("key")
      text.decimal(key)
    }
  }

  @inline(__always)
  private static func list(
    _ value: Bytes, width: Int, _ text: inout BoundedText,
    _ element: (Bytes, inout BoundedText) -> Void
  ) -> Bool {
    var cursor = ByteCursor(value)
    while let piece = cursor.take(width) {
      element(piece, &text)
      if text.isCut { return true }
      if !cursor.isAtEnd { text.text(",") }
    }
    return cursor.isAtEnd
  }
}

/// LOC records (RFC 1876, 3): degrees, minutes, seconds, metres.
enum DNSLocationText {
  static func write(_ data: Bytes, _ text: inout BoundedText) -> Bool {
    guard data.u8(0) == 0, let latitude = data.be32(4), let longitude = data.be32(8),
      let altitude = data.be32(12)
    else { return false }
    angle(latitude, "N", "S", &text)
    angle(longitude, "E", "W", &text)
    // Centimetres above 100,000 m below the ellipsoid.
    let centimetres = Int64(altitude) &- 10_000_000
    if centimetres < 0 { text.text("-") }
    text.decimal(UInt32(truncatingIfNeeded: centimetres.magnitude / 100))
    text.text("m")
    return true
  }

  /// Thousandths of a second of arc, from 2^31 in the middle.
  private static func angle(
    _ value: UInt32, _ positive: StaticString, _ negative: StaticString, _ text: inout BoundedText
  ) {
    let distance = value >= 1 << 31 ? value &- 1 << 31 : 1 << 31 &- value
    text.number(distance / 3_600_000)
    text.number(distance / 60_000 % 60)
    text.decimal(distance / 1000 % 60)
    text.text(".")
    let thousandths = distance % 1000
    text.decimal(thousandths / 100)
    text.decimal(thousandths / 10 % 10)
    text.number(thousandths % 10)
    text.text(value >= 1 << 31 ? positive : negative)
    text.space()
  }
}
