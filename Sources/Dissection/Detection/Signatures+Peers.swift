internal import FlowEngine

// BitTorrent, and the two tunnels.

extension Signatures {
  /// BEP 3: the handshake.
  static func bittorrent(_ bytes: Bytes) -> Probe {
    startsOrMay(bytes, "\u{13}BitTorrent protocol")
  }

  static func isBitTorrentDatagram(_ bytes: Bytes) -> Bool {
    guard let first = bytes.u8(0) else { return false }
    // The table of nodes (BEP 5): a dictionary that says whether it asks or answers.
    if first == 0x64 {
      guard bytes.count >= 20, bytes.u8(bytes.count &- 1) == 0x65, let type = bytes.u8(1),
        type >= 0x31, type <= 0x39, bytes.u8(2) == 0x3a
      else { return false }
      return bytes.firstIndex(of: "1:y1:") != nil
    }
    // Asking a tracker (BEP 15): the number that stands for connecting, and the action of it.
    if bytes.count >= 16, bytes.be64(0) == 0x0417_2710_1980, bytes.be32(8) == 0 { return true }
    // Asking around the local network (BEP 14).
    if first == 0x42 { return bytes.starts(with: "BT-SEARCH * HTTP/1.1\r\n") }
    return isUTP(bytes)
  }

  /// BEP 29: a SYN, which has nothing to acknowledge, or the handshake in the first data.
  private static func isUTP(_ bytes: Bytes) -> Bool {
    guard bytes.count >= 20, let top = bytes.u8(0), top & 0x0f == 1, top >> 4 <= 4,
      let kind = bytes.u8(1), kind <= 2
    else { return false }
    if top == 0x41, bytes.be32(8) == 0, bytes.be16(18) == 0, bytes.be32(4) != 0,
      bytes.be32(12) != 0
    {
      return kind == 0 ? bytes.count == 20 : bytes.count <= 40
    }
    guard kind == 0 else { return false }
    if case .yes = bittorrent(bytes.dropFirst(20)) { return true }
    return false
  }

  // MARK: WireGuard

  /// The messages of WireGuard's paper (Donenfeld, NDSS 2017, 5.4): each a type, three zeros, and of a
  /// fixed length; data is a multiple of 16 behind a counter that starts at nought.
  static func isWireGuard(_ bytes: Bytes) -> Bool {
    guard let type = bytes.le32(0) else { return false }
    switch type {
    case 1: return bytes.count == 148 && bytes.be32(4) != 0
    case 2: return bytes.count == 92 && bytes.be32(4) != 0
    case 3: return bytes.count == 64 && bytes.be32(4) != 0
    case 4:
      guard let counter = bytes.le64(8) else { return false }
      return bytes.count >= 32 && bytes.count & 15 == 0 && bytes.be32(4) != 0
        && counter < 1 << 32
    default: return false
    }
  }

  // MARK: OpenVPN

  /// OpenVPN over TCP: each packet behind its length ("Network protocol" of its Doxygen).
  static func openvpnStream(_ bytes: Bytes) -> Probe {
    guard let top = bytes.u8(0) else { return .maybe }
    guard top <= 4 else { return .no }
    guard let length = bytes.be16(0), let code = bytes.u8(2) else { return .maybe }
    switch code {
    case 0x08, 0x10, 0x38, 0x40, 0x50: break
    default: return .no
    }
    guard length >= 14, length <= 1200 else { return .no }
    guard let packet = bytes.slice(2, Int(length)) else { return .maybe }
    return isOpenVPN(packet) ? .yes : .no
  }

  /// OpenVPN's resets, which open the control channel: the operation with key 0, a session's number, and
  /// behind it one of three ways: nothing, a digest with a replay number (tls-auth), or a replay number
  /// with the time and all the rest encrypted (tls-crypt).
  static func isOpenVPN(_ bytes: Bytes) -> Bool {
    guard let code = bytes.u8(0), bytes.count >= 14 else { return false }
    let isServer: Bool
    switch code {
    case 0x08, 0x38, 0x50: isServer = false
    case 0x10, 0x40: isServer = true
    default: return false
    }
    // The session's number is random; a DNS message has mostly zeros here.
    var zeros = 0
    for i in 1..<9 where bytes.u8(i) == 0 { zeros &+= 1 }
    guard zeros < 4 else { return false }
    if isOpenVPNReset(bytes.dropFirst(9), isServer) { return true }
    if isOpenVPNReplay(bytes.be32(9), bytes.be32(13)) {
      // Its tag is of 32 bytes; version 2 has the client's key behind it.
      let shortest = isServer ? 66 : 54
      return code == 0x50 ? bytes.count > shortest : bytes.count >= shortest
    }
    // The digests that OpenVPN knows by their lengths.
    for i in 0..<6 {
      let length: Int
      switch i {
      case 0: length = 20
      case 1: length = 32
      case 2: length = 64
      case 3: length = 16
      case 4: length = 48
      default: length = 28
      }
      let offset = 9 &+ length
      if isOpenVPNReplay(bytes.be32(offset), bytes.be32(offset &+ 4)),
        isOpenVPNReset(bytes.dropFirst(offset &+ 8), isServer)
      {
        return true
      }
    }
    return false
  }

  /// The first number there is, and a time after 2001.
  private static func isOpenVPNReplay(_ number: UInt32?, _ time: UInt32?) -> Bool {
    guard let number, let time else { return false }
    return number & 0x00ff_ffff >= 1 && number & 0x00ff_ffff <= 8
      && (number < 9 || number >> 24 == 0x0f) && time > 1_000_000_000 && time < 4_000_000_000
  }

  /// How many packets are acknowledged, which, the other's session, and the packet's own number, 0.
  private static func isOpenVPNReset(_ bytes: Bytes, _ isServer: Bool) -> Bool {
    guard let count = bytes.u8(0) else { return false }
    if count == 0 { return bytes.count == 5 && bytes.be32(1) == 0 }
    guard isServer, count == 1 else { return false }
    return bytes.count == 17 && bytes.be32(1) == 0 && bytes.be32(13) == 0
  }
}
