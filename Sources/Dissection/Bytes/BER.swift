internal import FlowEngine

/// One element of BER or DER (X.690, 8.1): its tag and its content.
struct BERElement: BitwiseCopyable {
  let tag: UInt8
  let content: Bytes

  /// The content as a signed number; nil where it is longer than eight bytes, or empty.
  var integer: Int64? {
    guard let first = content.u8(0), content.count <= 8 else { return nil }
    var value: UInt64 = first & 0x80 != 0 ? .max : 0
    for i in 0..<content.count {
      guard let byte = content.u8(i) else { return nil }
      value = value << 8 | UInt64(byte)
    }
    return Int64(bitPattern: value)
  }
}

/// A tag and a length, of which the content need not be there.
struct BERHeader: BitwiseCopyable {
  let tag: UInt8
  /// Bytes of tag and length.
  let count: Int
  let length: Int

  enum Answer {
    case header(BERHeader)
    /// The bytes end within it.
    case short
    /// A tag of more than one byte, an indefinite length, or one beyond four bytes: nothing that is read
    /// here has them.
    case bad
  }

  static func read(_ bytes: Bytes, at offset: Int = 0) -> Answer {
    guard let tag = bytes.u8(offset) else { return .short }
    guard tag & 0x1f != 0x1f else { return .bad }
    guard let first = bytes.u8(offset &+ 1) else { return .short }
    if first < 0x80 { return .header(BERHeader(tag: tag, count: 2, length: Int(first))) }
    let size = Int(first & 0x7f)
    guard size >= 1, size <= 4 else { return .bad }
    var length = 0
    for i in 0..<size {
      guard let byte = bytes.u8(offset &+ 2 &+ i) else { return .short }
      // At the most four bytes: below 2^32.
      length = length << 8 | Int(byte)
    }
    return .header(BERHeader(tag: tag, count: 2 &+ size, length: length))
  }
}

/// Reads elements one behind the other. Nothing goes deeper than ``deepest``, by whichever way.
struct BERReader: BitwiseCopyable {
  private(set) var rest: Bytes
  private let depth: Int

  static let deepest = 8

  init(_ bytes: Bytes) {
    rest = bytes
    depth = 0
  }

  private init(_ bytes: Bytes, depth: Int) {
    rest = bytes
    self.depth = depth
  }

  var isAtEnd: Bool { rest.isEmpty }

  /// The tag that comes next.
  var tag: UInt8? { rest.u8(0) }

  /// The next element; nil where it is not whole or makes no sense.
  mutating func next() -> BERElement? {
    guard case .header(let header) = BERHeader.read(rest),
      let content = rest.slice(header.count, header.length)
    else { return nil }
    rest = rest.dropFirst(header.count &+ header.length)
    return BERElement(tag: header.tag, content: content)
  }

  /// The next element, if it has this tag.
  mutating func next(_ tag: UInt8) -> BERElement? { self.tag == tag ? next() : nil }

  /// Into the next element, if it has this tag.
  mutating func enter(_ tag: UInt8) -> BERReader? {
    guard depth < Self.deepest, let element = next(tag) else { return nil }
    return BERReader(element.content, depth: depth &+ 1)
  }

  /// Into an element that is not all there: what there is of it.
  mutating func enterCut(_ tag: UInt8) -> BERReader? {
    guard self.tag == tag, depth < Self.deepest, case .header(let header) = BERHeader.read(rest)
    else { return nil }
    let content = rest.dropFirst(header.count).prefix(header.length)
    rest = rest.dropFirst(header.count &+ content.count)
    return BERReader(content, depth: depth &+ 1)
  }

  /// A whole number.
  mutating func integer() -> Int64? {
    guard tag == 0x02, let element = next(), let value = element.integer else { return nil }
    return value
  }
}
