/// A frame's head (RFC 9113, section 4.1): 9 bytes.
struct HTTP2Frame: BitwiseCopyable {
  var length = 0
  var type: UInt8 = 0
  var flags: UInt8 = 0
  var stream: UInt32 = 0

  static var headBytes: Int { 9 }

  enum Kind {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let pushPromise: UInt8 = 5
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
  }

  enum Flag {
    static let endStream: UInt8 = 0x01
    static let acknowledges: UInt8 = 0x01
    static let endHeaders: UInt8 = 0x04
    static let padded: UInt8 = 0x08
    static let priority: UInt8 = 0x20
  }

  /// nil where not all of it is there.
  init?(_ bytes: Bytes) {
    guard let length = bytes.be24(0), let type = bytes.u8(3), let flags = bytes.u8(4),
      let stream = bytes.be32(5)
    else { return nil }
    self.length = Int(length)
    self.type = type
    self.flags = flags
    self.stream = stream & 0x7fff_ffff
  }

  func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

  /// What section 6 demands of its length and stream.
  var isSound: Bool {
    switch type {
    case Kind.data, Kind.headers, Kind.continuation: stream != 0
    case Kind.priority: stream != 0 && length == 5
    case Kind.reset: stream != 0 && length == 4
    case Kind.settings:
      stream == 0 && length % 6 == 0 && (!has(Flag.acknowledges) || length == 0)
    case Kind.pushPromise: stream != 0 && length >= 4
    case Kind.ping: stream == 0 && length == 8
    case Kind.goAway: stream == 0 && length >= 8
    case Kind.windowUpdate: length == 4
    default: true
    }
  }

  /// As ``isSound``, of a place where a frame may begin and may not: types that are known, no more than
  /// nearly everybody sends, flags that the type has.
  var isPlausible: Bool {
    guard isSound, length <= 1 << 15 else { return false }
    return switch type {
    case Kind.data: flags & ~0x09 == 0
    case Kind.headers: flags & ~0x2d == 0
    case Kind.settings, Kind.ping: flags & ~0x01 == 0
    case Kind.pushPromise: flags & ~0x0c == 0
    case Kind.continuation: flags & ~0x04 == 0
    case Kind.priority, Kind.reset, Kind.goAway, Kind.windowUpdate: flags == 0
    default: false
    }
  }
}
