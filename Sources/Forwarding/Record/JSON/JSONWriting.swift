/// JSON written straight into bytes (RFC 8259).
extension [UInt8] {
  /// Appends a JSON string with its quotation marks. `text` is UTF-8, and escaped as the sensor's
  /// own encoder escapes: quotes, backslashes, control characters, and DEL.
  mutating func appendJSONString(_ text: some Collection<UInt8>) {
    append(UInt8(ascii: "\""))
    appendJSONStringBody(text)
    append(UInt8(ascii: "\""))
  }

  /// Appends the inside of a JSON string, without its quotation marks.
  mutating func appendJSONStringBody(_ text: some Collection<UInt8>) {
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        append(UInt8(ascii: "\\"))
        append(byte)
      case UInt8(ascii: "\n"): append(contentsOf: "\\n".utf8)
      case UInt8(ascii: "\r"): append(contentsOf: "\\r".utf8)
      case UInt8(ascii: "\t"): append(contentsOf: "\\t".utf8)
      case 0..<0x20, 0x7f:
        append(contentsOf: "\\u00".utf8)
        append(Self.hexDigit(byte >> 4))
        append(Self.hexDigit(byte & 15))
      default: append(byte)
      }
    }
  }

  /// Appends `"name":`, with a comma in front unless an object has just been opened.
  mutating func appendJSONKey(_ name: some Collection<UInt8>) {
    if last != UInt8(ascii: "{") { append(UInt8(ascii: ",")) }
    appendJSONString(name)
    append(UInt8(ascii: ":"))
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + (value - 10)
  }
}
