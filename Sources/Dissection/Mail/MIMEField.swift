internal import FlowEngine

/// One field of a header with all its lines (RFC 5322, section 2.2.3), or the empty line behind the last.
struct MIMEField: BitwiseCopyable {
  /// Without the last line's end; folded lines as they are.
  let text: Bytes
  let length: Int
  /// It is longer than the limit.
  let isCut: Bool

  /// The first field; nil where it is not there as a whole: what follows it tells that it is over.
  /// `scanned`: how many of these bytes have been looked through in vain before; 0 in front of a new field.
  static func first(of bytes: Bytes, limit: Int, scanned: inout UInt16) -> MIMEField? {
    let seen = bytes.prefix(limit)
    var place = Int(scanned)
    scanned = 0
    while let end = seen.firstIndex(of: 0x0a, from: place) {
      let next = end &+ 1
      let text = seen.prefix(next).withoutLineEnd
      // The empty line, and a dot that ends all, are told by themselves.
      if text.isEmpty || text.equals(".") {
        return MIMEField(text: text, length: next, isCut: false)
      }
      guard let following = bytes.u8(next) else {
        // What follows this line's end is what is asked for next time.
        scanned = UInt16(truncatingIfNeeded: end)
        return nil
      }
      if following != 0x20 && following != 0x09 {
        return MIMEField(text: text, length: next, isCut: false)
      }
      place = next
    }
    if bytes.count < limit {
      // Less than the limit, which is 8 KiB.
      scanned = UInt16(truncatingIfNeeded: bytes.count)
      return nil
    }
    return MIMEField(text: seen, length: limit, isCut: true)
  }
}

/// The value of a field such as Content-Type, and its parameters one after the other (RFC 2045, section 5.1).
struct MIMEParameters: BitwiseCopyable {
  let value: Bytes
  private var rest: Bytes
  private var left = 64

  struct Parameter: BitwiseCopyable {
    let name: Bytes
    /// Without quotes; a backslash within them is still there.
    let value: Bytes
  }

  init(_ text: Bytes) {
    let end = text.firstIndex(of: 0x3b) ?? text.count
    value = text.prefix(end).trimmed
    rest = text.dropFirst(end &+ 1)
  }

  mutating func next() -> Parameter? {
    while left > 0, !rest.isEmpty {
      left &-= 1
      guard let equals = rest.firstIndex(of: 0x3d) else { return nil }
      if let semicolon = rest.firstIndex(of: 0x3b), semicolon < equals {
        // Something without a value.
        rest = rest.dropFirst(semicolon &+ 1)
        continue
      }
      let name = rest.prefix(equals).trimmed
      rest = rest.dropFirst(equals &+ 1)
      while rest.u8(0) == 0x20 || rest.u8(0) == 0x09 { rest = rest.dropFirst(1) }
      let value = rest.u8(0) == 0x22 ? quoted() : token()
      return Parameter(name: name, value: value)
    }
    return nil
  }

  private mutating func token() -> Bytes {
    let end = rest.firstIndex(of: 0x3b) ?? rest.count
    let value = rest.prefix(end).trimmed
    rest = rest.dropFirst(end &+ 1)
    return value
  }

  private mutating func quoted() -> Bytes {
    var place = 1
    while let byte = rest.u8(place), byte != 0x22 {
      place &+= byte == 0x5c ? 2 : 1
    }
    let value = rest.prefix(place).dropFirst(1)
    let behind = rest.dropFirst(place)
    rest = behind.dropFirst((behind.firstIndex(of: 0x3b) ?? behind.count) &+ 1)
    return value
  }
}
