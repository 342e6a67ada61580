internal import FlowEngine
package import Records

/// Writes a record's fields as tokens (``EventToken``) into memory that has an end. What does not fit is
/// left out, the record says that it is truncated, and objects and arrays are closed all the same.
@frozen
package struct EventWriter: BitwiseCopyable {
  let start: UnsafeMutableRawPointer
  /// Behind it is room for the ends of ``deepest`` objects and arrays.
  let limit: Int
  private(set) var count = 0
  private(set) var depth = 0
  private(set) var isTruncated = false
  /// Objects and arrays within one that was left out.
  private var leftOut = 0

  static let deepest = 16
  /// The longest text of one field; what is longer is cut, and the record is marked.
  static let longestText = 16_384

  init(_ memory: UnsafeMutableRawPointer, capacity: Int) {
    start = memory
    limit = capacity - Self.deepest * EventToken.head
  }

  package var isEmpty: Bool { count == 0 }

  // MARK: Values

  /// Text off the wire, whatever bytes it has.
  package mutating func string(_ field: EventField, _ bytes: Bytes) {
    put(field, .string, bytes.base, bytes.count)
  }

  /// As ``string(_:_:)``, with ASCII letters in lower case.
  package mutating func lowercase(_ field: EventField, _ bytes: Bytes) {
    mapped(field, bytes) { Bytes.lowercase($0) }
  }

  /// As ``string(_:_:)``, with ASCII letters in upper case.
  mutating func uppercase(_ field: EventField, _ bytes: Bytes) {
    mapped(field, bytes) { $0 &- 0x61 < 26 ? $0 & 0xdf : $0 }
  }

  @inline(__always)
  private mutating func mapped(_ field: EventField, _ bytes: Bytes, _ map: (UInt8) -> UInt8) {
    let before = count
    string(field, bytes)
    guard count > before else { return }
    for place in before &+ EventToken.head &+ 2..<count {
      let byte = start.load(fromByteOffset: place, as: UInt8.self)
      start.storeBytes(of: map(byte), toByteOffset: place, as: UInt8.self)
    }
  }

  /// A text that is put together of pieces, up to ``endString(_:)``, which is given what this returns. nil
  /// where there is no room.
  mutating func beginString(_ field: EventField) -> Int? {
    guard begin(field, .string, 2) else { return nil }
    store(UInt16(0))
    return count
  }

  mutating func piece(_ bytes: Bytes) {
    guard leftOut == 0 else { return }
    let room = min(bytes.count, limit &- count)
    if room < bytes.count { isTruncated = true }
    if room > 0 { copy(bytes.base, room) }
  }

  mutating func endString(_ string: Int) {
    if count &- string > Self.longestText {
      count = string &+ Self.longestText
      isTruncated = true
    }
    let length = UInt16(truncatingIfNeeded: count &- string)
    start.storeBytes(of: length.littleEndian, toByteOffset: string &- 2, as: UInt16.self)
  }

  /// A text that `body` puts together in the record's own memory.
  @inline(__always)
  mutating func string(_ field: EventField, _ body: (inout BoundedText) -> Void) {
    guard let string = beginString(field) else { return }
    var text = BoundedText(start + count, capacity: min(Self.longestText, limit &- count))
    body(&text)
    if text.isCut { isTruncated = true }
    count &+= text.count
    endString(string)
  }

  package mutating func text(_ field: EventField, _ text: StaticString) {
    guard begin(field, .literal, 10) else { return }
    store(UInt64(UInt(bitPattern: text.utf8Start)))
    store(UInt16(truncatingIfNeeded: text.utf8CodeUnitCount))
  }

  /// Bytes as lower-case hexadecimal digits.
  package mutating func hex(_ field: EventField, _ bytes: Bytes) {
    put(field, .hex, bytes.base, bytes.count)
  }

  /// As ``hex(_:_:)``, of so many bytes that `fill` writes: a digest.
  @inline(__always)
  mutating func hex(
    _ field: EventField, count length: Int32, colons: Bool = false,
    _ fill: (UnsafeMutablePointer<UInt8>) -> Void
  ) {
    guard begin(field, colons ? .hexColons : .hex, 2 &+ Int(length)) else { return }
    store(UInt16(truncatingIfNeeded: length))
    fill((start + count).assumingMemoryBound(to: UInt8.self))
    count &+= Int(length)
  }

  /// As ``hex(_:_:)``, with a colon between bytes.
  package mutating func hexColons(_ field: EventField, _ bytes: Bytes) {
    put(field, .hexColons, bytes.base, bytes.count)
  }

  package mutating func integer(_ field: EventField, _ value: some FixedWidthInteger) {
    guard begin(field, type(of: value).isSigned ? .signed : .unsigned, 8) else { return }
    store(UInt64(truncatingIfNeeded: value))
  }

  package mutating func boolean(_ field: EventField, _ value: Bool) {
    guard begin(field, .boolean, 8) else { return }
    store(UInt64(value ? 1 : 0))
  }

  /// Nanoseconds since 1970, in EVE's form of a time.
  package mutating func time(_ field: EventField, nanoseconds: Int64) {
    guard begin(field, .time, 8) else { return }
    store(UInt64(bitPattern: nanoseconds))
  }

  /// A point in time as certificates have it: ISO 8601 without fraction.
  package mutating func dateTime(_ field: EventField, seconds: Int64) {
    guard begin(field, .dateTime, 8) else { return }
    store(UInt64(bitPattern: seconds))
  }

  /// A span of time, in seconds with six digits behind the point.
  package mutating func seconds(_ field: EventField, nanoseconds: Int64) {
    guard begin(field, .seconds, 8) else { return }
    store(UInt64(bitPattern: nanoseconds))
  }

  /// An address of 4 or 16 bytes in network order; of any other length it is written as hexadecimal digits.
  package mutating func address(_ field: EventField, _ bytes: Bytes) {
    switch bytes.count {
    case 4:
      guard begin(field, .ipv4, 4) else { return }
      copy(bytes.base, 4)
    case 16:
      guard begin(field, .ipv6, 16) else { return }
      copy(bytes.base, 16)
    default: hex(field, bytes)
    }
  }

  /// A MAC address as EVE has it; any run of bytes is taken.
  package mutating func mac(_ field: EventField, _ bytes: Bytes) { hexColons(field, bytes) }

  /// Fields that a draft has, as they are.
  mutating func fields(of draft: EventDraft, _ d: Delivery) {
    if draft.isTruncated { isTruncated = true }
    guard !draft.isEmpty else { return }
    guard leftOut == 0, count &+ Int(draft.count) <= limit else {
      isTruncated = true
      return
    }
    (start + count).copyMemory(
      from: d.core.pointee.blocks.at(draft.block), byteCount: Int(draft.count))
    count &+= Int(draft.count)
  }

  /// What a draft has as an array; nothing where it is empty.
  mutating func array(_ field: EventField, of draft: EventDraft, _ d: Delivery) {
    guard !draft.isEmpty else { return }
    beginArray(field)
    fields(of: draft, d)
    end()
  }

  // MARK: Nesting

  package mutating func beginObject(_ field: EventField) { open(field, .object) }
  package mutating func beginArray(_ field: EventField) { open(field, .array) }

  /// Closes the object or array that was opened last.
  package mutating func end() {
    if leftOut > 0 {
      leftOut &-= 1
      return
    }
    guard depth > 0 else { return }
    depth &-= 1
    // There is room for the end of each that is open: `limit` leaves it.
    putHead(EventField(rawValue: 0), .end)
  }

  private mutating func open(_ field: EventField, _ kind: EventToken.Kind) {
    guard leftOut == 0, depth < Self.deepest, begin(field, kind, 0) else {
      leftOut &+= 1
      isTruncated = true
      return
    }
    depth &+= 1
  }

  /// Closes whatever is open.
  mutating func endAll() {
    leftOut = 0
    while depth > 0 { end() }
  }

  // MARK: Tokens

  private mutating func put(
    _ field: EventField, _ kind: EventToken.Kind, _ bytes: UnsafePointer<UInt8>, _ length: Int
  ) {
    var length = length
    if length > Self.longestText {
      length = Self.longestText
      isTruncated = true
    }
    guard begin(field, kind, 2 &+ length) else { return }
    store(UInt16(truncatingIfNeeded: length))
    copy(bytes, length)
  }

  /// Tokens that are there already: whole ones, with all objects and arrays closed.
  mutating func tokens(_ tokens: UnsafeRawBufferPointer) {
    guard leftOut == 0, let base = tokens.baseAddress, tokens.count <= limit &- count else {
      isTruncated = isTruncated || !tokens.isEmpty
      return
    }
    (start + count).copyMemory(from: base, byteCount: tokens.count)
    count &+= tokens.count
  }

  private mutating func begin(_ field: EventField, _ kind: EventToken.Kind, _ length: Int) -> Bool {
    guard leftOut == 0, count &+ EventToken.head &+ length <= limit else {
      isTruncated = true
      return false
    }
    putHead(field, kind)
    return true
  }

  private mutating func putHead(_ field: EventField, _ kind: EventToken.Kind) {
    store(field.rawValue)
    start.storeBytes(of: kind.rawValue, toByteOffset: count, as: UInt8.self)
    count &+= 1
  }

  private mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
    start.storeBytes(of: value.littleEndian, toByteOffset: count, as: Value.self)
    count &+= MemoryLayout<Value>.size
  }

  private mutating func copy(_ bytes: UnsafePointer<UInt8>, _ length: Int) {
    (start + count).copyMemory(from: bytes, byteCount: length)
    count &+= length
  }
}
