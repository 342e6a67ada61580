/// The inside of JSON strings.
enum JSONText {
  /// What a string stands for, its escapes undone; the indexer has checked them.
  static func unescaped(_ text: some Collection<UInt8>) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.count)
    var rest = text.makeIterator()
    var high: UInt32?
    while let byte = rest.next() {
      guard byte == UInt8(ascii: "\\"), let escape = rest.next() else {
        out.append(byte)
        continue
      }
      switch escape {
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0c)
      case UInt8(ascii: "n"): out.append(0x0a)
      case UInt8(ascii: "r"): out.append(0x0d)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "u"):
        var unit: UInt32 = 0
        for _ in 0..<4 {
          unit = unit << 4 | UInt32(rest.next().flatMap(hexadecimal) ?? 0)
        }
        if 0xd800..<0xdc00 ~= unit {
          high = unit
          continue
        }
        var value = unit
        if let half = high { value = 0x10000 + (half & 0x3ff) << 10 + unit & 0x3ff }
        high = nil
        // The indexer lets no half of a pair pass.
        out.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{fffd}").utf8)
      default: out.append(escape)
      }
    }
    return out
  }

  /// The value of a hexadecimal digit.
  static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
