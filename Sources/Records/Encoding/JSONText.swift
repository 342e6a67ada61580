/// Text as the inside of a JSON string (RFC 8259, section 7), escaped once and kept.
///
/// Names come from the configuration, and EVE readers must survive whatever stands there. A Swift
/// string is valid Unicode, so only quotes, backslashes and control characters need escaping.
enum JSONText {
  /// Without the surrounding quotes; at the most six bytes for each byte of UTF-8.
  static func escaped(_ text: String) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        out += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): out += "\\n".utf8
      case UInt8(ascii: "\r"): out += "\\r".utf8
      case UInt8(ascii: "\t"): out += "\\t".utf8
      case 0..<0x20, 0x7f:
        out += "\\u00".utf8
        out += [ByteWriter.hexDigit(byte >> 4), ByteWriter.hexDigit(byte & 15)]
      default: out.append(byte)
      }
    }
    return out
  }
}
