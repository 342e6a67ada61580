internal import FlowEngine

/// One line off the front of a stream of text lines (SMTP, FTP, IMAP, POP3, Telnet).
struct TextLine: BitwiseCopyable {
  /// Without the line's end.
  let text: Bytes
  /// Bytes that it takes off the stream.
  let length: Int
  /// It is longer than the limit: `text` is its beginning, and its end is still to come.
  let isCut: Bool

  /// The first line; nil where it is not there as a whole and not longer than `limit` either. The answer
  /// does not depend on how many bytes stand behind it.
  @inline(__always)
  static func first(of bytes: Bytes, limit: Int) -> TextLine? {
    let seen = bytes.prefix(limit)
    if let end = seen.firstIndex(of: 0x0a) {
      return TextLine(text: seen.prefix(end).withoutCR, length: end &+ 1, isCut: false)
    }
    if bytes.count < limit { return nil }
    return TextLine(text: seen, length: limit, isCut: true)
  }

  /// Bytes up to the end of a line of which the beginning has gone already, and whether it ends here.
  @inline(__always)
  static func rest(of bytes: Bytes) -> (count: Int, isEnded: Bool) {
    guard let end = bytes.firstIndex(of: 0x0a) else { return (bytes.count, false) }
    return (end &+ 1, true)
  }

  /// A first word and what stands behind the spaces that follow it.
  static func split(_ text: Bytes) -> (word: Bytes, rest: Bytes) {
    guard let space = text.firstIndex(of: 0x20) else { return (text, .empty) }
    return (text.prefix(space), text.dropFirst(space).trimmed)
  }
}

extension Bytes {
  /// Without a CR at its end.
  @inline(__always)
  var withoutCR: Bytes { count > 0 && base[count &- 1] == 0x0d ? prefix(count &- 1) : self }

  /// Without LF or CR LF at its end.
  var withoutLineEnd: Bytes {
    (count > 0 && base[count &- 1] == 0x0a ? prefix(count &- 1) : self).withoutCR
  }

  /// Behind the empty line that ends a head, which is looked for from `start` on; nil where it is not there.
  @inline(__always)
  func endOfHead(from start: Int) -> Int? {
    var place = start
    while let end = firstIndex(of: 0x0a, from: place) {
      place = end &+ 1
      if u8(place) == 0x0a { return end &+ 2 }
      if u8(place) == 0x0d, u8(end &+ 2) == 0x0a { return end &+ 3 }
    }
    return nil
  }

  /// Whether a text stands in it somewhere, ASCII letters being the same in either case; `text` is in lower
  /// case.
  func contains(lowercase text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard length > 0, length <= count else { return false }
    for place in 0...(count &- length) where dropFirst(place).starts(withLowercase: text) {
      return true
    }
    return false
  }
}

extension Bytes {
  /// ASCII letters are the same in either case; `text` is in lower case.
  func ends(withLowercase text: StaticString) -> Bool {
    suffix(text.utf8CodeUnitCount).equals(lowercase: text)
  }

  /// Where another run of bytes stands in it for the first time.
  func firstIndex(of other: Bytes) -> Int? {
    guard let first = other.u8(0) else { return nil }
    var place = 0
    while let found = firstIndex(of: first, from: place), has(other.count, at: found) {
      if dropFirst(found).prefix(other.count).equals(other) { return found }
      place = found &+ 1
    }
    return nil
  }

  /// It is the beginning of a longer text, or all of it.
  func isPrefix(of text: StaticString) -> Bool {
    count <= text.utf8CodeUnitCount && Bytes(text).prefix(count).equals(self)
  }
}
