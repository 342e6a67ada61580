/// Goes through DER values one after the other (X.690, section 8.1 with 10.1: definite lengths).
/// Nothing descends by itself: who wants what is within a value makes another reader of its body.
struct X509DER: BitwiseCopyable {
  private var cursor: ByteCursor

  struct Value: BitwiseCopyable {
    let tag: UInt8
    let body: Bytes
    /// It is longer than what is there: the body is what there is.
    let isCut: Bool
  }

  // Tags, with their class and whether they are constructed.
  static var integer: UInt8 { 0x02 }
  static var bitString: UInt8 { 0x03 }
  static var octetString: UInt8 { 0x04 }
  static var oid: UInt8 { 0x06 }
  static var sequence: UInt8 { 0x30 }
  static var set: UInt8 { 0x31 }

  init(_ bytes: Bytes) { cursor = ByteCursor(bytes) }

  var isAtEnd: Bool { cursor.isAtEnd }

  /// The next value; nil at the end, and where there is no such thing as a value. A value that goes
  /// beyond the end is given only where `allowsCut` says so.
  mutating func next(allowsCut: Bool = false) -> Value? {
    var place = cursor
    // Tags of several bytes are in no certificate.
    guard let tag = place.u8(), tag & 0x1f != 0x1f, let first = place.u8() else { return nil }
    var length = Int(first)
    if first & 0x80 != 0 {
      // At the most four bytes: below 2^32.
      let count = Int(first & 0x7f)
      guard count > 0, count <= 4, let digits = place.take(count) else { return nil }
      length = 0
      for i in 0..<count { length = length << 8 | Int(digits.u8(i) ?? 0) }
    }
    if let body = place.take(length) {
      cursor = place
      return Value(tag: tag, body: body, isCut: false)
    }
    guard allowsCut else { return nil }
    let body = place.rest
    _ = place.take(body.count)
    cursor = place
    return Value(tag: tag, body: body, isCut: true)
  }

  /// The next value where it has that tag; otherwise nothing moves.
  mutating func next(_ tag: UInt8, allowsCut: Bool = false) -> Bytes? {
    var place = self
    guard let value = place.next(allowsCut: allowsCut), value.tag == tag else { return nil }
    self = place
    return value.body
  }
}
