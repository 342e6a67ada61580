internal import FlowEngine

/// HPACK's dynamic table of one direction (RFC 7541, section 2.3.2), in one block of the pool, which grows
/// to 64 KiB:
///
///     | name, value | name, value | … free …          | entry | entry |
///       oldest        newest                           newest   oldest
///
/// An entry has a place and two lengths, 2 bytes each. HPACK counts 32 bytes beside each entry's text, so
/// that a table of n bytes fits into a block of n; of a peer's larger one the oldest entries are not kept
/// here, and what refers to them is not known.
struct HTTP2DynamicTable: BitwiseCopyable {
  private var block: UInt32 = 0
  private var blockSize: UInt8 = 0
  /// A hole or a limit has hidden entries: indices beyond those here may mean something.
  private(set) var hasLost = false
  private var isSet = false
  /// HPACK's own counts.
  private var used: UInt32 = 0
  private var limit: UInt32 = 0
  /// Entries, and those dropped in front of them since the last move.
  private(set) var count: UInt32 = 0
  private var dropped: UInt32 = 0
  private var textStart: UInt32 = 0
  private var textEnd: UInt32 = 0

  private static var entryBytes: Int { 6 }
  /// SETTINGS_HEADER_TABLE_SIZE's first value (RFC 9113, section 6.5.2).
  private static var firstLimit: UInt32 { 4096 }
  private static var overhead: UInt32 { 32 }
  /// What the largest block has room for; peers may agree on any size.
  private static var mostLimit: UInt32 { 64 << 10 }

  mutating func release(_ d: Delivery) {
    d.core.pointee.blocks.giveBack(block, blockSize)
    self = HTTP2DynamicTable()
  }

  /// What was in it is not known any more.
  mutating func lose() {
    clear()
    hasLost = true
  }

  private mutating func clear() {
    count = 0
    used = 0
    dropped = 0
    textStart = 0
    textEnd = 0
  }

  /// A Dynamic Table Size Update (section 6.3).
  mutating func resize(_ d: Delivery, _ size: UInt64) {
    isSet = true
    limit = UInt32(truncatingIfNeeded: min(size, UInt64(Self.mostLimit)))
    evict(d, for: 0)
    if size > UInt64(Self.mostLimit) { hasLost = true }
    // An empty table is a known one.
    if size == 0 { hasLost = false }
  }

  /// The entry of an index, 0 being the newest; nil where it is not there.
  func entry(_ d: Delivery, _ index: Int) -> (name: Bytes, value: Bytes)? {
    guard index >= 0, index < Int(count), block != 0 else { return nil }
    let memory = d.core.pointee.blocks.at(block)
    let head = memory + entryOffset(Int(count) &- 1 &- index)
    let place = Int(head.load(as: UInt16.self))
    let name = Int(head.load(fromByteOffset: 2, as: UInt16.self))
    let value = Int(head.load(fromByteOffset: 4, as: UInt16.self))
    let text = (memory + place).assumingMemoryBound(to: UInt8.self)
    return (Bytes(UnsafePointer(text), name), Bytes(UnsafePointer(text + name), value))
  }

  /// Of the entry that is `place`th from the oldest. Blocks have an even size, and so have entries.
  private func entryOffset(_ place: Int) -> Int {
    BlockPool.byteCount(blockSize) &- (Int(dropped) &+ place &+ 1) &* Self.entryBytes
  }

  /// Neither text lies in the table.
  mutating func insert(_ d: Delivery, name: Bytes, value: Bytes) {
    let length = name.count &+ value.count
    // Both come out of a buffer of 64 KiB.
    let size = UInt32(truncatingIfNeeded: length) &+ Self.overhead
    if !isSet {
      isSet = true
      limit = Self.firstLimit
    }
    evict(d, for: size)
    // It empties the table and is not an error (section 4.4).
    guard size <= limit else { return }
    guard makeRoom(d, length) else { return lose() }
    let memory = d.core.pointee.blocks.at(block)
    let place = Int(textEnd)
    (memory + place).copyMemory(from: name.base, byteCount: name.count)
    (memory + place + name.count).copyMemory(from: value.base, byteCount: value.count)
    let head = memory + entryOffset(Int(count))
    head.storeBytes(of: UInt16(truncatingIfNeeded: place), as: UInt16.self)
    head.storeBytes(of: UInt16(truncatingIfNeeded: name.count), toByteOffset: 2, as: UInt16.self)
    head.storeBytes(of: UInt16(truncatingIfNeeded: value.count), toByteOffset: 4, as: UInt16.self)
    textEnd &+= UInt32(truncatingIfNeeded: length)
    count &+= 1
    used &+= size
  }

