/// A list of 16-bit numbers as it stands in a hello.
struct TLSNumbers: BitwiseCopyable {
  let bytes: Bytes

  static var none: TLSNumbers { TLSNumbers(bytes: .empty) }

  @inline(__always)
  var count: Int { bytes.count / 2 }

  /// 0 where there is none.
  @inline(__always)
  subscript(_ place: Int) -> UInt16 { bytes.be16(place &* 2) ?? 0 }

  /// Numbers that mean something.
  var countWithoutGREASE: Int {
    var sum = 0
    for place in 0..<count where !Self.isGREASE(self[place]) { sum &+= 1 }
    return sum
  }

  /// 0x0a0a, 0x1a1a … 0xfafa: sent so that servers learn to skip what they do not know (RFC 8701,
  /// section 2).
  @inline(__always)
  static func isGREASE(_ value: UInt16) -> Bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
  }
}

/// A ClientHello's parts, where they lie (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2). Over
/// TLS and QUIC the same; of DTLS the cookie is not read.
struct TLSClientHello: BitwiseCopyable {
  /// As the hello has it: 0x0303 with TLS 1.2 and 1.3.
  var version: UInt16 = 0
  var sessionID = Bytes.empty
  var ciphers = TLSNumbers.none
  /// All of them, behind their common length.
  var extensions = Bytes.empty
  /// It ends within a part, or a length in it is wrong: what stands before is there.
  var isMalformed = false

  var hasServerName = false
  var serverName = Bytes.empty
  /// Names, each behind its length in one byte (RFC 7301, section 3.1).
  var alpn = Bytes.empty
  /// supported_groups, once elliptic_curves.
  var groups = TLSNumbers.none
  var pointFormats = Bytes.empty
  var signatureAlgorithms = TLSNumbers.none
  var supportedVersions = TLSNumbers.none
  var sessionTicket = Bytes.empty
  var hasPreSharedKey = false
  var hasEarlyData = false
  /// encrypted_client_hello as the outer hello has it (RFC 9849), or the older
  /// encrypted_server_name.
  var hasECH = false
  /// quic_transport_parameters (RFC 9001, section 8.2), or its number in the drafts.
  var quicParameters = Bytes.empty

  /// Of a handshake message's body, without its type and length; nil where not even the version is
  /// there.
  init?(_ body: Bytes) {
    var cursor = ByteCursor(body)
    guard let version = cursor.be16() else { return nil }
    self.version = version
    guard cursor.skip(32), let sessionID = cursor.prefixed8(),
      let ciphers = cursor.prefixed16()
    else {
      isMalformed = true
      return
    }
    self.sessionID = sessionID
    self.ciphers = TLSNumbers(bytes: ciphers)
    guard sessionID.count <= 32, ciphers.count & 1 == 0, cursor.prefixed8() != nil
    else {
      isMalformed = true
      return
    }
    // SSL 3.0 and TLS 1.0 may have none.
    if cursor.isAtEnd { return }
    extensions = TLSExtensions.block(cursor, &isMalformed)
    var list = TLSExtensions(extensions)
    while let one = list.next() { take(one) }
    if list.isMalformed { isMalformed = true }
  }

  private mutating func take(_ one: TLSExtension) {
    var cursor = ByteCursor(one.body)
    switch one.type {
    case TLSExtension.serverName:
      hasServerName = true
      // A list of names with their types (RFC 6066, section 3); there is only the type host_name,
      // 0.
      guard var names = cursor.prefixed16().map(ByteCursor.init) else { return }
      while let type = names.u8(), let name = names.prefixed16() {
        if type == 0 {
          serverName = name
          return
        }
      }
    case TLSExtension.alpn:
      alpn = cursor.prefixed16() ?? .empty
    case TLSExtension.groups:
      groups = TLSNumbers(bytes: cursor.prefixed16() ?? .empty)
    case TLSExtension.pointFormats:
      pointFormats = cursor.prefixed8() ?? .empty
    case TLSExtension.signatureAlgorithms:
      signatureAlgorithms = TLSNumbers(bytes: cursor.prefixed16() ?? .empty)
    case TLSExtension.supportedVersions:
      supportedVersions = TLSNumbers(bytes: cursor.prefixed8() ?? .empty)
    case TLSExtension.sessionTicket:
      sessionTicket = one.body
    case TLSExtension.preSharedKey: hasPreSharedKey = true
    case TLSExtension.earlyData: hasEarlyData = true
    case TLSExtension.ech, TLSExtension.esni: hasECH = true
    case TLSExtension.quicParameters, TLSExtension.quicParametersDraft: quicParameters = one.body
    default: break
    }
  }

  /// The highest version that the client offers.
  var highestVersion: UInt16 {
    var highest: UInt16 = 0
    for place in 0..<supportedVersions.count {
      let value = supportedVersions[place]
      if !TLSNumbers.isGREASE(value) { highest = max(highest, value) }
    }
    return highest == 0 ? version : highest
  }
}

