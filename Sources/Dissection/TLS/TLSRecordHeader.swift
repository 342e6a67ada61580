/// The head of a record (RFC 8446, section 5.1): type, version, length.
struct TLSRecordHeader: BitwiseCopyable {
  let type: UInt8
  let version: UInt16
  let length: Int

  static var byteCount: Int { 5 }
  /// Encrypted, with all that TLS 1.2 allows for compression and padding (RFC 5246, section 6.2.3).
  static var longest: Int { 16_384 + 2048 }

  enum Kind {
    static var changeCipherSpec: UInt8 { 20 }
    static var alert: UInt8 { 21 }
    static var handshake: UInt8 { 22 }
    static var applicationData: UInt8 { 23 }
    static var heartbeat: UInt8 { 24 }
  }

  /// nil where this is no record.
  init?(_ bytes: Bytes, at offset: Int = 0) {
    guard let type = bytes.u8(offset), let version = bytes.be16(offset &+ 1),
      let length = bytes.be16(offset &+ 3), 20...24 ~= type, version >> 8 == 3,
      version & 0xff <= 4, Int(length) <= Self.longest, length > 0 || type == 23
    else { return nil }
    if type == Kind.changeCipherSpec && length != 1 { return nil }
    self.type = type
    self.version = version
    self.length = Int(length)
  }

  /// What is there of a head does not speak against it.
  static func mayBegin(_ bytes: Bytes) -> Bool {
    guard let type = bytes.u8(0), 20...24 ~= type else { return bytes.isEmpty }
    guard let major = bytes.u8(1) else { return true }
    guard major == 3, bytes.u8(2) ?? 0 <= 4 else { return false }
    return bytes.u8(3) ?? 0 <= UInt8(Self.longest >> 8)
  }
}

/// Types of handshake messages (RFC 8446, section 4; RFC 5246, section 7.4).
enum TLSMessage {
  static var clientHello: UInt8 { 1 }
  static var serverHello: UInt8 { 2 }
  static var helloRetryRequest: UInt8 { 6 }
  static var certificate: UInt8 { 11 }
  static var serverKeyExchange: UInt8 { 12 }
  static var certificateRequest: UInt8 { 13 }
  static var serverHelloDone: UInt8 { 14 }

  static var headerBytes: Int { 4 }

  /// Its letter in Zeek's ssl_history, from the server; nil of a type that there is not.
  static func letter(_ type: UInt8) -> UInt8? {
    switch type {
    case 0: UInt8(ascii: "h")
    case 1: UInt8(ascii: "c")
    case 2: UInt8(ascii: "s")
    case 3: UInt8(ascii: "v")
    case 4: UInt8(ascii: "t")
    case 5: UInt8(ascii: "e")
    case 6: UInt8(ascii: "j")
    case 8: UInt8(ascii: "o")
    case 11: UInt8(ascii: "x")
    case 12: UInt8(ascii: "k")
    case 13: UInt8(ascii: "r")
    case 14: UInt8(ascii: "n")
    case 15: UInt8(ascii: "y")
    case 16: UInt8(ascii: "g")
    case 20: UInt8(ascii: "f")
    case 21: UInt8(ascii: "w")
    case 22: UInt8(ascii: "u")
    case 23: UInt8(ascii: "a")
    case 24: UInt8(ascii: "p")
    case 67, 25: UInt8(ascii: "z")
    default: nil
    }
  }
}
