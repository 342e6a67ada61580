/// HPACK's Huffman code (RFC 7541, section 5.2 and appendix B). It is canonical: within a length codes rise
/// with their symbols, so that an order of symbols and a count for each length are all of it.
enum HTTP2Huffman {
  /// 256 symbols in the order of their codes, two hexadecimal digits each. The 257th, the end of the
  /// string, must not stand in one.
  private static var symbols: StaticString {
    """
    303132616365696f737420252d2e2f333435363738393d415f62646667686c6d6e7072753a4243444546\
    4748494a4b4c4d4e4f5051525354555657596a6b71767778797a262a2c3b585a212228293f272b7c233e\
    0024405b5d7e5e7d3c607b5cc3d0808283a2b8c2e0e299a1a7acb0b1b3d1d8d9e3e5e68184858688929a\
    9ca0a3a4a9aaadb2b5b9babbbdbec4c6e4e8e90187898a8b8c8d8f93959697989b9d9ea5a6a8aeafb4b6\
    b7bcbfc5e7ef098e9091949fabced7e1ecedc7cfeaebc0c1c8c9cacdd2d5dadbeef0f2f3ffcbccd3d4d6\
    dddedff1f4f5f6f7f8fafbfcfdfe020304050607080b0c0e0f1011121314151718191a1b1c1d1e1f7fdc\
    f90a0d16
    """
  }

  /// How many codes of a length there are.
  @inline(__always)
  private static func count(_ length: UInt32) -> UInt32 {
    switch length {
    case 5: 10
    case 6: 26
    case 7: 32
    case 8: 6
    case 10: 5
    case 11: 3
    case 12: 2
    case 13: 6
    case 14: 2
    case 15: 3
    case 19: 3
    case 20: 8
    case 21: 13
    case 22: 26
    case 23: 29
    case 24: 12
    case 25: 4
    case 26: 15
    case 27: 19
    case 28: 29
    case 30: 4
    default: 0
    }
  }

  /// How many bytes it gives at the most: the shortest code has five bits.
  static func longest(_ count: Int) -> Int { count / 5 &* 8 &+ 8 }

  /// Decodes a string into memory of ``longest(_:)`` bytes; nil where it is none.
  static func decode(_ bytes: Bytes, into output: UnsafeMutablePointer<UInt8>) -> Int? {
    let table = symbols.utf8Start
    // Bits that were read and not used, the next on top.
    var window: UInt64 = 0
    var bits: UInt32 = 0
    var (place, written) = (0, 0)
    while true {
      while bits <= 56, let byte = bytes.u8(place) {
        window |= UInt64(byte) << UInt64(56 &- bits)
        bits &+= 8
        place &+= 1
      }
      if bits == 0 { return written }
      // What is missing is taken for ones, as the padding is.
      let ahead =
        UInt32(truncatingIfNeeded: window >> 32) | (bits >= 32 ? 0 : UInt32.max >> bits)
      guard let (index, length) = symbol(ahead), length <= bits else {
        // Fewer than eight ones are padding.
        return bits < 8 && ahead == .max ? written : nil
      }
      // At the most 255 (`symbol` excludes the last), and two digits each.
      output[written] = digit(table[Int(index &* 2)]) << 4 | digit(table[Int(index &* 2 &+ 1)])
      written &+= 1
      window <<= UInt64(length)
      bits &-= length
    }
  }

  /// Place and length of the code that stands on top; nil of the end of the string.
  @inline(__always)
  private static func symbol(_ ahead: UInt32) -> (UInt32, UInt32)? {
    // Nearly all that is written has five to eight bits.
    if ahead < 0x5000_0000 { return (ahead >> 27, 5) }
    if ahead < 0xb800_0000 { return (10 &+ (ahead >> 26) &- 0x14, 6) }
    if ahead < 0xf800_0000 { return (36 &+ (ahead >> 25) &- 0x5c, 7) }
    if ahead < 0xfe00_0000 { return (68 &+ (ahead >> 24) &- 0xf8, 8) }
    // First code and first place of each length.
    var (first, place, length): (UInt32, UInt32, UInt32) = (0x3f8, 74, 10)
    while length <= 30 {
      let codes = count(length)
      let code = ahead >> (32 &- length)
      if code &- first < codes {
        let index = place &+ code &- first
        return index < 256 ? (index, length) : nil
      }
      first = (first &+ codes) << 1
      place &+= codes
      length &+= 1
    }
    return nil
  }

  @inline(__always)
  private static func digit(_ letter: UInt8) -> UInt8 {
    letter &- 0x30 < 10 ? letter &- 0x30 : letter &- 0x57
  }
}
