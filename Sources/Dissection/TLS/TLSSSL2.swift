internal import Records

/// The hellos of SSL 2.0, in which clients once asked for SSL 3.0 and TLS 1.0, too (RFC 6101,
/// appendix E; RFC 5246, appendix E.2).
enum TLSSSL2 {
  /// Length in two bytes, of which the highest bit is set; then the message.
  static var headerBytes: Int { 2 }

  /// The whole message's bytes, its header included; nil where it is none.
  static func length(_ bytes: Bytes) -> Int? {
    isHello(bytes) ? Int((bytes.be16(0) ?? 0) & 0x7fff) &+ headerBytes : nil
  }

  /// The lengths of its parts make up its own.
  static func isHello(_ bytes: Bytes) -> Bool {
    guard let length = bytes.be16(0), length & 0x8000 != 0, let type = bytes.u8(2) else {
      return false
    }
    let count = Int(length & 0x7fff)
    switch type {
    case 1:
      guard let version = bytes.be16(3), version == 2 || 0x0300...0x0304 ~= version,
        let ciphers = bytes.be16(5), let session = bytes.be16(7), let challenge = bytes.be16(9)
      else { return false }
      return ciphers > 0 && ciphers % 3 == 0 && (session == 0 || session == 16)
        && 16...32 ~= challenge
        && count == 9 &+ Int(ciphers) &+ Int(session) &+ Int(challenge)
    case 4:
      guard let hit = bytes.u8(3), hit <= 1, let kind = bytes.u8(4), kind <= 1,
        bytes.be16(5) == 2, let certificate = bytes.be16(7), let ciphers = bytes.be16(9),
        let connection = bytes.be16(11)
      else { return false }
      return ciphers % 3 == 0 && 16...32 ~= connection
        && count == 11 &+ Int(certificate) &+ Int(ciphers) &+ Int(connection)
    default: return false
    }
  }

  /// What is there does not speak against one.
  static func mayBegin(_ bytes: Bytes) -> Bool {
    guard bytes.count < 13, let first = bytes.u8(0), first & 0x80 != 0 else { return false }
    guard let type = bytes.u8(2) else { return true }
    switch type {
    case 1:
      guard bytes.count < 11 else { return false }
      return bytes.u8(3).map { $0 == 0 || $0 == 3 } ?? true
    case 4: return bytes.u8(3).map { $0 <= 1 } ?? true
    default: return false
    }
  }

  /// The cipher suites of a client's hello that SSL 3.0 and TLS have, too: those whose first byte
  /// is 0.
  static func writeClient(_ message: Bytes, into w: inout EventWriter) {
    w.beginObject(TLSFields.clientHandshake)
    TLSVersion.write(message.be16(3) ?? 0, TLSFields.helloVersion, into: &w)
    w.beginArray(TLSFields.ciphers)
    let length = Int(message.be16(5) ?? 0)
    var cursor = ByteCursor(message.slice(11, length) ?? .empty)
    while let cipher = cursor.be24() { w.integer(TLSFields.ciphers, cipher) }
    w.end()
    w.end()
  }

  /// The certificate of a server's hello.
  static func certificate(_ message: Bytes) -> Bytes {
    message.slice(13, Int(message.be16(7) ?? 0)) ?? .empty
  }
}