/// A ServerHello's or a HelloRetryRequest's parts (RFC 8446, section 4.1.3).
struct TLSServerHello: BitwiseCopyable {
  /// As the hello has it: 0x0303 with TLS 1.2 and 1.3.
  var legacyVersion: UInt16 = 0
  /// What the connection speaks: of the extension supported_versions, or the legacy version.
  var version: UInt16 = 0
  var sessionID = Bytes.empty
  var hasCipher = false
  var cipher: UInt16 = 0
  var extensions = Bytes.empty
  var isMalformed = false

  var alpn = Bytes.empty
  /// Of key_share; 0 where there is none.
  var group: UInt16 = 0
  var hasPreSharedKey = false
  /// It asks for another ClientHello: its random is a value of its own (RFC 8446, section 4.1.3).
  var isRetryRequest = false

  init?(_ body: Bytes) {
    var cursor = ByteCursor(body)
    guard let version = cursor.be16() else { return nil }
    legacyVersion = version
    self.version = version
    guard let random = cursor.take(32) else {
      isMalformed = true
      return
    }
    isRetryRequest = Self.isRetry(random)
    // TLS 1.3 had no session id and no compression here until draft 22, and its own number until
    // 15.
    let isEarlyDraft =
      version == TLSVersion.tls13 || version >> 8 == 0x7f && version & 0xff < 22
    if version == TLSVersion.tls13 { self.version = TLSVersion.tls13Early }
    if !isEarlyDraft {
      guard let sessionID = cursor.prefixed8() else {
        isMalformed = true
        return
      }
      self.sessionID = sessionID
    }
    guard let cipher = cursor.be16() else {
      isMalformed = true
      return
    }
    self.cipher = cipher
    hasCipher = true
    if !isEarlyDraft {
      // One byte of compression.
      guard cursor.skip(1) else {
        isMalformed = true
        return
      }
    }
    if cursor.isAtEnd { return }
    extensions = TLSExtensions.block(cursor, &isMalformed)
    var list = TLSExtensions(extensions)
    while let one = list.next() {
      switch one.type {
      case TLSExtension.alpn:
        var inner = ByteCursor(one.body)
        alpn = inner.prefixed16() ?? .empty
      case TLSExtension.supportedVersions:
        if let chosen = one.body.be16(0) { self.version = chosen }
      case TLSExtension.keyShare, TLSExtension.keyShareDraft: group = one.body.be16(0) ?? 0
      case TLSExtension.preSharedKey: hasPreSharedKey = true
      default: break
      }
    }
    if list.isMalformed { isMalformed = true }
  }

  /// SHA-256 of "HelloRetryRequest".
  private static func isRetry(_ random: Bytes) -> Bool {
    random.be64(0) == 0xcf21_ad74_e59a_6111 && random.be64(8) == 0xbe1d_8c02_1e65_b891
      && random.be64(16) == 0xc2a2_1116_7abb_8c5e && random.be64(24) == 0x079e_09e2_c8a8_339c
  }

  var isTLS13: Bool { TLSVersion.is13(version) }
}

/// One extension of a hello.
struct TLSExtension: BitwiseCopyable {
  let type: UInt16
  let body: Bytes

  // IANA, TLS ExtensionType Values.
  static var serverName: UInt16 { 0 }
  static var groups: UInt16 { 10 }
  static var pointFormats: UInt16 { 11 }
  static var signatureAlgorithms: UInt16 { 13 }
  static var alpn: UInt16 { 16 }
  static var sessionTicket: UInt16 { 35 }
  static var keyShareDraft: UInt16 { 40 }
  static var preSharedKey: UInt16 { 41 }
  static var earlyData: UInt16 { 42 }
  static var supportedVersions: UInt16 { 43 }
  static var keyShare: UInt16 { 51 }
  static var quicParameters: UInt16 { 57 }
  static var quicParametersDraft: UInt16 { 0xffa5 }
  static var ech: UInt16 { 0xfe0d }
  static var esni: UInt16 { 0xffce }
}

/// Goes through extensions.
struct TLSExtensions: BitwiseCopyable {
  private var cursor: ByteCursor
  /// It ended within one.
  private(set) var isMalformed = false

  init(_ bytes: Bytes) { cursor = ByteCursor(bytes) }

  /// What a hello ends with: its extensions behind their length, up to the hello's own end.
  static func block(_ rest: ByteCursor, _ isMalformed: inout Bool) -> Bytes {
    var cursor = rest
    guard let length = cursor.be16() else {
      isMalformed = true
      return .empty
    }
    if Int(length) != cursor.remaining { isMalformed = true }
    return cursor.rest.prefix(Int(length))
  }

  mutating func next() -> TLSExtension? {
    if cursor.isAtEnd { return nil }
    guard let type = cursor.be16(), let body = cursor.prefixed16() else {
      isMalformed = true
      return nil
    }
    return TLSExtension(type: type, body: body)
  }
}
