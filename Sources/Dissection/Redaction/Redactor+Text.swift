internal import FlowEngine
internal import Records

// Which bytes of a URL, a query or a header field's value are nobody's business.

extension Redactor {
  static var mask: StaticString { "***" }

  /// A part of a text that is to be masked: from `start` on, before `end`.
  struct Secret: BitwiseCopyable {
    var start: Int
    var end: Int
  }

  /// The text has none of the marks by which secrets are told: nothing in it is masked.
  @inline(__always)
  func isPlain(_ text: Bytes) -> Bool {
    text.firstIndex(of: UInt8(ascii: "=")) == nil && text.firstIndex(of: UInt8(ascii: "%")) == nil
      && text.firstIndex(of: UInt8(ascii: "@")) == nil
      && text.firstIndex(of: UInt8(ascii: "\"")) == nil
  }

  /// The next part to be masked from `position` on, where no value stands open: a listed parameter's value
  /// (up to the next `&`, in a path up to its `?`), a listed member's of an object of JSON, or the password
  /// in `//user:password@host` and `sip:user:password@host`. Nothing of a value is shown because it has an
  /// odd byte in it: rather too much is masked.
  ///
  /// A parameter within a parameter (`next=%2Flogin%3Fpassword%3Dx`) is found one level deep. However the
  /// text is made, each of its bytes is looked at a few times at the most.
  func nextSecret(in text: Bytes, from position: Int, pathEnd: Int) -> Secret? {
    var (place, nameStart) = (position, position)
    // Of the word before the last space or quote, and of the text in quotes that was read last.
    var (word, quoted) = (Bytes.empty, Bytes.empty)
    var isQuoted = false
    // Up to here there is no password of an authority.
    var authorityEnd = position
    while place < text.count {
      let (byte, length) = Self.decoded(text, place)
      let next = place &+ length
      switch byte {
      case UInt8(ascii: "="):
        let name = text.prefix(place).dropFirst(nameStart).trimmed
        if isSecret(name: name.isEmpty ? word : name) {
          let end = valueEnd(text, next, isEscaped: length > 1, pathEnd)
          if end > next { return Secret(start: next, end: end) }
        }
        // A value may be a parameter itself.
        nameStart = next
      case UInt8(ascii: "/"):
        let (second, more) = Self.decoded(text, next)
        if second == UInt8(ascii: "/"), next &+ more >= authorityEnd,
          let secret = Self.password(inAuthority: text, from: next &+ more, end: &authorityEnd)
        {
          return secret
        }
        nameStart = next
      case UInt8(ascii: ":"):
        if Self.isSIP(text.prefix(place)), next >= authorityEnd,
          let secret = Self.password(inAuthority: text, from: next, end: &authorityEnd)
        {
          return secret
        }
        if isSecret(name: quoted), let secret = Self.member(text, from: next) { return secret }
        quoted = .empty
      case UInt8(ascii: "\""):
        isQuoted.toggle()
        word = text.prefix(place).dropFirst(nameStart)
        quoted = isQuoted ? .empty : word
        nameStart = next
      case 0x20, 0x09, 0x0a, 0x0d:
        if place > nameStart { word = text.prefix(place).dropFirst(nameStart) }
        nameStart = next
      case UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "&"), UInt8(ascii: ";"),
        UInt8(ascii: ","), UInt8(ascii: "<"), UInt8(ascii: "{"):
        word = .empty
        nameStart = next
      default: break
      }
      place = next
    }
    return nil
  }

  /// The value of a member of JSON: a text without its quotes, else up to what ends a number or a word.
  private static func member(_ text: Bytes, from position: Int) -> Secret? {
    var place = position
    var (byte, length) = decoded(text, place)
    while place < text.count, byte == 0x20 || byte == 0x09 {
      place &+= length
      (byte, length) = decoded(text, place)
    }
    let isText = byte == UInt8(ascii: "\"")
    if isText { place &+= length }
    let start = place
    while place < text.count {
      (byte, length) = decoded(text, place)
      if isText ? byte == UInt8(ascii: "\"") : byte == UInt8(ascii: ",") || byte == 0x7d { break }
      // A quote behind a backslash is the text's own.
      place &+= isText && byte == UInt8(ascii: "\\") ? length &+ 1 : length
    }
    let end = min(place, text.count)
    return end > start ? Secret(start: start, end: end) : nil
  }

  /// `sip` or `sips` (RFC 3261, section 19.1.1) is what a text ends with.
  private static func isSIP(_ text: Bytes) -> Bool {
    text.suffix(3).equals(lowercase: "sip") || text.suffix(4).equals(lowercase: "sips")
  }

  private func valueEnd(_ text: Bytes, _ start: Int, isEscaped: Bool, _ pathEnd: Int) -> Int {
    let end = start < pathEnd ? pathEnd : text.count
    var place = start
    while place < end {
      let (byte, length) = Self.decoded(text, place)
      if byte == UInt8(ascii: "&") && (length == 1 || isEscaped) { return place }
      place &+= length
    }
    return end
  }

  /// A user without a password that is at least as long is a token.
  private static var shortestToken: Int { 20 }

  /// The password in `user:password@host`, which ends with the text, a slash, `?`, `#`, a quote, `<` or `>`;
  /// or the user where there is no password: then he himself is the secret.
  static func password(inAuthority text: Bytes, from start: Int) -> Secret? {
    var end = 0
    return password(inAuthority: text, from: start, end: &end)
  }

  /// The same; says where the authority ends, too.
  private static func password(
    inAuthority text: Bytes, from start: Int, end: inout Int
  ) -> Secret? {
    var (colon, password, at, place) = (-1, -1, -1, start)
    search: while place < text.count {
      let (byte, length) = decoded(text, place)
      switch byte {
      case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "\""),
        UInt8(ascii: "<"), UInt8(ascii: ">"), 0x20:
        break search
      case UInt8(ascii: ":"): if colon < 0 { (colon, password) = (place, place &+ length) }
      case UInt8(ascii: "@"): at = place
      default: break
      }
      place &+= length
    }
    end = place
    if colon >= 0, at > password { return Secret(start: password, end: at) }
    if colon > start, at == password { return Secret(start: start, end: colon) }
    guard colon < 0 || colon > at, at &- start >= shortestToken else { return nil }
    return Secret(start: start, end: at)
  }
}

