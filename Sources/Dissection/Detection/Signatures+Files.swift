internal import FlowEngine

// NFS and syslog.

extension Signatures {
  /// RFC 5531, 11: over TCP each message stands behind its length, with the top bit in the last piece.
  static func nfsStream(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard let top = bytes.u8(0) else { return .maybe }
    guard top & 0x7f == 0 else { return .no }
    guard let mark = bytes.be32(0) else { return .maybe }
    guard mark & 0x7fff_ffff >= 24 else { return .no }
    return nfs(bytes.dropFirst(4), context)
  }

  /// RFC 5531, 9: a call names its program, 100003 (RFC 1094, 1813, 7530). A reply does not: it is taken
  /// for NFS's where its port is NFS's, and else waits for what the other direction is.
  static func nfs(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    guard bytes.be32(0) != nil, let type = bytes.be32(4) else { return .maybe }
    guard let next = bytes.be32(8) else { return type <= 1 ? .maybe : .no }
    if type == 0 {
      guard next == 2 else { return .no }
      guard let program = bytes.be32(12) else { return .maybe }
      guard program == 100_003 else { return .no }
      guard let version = bytes.be32(16) else { return .maybe }
      return version >= 2 && version <= 4 ? .yes : .no
    }
    // Accepted: a verifier of a known kind and length, and how it went.
    guard type == 1, next == 0 else { return .no }
    guard let flavor = bytes.be32(12), let length = bytes.be32(16) else { return .maybe }
    guard flavor <= 6, length <= 400 else { return .no }
    guard let state = bytes.be32(20 &+ Int(length)) else { return .maybe }
    guard state <= 5 else { return .no }
    return context.serverPort == 2049 ? .yes : .maybe
  }

  // MARK: Syslog

  /// RFC 6587, 3.4: as in a datagram, a line each, or behind its length in digits.
  static func syslogStream(_ bytes: Bytes) -> Probe {
    guard let first = bytes.u8(0) else { return .maybe }
    if first == 0x3c { return syslog(bytes) }
    guard first >= 0x31, first <= 0x39 else { return .no }
    for i in 1..<6 {
      guard let byte = bytes.u8(i) else { return .maybe }
      if byte == 0x20 { return syslog(bytes.dropFirst(i &+ 1)) }
      guard byte >= 0x30, byte <= 0x39 else { return .no }
    }
    return .no
  }

  static func isSyslogDatagram(_ bytes: Bytes) -> Bool {
    let bytes = bytes.prefix(64)
    guard case .text(let start) = syslogPriority(bytes), start < bytes.count else { return false }
    for i in start..<bytes.count {
      guard let byte = bytes.u8(i) else { return false }
      // Text, in whatever encoding; a line's end, a tab, or a zero at its end.
      guard
        byte >= 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
          || byte == 0 && i == bytes.count &- 1
      else { return false }
    }
    return true
  }

  /// RFC 5424, 6.2, or RFC 3164, 4.1: a priority, then a version or a date. Over TCP nothing less is
  /// taken: too much else is text behind a number.
  private static func syslog(_ bytes: Bytes) -> Probe {
    switch syslogPriority(bytes) {
    case .none: return .no
    case .short: return .maybe
    case .text(let start):
      let text = bytes.dropFirst(start)
      guard let first = text.u8(0) else { return .maybe }
      if first == 0x31 {
        guard let space = text.u8(1) else { return .maybe }
        guard space == 0x20 else { return .no }
        guard let year = text.u8(2) else { return .maybe }
        return year == 0x2d || year >= 0x31 && year <= 0x39 ? .yes : .no
      }
      return first == 0x32 ? syslogISODate(text) : syslogDate(text)
    }
  }

  private enum SyslogPriority {
    case none
    case short
    /// Where the text begins.
    case text(Int)
  }

  /// `<0>` to `<191>`.
  private static func syslogPriority(_ bytes: Bytes) -> SyslogPriority {
    guard let first = bytes.u8(0) else { return .short }
    guard first == 0x3c else { return .none }
    var value = 0
    for i in 1..<5 {
      guard let byte = bytes.u8(i) else { return .short }
      if byte == 0x3e { return i > 1 && value <= 191 ? .text(i &+ 1) : .none }
      guard byte >= 0x30, byte <= 0x39 else { return .none }
      // At the most four digits.
      value = value * 10 + Int(byte - 0x30)
    }
    return .none
  }

  /// `2026-11-22T`, which rsyslog has in the place of RFC 3164's date.
  private static func syslogISODate(_ bytes: Bytes) -> Probe {
    for i in 0..<11 {
      guard let byte = bytes.u8(i) else { return .maybe }
      let fits: Bool
      switch i {
      case 4, 7: fits = byte == 0x2d
      case 10: fits = byte == 0x54
      default: fits = byte >= 0x30 && byte <= 0x39
      }
      guard fits else { return .no }
    }
    return .yes
  }

  /// `Nov 22 ` or `Nov  2 `.
  private static func syslogDate(_ bytes: Bytes) -> Probe {
    for i in 0..<7 {
      guard let byte = bytes.u8(i) else { return .maybe }
      let fits: Bool
      switch i {
      case 0: fits = byte >= 0x41 && byte <= 0x5a
      case 1, 2: fits = byte >= 0x61 && byte <= 0x7a
      case 3, 6: fits = byte == 0x20
      case 4: fits = byte == 0x20 || byte >= 0x30 && byte <= 0x33
      default: fits = byte >= 0x30 && byte <= 0x39
      }
      guard fits else { return .no }
    }
    return .yes
  }
}
