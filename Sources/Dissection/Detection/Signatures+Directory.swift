internal import FlowEngine

// Kerberos and LDAP: both BER.

extension Signatures {
  /// RFC 4120, 7.2.2: over TCP each message stands behind its length.
  static func kerberosStream(_ bytes: Bytes) -> Probe {
    guard let length = bytes.be16(0) else {
      return bytes.isEmpty || bytes.u8(0) == 0 ? .maybe : .no
    }
    // No message has a megabyte.
    guard length <= 0x000f else { return .no }
    return bytes.count <= 4 ? .maybe : kerberos(bytes.dropFirst(4))
  }

  /// RFC 4120, 5.4.1 and 5.9.1: the message's number as the application's tag, a sequence, protocol
  /// version 5, and the number once more.
  static func kerberos(_ bytes: Bytes) -> Probe {
    guard let tag = bytes.u8(0) else { return .maybe }
    let type = tag & 0x1f
    guard tag & 0xe0 == 0x60 else { return .no }
    switch type {
    case 10...15, 20...22, 30: break
    default: return .no
    }
    var offset = 0
    switch BERHeader.read(bytes) {
    case .header(let header): offset = header.count
    case .short: return .maybe
    case .bad: return .no
    }
    switch BERHeader.read(bytes, at: offset) {
    case .header(let header):
      guard header.tag == 0x30 else { return .no }
      offset &+= header.count
    case .short: return bytes.u8(offset) ?? 0x30 == 0x30 ? .maybe : .no
    case .bad: return .no
    }
    // KDC-REQ counts its fields from 1, the others from 0.
    let first: UInt8 = type == 10 || type == 12 ? 0xa1 : 0xa0
    let number = type
    for i in 0..<10 {
      guard let byte = bytes.u8(offset &+ i) else { return .maybe }
      let expected: UInt8
      switch i {
      case 0: expected = first
      case 1, 6: expected = 3
      case 2, 7: expected = 2
      case 3, 8: expected = 1
      case 4: expected = 5
      case 5: expected = first &+ 1
      default: expected = number
      }
      guard byte == expected else { return .no }
    }
    return .yes
  }

  /// RFC 4511, 4.1.1: a sequence, the message's number, and one of the operations with what must stand at
  /// its front.
  static func ldap(_ bytes: Bytes) -> Probe {
    guard let tag = bytes.u8(0) else { return .maybe }
    guard tag == 0x30 else { return .no }
    var offset = 0
    switch BERHeader.read(bytes) {
    case .header(let header):
      guard header.length >= 5, header.length < 16 << 20 else { return .no }
      offset = header.count
    case .short: return .maybe
    case .bad: return .no
    }
    guard let kind = bytes.u8(offset) else { return .maybe }
    guard kind == 0x02 else { return .no }
    guard let size = bytes.u8(offset &+ 1) else { return .maybe }
    guard size >= 1, size <= 4 else { return .no }
    guard let top = bytes.u8(offset &+ 2) else { return .maybe }
    guard top < 0x80 else { return .no }
    offset &+= 2 &+ Int(size)
    guard let operation = bytes.u8(offset) else { return .maybe }
    // Unbind has no content, abandon and delete have a plain one.
    switch operation {
    case 0x42:
      guard let length = bytes.u8(offset &+ 1) else { return .maybe }
      return length == 0 ? .yes : .no
    case 0x60, 0x61, 0x63...0x69, 0x6b...0x6f, 0x73, 0x77...0x79: break
    default: return .no
    }
    switch BERHeader.read(bytes, at: offset) {
    case .header(let header): offset &+= header.count
    case .short: return .maybe
    case .bad: return .no
    }
    guard let inner = bytes.u8(offset) else { return .maybe }
    switch operation {
    case 0x60:
      guard inner == 0x02 else { return .no }
      guard let length = bytes.u8(offset &+ 1), let version = bytes.u8(offset &+ 2) else {
        return .maybe
      }
      return length == 1 && version >= 1 && version <= 3 ? .yes : .no
    case 0x61, 0x65, 0x67, 0x69, 0x6b, 0x6d, 0x6f, 0x78:
      // LDAPResult: an enumerated code, then the name that was matched.
      guard inner == 0x0a else { return .no }
      guard let length = bytes.u8(offset &+ 1), let next = bytes.u8(offset &+ 3) else {
        return .maybe
      }
      return length == 1 && next == 0x04 ? .yes : .no
    case 0x63: return ldapSearch(bytes, offset)
    case 0x64, 0x66, 0x68, 0x6c, 0x6e, 0x73: return inner == 0x04 ? .yes : .no
    default: return inner == 0x80 || inner == 0x81 ? .yes : .no
    }
  }

  /// RFC 4511, 4.5.1: a name, a scope of 0 to 3, and how aliases are followed, 0 to 3.
  private static func ldapSearch(_ bytes: Bytes, _ offset: Int) -> Probe {
    guard bytes.u8(offset) == 0x04 else { return .no }
    guard case .header(let name) = BERHeader.read(bytes, at: offset) else { return .maybe }
    let offset = offset &+ name.count &+ name.length
    for i in 0..<6 {
      guard let byte = bytes.u8(offset &+ i) else { return .maybe }
      switch i {
      case 0, 3: guard byte == 0x0a else { return .no }
      case 1, 4: guard byte == 1 else { return .no }
      default: guard byte <= 3 else { return .no }
      }
    }
    return .yes
  }
}
