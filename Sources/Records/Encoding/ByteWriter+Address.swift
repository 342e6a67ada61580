package import FlowEngine

extension ByteWriter {
  /// An address as its IP version writes it; 39 characters at the most.
  @inline(__always)
  package mutating func address(_ address: IPAddress, version: UInt8) {
    if version == 4 {
      dottedQuad(address.v4)
    } else {
      ipv6(address)
    }
  }

  /// `10.0.0.1` of an address in host byte order.
  mutating func dottedQuad(_ address: UInt32) {
    octet(address >> 24)
    byte(UInt8(ascii: "."))
    octet(address >> 16 & 255)
    byte(UInt8(ascii: "."))
    octet(address >> 8 & 255)
    byte(UInt8(ascii: "."))
    octet(address & 255)
  }

  @inline(__always)
  private mutating func octet(_ value: UInt32) {
    if value >= 100 {
      let hundreds = value / 100
      byte(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: hundreds))
      twoDigits(Int(value &- hundreds &* 100))
    } else if value >= 10 {
      twoDigits(Int(value))
    } else {
      byte(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value))
    }
  }

  /// The canonical text of RFC 5952: lower case, no leading zeros, the longest run of two or more
  /// zero groups (the first of equals) as `::`, and the dotted form behind `::ffff:` and `::` as
  /// inet_ntop has it.
  mutating func ipv6(_ address: IPAddress) {
    let run = Self.longestZeroRun(address)
    let mapped = run.start == 0 && run.length == 5 && Self.group(address, 5) == 0xffff
    let compatible = run.start == 0 && run.length == 6
    let groups = mapped || compatible ? 6 : 8
    var index = 0
    while index < groups {
      if index == run.start && run.length > 1 {
        byte(UInt8(ascii: ":"))
        index &+= run.length
        if index >= groups { byte(UInt8(ascii: ":")) }
        continue
      }
      if index > 0 { byte(UInt8(ascii: ":")) }
      hexGroup(Self.group(address, index))
      index &+= 1
    }
    if groups == 6 {
      if mapped { byte(UInt8(ascii: ":")) }
      dottedQuad(UInt32(truncatingIfNeeded: address.low))
    }
  }

  /// One of the eight groups of 16 bits, the first being 0.
  @inline(__always)
  private static func group(_ address: IPAddress, _ index: Int) -> UInt16 {
    let word = index < 4 ? address.high : address.low
    return UInt16(truncatingIfNeeded: word >> UInt64(48 &- (index & 3) &* 16))
  }

  /// Where the longest run of zero groups begins; a single one is no run.
  private static func longestZeroRun(_ address: IPAddress) -> (start: Int, length: Int) {
    var best = (start: -1, length: 1)
    var length = 0
    for index in 0..<8 {
      length = group(address, index) == 0 ? length &+ 1 : 0
      if length > best.length { best = (index &- length &+ 1, length) }
    }
    return best
  }

  private mutating func hexGroup(_ value: UInt16) {
    if value >= 0x1000 { byte(Self.hexDigit(UInt8(truncatingIfNeeded: value >> 12))) }
    if value >= 0x100 { byte(Self.hexDigit(UInt8(truncatingIfNeeded: value >> 8 & 15))) }
    if value >= 0x10 { byte(Self.hexDigit(UInt8(truncatingIfNeeded: value >> 4 & 15))) }
    byte(Self.hexDigit(UInt8(truncatingIfNeeded: value & 15)))
  }

  /// `00:00:5e:00:53:01` of six bytes that were loaded as three words where they stood.
  mutating func mac(_ address: (UInt16, UInt16, UInt16)) {
    macPair(address.0)
    byte(UInt8(ascii: ":"))
    macPair(address.1)
    byte(UInt8(ascii: ":"))
    macPair(address.2)
  }

  @inline(__always)
  private mutating func macPair(_ word: UInt16) {
    let pair = UInt16(bigEndian: word)
    hexByte(UInt8(truncatingIfNeeded: pair >> 8))
    byte(UInt8(ascii: ":"))
    hexByte(UInt8(truncatingIfNeeded: pair))
  }
}
