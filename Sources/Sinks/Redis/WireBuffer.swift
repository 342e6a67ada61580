/// Bytes on their way to Redis, or expected from it: grown and never shrunk, and written without a
/// look at each byte's place. RESP as Redis reads it, `$5\r\nhello\r\n`.
///
/// This stands in the way of every record, which is why it is no `[UInt8]`.
struct WireBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int = 4096) {
    self.capacity = capacity
    base = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  mutating func removeAll() { count = 0 }

  private mutating func reserve(_ more: Int) {
    guard count + more > capacity else { return }
    let larger = max(capacity * 2, count + more)
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    fresh.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = fresh
    capacity = larger
  }

  mutating func append(_ more: [UInt8]) {
    more.withUnsafeBytes { append($0) }
  }

  mutating func append(_ more: UnsafeRawBufferPointer) {
    guard let start = more.baseAddress else { return }
    reserve(more.count)
    (base + count).copyMemory(from: start, byteCount: more.count)
    count += more.count
  }

  /// `$11\r\n1763…-5\r\n`, or another head than `$` with a number alone.
  mutating func appendHead(_ mark: UInt8, _ number: Int) {
    reserve(24)
    base.storeBytes(of: mark, toByteOffset: count, as: UInt8.self)
    count += 1
    put(UInt64(number))
    putLineEnd()
  }

  mutating func appendBulk(_ bytes: UnsafeRawBufferPointer) {
    appendHead(UInt8(ascii: "$"), bytes.count)
    append(bytes)
    reserve(2)
    putLineEnd()
  }

  mutating func appendBulk(_ id: StreamID) {
    let digits = decimalDigits(id.milliseconds) + 1 + decimalDigits(id.sequence)
    appendHead(UInt8(ascii: "$"), digits)
    reserve(44)
    put(id.milliseconds)
    base.storeBytes(of: UInt8(ascii: "-"), toByteOffset: count, as: UInt8.self)
    count += 1
    put(id.sequence)
    putLineEnd()
  }

  /// There is room for 20 digits.
  private mutating func put(_ number: UInt64) {
    let digits = decimalDigits(number)
    var rest = number
    var place = count + digits
    repeat {
      place -= 1
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      base.storeBytes(of: UInt8(ascii: "0") + UInt8(digit), toByteOffset: place, as: UInt8.self)
      rest = quotient
    } while rest > 0
    count += digits
  }

  private mutating func putLineEnd() {
    base.storeBytes(of: 0x0D, toByteOffset: count, as: UInt8.self)
    base.storeBytes(of: 0x0A, toByteOffset: count + 1, as: UInt8.self)
    count += 2
  }
}
