extension HTTP2Stream {
  struct State: BitwiseCopyable {
    var client = HTTP2Side()
    var server = HTTP2Side()
    var streams = HTTP2Exchanges()
  }
}

/// One direction.
struct HTTP2Side: BitwiseCopyable {
  var table = HTTP2DynamicTable()
  var block = HTTP2PartialBlock()
  /// Of a frame that a hole has hidden: still to come.
  var skip: UInt64 = 0
  /// The DATA frame at hand, where its bytes are looked at.
  var data = HTTP2Data()
  /// Bytes without a frame since the last hole.
  var searched: UInt32 = 0
  var flags: UInt8 = 0

  enum Flags {
    /// Where the next frame begins is not known.
    static let isSearching: UInt8 = 1 << 0
    /// The first frame was seen.
    static let isBegun: UInt8 = 1 << 1
  }
}

/// What is still to come of a DATA frame that is hashed.
struct HTTP2Data: BitwiseCopyable {
  var left: UInt32 = 0
  var padding: UInt32 = 0
  var stream: UInt32 = 0
  /// END_STREAM: the body ends with it.
  var isLast = false
}

/// A header block that comes in several frames (RFC 9113, section 6.10), in a block of the pool.
struct HTTP2PartialBlock: BitwiseCopyable {
  private var draft: UInt32 = 0
  private var size: UInt8 = 0
  private(set) var isOpen = false
  /// It is too long: what still comes of it is not looked at.
  private(set) var isTooLong = false
  /// Of the HEADERS or PUSH_PROMISE that began it.
  var isEnd = false
  var isPromise = false
  var frames: UInt8 = 0
  private var count: UInt32 = 0
  var stream: UInt32 = 0
  /// The stream whose fields they are: of PUSH_PROMISE the one that is promised.
  var promised: UInt32 = 0
  var priority = HTTP2Exchange.noPriority

  private static var longest: Int { 64 << 10 }
  private static var mostFrames: UInt8 { 64 }

  mutating func begin(_ d: Delivery, stream: UInt32) {
    drop(d)
    isOpen = true
    self.stream = stream
  }

  mutating func drop(_ d: Delivery) {
    d.core.pointee.blocks.giveBack(draft, size)
    self = HTTP2PartialBlock()
  }

  /// False where it has become too long, the first time.
  mutating func add(_ d: Delivery, _ bytes: Bytes) -> Bool {
    if isTooLong { return true }
    frames &+= 1
    let sum = Int(count) &+ bytes.count
    guard frames <= Self.mostFrames, sum <= Self.longest, reserve(d, sum) else {
      isTooLong = true
      d.core.pointee.blocks.giveBack(draft, size)
      draft = 0
      count = 0
      return false
    }
    if draft != 0 {
      (d.core.pointee.blocks.at(draft) + Int(count)).copyMemory(
        from: bytes.base, byteCount: bytes.count)
    }
    count = UInt32(truncatingIfNeeded: sum)
    return true
  }

  private mutating func reserve(_ d: Delivery, _ sum: Int) -> Bool {
    if sum == 0 || draft != 0 && sum <= BlockPool.byteCount(size) { return true }
    guard let wanted = BlockPool.size(for: max(sum, 4096)) else { return false }
    let fresh = d.core.pointee.blocks.take(wanted)
    guard fresh != 0 else { return false }
    if draft != 0 {
      d.core.pointee.blocks.at(fresh).copyMemory(
        from: d.core.pointee.blocks.at(draft), byteCount: Int(count))
      d.core.pointee.blocks.giveBack(draft, size)
    }
    draft = fresh
    size = wanted
    return true
  }

  func bytes(_ d: Delivery) -> Bytes {
    guard draft != 0 else { return .empty }
    return Bytes(
      UnsafePointer(d.core.pointee.blocks.at(draft).assumingMemoryBound(to: UInt8.self)),
      Int(count))
  }
}

/// A stream: one request and its response. 64 bytes.
struct HTTP2Exchange: BitwiseCopyable {
  /// Its number; 0: the place is free.
  var number: UInt32 = 0
  var flags: UInt16 = 0
  /// Weight as the wire has it.
  var priority = HTTP2Exchange.noPriority
  var requestTime: Int64 = 0
  var requestBytes: UInt64 = 0
  var responseBytes: UInt64 = 0
  /// What the records says so far.
  var draft = EventDraft()
  var errorCode: UInt32 = 0
  /// The server's `content-length`, and one more; 0: it said none.
  var length: UInt64 = 0
  /// ``HTTP2Bodies`` in a block of the pool, where bodies are hashed; 0: there is none.
  var bodies: UInt32 = 0
  var requestMagic = FileMagic.unknown
  var responseMagic = FileMagic.unknown
  var requestCoding = HTTPCoding.none
  var responseCoding = HTTPCoding.none

  static var noPriority: UInt16 { .max }

  enum Flags {
    static let hasRequest: UInt16 = 1 << 0
    static let hasResponse: UInt16 = 1 << 1
    static let requestEnded: UInt16 = 1 << 2
    static let responseEnded: UInt16 = 1 << 3
    static let resetByClient: UInt16 = 1 << 4
    static let resetByServer: UInt16 = 1 << 5
    /// A header block of it could not be read to its end.
    static let isIncomplete: UInt16 = 1 << 6
    static let isPushed: UInt16 = 1 << 7
    /// A hole may have hidden frames of the body that had still to come.
    static let requestHidden: UInt16 = 1 << 8
    static let responseHidden: UInt16 = 1 << 9
  }

