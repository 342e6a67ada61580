/// A version of QUIC by its number on the wire.
struct QUICVersion: BitwiseCopyable, Equatable {
  let value: UInt32

  enum Family: BitwiseCopyable {
    /// Version 1 and 2, the drafts, and what is like them (mvfst, Google's T0xx): TLS in CRYPTO frames.
    case tls
    /// Google's Q024 to Q043: a header of its own, nothing encrypted in the first packet.
    case googlePublicHeader
    /// Q044 to Q049: a long header, nothing encrypted in the first packet.
    case googleLongHeader
    /// Q05x: encrypted as the drafts are, Google's own hello within.
    case googleEncrypted
    /// 0x?a?a?a?a: sent so that the peer answers with the versions it speaks (RFC 9000, section 15).
    case reserved
    case unknown
  }

  static var version1: QUICVersion { QUICVersion(value: 1) }
  static var version2: QUICVersion { QUICVersion(value: 0x6b33_43cf) }

  /// Of one of the drafts, 0 of others.
  var draft: UInt32 { value >> 8 == 0xff_0000 ? value & 0xff : 0 }

  var isV2: Bool { self == .version2 }

  var family: Family {
    if self == .version1 || isV2 || 1...34 ~= draft { return .tls }
    // Facebook's mvfst.
    if value & 0xffff_ff00 == 0xface_b000 { return .tls }
    if value & 0x0f0f_0f0f == 0x0a0a_0a0a { return .reserved }
    guard Self.isDigit(value >> 16), Self.isDigit(value >> 8), Self.isDigit(value) else {
      return .unknown
    }
    let number = (value >> 8 & 0xf) &* 10 &+ (value & 0xf)
    switch value >> 16 {
    case 0x5130:  // Q0
      if 24...43 ~= number { return .googlePublicHeader }
      if 44...49 ~= number { return .googleLongHeader }
      return 50...59 ~= number ? .googleEncrypted : .unknown
    case 0x5430:  // T0
      return 48...59 ~= number ? .tls : .unknown
    default: return .unknown
    }
  }

  private static func isDigit(_ value: UInt32) -> Bool { value & 0xff &- 0x30 < 10 }

  /// Google's, which has its letters as its number.
  var isText: Bool {
    (value >> 24 == 0x51 || value >> 24 == 0x54) && Self.isDigit(value >> 16)
      && Self.isDigit(value >> 8) && Self.isDigit(value)
  }

  /// There are keys for its Initials that everybody knows.
  var hasInitialKeys: Bool {
    switch family {
    case .tls: draft == 0 || draft >= 22
    case .googleEncrypted: true
    default: false
    }
  }

  /// What the Initial's secret is made with: RFC 9001 and RFC 9369, section 3.3.1, and the drafts.
  var salt: (UInt64, UInt64, UInt32) {
    switch value {
    case Self.version1.value, 0xff00_0021, 0xff00_0022:
      (0x3876_2cf7_f559_34b3, 0x4d17_9ae6_a4c8_0cad, 0xccbb_7f0a)
    case Self.version2.value: (0x0ded_e3de_f700_a6db, 0x8193_81be_6e26_9dcb, 0xf9bd_2ed9)
    case 0xff00_0016, 0xface_b001:
      (0x7fbc_db0e_7c66_bbe9, 0x193a_96cd_2151_9ebd, 0x7a02_644a)
    case 0xff00_001d...0xff00_0020:
      (0xafbf_ec28_9993_d24c, 0x9e97_86f1_9c61_11e0, 0x4390_a899)
    // T050 and T051.
    case 0x5430_3530: (0x7ff5_79e5_acd0_7291, 0x5580_304c_43a2_367c, 0x6048_8310)
    case 0x5430_3531: (0x7a4e_def4_e7cc_ee5f, 0xa450_6c19_124f_c8cc, 0xda6e_033d)
    default:
      family == .googleEncrypted
        ? (0x5045_74ef_d066_fe2f, 0x9d94_5cfc_dbd3_a7f0, 0xd3b5_6b45)
        // Drafts 23 to 28 and mvfst.
        : (0xc3ee_f712_c72e_bb5a, 0x11a7_d243_2bb4_6365, 0xbef9_f502)
    }
  }

  /// As EVE has it (Suricata's QuicVersion): letters where they are Google's and it knows them, else the
  /// number in hexadecimal digits without leading zeros.
  func writeEVE(to text: inout BoundedText) {
    switch value {
    case 0x5130_3339, 0x5130_3433, 0x5130_3434, 0x5130_3435, 0x5130_3436: writeLetters(to: &text)
    default: writeHex(to: &text)
    }
  }

  /// A name that people say: `v1`, `draft-29`, `Q050`, `mvfst-27`.
  func writeName(to text: inout BoundedText) {
    if self == .version1 { return text.text("v1") }
    if isV2 { return text.text("v2") }
    if draft != 0 {
      text.text("draft-")
      return text.decimal(UInt64(draft))
    }
    if isText { return writeLetters(to: &text) }
    switch value {
    case 0: text.text("negotiation")
    case 0xface_b001: text.text("mvfst-22")
    case 0xface_b002: text.text("mvfst-27")
    default:
      if value & 0xffff_ff00 == 0xface_b000 { return text.text("mvfst") }
      text.text(family == .reserved ? "reserved" : "unknown")
    }
  }

  private func writeLetters(to text: inout BoundedText) {
    for place in 0..<4 { text.byte(UInt8(truncatingIfNeeded: value >> UInt32(24 - place * 8))) }
  }

  private func writeHex(to text: inout BoundedText) {
    var isLeading = true
    for place in 0..<8 {
      let digit = UInt8(truncatingIfNeeded: value >> UInt32(28 - place * 4)) & 15
      if digit == 0 && isLeading && place < 7 { continue }
      isLeading = false
      text.byte(BoundedText.digit(digit))
    }
  }
}