  private mutating func evict(_ d: Delivery, for size: UInt32) {
    while count > 0, UInt64(used) &+ UInt64(size) > UInt64(limit) { dropOldest(d) }
  }

  private mutating func dropOldest(_ d: Delivery) {
    guard let (name, value) = entry(d, Int(count) &- 1) else { return }
    let length = UInt32(truncatingIfNeeded: name.count &+ value.count)
    used &-= length &+ Self.overhead
    textStart &+= length
    count &-= 1
    dropped &+= 1
    if count == 0 { clear() }
  }

  /// Room for one more entry with a text of `length` bytes.
  private mutating func makeRoom(_ d: Delivery, _ length: Int) -> Bool {
    func needed(_ table: Self) -> Int {
      Int(table.textEnd) &+ length
        &+ (Int(table.dropped) &+ Int(table.count) &+ 1) &* Self.entryBytes
    }
    if block == 0 {
      let size = BlockPool.size(for: max(needed(self), 4096)) ?? 3
      block = d.core.pointee.blocks.take(size)
      guard block != 0 else {
        d.core.pointee.counters.add(.dissectionNoMemory)
        return false
      }
      blockSize = size
    }
    if needed(self) <= BlockPool.byteCount(blockSize) { return true }
    // Moving a large block costs microseconds: an eighth of it must be free afterwards, so that it is not
    // moved again for the next entry.
    while length &+ compactBytes &+ slack > BlockPool.byteCount(blockSize) {
      if blockSize < 3, grow(d) { continue }
      guard count > 0 else { break }
      dropOldest(d)
      hasLost = true
    }
    compact(d)
    return needed(self) <= BlockPool.byteCount(blockSize)
  }

  private var slack: Int { blockSize < 2 ? 0 : BlockPool.byteCount(blockSize) / 8 }

  /// Texts as they lie without gaps, and heads, with that of one more entry.
  private var compactBytes: Int {
    Int(textEnd &- textStart) &+ (Int(count) &+ 1) &* Self.entryBytes
  }

  private mutating func compact(_ d: Delivery) {
    guard dropped > 0 || textStart > 0 else { return }
    let memory = d.core.pointee.blocks.at(block)
    memory.copyMemory(
      from: memory + Int(textStart), byteCount: Int(textEnd &- textStart))
    let heads = Int(count) &* Self.entryBytes
    let from = memory + (entryOffset(Int(count)) &+ Self.entryBytes)
    dropped = 0
    let to = memory + (entryOffset(Int(count)) &+ Self.entryBytes)
    to.copyMemory(from: from, byteCount: heads)
    for index in 0..<Int(count) {
      let head = to + index &* Self.entryBytes
      let place = head.load(as: UInt16.self) &- UInt16(truncatingIfNeeded: textStart)
      head.storeBytes(of: place, as: UInt16.self)
    }
    textEnd &-= textStart
    textStart = 0
  }

  private mutating func grow(_ d: Delivery) -> Bool {
    let size = blockSize &+ 1
    let fresh = d.core.pointee.blocks.take(size)
    guard fresh != 0 else { return false }
    let old = d.core.pointee.blocks.at(block)
    let new = d.core.pointee.blocks.at(fresh)
    new.copyMemory(from: old, byteCount: Int(textEnd))
    let heads = (Int(dropped) &+ Int(count)) &* Self.entryBytes
    (new + (BlockPool.byteCount(size) &- heads)).copyMemory(
      from: old + (BlockPool.byteCount(blockSize) &- heads), byteCount: heads)
    d.core.pointee.blocks.giveBack(block, blockSize)
    block = fresh
    blockSize = size
    return true
  }
}
