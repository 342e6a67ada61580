/// Goes through a header block (RFC 7541, section 6).
struct HTTP2HeaderBlock: BitwiseCopyable {
  private var cursor: ByteCursor
  private let d: Delivery
  private let table: UnsafeMutablePointer<HTTP2DynamicTable>
  /// For decoded texts: 64 KiB.
  private let memory: UnsafeMutablePointer<UInt8>
  /// Bytes of names and values so far, with 32 for each.
  private var sum = 0
  private(set) var isMalformed = false
  private(set) var isTooLong = false

  enum Item {
    case field(name: Bytes, value: Bytes)
    case resize(UInt64)
    /// Of an entry that is not known here.
    case unknown
  }

  /// What one header block may decode to: small references can stand for large fields.
  static var longest: Int { 64 << 10 }
  private static var memoryBytes: Int { 64 << 10 }

  init(
    _ bytes: Bytes, _ d: Delivery, _ table: UnsafeMutablePointer<HTTP2DynamicTable>,
    memory: UnsafeMutablePointer<UInt8>
  ) {
    cursor = ByteCursor(bytes)
    self.d = d
    self.table = table
    self.memory = memory
  }

  /// nil at the end, and where nothing behind can be read. Texts hold until the next call.
  mutating func next() -> Item? {
    guard let first = cursor.bytes.u8(cursor.position), !isTooLong, !isMalformed else {
      return nil
    }
    let item: Item?
    if first & 0x80 != 0 {
      item = indexed()
    } else if first & 0xc0 == 0x40 {
      item = literal(prefix: 6, isKept: true)
    } else if first & 0xe0 == 0x20 {
      guard let size = integer(prefix: 5) else { return fail() }
      table.pointee.resize(d, size)
      return .resize(size)
    } else {
      item = literal(prefix: 4, isKept: false)
    }
    guard let item else { return fail() }
    if case .field(let name, let value) = item {
      sum &+= name.count &+ value.count &+ 32
      if sum > Self.longest {
        isTooLong = true
        return nil
      }
    }
    return item
  }

  private mutating func fail() -> Item? {
    isMalformed = true
    return nil
  }

  private mutating func indexed() -> Item? {
    guard let index = integer(prefix: 7), index > 0, index < 1 << 20 else { return nil }
    let place = Int(index)
    if place <= HTTP2StaticTable.count {
      return .field(
        name: Bytes(HTTP2StaticTable.name(place)), value: Bytes(HTTP2StaticTable.value(place)))
    }
    guard let entry = table.pointee.entry(d, place &- HTTP2StaticTable.count &- 1) else {
      return table.pointee.hasLost ? .unknown : nil
    }
    return .field(name: entry.name, value: entry.value)
  }

  private mutating func literal(prefix: UInt8, isKept: Bool) -> Item? {
    guard let index = integer(prefix: prefix), index < 1 << 20 else { return nil }
    var room = 0
    var name = Bytes.empty
    var isKnown = true
    if index == 0 {
      guard let text = text(&room) else { return nil }
      name = text
    } else if index <= UInt64(HTTP2StaticTable.count) {
      name = Bytes(HTTP2StaticTable.name(Int(index)))
    } else if let entry = table.pointee.entry(d, Int(index) &- HTTP2StaticTable.count &- 1) {
      // The table may move when it takes the new one.
      UnsafeMutableRawPointer(memory).copyMemory(
        from: entry.name.base, byteCount: entry.name.count)
      name = Bytes(UnsafePointer(memory), entry.name.count)
      room = entry.name.count
    } else {
      guard table.pointee.hasLost else { return nil }
      isKnown = false
    }
    guard let value = text(&room) else { return nil }
    guard sum &+ name.count &+ value.count <= Self.longest else {
      isTooLong = true
      return .unknown
    }
    if isKept {
      // Of an entry whose name is not known the size is not known either.
      if isKnown { table.pointee.insert(d, name: name, value: value) } else { table.pointee.lose() }
    }
    return isKnown ? .field(name: name, value: value) : .unknown
  }

  /// A string (section 5.2): as it stands, or decoded behind what is in the memory already.
  private mutating func text(_ room: inout Int) -> Bytes? {
    guard let first = cursor.bytes.u8(cursor.position), let length = integer(prefix: 7),
      length <= UInt64(cursor.remaining), let bytes = cursor.take(Int(length))
    else { return nil }
    if first & 0x80 == 0 { return bytes }
    guard HTTP2Huffman.longest(bytes.count) <= Self.memoryBytes &- room else {
      isTooLong = true
      return nil
    }
    let start = memory + room
    guard let count = HTTP2Huffman.decode(bytes, into: start) else { return nil }
    room &+= count
    return Bytes(UnsafePointer(start), count)
  }

  /// An integer (section 5.1), below 2^32.
  private mutating func integer(prefix: UInt8) -> UInt64? {
    guard let first = cursor.u8() else { return nil }
    let most = UInt64(1) << UInt64(prefix) &- 1
    var value = UInt64(first) & most
    if value < most { return value }
    var shift: UInt64 = 0
    while shift <= 28 {
      guard let byte = cursor.u8() else { return nil }
      // At the most 2^7 * 2^28 more: far below 2^64.
      value &+= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value <= UInt64(UInt32.max) ? value : nil }
      shift &+= 7
    }
    return nil
  }
}
