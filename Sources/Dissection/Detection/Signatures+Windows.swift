internal import FlowEngine

// SMB, DCE/RPC, RDP.

extension Signatures {
  // MARK: SMB

  /// MS-SMB 2.2.3.1 and MS-SMB2 2.2.1, behind NetBIOS's or direct TCP's header (RFC 1002, 4.3.1; MS-SMB2
  /// 2.1): 0, length 24, and one of the four names. A NetBIOS session may be asked for and granted before.
  static func smb(_ bytes: Bytes) -> Probe {
    guard let kind = bytes.u8(0) else { return .maybe }
    switch kind {
    case 0x00: return smbMessage(bytes)
    case 0x81:
      // Session request: two names of 34 bytes each, encoded in the letters A to P.
      guard let flags = bytes.u8(1), let length = bytes.be16(2) else { return .maybe }
      guard flags == 0, length == 68 else { return .no }
      guard let count = bytes.u8(4) else { return .maybe }
      guard count == 0x20 else { return .no }
      for i in 5..<37 {
        guard let letter = bytes.u8(i) else { return .maybe }
        guard letter >= 0x41, letter <= 0x50 else { return .no }
      }
      return bytes.count < 72 ? .maybe : smbMessage(bytes.dropFirst(72))
    case 0x82:
      guard let rest = bytes.be24(1) else { return .maybe }
      return rest == 0 ? smbMessage(bytes.dropFirst(4)) : .no
    default: return .no
    }
  }

  private static func smbMessage(_ bytes: Bytes) -> Probe {
    guard let kind = bytes.u8(0) else { return .maybe }
    guard kind == 0 else { return .no }
    guard let length = bytes.be24(1), let version = bytes.u8(4) else { return .maybe }
    guard length >= 32, version >= 0xfc else { return .no }
    return startsOrMay(bytes.dropFirst(5), "SMB")
  }

  /// NetBIOS's datagram (RFC 1002, 4.4.1) with SMB in it, which begins behind two names of 34 bytes.
  static func isSMBDatagram(_ bytes: Bytes) -> Bool {
    guard let kind = bytes.u8(0), kind >= 0x10, kind <= 0x12, let name = bytes.u8(14),
      name == 0x20, bytes.u8(82) == 0xff
    else { return false }
    return bytes.dropFirst(83).starts(with: "SMB")
  }

  /// A text at the front, or as much of it as there is.
  static func startsOrMay(_ bytes: Bytes, _ text: StaticString) -> Probe {
    if bytes.starts(with: text) { return .yes }
    if bytes.count < text.utf8CodeUnitCount, bytes.equals(Bytes(text).prefix(bytes.count)) {
      return .maybe
    }
    return .no
  }

  // MARK: DCE/RPC

  /// C706, 12.6.3.1: version 5.0 or 5.1, a type, flags, the representation of data, the fragment's length.
  static func dcerpc(_ bytes: Bytes) -> Probe {
    guard let version = bytes.u8(0) else { return .maybe }
    guard version == 5 else { return .no }
    guard let minor = bytes.u8(1) else { return .maybe }
    guard minor <= 1 else { return .no }
    guard let type = bytes.u8(2) else { return .maybe }
    switch type {
    case 0, 2, 3, 11...19: break
    default: return .no
    }
    guard let order = bytes.u8(4) else { return .maybe }
    guard order & 0xee == 0 else { return .no }
    guard let floats = bytes.u8(5) else { return .maybe }
    guard floats <= 3 else { return .no }
    guard let padding = bytes.be16(6) else { return .maybe }
    guard padding == 0 else { return .no }
    let isLittle = order & 0x10 != 0
    guard let fragment = isLittle ? bytes.le16(8) : bytes.be16(8),
      let authentication = isLittle ? bytes.le16(10) : bytes.be16(10)
    else { return .maybe }
    return fragment >= 16 && authentication <= fragment - 16 ? .yes : .no
  }

  /// C706, 12.5.2: version 4, 80 bytes of header, and the body's length in it.
  static func isDCERPCDatagram(_ bytes: Bytes) -> Bool {
    guard bytes.count >= 80, bytes.u8(0) == 4, let type = bytes.u8(1), type <= 10,
      let flags = bytes.u8(3), flags & 0xfc == 0, let order = bytes.u8(4), order & 0xee == 0,
      let floats = bytes.u8(5), floats <= 3, bytes.u8(6) == 0
    else { return false }
    let length = order & 0x10 != 0 ? bytes.le16(74) : bytes.be16(74)
    guard let length else { return false }
    return 80 + Int(length) <= bytes.count && bytes.count <= 80 + Int(length) + 64
  }

  // MARK: RDP

  /// MS-RDPBCGR 2.2.1.1 and 2.2.1.2: TPKT (RFC 1006, 6), X.224's connection request or confirmation, and
  /// in it a cookie or the negotiation of security. Without either the ports must say RDP: others
  /// (S7, H.323, MMS) begin in the same way.
  static func rdp(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard let version = bytes.u8(0) else { return .maybe }
    guard version == 3 else { return .no }
    guard let reserved = bytes.u8(1) else { return .maybe }
    guard reserved == 0 else { return .no }
    guard let length = bytes.be16(2), let header = bytes.u8(4) else { return .maybe }
    guard length >= 11, Int(header) + 5 == Int(length) else { return .no }
    guard let type = bytes.u8(5) else { return .maybe }
    guard type == 0xe0 || type == 0xd0 else { return .no }
    guard let destination = bytes.be16(6) else { return .maybe }
    guard type == 0xd0 || destination == 0 else { return .no }
    guard let options = bytes.u8(10) else { return .maybe }
    guard options == 0 else { return .no }
    if length == 11 { return context.serverPort == 3389 ? .yes : .no }
    guard let part = bytes.u8(11) else { return .maybe }
    switch part {
    case 0x01, 0x02, 0x03:
      // RDP_NEG_REQ, RDP_NEG_RSP, RDP_NEG_FAILURE: flags, and a length that is always 8.
      guard (part == 0x01) == (type == 0xe0) else { return .no }
      guard let size = bytes.le16(13) else { return .maybe }
      return size == 8 ? .yes : .no
    default:
      return type == 0xe0 ? startsOrMay(bytes.dropFirst(11), "Cookie: msts") : .no
    }
  }

  /// MS-RDPEUDP 2.2.2.1 and 2.2.2.5: SYN, with nothing acknowledged yet, and how long datagrams may be.
  static func isRDPDatagram(_ bytes: Bytes) -> Bool {
    guard bytes.count >= 1132, bytes.count <= 1232, let flags = bytes.be16(6), flags & 1 == 1,
      let up = bytes.be16(12), let down = bytes.be16(14)
    else { return false }
    let isAnswer = flags & 4 != 0
    return (isAnswer || bytes.be32(0) == .max) && up >= 1132 && up <= 1232 && down >= 1132
      && down <= 1232
  }
}