extension Delivery {
  /// A URL, a query or a header field's value with the values of listed parameters and passwords in
  /// `//user:password@host` masked.
  @inline(__always)
  func redacted(_ w: inout EventWriter, _ field: EventField, _ text: Bytes) {
    if core.pointee.redactor.isPlain(text) {
      w.string(field, text)
    } else {
      writeRedacted(&w, field, text)
    }
  }

  /// The same, of what may be an authority without a scheme: `user:password@host:443`.
  func redactedAuthority(_ w: inout EventWriter, _ field: EventField, _ text: Bytes) {
    guard let secret = Redactor.password(inAuthority: text, from: 0),
      let string = w.beginString(field)
    else { return redacted(&w, field, text) }
    w.piece(text.prefix(secret.start))
    w.piece(Bytes(Redactor.mask))
    w.piece(text.dropFirst(secret.end))
    w.endString(string)
  }

  @inline(never)
  private func writeRedacted(_ w: inout EventWriter, _ field: EventField, _ text: Bytes) {
    guard let string = w.beginString(field) else { return }
    // What is longer than a field may be is cut before it is looked at: the mask may be longer than what
    // it stands for, and `piece` counts.
    let text = text.prefix(EventWriter.longestText)
    var shown = 0
    // The path ends where the first `?` or `#` is; a text without a path is a query all over.
    var pathEnd = 0
    if text.u8(0) == UInt8(ascii: "/") || text.firstIndex(of: "://") != nil {
      pathEnd = min(
        text.firstIndex(of: UInt8(ascii: "?")) ?? text.count,
        text.firstIndex(of: UInt8(ascii: "#")) ?? text.count)
    }
    while let secret = core.pointee.redactor.nextSecret(in: text, from: shown, pathEnd: pathEnd) {
      w.piece(text.slice(shown, secret.start &- shown) ?? .empty)
      w.piece(Bytes(Redactor.mask))
      shown = secret.end
    }
    w.piece(text.dropFirst(shown))
    w.endString(string)
  }

  /// A header field that has a listed name itself: its value is masked as a whole.
  @inline(__always)
  func isSecret(name: Bytes) -> Bool { core.pointee.redactor.isSecret(name: name) }
}
