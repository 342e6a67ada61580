internal import FlowEngine

/// Tags, with their class and whether they are constructed (X.690, 8.1.2).
enum BERTag {
  static var integer: UInt8 { 0x02 }
  static var bitString: UInt8 { 0x03 }
  static var octetString: UInt8 { 0x04 }
  static var oid: UInt8 { 0x06 }
  static var sequence: UInt8 { 0x30 }
  static var set: UInt8 { 0x31 }
}

/// One element of BER or DER (X.690, 8.1): its tag and its content.
struct BERElement: BitwiseCopyable {
  let tag: UInt8
  let content: Bytes
  /// It is longer than what is there: the content is what there is.
  var isCut = false

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

  /// The next element; nil where it makes no sense, or is not whole and may not be cut.
  mutating func next(allowsCut: Bool = false) -> BERElement? {
    guard case .header(let header) = BERHeader.read(rest) else { return nil }
    let isCut = !rest.has(header.length, at: header.count)
    guard allowsCut || !isCut else { return nil }
    let content = rest.dropFirst(header.count).prefix(header.length)
    rest = rest.dropFirst(header.count &+ content.count)
    return BERElement(tag: header.tag, content: content, isCut: isCut)
  }

  /// The next element, if it has this tag.
  mutating func next(_ tag: UInt8, allowsCut: Bool = false) -> BERElement? {
    self.tag == tag ? next(allowsCut: allowsCut) : nil
  }

  /// The content of the next element, if it has this tag.
  mutating func content(_ tag: UInt8, allowsCut: Bool = false) -> Bytes? {
    next(tag, allowsCut: allowsCut)?.content
  }

  /// Into the next element, if it has this tag.
  mutating func enter(_ tag: UInt8) -> BERReader? {
    guard depth < Self.deepest, let element = next(tag) else { return nil }
    return BERReader(element.content, depth: depth &+ 1)
  }

  /// Into an element that is not all there: what there is of it.
  mutating func enterCut(_ tag: UInt8) -> BERReader? {
    guard depth < Self.deepest, let content = content(tag, allowsCut: true) else { return nil }
    return BERReader(content, depth: depth &+ 1)
  }

  /// A whole number.
  mutating func integer() -> Int64? {
    guard let element = next(BERTag.integer), let value = element.integer else { return nil }
    return value
  }
}

extension BoundedText {
  /// The content of an OBJECT IDENTIFIER as numbers and dots (X.690, 8.19). False where it makes no sense,
  /// with what stands before that.
  mutating func identifier(_ content: Bytes) -> Bool {
    var value: UInt64 = 0
    var isFirst = true
    var isWhole = true
    for i in 0..<content.count {
      guard let byte = content.u8(i), value < 1 << 56 else { return false }
      value = value << 7 | UInt64(byte & 0x7f)
      isWhole = byte & 0x80 == 0
      guard isWhole else { continue }
      if isFirst {
        let root: UInt64 = value < 40 ? 0 : value < 80 ? 1 : 2
        decimal(root)
        // `root` times 40 is never more than the value.
        value &-= root &* 40
        isFirst = false
      }
      self.byte(0x2e)
      decimal(value)
      value = 0
    }
    return isWhole
  }
}
