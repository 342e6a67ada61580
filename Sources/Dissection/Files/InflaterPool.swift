internal import CCrypto
internal import FlowEngine

/// Decompressors for bodies that are hashed: a few, shared by all flows of a worker. A body that finds none
/// free is hashed as it was transferred, and says so.
///
///     | head 64, first bytes 128, zlib's 64 KiB | … |   output, 16 KiB, for all
struct InflaterPool: BitwiseCopyable {
  /// Of one decompressor.
  struct Head: BitwiseCopyable {
    var written: UInt64 = 0
    var read: UInt64 = 0
    /// Decoded bytes in front of it all, for their type.
    var firstCount = 0
    var state = State.running
    /// Another member may follow the one that ends (RFC 1952, section 2.2): gzip, and nothing else so far.
    var mayGoOn = false
    /// A member follows another one, and nothing has come out of it.
    var isUnproven = false
  }

  enum State: UInt8, BitwiseCopyable {
    case running
    case ended
    /// These are no bytes of the format.
    case broken
    case bomb
  }

  private let memory: UnsafeMutableRawPointer
  private let output: UnsafeMutablePointer<UInt8>
  private let count: Int
  /// A bit for each that is free.
  private var free: UInt64

  private static let headBytes = 64
  private static let contextOffset = headBytes + FileMagic.longest
  private static let stride = contextOffset + Int(CINFLATE_BYTES)
  private static let outputBytes = 16 << 10
  /// What is written may be so many times what was read, and so much in any case.
  private static let worstRatio: UInt64 = 200
  private static let harmlessBytes: UInt64 = 1 << 20

  /// At the most 64.
  init(count: Int, plan: inout MemoryPlan, touch: Bool) {
    self.count = count
    memory = plan.take("decompressors", bytes: count * Self.stride)
    output = plan.take("decompressors' output", bytes: count > 0 ? Self.outputBytes : 0)
      .assumingMemoryBound(to: UInt8.self)
    free = 0
    guard touch else { return }
    for i in 0..<count where cinflate_set_up(memory + i * Self.stride + Self.contextOffset) == 0 {
      free |= 1 << UInt64(i)
    }
  }

  /// The number of one that was free, from 1; 0 where none is.
  mutating func take(isDeflate: Bool) -> UInt8 {
    guard free != 0 else { return 0 }
    let place = free.trailingZeroBitCount
    free &= free &- 1
    let number = UInt8(truncatingIfNeeded: place &+ 1)
    head(number).pointee = Head()
    head(number).pointee.mayGoOn = !isDeflate
    cinflate_begin(context(number), isDeflate ? 1 : 0)
    return number
  }

  mutating func giveBack(_ number: UInt8) {
    guard number > 0 else { return }
    free |= 1 << UInt64(number &- 1)
  }

  var used: Int { count - free.nonzeroBitCount }

  func head(_ number: UInt8) -> UnsafeMutablePointer<Head> {
    (memory + (Int(number) &- 1) &* Self.stride).assumingMemoryBound(to: Head.self)
  }

  private func context(_ number: UInt8) -> UnsafeMutableRawPointer {
    memory + (Int(number) &- 1) &* Self.stride + Self.contextOffset
  }

  /// The first decoded bytes.
  func first(_ number: UInt8) -> Bytes {
    let start = memory + (Int(number) &- 1) &* Self.stride + Self.headBytes
    return Bytes(
      UnsafePointer(start.assumingMemoryBound(to: UInt8.self)), head(number).pointee.firstCount)
  }

  /// Decodes bytes of a body, tells of those that cannot be, adds what they say to its digest, and shows it to who keeps
  /// files, under a name where it is one of several at a time.
  func add(
    _ bytes: Bytes, to number: UInt8, _ digest: UnsafeMutablePointer<ccrypto_sha256_state>,
    _ d: Delivery, toServer: Bool, name: UInt32 = 0
  ) {
    let head = head(number)
    var rest = bytes
    while !rest.isEmpty {
      if head.pointee.state == .ended, head.pointee.mayGoOn, rest.u8(0) == 0x1f {
        cinflate_begin(context(number), 0)
        head.pointee.state = .running
        head.pointee.isUnproven = true
      }
      guard head.pointee.state == .running else {
        // What is no member is passed over, and so is all that follows it.
        head.pointee.mayGoOn = false
        return
      }
      var (read, written) = (0, 0)
      let result = cinflate_add(
        context(number), rest.base, rest.count, &read, output, Self.outputBytes, &written)
      let decoded = Bytes(output, written)
      ccrypto_sha256_add(digest, decoded.base, decoded.count)
      d.fileBytes(decoded, toServer: toServer, name: name)
      keepFirst(decoded, number)
      head.pointee.read &+= UInt64(read)
      head.pointee.written &+= UInt64(written)
      rest = rest.dropFirst(read)
      if written > 0 { head.pointee.isUnproven = false }
      if result == 1 {
        head.pointee.state = .ended
      } else if result < 0 || read == 0 && written == 0 {
        head.pointee.state = head.pointee.isUnproven ? .ended : .broken
        head.pointee.mayGoOn = false
        if head.pointee.state == .broken { d.note(.appMalformed) }
      } else if head.pointee.written > Self.harmlessBytes,
        head.pointee.written / Self.worstRatio > head.pointee.read
      {
        head.pointee.state = .bomb
        d.note(.appDecompressionBomb)
      }
    }
  }

  private func keepFirst(_ decoded: Bytes, _ number: UInt8) {
    let count = head(number).pointee.firstCount
    let more = decoded.prefix(FileMagic.longest &- count)
    guard !more.isEmpty else { return }
    (memory + (Int(number) &- 1) &* Self.stride + Self.headBytes + count)
      .copyMemory(from: more.base, byteCount: more.count)
    head(number).pointee.firstCount = count &+ more.count
  }
}
