/// What stands before TLS where a proxy or a database is asked for it in a few bytes: SOCKS 4 and 5
/// (RFC 1928), PostgreSQL's SSLRequest, and its GSSENCRequest before it (its manual, "Message Formats").
enum TLSPrelude {
  /// Bytes of whole messages at the front, and whether what follows may be another one's beginning.
  /// Nothing begins with a password: `isFirst` says that these are a direction's first bytes.
  static func measure(_ bytes: Bytes, toServer: Bool, isFirst: Bool)
    -> (length: Int, isOpen: Bool)
  {
    if isFirst, bytes.u8(0) == 1 { return (0, false) }
    var length = 0
    // SOCKS 5 with a password has three messages each way.
    for _ in 0..<3 {
      let rest = bytes.dropFirst(length)
      guard !rest.isEmpty else { break }
      switch toServer ? request(rest) : answer(rest) {
      case .none: return (length, false)
      case .some(0): return (length, true)
      case .some(let count): length &+= count
      }
    }
    return (length, false)
  }

  /// A message's length; 0 where it is not yet told, nil where it is none.
  private static func request(_ bytes: Bytes) -> Int? {
    switch bytes.u8(0) {
    case 0:
      let whole = Bytes("\0\0\0\u{8}\u{4}")
      guard bytes.prefix(5).equals(whole.prefix(bytes.count)) else { return nil }
      guard let code = bytes.be32(4) else { return bytes.count < 8 ? 0 : nil }
      return code == 0x04d2_162f || code == 0x04d2_1630 ? 8 : nil
    case 1: return password(bytes)
    case 4: return socks4(bytes)
    case 5:
      guard let count = bytes.u8(1), let third = bytes.u8(2) else { return 0 }
      // A request for a connection has a reserved byte where a greeting has a method.
      if count == 1, third == 0 {
        guard let type = bytes.u8(3) else { return 0 }
        if type == 1 || type == 3 || type == 4 { return address(bytes) }
      }
      guard 1...8 ~= count else { return nil }
      return bytes.has(2 &+ Int(count), at: 0) ? 2 &+ Int(count) : 0
    default: return nil
    }
  }

  private static func answer(_ bytes: Bytes) -> Int? {
    switch bytes.u8(0) {
    // PostgreSQL's S or N.
    case 0x53, 0x4e: return 1
    case 0:
      guard let code = bytes.u8(1) else { return 0 }
      return code == 90 ? bytes.has(8, at: 0) ? 8 : 0 : nil
    case 1:
      guard let status = bytes.u8(1) else { return 0 }
      return status == 0 ? 2 : nil
    case 5:
      guard let second = bytes.u8(1), let third = bytes.u8(2) else { return 0 }
      if second == 0, third == 0 { return address(bytes) }
      return second == 0 || second == 2 ? 2 : nil
    default: return nil
    }
  }

  /// Name and password (RFC 1929): gone over, never kept.
  private static func password(_ bytes: Bytes) -> Int? {
    guard let name = bytes.u8(1) else { return 0 }
    guard let password = bytes.u8(2 &+ Int(name)) else { return bytes.count < 258 ? 0 : nil }
    let length = 3 &+ Int(name) &+ Int(password)
    return bytes.has(length, at: 0) ? length : 0
  }

  /// Version, command, port, address, a name, and the host's name where the address is none.
  private static func socks4(_ bytes: Bytes) -> Int? {
    guard let command = bytes.u8(1) else { return 0 }
    guard command == 1 else { return nil }
    guard let address = bytes.be32(4) else { return 0 }
    guard let end = bytes.prefix(300).firstIndex(of: 0, from: 8) else {
      return bytes.count < 300 ? 0 : nil
    }
    guard address < 256, address > 0 else { return end &+ 1 }
    guard let host = bytes.prefix(600).firstIndex(of: 0, from: end &+ 1) else {
      return bytes.count < 600 ? 0 : nil
    }
    return host &+ 1
  }

  /// Version, command or answer, zero, an address of one of three kinds, port.
  private static func address(_ bytes: Bytes) -> Int? {
    guard let type = bytes.u8(3) else { return 0 }
    var length = 0
    switch type {
    case 1: length = 10
    case 4: length = 22
    case 3:
      guard let name = bytes.u8(4) else { return 0 }
      length = 7 &+ Int(name)
    default: return nil
    }
    return bytes.has(length, at: 0) ? length : 0
  }
}
