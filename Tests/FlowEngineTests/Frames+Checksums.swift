import FlowEngine

// Checksums, computed in the plainest way there is: nothing of the engine's is used.

extension [UInt8] {
  /// The frame with its checksums set right: Ethernet, IPv4 or IPv6 without extension headers, and what is
  /// in it.
  func summed() -> [UInt8] {
    var frame = self
    let isV4 = frame[12] == 8
    let transport = isV4 ? 14 + Int(frame[14] & 0x0f) * 4 : 54
    if isV4 {
      frame.set(24, 0)
      frame.set(24, ~Self.sum(frame[14..<transport]))
    }
    let proto = frame[isV4 ? 23 : 20]
    guard let field = Self.field(proto) else { return frame }
    if proto == 132 {
      for i in 8..<12 { frame[transport + i] = 0 }
      let crc = Self.crc32c(frame[transport...])
      for i in 0..<4 { frame[transport + 8 + i] = UInt8(truncatingIfNeeded: crc >> (8 * i)) }
      return frame
    }
    frame.set(transport + field, 0)
    let pseudo = proto == 1 ? [] : frame.pseudoHeader(proto, transport)
    frame.set(transport + field, ~Self.sum(pseudo + frame[transport...]))
    return frame
  }

  /// As ``summed()``, but for the transport's sum, which is left to the NIC: the pseudo-header's stands there.
  func summedForOffload() -> [UInt8] {
    var frame = summed()
    let isV4 = frame[12] == 8
    let transport = isV4 ? 34 : 54
    let proto = frame[isV4 ? 23 : 20]
    frame.set(transport + Self.field(proto)!, Self.sum(frame.pseudoHeader(proto, transport)[...]))
    return frame
  }

  /// The same with one byte changed.
  func flipping(_ place: Int) -> [UInt8] {
    var frame = self
    frame[place] ^= 0x55
    return frame
  }

  /// The same with two bytes set.
  func setting(_ place: Int, to value: UInt16) -> [UInt8] {
    var frame = self
    frame.set(place, value)
    return frame
  }

  private func pseudoHeader(_ proto: UInt8, _ transport: Int) -> [UInt8] {
    let addresses = self[12] == 8 ? self[26..<34] : self[22..<54]
    return addresses + [0, proto] + Frames.be16(count - transport)
  }

  private mutating func set(_ place: Int, _ value: UInt16) {
    self[place] = UInt8(value >> 8)
    self[place + 1] = UInt8(value & 0xff)
  }

  private static func field(_ proto: UInt8) -> Int? {
    switch proto {
    case 6: 16
    case 17: 6
    case 1, 58: 2
    case 132: 8
    default: nil
    }
  }

  private static func sum(_ bytes: ArraySlice<UInt8>) -> UInt16 {
    var sum: UInt32 = 0
    for (i, byte) in bytes.enumerated() {
      sum += UInt32(byte) << (i % 2 == 0 ? 8 : 0)
      if sum > 0xffff { sum -= 0xffff }
    }
    return UInt16(sum)
  }

  private static func sum(_ bytes: [UInt8]) -> UInt16 { sum(bytes[...]) }

  private static func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
    }
    return ~crc
  }
}
