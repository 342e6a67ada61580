internal import FlowEngine

extension BoundedText {
  /// A byte of a text in a character set; ISO 8859-1 becomes UTF-8, all others stay as they are.
  @inline(__always)
  fileprivate mutating func byte(_ byte: UInt8, isLatin1: Bool) {
    if isLatin1 { scalar(UInt32(byte)) } else { self.byte(byte) }
  }
}

/// What header fields consist of.
enum MIMEText {
  /// A value with its lines put together, for as long as `body` runs: where a line ends and the next one
  /// begins there is one blank.
  static func unfolded(_ d: Delivery, _ value: Bytes, _ body: (Bytes) -> Void) {
    guard value.firstIndex(of: 0x0a) != nil else { return body(value.trimmed) }
    d.withText(room: value.count) { output in
      var isFold = false
      for place in 0..<value.count {
        let byte = value.base[place]
        if byte == 0x0a || (byte == 0x0d && value.u8(place &+ 1) == 0x0a) {
          isFold = true
        } else if isFold && (byte == 0x20 || byte == 0x09) {
          continue
        } else {
          if isFold { output.byte(0x20) }
          isFold = false
          output.byte(byte)
        }
      }
      body(output.bytes.trimmed)
    }
  }

  // MARK: Encoded words

  /// Text with encoded words (RFC 2047) decoded; between two of them blanks do not count.
  static func decodeWords(_ text: Bytes, _ output: inout BoundedText) {
    var place = 0
    var blanks = 0
    var isBehindWord = false
    var ends = MIMEWordEnds(text)
    while place < text.count {
      if let word = MIMEWord(text, at: place, &ends) {
        if !isBehindWord { output.bytes(text.dropFirst(place &- blanks).prefix(blanks)) }
        word.decode(&output)
        place &+= word.length
        blanks = 0
        isBehindWord = true
        continue
      }
      let byte = text.base[place]
      if byte == 0x20 || byte == 0x09 {
        blanks &+= 1
      } else {
        output.bytes(text.dropFirst(place &- blanks).prefix(blanks &+ 1))
        blanks = 0
        isBehindWord = false
      }
      place &+= 1
    }
    if !isBehindWord { output.bytes(text.suffix(blanks)) }
  }

  // MARK: RFC 2231

  /// One piece of a parameter's value whose name goes on with `suffix`: `*`, `*0`, `*0*`.
  static func extended(_ value: Bytes, _ suffix: Bytes, _ output: inout BoundedText) {
    guard suffix.count > 0, suffix.u8(suffix.count &- 1) == 0x2a else { return output.bytes(value) }
    var text = value
    var isLatin1 = false
    // The first piece begins with the character set and the language.
    if suffix.count == 1 || suffix.starts(with: "*0"),
      let first = text.firstIndex(of: 0x27),
      let second = text.firstIndex(of: 0x27, from: first &+ 1)
    {
      isLatin1 = text.prefix(first).equals(lowercase: "iso-8859-1")
      text = text.dropFirst(second &+ 1)
    }
    var place = 0
    while let byte = text.u8(place) {
      if byte == 0x25, let value = text.slice(place &+ 1, 2)?.hexadecimal {
        output.byte(UInt8(truncatingIfNeeded: value), isLatin1: isLatin1)
        place &+= 3
      } else {
        output.byte(byte)
        place &+= 1
      }
    }
  }
}

/// Where encoded words of a text may end. Each place is looked for once, however many words begin before it.
struct MIMEWordEnds {
  private let text: Bytes
  /// The first end behind all that was asked for; the text's length: there is none.
  private var next = 0

  init(_ text: Bytes) { self.text = text }

  /// The first `?=` from `place` on. Places that are asked for never become less.
  mutating func end(from place: Int) -> Int? {
    if next < place || next == 0 { next = text.firstIndex(of: "?=", from: place) ?? text.count }
    return next < text.count ? next : nil
  }
}

/// One encoded word: `=?charset?B?text?=`.
struct MIMEWord: BitwiseCopyable {
  let length: Int
  private let isLatin1: Bool
  private let isBase64: Bool
  private let text: Bytes

  /// The word that begins at `place`.
  @inline(__always)
  init?(_ text: Bytes, at place: Int, _ ends: inout MIMEWordEnds) {
    guard text.u8(place) == 0x3d, text.u8(place &+ 1) == 0x3f else { return nil }
    self.init(marked: text.dropFirst(place), at: place, &ends)
  }

  private init?(marked bytes: Bytes, at place: Int, _ ends: inout MIMEWordEnds) {
    guard let first = bytes.prefix(65).firstIndex(of: 0x3f, from: 2),
      let kind = bytes.u8(first &+ 1), bytes.u8(first &+ 2) == 0x3f,
      let behind = ends.end(from: place &+ first &+ 3), behind &- place &- first <= 1024
    else { return nil }
    let end = behind &- place
    // A language may stand behind the character set (RFC 2231, section 5).
    var charset = bytes.prefix(first).dropFirst(2)
    if let star = charset.firstIndex(of: 0x2a) { charset = charset.prefix(star) }
    isLatin1 =
      charset.equals(lowercase: "iso-8859-1") || charset.equals(lowercase: "windows-1252")
      || charset.equals(lowercase: "iso-8859-15")
    switch kind {
    case 0x42, 0x62: isBase64 = true
    case 0x51, 0x71: isBase64 = false
    default: return nil
    }
    text = bytes.prefix(end).dropFirst(first &+ 3)
    length = end &+ 2
  }

  func decode(_ output: inout BoundedText) {
    if isBase64 {
      var (bits, count): (UInt32, UInt32) = (0, 0)
      for place in 0..<text.count {
        let value = MIMECode.base64(text.base[place])
        guard value < 64 else { continue }
        // At the most 6 bits are left over from before.
        bits = (bits << 6 | UInt32(value)) & 0xffff
        count &+= 6
        if count >= 8 {
          count &-= 8
          output.byte(UInt8(truncatingIfNeeded: bits >> count), isLatin1: isLatin1)
        }
      }
      return
    }
    var place = 0
    while let byte = text.u8(place) {
      if byte == 0x3d, let value = text.slice(place &+ 1, 2)?.hexadecimal {
        output.byte(UInt8(truncatingIfNeeded: value), isLatin1: isLatin1)
        place &+= 3
      } else {
        output.byte(byte == 0x5f ? 0x20 : byte, isLatin1: isLatin1)
        place &+= 1
      }
    }
  }
}
