package import FlowEngine

/// Addresses and networks as people write them.
package enum AddressLiteral {
  /// `10.0.0.1`, `2001:db8::1`, a network (`10.0.0.0/8`; bits behind the prefix do not matter), or
  /// a range of one version (`10.0.0.1-10.0.0.9`); nil for anything else.
  static func range(_ text: String) -> ExpressionProgram.AddressRange? {
    if let slash = text.firstIndex(of: "/") {
      guard let (version, address) = address(String(text[..<slash])),
        let length = decimal(text[text.index(after: slash)...].utf8, digits: 3),
        length <= (version == 4 ? 32 : 128)
      else { return nil }
      return network(version, address, length)
    }
    if let ends = ExpressionParser.ends(text, separatedByDash: true) {
      guard let first = address(ends.0), let last = address(ends.1), first.version == last.version
      else { return nil }
      return ExpressionProgram.AddressRange(
        version: first.version, first: first.address, last: last.address)
    }
    guard let (version, address) = address(text) else { return nil }
    return ExpressionProgram.AddressRange(version: version, first: address, last: address)
  }

  private static func network(_ version: UInt8, _ address: IPAddress, _ length: Int)
    -> ExpressionProgram.AddressRange
  {
    // An IPv4 address stands in the last 32 of 128 bits.
    let length = version == 4 ? length + 96 : length
    // Swift's `>>` shifts in zeros beyond the width.
    let high = UInt64.max >> UInt64(min(length, 64))
    let low = UInt64.max >> UInt64(max(length - 64, 0))
    return ExpressionProgram.AddressRange(
      version: version,
      first: IPAddress(high: address.high & ~high, low: address.low & ~low),
      last: IPAddress(high: address.high | high, low: address.low | low))
  }

  /// An address of either version.
  package static func address(_ text: String) -> (version: UInt8, address: IPAddress)? {
    let bytes = Array(text.utf8)
    if let v4 = dottedQuad(bytes[...]) { return (4, IPAddress(v4: v4)) }
    return ipv6(bytes).map { (6, $0) }
  }

  /// Four decimal numbers without leading zeros, which some read as octal.
  private static func dottedQuad(_ text: ArraySlice<UInt8>) -> UInt32? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var address: UInt32 = 0
    for part in parts {
      guard let octet = decimal(part, digits: 3), octet < 256 else { return nil }
      address = address << 8 | UInt32(octet)
    }
    return address
  }

  /// A decimal number without leading zeros.
  private static func decimal(_ text: some Collection<UInt8>, digits: Int) -> Int? {
    guard (1...digits).contains(text.count), text.count == 1 || text.first != UInt8(ascii: "0")
    else { return nil }
    var value = 0
    for byte in text {
      guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
      value = value * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return value
  }

  /// The text forms of RFC 4291, section 2.2; no zone.
  private static func ipv6(_ text: [UInt8]) -> IPAddress? {
    let colon = UInt8(ascii: ":")
    // Where two colons stand for as many zeros as are missing.
    let gap = text.indices.dropLast().first { text[$0] == colon && text[$0 + 1] == colon }
    let head: [UInt16]?
    let tail: [UInt16]?
    if let gap {
      head = gap == 0 ? [] : groups(text[..<gap], mayEndInV4: false)
      tail = gap + 2 == text.count ? [] : groups(text[(gap + 2)...], mayEndInV4: true)
    } else {
      head = groups(text[...], mayEndInV4: true)
      tail = []
    }
    guard let head, let tail else { return nil }
    let missing = 8 - head.count - tail.count
    guard gap == nil ? missing == 0 : missing >= 1 else { return nil }
    let all = head + [UInt16](repeating: 0, count: missing) + tail
    return IPAddress(
      high: all[..<4].reduce(0) { $0 << 16 | UInt64($1) },
      low: all[4...].reduce(0) { $0 << 16 | UInt64($1) })
  }

  private static func groups(_ text: ArraySlice<UInt8>, mayEndInV4: Bool) -> [UInt16]? {
    let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count <= 8 else { return nil }
    var groups: [UInt16] = []
    for (index, part) in parts.enumerated() {
      if mayEndInV4, index == parts.count - 1, let v4 = dottedQuad(part) {
        groups += [UInt16(v4 >> 16), UInt16(truncatingIfNeeded: v4)]
      } else {
        guard (1...4).contains(part.count), let group = hexadecimal(part) else { return nil }
        groups.append(UInt16(group))
      }
    }
    return groups
  }

  /// `00:00:5e:00:53:01`, also with dashes; 48 bits, the first byte on top.
  package static func mac(_ text: String) -> UInt64? {
    let bytes = Array(text.utf8)
    guard bytes.count == 17 else { return nil }
    let separator = bytes[2]
    guard separator == UInt8(ascii: ":") || separator == UInt8(ascii: "-") else { return nil }
    let parts = bytes.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.count == 6 else { return nil }
    var address: UInt64 = 0
    for part in parts {
      guard part.count == 2, let byte = hexadecimal(part) else { return nil }
      address = address << 8 | byte
    }
    return address
  }

  /// Hexadecimal digits of either case, 16 at the most.
  private static func hexadecimal(_ text: ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for byte in text {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte & 15)
      case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
        value = value << 4 | UInt64(byte & 7 + 9)
      default: return nil
      }
    }
    return value
  }
}
