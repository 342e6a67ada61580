/// Versions of SSL and TLS by their numbers on the wire.
enum TLSVersion {
  static var ssl2: UInt16 { 0x0002 }
  static var ssl3: UInt16 { 0x0300 }
  static var tls10: UInt16 { 0x0301 }
  static var tls11: UInt16 { 0x0302 }
  static var tls12: UInt16 { 0x0303 }
  static var tls13: UInt16 { 0x0304 }
  /// What stands here for the drafts of TLS 1.3 whose hellos themselves have 0x0304.
  static var tls13Early: UInt16 { 0x7f00 }

  /// TLS 1.3, one of its drafts (0x7fNN) or of Facebook's (0xfbNN).
  @inline(__always)
  static func is13(_ version: UInt16) -> Bool {
    version == tls13 || version >> 8 == 0x7f || version >> 8 == 0xfb
  }

  /// As EVE has it in `tls.version` (Suricata's SSLVersionToString).
  static func writeEVE(_ version: UInt16, to text: inout BoundedText) {
    switch version {
    case 0: text.text("UNDETERMINED")
    case ssl2: text.text("SSLv2")
    case ssl3: text.text("SSLv3")
    case tls10: text.text("TLSv1")
    case tls11: text.text("TLS 1.1")
    case tls12: text.text("TLS 1.2")
    case tls13: text.text("TLS 1.3")
    default:
      if version >> 8 == 0x7f || version >> 8 == 0xfb {
        if version & 0xff < 16 { return text.text("TLS 1.3 draft-<16") }
        text.text("TLS 1.3 draft-")
        text.decimal(UInt64(version & 0xff))
        if version >> 8 == 0xfb { text.text("-fb") }
      } else {
        text.text("0x")
        text.hex(version)
      }
    }
  }

  /// As Zeek's ssl.log has it.
  static func writeZeek(_ version: UInt16, to text: inout BoundedText) {
    switch version {
    case ssl2: text.text("SSLv2")
    case ssl3: text.text("SSLv3")
    case tls10: text.text("TLSv10")
    case tls11: text.text("TLSv11")
    case tls12: text.text("TLSv12")
    case tls13, tls13Early: text.text("TLSv13")
    default:
      if version >> 8 == 0x7f || version >> 8 == 0xfb {
        text.text(version >> 8 == 0x7f ? "TLSv13-draft" : "TLSv13-FB")
        text.decimal(UInt64(version & 0xff))
      } else {
        text.text("unknown-")
        text.decimal(UInt64(version))
      }
    }
  }
}
