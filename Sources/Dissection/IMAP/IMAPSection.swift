internal import FlowEngine

/// What a literal of a FETCH response is of its message (RFC 3501, section 7.4.2): the item that stands in front
/// of its length.
///
///     BODY[] {…}    RFC822.TEXT {…}    BODY[2.MIME] {…}    BODY[]<16384> {…}
struct IMAPSection: BitwiseCopyable {
  enum Role: UInt8, BitwiseCopyable {
    /// Something else: some fields of the header, a part without what tells its encoding.
    case none = 0
    /// The message, or a message within it.
    case whole
    /// Its header, up to the empty line; or a part's (`MIME`).
    case header
    /// What stands behind the header.
    case body
  }

  private(set) var role = Role.none
  /// Of a part, and not of the message.
  private(set) var isPart = false
  /// What header and body of the same have in common.
  private(set) var key: UInt32 = 0
  /// Of a piece: where it begins.
  private(set) var origin: UInt64?

  /// What stands in front of a literal's `{`.
  init(_ line: Bytes) {
    var text = line.withoutBlanksBehind
    if text.u8(text.count &- 1) == 0x3e, let start = text.lastIndex(of: 0x3c) {
      guard let number = text.prefix(text.count &- 1).dropFirst(start &+ 1).decimal else { return }
      origin = number
      text = text.prefix(start)
    }
    guard text.u8(text.count &- 1) == 0x5d else {
      takeOldName(text)
      return
    }
    guard let start = text.lastIndex(of: 0x5b) else { return }
    let isBody = text.prefix(start).ends(withLowercase: "body")
    if isBody { takeSection(text.prefix(text.count &- 1).dropFirst(start &+ 1)) }
  }

  private mutating func takeOldName(_ text: Bytes) {
    if text.ends(withLowercase: "rfc822") { role = .whole }
    if text.ends(withLowercase: "rfc822.header") { role = .header }
    if text.ends(withLowercase: "rfc822.text") { role = .body }
  }

  /// `2.1.MIME`: numbers of parts, and what is wanted of the last one.
  private mutating func takeSection(_ text: Bytes) {
    var end = 0
    var hash: UInt32 = 2_166_136_261
    while let byte = text.u8(end), byte &- 0x30 < 10 || byte == 0x2e {
      // FNV-1a.
      hash = (hash ^ UInt32(byte)) &* 16_777_619
      end &+= 1
    }
    let name = text.dropFirst(end)
    // `2` and `2.MIME` are of the same part.
    if end > 0, text.u8(end &- 1) != 0x2e { hash = (hash ^ 0x2e) &* 16_777_619 }
    key = end == 0 ? 0 : hash
    if name.isEmpty {
      role = end == 0 ? .whole : .body
      isPart = end > 0
    } else if name.equals(lowercase: "mime"), end > 0 {
      role = .header
      isPart = true
    } else if name.equals(lowercase: "header") {
      role = .header
    } else if name.equals(lowercase: "text") {
      role = .body
    }
    // A message within a part has a header and a text of its own.
    if !isPart && key != 0 { key ^= 1 }
  }
}

extension Bytes {
  /// The last place of a byte.
  fileprivate func lastIndex(of byte: UInt8) -> Int? {
    var place = count
    while place > 0 {
      place &-= 1
      if base[place] == byte { return place }
    }
    return nil
  }
}
