// Reads JSON as RFC 8259 has it, and nothing beside it.
//
// Foundation's reader would do for answers, but not for what strangers send: it has no depth limit
// that a server can set, does not tell 1 from 1.0, and loses the digits of a request id beyond 64
// bits. This one keeps the digits, refuses what is ambiguous (the same member twice, half a
// surrogate pair), and its recursion is bounded by `maximumDepth`.

/// Why a text is not JSON.
package struct JSONParseError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was wrong.
  package var reason: String
  /// Byte offset of it.
  package var offset: Int
  /// True where the text may be JSON, but is nested deeper than allowed.
  package var isTooDeep = false

  package var description: String { "\(reason) at byte \(offset)" }
}

/// A single-use reader over one text.
package struct JSONParser {
  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private let maximumDepth: Int

  private init(_ bytes: ArraySlice<UInt8>, maximumDepth: Int) {
    self.bytes = bytes
    position = bytes.startIndex
    self.maximumDepth = maximumDepth
  }

  /// The one value that `bytes` hold; white space around it is allowed, anything else is not.
  ///
  /// - Parameter maximumDepth: how many arrays and objects may stand within one another.
  package static func parse(
    _ bytes: ArraySlice<UInt8>, maximumDepth: Int = 64
  ) throws(JSONParseError) -> JSONValue {
    var parser = JSONParser(bytes, maximumDepth: maximumDepth)
    parser.skipWhitespace()
    let value = try parser.value(depth: 0)
    parser.skipWhitespace()
    if parser.position != bytes.endIndex { throw parser.error("text after the end of the value") }
    return value
  }

  package static func parse(
    _ text: String, maximumDepth: Int = 64
  ) throws(JSONParseError) -> JSONValue {
    try parse(Array(text.utf8)[...], maximumDepth: maximumDepth)
  }

  // MARK: - Values

  private mutating func value(depth: Int) throws(JSONParseError) -> JSONValue {
    guard let first = peek else { throw error("the text ends where a value should be") }
    switch first {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"):
      try literal("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try literal("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try literal("null")
      return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    default: throw error("no value begins like this")
    }
  }

  private mutating func array(depth: Int) throws(JSONParseError) -> JSONValue {
    try enter(depth)
    var elements: [JSONValue] = []
    skipWhitespace()
    if take(UInt8(ascii: "]")) { return .array(elements) }
    while true {
      skipWhitespace()
      elements.append(try value(depth: depth))
      skipWhitespace()
      if take(UInt8(ascii: "]")) { return .array(elements) }
      if !take(UInt8(ascii: ",")) { throw error("expected , or ] in an array") }
    }
  }

  private mutating func object(depth: Int) throws(JSONParseError) -> JSONValue {
    try enter(depth)
    var members: [JSONValue.Member] = []
    var names: Set<String> = []
    skipWhitespace()
    if take(UInt8(ascii: "}")) { return .object(members) }
    while true {
      skipWhitespace()
      if peek != UInt8(ascii: "\"") { throw error("expected a member's name in quotes") }
      let name = try string()
      if !names.insert(name).inserted { throw error("a member's name stands twice") }
      skipWhitespace()
      if !take(UInt8(ascii: ":")) { throw error("expected : after a member's name") }
      skipWhitespace()
      members.append(JSONValue.Member(name, try value(depth: depth)))
      skipWhitespace()
      if take(UInt8(ascii: "}")) { return .object(members) }
      if !take(UInt8(ascii: ",")) { throw error("expected , or } in an object") }
    }
  }

  /// Steps over the opening bracket.
  private mutating func enter(_ depth: Int) throws(JSONParseError) {
    if depth > maximumDepth {
      throw JSONParseError(
        reason: "nested deeper than \(maximumDepth)", offset: offset, isTooDeep: true)
    }
    position += 1
  }

  private mutating func literal(_ word: StaticString) throws(JSONParseError) {
    for expected in "\(word)".utf8 where !take(expected) {
      throw error("expected \(word)")
    }
  }

  /// RFC 8259 section 6: no leading zero, no plus, digits on both sides of the point.
  private mutating func number() throws(JSONParseError) -> String {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try digits() }
    if take(UInt8(ascii: ".")) { try digits() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func digits() throws(JSONParseError) {
    let start = position
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    if position == start { throw error("expected a digit") }
  }

  // MARK: - Strings

  private mutating func string() throws(JSONParseError) -> String {
    let start = position
    position += 1
    var content: [UInt8] = []
    while true {
      guard let byte = peek else { throw error("a string does not end") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          position = start
          throw error("a string is not UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try escape(into: &content)
      case 0..<0x20:
        position -= 1
        throw error("a control character in a string must be escaped")
      default: content.append(byte)
      }
    }
  }

  private mutating func escape(into content: inout [UInt8]) throws(JSONParseError) {
    guard let byte = peek else { throw error("a string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0c)
    case UInt8(ascii: "n"): content.append(0x0a)
    case UInt8(ascii: "r"): content.append(0x0d)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      let first = try hexWord()
      var scalar = UInt32(first)
      if (0xd800...0xdbff).contains(first) {
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
          throw error("half a surrogate pair")
        }
        let second = try hexWord()
        guard (0xdc00...0xdfff).contains(second) else { throw error("half a surrogate pair") }
        scalar = 0x10000 + (UInt32(first - 0xd800) << 10) + UInt32(second - 0xdc00)
      }
      guard let unicode = Unicode.Scalar(scalar) else { throw error("half a surrogate pair") }
      content.append(contentsOf: String(unicode).utf8)
    default:
      position -= 1
      throw error("no such escape in a string")
    }
  }

  private mutating func hexWord() throws(JSONParseError) -> UInt16 {
    var word: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue,
        byte < 0x80
      else { throw error("expected four hexadecimal digits") }
      word = word << 4 | UInt16(digit)
      position += 1
    }
    return word
  }

  // MARK: - Bytes

  private var peek: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    if peek != byte { return false }
    position += 1
    return true
  }

  private mutating func skipWhitespace() {
    while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d {
      position += 1
    }
  }

  private var offset: Int { position - bytes.startIndex }

  private func error(_ reason: String) -> JSONParseError {
    JSONParseError(reason: reason, offset: offset)
  }
}