  func has(_ flag: UInt16) -> Bool { flags & flag != 0 }
}

/// Streams that are open, in a block of the pool:
///
///     | their numbers, 4 each; 0: a free place | the streams, 64 each |
///
/// Frames name their stream, in any order: numbers stand together, so that even the last of all is found in
/// some tens of nanoseconds.
struct HTTP2Exchanges: BitwiseCopyable {
  private var block: UInt32 = 0
  private var size: UInt8 = 0
  private(set) var capacity: UInt32 = 0
  /// Places in use are all in front of it.
  private var end: UInt32 = 0
  private var latest: UInt32 = 0
  /// Bytes in drafts of streams that are open.
  var draftBytes: UInt32 = 0

  private static var stride: Int { 64 }
  /// The largest block that is taken, of 16 KiB: 240 streams at a time. Servers mostly allow 100.
  private static var largest: UInt8 { 2 }
  static var mostDraftBytes: UInt32 { 256 << 10 }

  private func numbers(_ d: Delivery) -> UnsafeMutablePointer<UInt32> {
    d.core.pointee.blocks.at(block).assumingMemoryBound(to: UInt32.self)
  }

  private func at(_ d: Delivery, _ place: UInt32) -> UnsafeMutablePointer<HTTP2Exchange> {
    (d.core.pointee.blocks.at(block) + Int(capacity) &* 4 + Int(place) &* Self.stride)
      .assumingMemoryBound(to: HTTP2Exchange.self)
  }

  /// The first place with a number; 0 looks for a free one.
  private func place(_ d: Delivery, of number: UInt32) -> UInt32? {
    let numbers = UnsafeRawPointer(numbers(d))
    let wanted = SIMD4(repeating: number)
    var place: UInt32 = 0
    // `capacity` is a multiple of four: nothing is read beyond the numbers.
    while place < end {
      let four = numbers.loadUnaligned(
        fromByteOffset: Int(place) &* 4, as: SIMD4<UInt32>.self)
      let found = four .== wanted
      if any(found) {
        while !found[Int(place & 3)] { place &+= 1 }
        return place < end ? place : nil
      }
      place &+= 4
    }
    return nil
  }

  /// The stream of a number; nil where it is not open.
  mutating func find(_ d: Delivery, _ number: UInt32) -> UnsafeMutablePointer<HTTP2Exchange>? {
    guard end > 0, number != 0 else { return nil }
    if latest < end, numbers(d)[Int(latest)] == number { return at(d, latest) }
    guard let place = place(d, of: number) else { return nil }
    latest = place
    return at(d, place)
  }

  /// A place for another stream; nil where there is none.
  mutating func open(_ d: Delivery, _ number: UInt32) -> UnsafeMutablePointer<HTTP2Exchange>? {
    if end > 0, let place = place(d, of: 0) { return begin(d, place, number) }
    if end == capacity && !grow(d) { return nil }
    end &+= 1
    return begin(d, end &- 1, number)
  }

  private mutating func begin(
    _ d: Delivery, _ place: UInt32, _ number: UInt32
  ) -> UnsafeMutablePointer<HTTP2Exchange> {
    latest = place
    numbers(d)[Int(place)] = number
    let exchange = at(d, place)
    exchange.pointee = HTTP2Exchange()
    exchange.pointee.number = number
    return exchange
  }

  /// The stream's place is free.
  mutating func close(_ d: Delivery, _ exchange: UnsafeMutablePointer<HTTP2Exchange>) {
    exchange.pointee.number = 0
    // It lies where `at` has said, so that this is its place.
    let place =
      (UnsafeMutableRawPointer(exchange) - UnsafeMutableRawPointer(at(d, 0))) / Self.stride
    numbers(d)[place] = 0
  }

  /// The one that has been open for longest.
  func oldest(_ d: Delivery) -> UnsafeMutablePointer<HTTP2Exchange>? {
    var found: UnsafeMutablePointer<HTTP2Exchange>?
    for place in 0..<end where numbers(d)[Int(place)] != 0 {
      let one = at(d, place)
      if let best = found, best.pointee.requestTime <= one.pointee.requestTime { continue }
      found = one
    }
    return found
  }

  /// All that are open; `body` opens and closes none.
  @inline(__always)
  func forEach(_ d: Delivery, _ body: (UnsafeMutablePointer<HTTP2Exchange>) -> Void) {
    for place in 0..<end where numbers(d)[Int(place)] != 0 { body(at(d, place)) }
  }

  mutating func drop(_ d: Delivery) {
    d.core.pointee.blocks.giveBack(block, size)
    self = HTTP2Exchanges()
  }

  private mutating func grow(_ d: Delivery) -> Bool {
    if block != 0 && size == Self.largest { return false }
    let wanted: UInt8 = block == 0 ? 0 : size &+ 1
    let fresh = d.core.pointee.blocks.take(wanted)
    guard fresh != 0 else { return false }
    // A multiple of four places, each with its number.
    let room = BlockPool.byteCount(wanted) / (Self.stride + 4) & ~3
    let new = d.core.pointee.blocks.at(fresh)
    if block != 0 {
      new.copyMemory(from: numbers(d), byteCount: Int(end) &* 4)
      (new + room &* 4).copyMemory(from: at(d, 0), byteCount: Int(end) &* Self.stride)
      d.core.pointee.blocks.giveBack(block, size)
    }
    block = fresh
    size = wanted
    capacity = UInt32(room)
    return true
  }
}
