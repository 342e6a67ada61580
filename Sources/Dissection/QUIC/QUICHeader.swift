/// A packet's header with what it says of the packet (RFC 9000, section 17; RFC 8999).
struct QUICHeader: BitwiseCopyable {
  enum Kind: BitwiseCopyable {
    case initial, zeroRTT, handshake, retry, versionNegotiation
    /// 1-RTT, or anything else that is not long.
    case short
    /// Google's first packet in the clear, under either form of header.
    case googleHello
    /// A long header of a version whose rest nobody here knows.
    case unknown
  }

  var kind = Kind.short
  var first: UInt8 = 0
  var version = QUICVersion(value: 0)
  var dcid = Bytes.empty
  var scid = Bytes.empty
  var token = Bytes.empty
  /// Of the packet number, or of what stands behind the header.
  var numberOffset = 0
  /// Behind the packet, from its first byte on; beyond what is there where the capture has cut it.
  var end = 0
  var isCut = false

  /// RFC 9000 allows 20 bytes, RFC 8999 255; Google's have 8 or 18.
  static var longestConnectionID: Int { 20 }

  /// nil: no packet of QUIC. `missing` bytes of the datagram were not captured.
  init?(_ bytes: Bytes, missing: Int) {
    guard let first = bytes.u8(0) else { return nil }
    self.first = first
    end = bytes.count &+ missing
    guard first & 0x80 != 0 else { return }
    guard let version = bytes.be32(1) else { return nil }
    self.version = QUICVersion(value: version)
    var cursor = ByteCursor(bytes)
    _ = cursor.skip(5)
    let family = self.version.family
    if family == .googleLongHeader {
      guard takeGoogleIDs(&cursor) else { return nil }
    } else {
      guard let dcid = cursor.prefixed8(), let scid = cursor.prefixed8(),
        dcid.count <= Self.longestConnectionID, scid.count <= Self.longestConnectionID
      else { return nil }
      self.dcid = dcid
      self.scid = scid
    }
    numberOffset = cursor.position
    if version == 0 {
      kind = .versionNegotiation
      return
    }
    guard first & 0x40 != 0 else { return nil }
    switch family {
    case .tls, .googleEncrypted:
      guard takeLength(&cursor, bytes, missing) else { return nil }
    case .googleLongHeader: takeGoogleKind()
    default: kind = .unknown
    }
  }

  /// Type, token and length of versions that are like version 1.
  private mutating func takeLength(
    _ cursor: inout ByteCursor, _ bytes: Bytes, _ missing: Int
  ) -> Bool {
    let type = first >> 4 & 3
    switch version.isV2 ? (type &- 1) & 3 : type {
    case 0: kind = .initial
    case 1: kind = .zeroRTT
    case 2: kind = .handshake
    default:
      kind = .retry
      return true
    }
    if kind == .initial {
      guard let length = cursor.quicInteger() else { return false }
      guard length <= UInt64(cursor.remaining), let token = cursor.take(Int(length)) else {
        return false
      }
      self.token = token
    }
    guard let length = cursor.quicInteger() else { return false }
    numberOffset = cursor.position
    guard length <= UInt64(cursor.remaining &+ missing) else { return false }
    end = numberOffset &+ Int(length)
    isCut = end > bytes.count
    return true
  }

  /// Two lengths in one byte, each 0 or three less than it is.
  private mutating func takeGoogleIDs(_ cursor: inout ByteCursor) -> Bool {
    guard let lengths = cursor.u8() else { return false }
    let (high, low) = (Int(lengths >> 4), Int(lengths & 15))
    guard let dcid = cursor.take(high == 0 ? 0 : high &+ 3),
      let scid = cursor.take(low == 0 ? 0 : low &+ 3)
    else { return false }
    self.dcid = dcid
    self.scid = scid
    return true
  }

  private mutating func takeGoogleKind() {
    // Q044 and Q045 number types from 0x7f downwards, Q046 as the drafts did.
    if version.value & 0xf < 6 {
      switch first & 0x7f {
      case 0x7f: kind = .googleHello
      case 0x7e: kind = .retry
      case 0x7d: kind = .handshake
      case 0x7c: kind = .zeroRTT
      default: kind = .unknown
      }
      return
    }
    switch first >> 4 & 3 {
    case 0: kind = .googleHello
    case 1: kind = .zeroRTT
    case 2: kind = .handshake
    default: kind = .retry
    }
  }

  /// Google's header up to Q043: flags, connection id, version. Only the client's first packets have a
  /// version, and nothing else is asked for here.
  static func googlePublic(_ bytes: Bytes, missing: Int) -> QUICHeader? {
    guard let flags = bytes.u8(0), flags & 0xc0 == 0, flags & 0x0b == 0x09,
      let dcid = bytes.slice(1, 8), let value = bytes.be32(9),
      QUICVersion(value: value).family == .googlePublicHeader
    else { return nil }
    var header = QUICHeader()
    header.kind = .googleHello
    header.first = flags
    header.version = QUICVersion(value: value)
    header.dcid = dcid
    header.numberOffset = 13
    header.end = bytes.count &+ missing
    return header
  }

  private init() {}
}

extension ByteCursor {
  /// A variable-length integer (RFC 9000, section 16): below 2^62.
  mutating func quicInteger() -> UInt64? {
    guard let first = bytes.u8(position) else { return nil }
    switch first >> 6 {
    case 0: return u8().map { UInt64($0) }
    case 1: return be16().map { UInt64($0 & 0x3fff) }
    case 2: return be32().map { UInt64($0 & 0x3fff_ffff) }
    default: return be64().map { $0 & 0x3fff_ffff_ffff_ffff }
    }
  }
}
