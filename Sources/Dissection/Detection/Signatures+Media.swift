internal import FlowEngine

// STUN and RTCP. RTP has no signature in one datagram: see RTPEvidence.

extension Signatures {
  private static var stunCookie: UInt32 { 0x2112_a442 }

  /// STUN as it is (RFC 8489, 6.2.2), or behind a length as ICE has it over TCP (RFC 4571, 2).
  static func stunStream(_ bytes: Bytes) -> Probe {
    guard let top = bytes.u8(0) else { return .maybe }
    guard top & 0xc0 == 0 else { return .no }
    let plain = stunHeader(bytes)
    if case .no = plain { return stunHeader(bytes.dropFirst(2)) }
    return plain
  }

  /// RFC 8489, 5: two zero bits, a method, a length in words of four bytes, the magic cookie.
  private static func stunHeader(_ bytes: Bytes) -> Probe {
    guard let top = bytes.u8(0) else { return .maybe }
    guard top & 0xc0 == 0 else { return .no }
    guard let length = bytes.be16(2) else { return .maybe }
    guard length & 3 == 0 else { return .no }
    for i in 0..<4 {
      guard let byte = bytes.u8(4 &+ i) else { return .maybe }
      guard byte == UInt8(truncatingIfNeeded: stunCookie >> UInt32(24 &- 8 &* i)) else {
        return .no
      }
    }
    return bytes.count < 20 ? .maybe : .yes
  }

  static func isSTUNDatagram(_ bytes: Bytes) -> Bool {
    guard let type = bytes.be16(0), type < 0x4000, let length = bytes.be16(2), length & 3 == 0,
      let cookie = bytes.be32(4), 20 + Int(length) <= bytes.count
    else { return false }
    return cookie == stunCookie || isClassicSTUN(bytes, type, Int(length))
  }

  /// RFC 3489, 11: no cookie, but the length is the datagram's, and the attributes fill it; some are
  /// their makers' own.
  private static func isClassicSTUN(_ bytes: Bytes, _ type: UInt16, _ length: Int) -> Bool {
    switch type {
    case 0x0001, 0x0101, 0x0111, 0x0002, 0x0102, 0x0112, 0x0003, 0x0103, 0x0113, 0x0115: break
    default: return false
    }
    guard bytes.count == 20 &+ length else { return false }
    // A request of nothing at all: the identifier must at least be one.
    if length == 0 { return type == 0x0001 && bytes.be64(4) != 0 && bytes.be64(12) != 0 }
    var cursor = ByteCursor(bytes.dropFirst(20))
    var count = 0
    while !cursor.isAtEnd, count < 32 {
      guard let attribute = cursor.be16(), let size = cursor.be16(),
        attribute >= 1 && attribute < 0x0200 || attribute >= 0x8000 && attribute < 0x8080,
        cursor.skip((Int(size) &+ 3) & ~3)
      else { return false }
      count &+= 1
    }
    return true
  }

  /// RFC 3550, 6.4 and RFC 5506, 3.4: version 2, one of the types, and reports whose lengths, added up, are
  /// the datagram's. Encrypted ones (RFC 3711, 3.4) have four to twenty bytes more and only their first
  /// header can be read.
  static func isRTCP(_ bytes: Bytes) -> Bool {
    guard bytes.count >= 8, bytes.count & 1 == 0, bytes.count <= 1500, let top = bytes.u8(0),
      top & 0xc0 == 0x80, let type = bytes.u8(1), type >= 200, type <= 206, bytes.be32(4) != 0
    else { return false }
    var offset = 0
    var count = 0
    while offset < bytes.count, count < 16 {
      guard let head = bytes.u8(offset), head & 0xc0 == 0x80, let type = bytes.u8(offset &+ 1),
        type >= 192, type <= 213, let words = bytes.be16(offset &+ 2)
      else { break }
      let items = Int(head & 0x1f)
      switch type {
      case 200: guard Int(words) >= 6 &+ 6 &* items else { return false }
      case 201: guard Int(words) >= 1 &+ 6 &* items else { return false }
      case 203: guard Int(words) >= items else { return false }
      case 205, 206: guard words >= 2 else { return false }
      default: break
      }
      offset &+= 4 &+ 4 &* Int(words)
      count &+= 1
    }
    if offset == bytes.count { return true }
    // Encrypted: index and authentication tag behind the first report.
    return type <= 201 && count >= 1 && bytes.count >= 28 && offset < bytes.count
      && bytes.count &- offset <= 20
  }
}
