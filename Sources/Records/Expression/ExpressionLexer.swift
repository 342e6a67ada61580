/// The splitting of an expression into what the parser reads.
struct ExpressionToken {
  enum Kind: Equatable {
    /// A name, number, address, time, or bare word.
    case atom(String)
    /// A text in quotes, without them.
    case string(String)
    case comparison(Comparison)
    case and, or, not
    case open, close, comma
    case end

    enum Comparison: String {
      case equal = "=="
      case notEqual = "!="
      case less = "<"
      case lessOrEqual = "<="
      case greater = ">"
      case greaterOrEqual = ">="
      case matches = "~"
      case matchesNot = "!~"
    }
  }

  let kind: Kind
  /// Bytes of the text.
  let place: Range<Int>
}

/// Reads tokens off the front of a text.
struct ExpressionLexer {
  let text: [UInt8]
  private var index = 0

  init(_ text: [UInt8]) { self.text = text }

  mutating func next() throws(RecordExpressionError) -> ExpressionToken {
    while index < text.count, Self.isSpace(text[index]) { index += 1 }
    let start = index
    guard start < text.count else { return ExpressionToken(kind: .end, place: start..<start) }
    let kind: ExpressionToken.Kind
    switch text[start] {
    case UInt8(ascii: "("): kind = take(1, .open)
    case UInt8(ascii: ")"): kind = take(1, .close)
    case UInt8(ascii: ","): kind = take(1, .comma)
    case UInt8(ascii: "~"): kind = take(1, .comparison(.matches))
    case UInt8(ascii: "\""), UInt8(ascii: "'"): kind = .string(try string())
    case UInt8(ascii: "="):
      guard follows("=") else {
        throw error("\"=\" is no operator", suggestion: "==", start..<start + 1)
      }
      kind = take(2, .comparison(.equal))
    case UInt8(ascii: "!"):
      kind =
        follows("=")
        ? take(2, .comparison(.notEqual))
        : follows("~") ? take(2, .comparison(.matchesNot)) : take(1, .not)
    case UInt8(ascii: "<"):
      kind = follows("=") ? take(2, .comparison(.lessOrEqual)) : take(1, .comparison(.less))
    case UInt8(ascii: ">"):
      kind =
        follows("=") ? take(2, .comparison(.greaterOrEqual)) : take(1, .comparison(.greater))
    case UInt8(ascii: "&"):
      guard follows("&") else {
        throw error("\"&\" is no operator", suggestion: "&&", start..<start + 1)
      }
      kind = take(2, .and)
    case UInt8(ascii: "|"):
      guard follows("|") else {
        throw error("\"|\" is no operator", suggestion: "||", start..<start + 1)
      }
      kind = take(2, .or)
    case let byte where Self.isAtom(byte): kind = atom()
    default:
      // One whole character, not a byte of it.
      var end = start + 1
      while end < text.count, text[end] & 0xc0 == 0x80 { end += 1 }
      throw error("this has no meaning outside quotation marks", start..<end)
    }
    return ExpressionToken(kind: kind, place: start..<index)
  }

  private mutating func take(_ count: Int, _ kind: ExpressionToken.Kind) -> ExpressionToken.Kind {
    index += count
    return kind
  }

  private func follows(_ character: Unicode.Scalar) -> Bool {
    index + 1 < text.count && text[index + 1] == UInt8(ascii: character)
  }

  private mutating func atom() -> ExpressionToken.Kind {
    let start = index
    while index < text.count, Self.isAtom(text[index]) { index += 1 }
    let word = String(decoding: text[start..<index], as: UTF8.self)
    switch word.lowercased() {
    case "and": return .and
    case "or": return .or
    case "not": return .not
    default: return .atom(word)
    }
  }

  /// A backslash stands for itself but in front of a quotation mark or another one.
  private mutating func string() throws(RecordExpressionError) -> String {
    let start = index
    let quote = text[start]
    let backslash = UInt8(ascii: "\\")
    var bytes: [UInt8] = []
    index += 1
    while index < text.count, text[index] != quote {
      if text[index] == backslash, index + 1 < text.count,
        [backslash, UInt8(ascii: "\""), UInt8(ascii: "'")].contains(text[index + 1])
      {
        index += 1
      }
      bytes.append(text[index])
      index += 1
    }
    guard index < text.count else {
      throw error("this quotation has no end", start..<text.count)
    }
    index += 1
    return String(decoding: bytes, as: UTF8.self)
  }

  private func error(_ message: String, suggestion: String? = nil, _ place: Range<Int>)
    -> RecordExpressionError
  {
    RecordExpressionError(message, suggestion: suggestion, at: place, in: text)
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || 0x09...0x0d ~= byte
  }

  /// Letters, digits, and what stands in addresses, numbers, times, words of EVE, and globs.
  private static func isAtom(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
      UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "+"),
      UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "]"),
      UInt8(ascii: "^"), UInt8(ascii: "%"), UInt8(ascii: "@"):
      true
    default: false
    }
  }
}
