/// Texts of certificates in UTF-8.
enum X509Text {
  static func write(_ value: BERElement, to text: inout BoundedText) {
    switch value.tag {
    // UTF8String, NumericString, PrintableString, IA5String, GraphicString, VisibleString,
    // GeneralString
    case 0x0c, 0x12, 0x13, 0x16, 0x19, 0x1a, 0x1b: text.bytes(value.content)
    // T61String: nearly everybody means Latin-1, some UTF-8.
    case 0x14:
      isUTF8(value.content) ? text.bytes(value.content) : writeLatin1(value.content, to: &text)
    // BMPString, UniversalString
    case 0x1e: writeUTF16(value.content, to: &text)
    case 0x1c: writeUTF32(value.content, to: &text)
    default:
      text.byte(0x23)
      for place in 0..<value.content.count { text.hex(value.content.u8(place) ?? 0) }
    }
  }

  private static func writeLatin1(_ bytes: Bytes, to text: inout BoundedText) {
    for place in 0..<bytes.count { text.scalar(UInt32(bytes.u8(place) ?? 0)) }
  }

  private static func writeUTF16(_ bytes: Bytes, to text: inout BoundedText) {
    var cursor = ByteCursor(bytes)
    while let unit = cursor.be16() {
      if unit & 0xfc00 == 0xd800, let next = cursor.bytes.be16(cursor.position),
        next & 0xfc00 == 0xdc00
      {
        _ = cursor.be16()
        text.scalar(0x10000 &+ (UInt32(unit & 0x3ff) << 10 | UInt32(next & 0x3ff)))
      } else {
        text.scalar(UInt32(unit))
      }
    }
  }

  private static func writeUTF32(_ bytes: Bytes, to text: inout BoundedText) {
    var cursor = ByteCursor(bytes)
    while let value = cursor.be32() { text.scalar(value) }
  }

  /// By its leading and continuation bytes.
  private static func isUTF8(_ bytes: Bytes) -> Bool {
    var place = 0
    while let byte = bytes.u8(place) {
      place &+= 1
      if byte < 0x80 { continue }
      let more = byte & 0xe0 == 0xc0 ? 1 : byte & 0xf0 == 0xe0 ? 2 : byte & 0xf8 == 0xf0 ? 3 : 0
      if more == 0 { return false }
      for _ in 0..<more {
        guard let next = bytes.u8(place), next & 0xc0 == 0x80 else { return false }
        place &+= 1
      }
    }
    return true
  }
}
