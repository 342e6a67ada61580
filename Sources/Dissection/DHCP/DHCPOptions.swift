/// Bits for 256 codes.
struct DHCPCodes: BitwiseCopyable {
  private var a: UInt64 = 0
  private var b: UInt64 = 0
  private var c: UInt64 = 0
  private var d: UInt64 = 0

  /// False where the code was there before.
  mutating func insert(_ code: UInt8) -> Bool {
    let bit: UInt64 = 1 << UInt64(code & 63)
    switch code >> 6 {
    case 0: return Self.set(&a, bit)
    case 1: return Self.set(&b, bit)
    case 2: return Self.set(&c, bit)
    default: return Self.set(&d, bit)
    }
  }

  private static func set(_ word: inout UInt64, _ bit: UInt64) -> Bool {
    defer { word |= bit }
    return word & bit == 0
  }
}

/// The options of one field of a message (RFC 2132, 2): one code, one length, data.
struct DHCPOptions: BitwiseCopyable {
  private var cursor: ByteCursor
  /// The end was said.
  private(set) var isEnded = false

  init(_ bytes: Bytes) { cursor = ByteCursor(bytes) }

  /// What is left makes no sense: a length beyond the end.
  var isBroken: Bool { !isEnded && !cursor.isAtEnd }

  mutating func next() -> (code: UInt8, data: Bytes)? {
    while let code = cursor.bytes.u8(cursor.position), !isEnded {
      switch code {
      case 0: _ = cursor.skip(1)
      case 255: isEnded = true
      default:
        guard let length = cursor.bytes.u8(cursor.position &+ 1),
          let data = cursor.bytes.slice(cursor.position &+ 2, Int(length))
        else { return nil }
        _ = cursor.skip(2 &+ Int(length))
        return (code, data)
      }
    }
    return nil
  }
}

/// The fixed part of a message (RFC 2131, 2).
struct DHCPHeader: BitwiseCopyable {
  static let byteCount = 236
  /// Behind it the cookie, and then options (RFC 2131, 3).
  static let optionsAt = 240

  let bytes: Bytes

  /// A message whose options are DHCP's, and no plain BOOTP.
  init?(_ bytes: Bytes) {
    guard let operation = bytes.u8(0), operation == 1 || operation == 2,
      bytes.be32(Self.byteCount) == 0x6382_5363, let length = bytes.u8(2), length <= 16
    else { return nil }
    self.bytes = bytes
  }

  var isReply: Bool { bytes.u8(0) == 2 }
  var hardwareAddress: Bytes { bytes.slice(28, Int(min(bytes.u8(2) ?? 0, 16))) ?? .empty }
  var hops: UInt8 { bytes.u8(3) ?? 0 }
  var transaction: UInt32 { bytes.be32(4) ?? 0 }
  var seconds: UInt16 { bytes.be16(8) ?? 0 }
  var wantsBroadcast: Bool { (bytes.be16(10) ?? 0) & 0x8000 != 0 }
  var client: Bytes { bytes.slice(12, 4) ?? .empty }
  var assigned: Bytes { bytes.slice(16, 4) ?? .empty }
  var nextServer: Bytes { bytes.slice(20, 4) ?? .empty }
  var relay: Bytes { bytes.slice(24, 4) ?? .empty }
  var serverName: Bytes { bytes.slice(44, 64) ?? .empty }
  var file: Bytes { bytes.slice(108, 128) ?? .empty }
  var options: Bytes { bytes.dropFirst(Self.optionsAt) }

  /// A text in a field of fixed length: up to its first zero.
  static func text(_ field: Bytes) -> Bytes { field.prefix(field.firstIndex(of: 0) ?? field.count) }

  /// Which fields hold options instead of text: 1 the file's, 2 the server's name, 3 both (RFC
  /// 2132, 9.3).
  var overload: UInt8 {
    var options = DHCPOptions(options)
    while let (code, data) = options.next() {
      if code == 52, let value = data.u8(0) { return value & 3 }
    }
    return 0
  }
}
