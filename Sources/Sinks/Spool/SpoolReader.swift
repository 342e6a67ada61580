/// Reads the frames of one segment in order, a piece of the file at a time.
struct SpoolReader {
  enum Next {
    case frame(SpoolFrame)
    /// A frame whose checksum or content is wrong, though its length leads on to the next.
    case damaged
    /// No whole frame stands here: the end, or what a crash has torn.
    case end
  }

  let segment: SpoolSegment
  /// Where the next frame begins.
  private(set) var offset = SpoolSegment.headBytes
  private var window: [UInt8] = []
  private var windowStart = 0

  private static let windowBytes = 1 << 20

  init(_ segment: SpoolSegment) { self.segment = segment }

  mutating func next() -> Next {
    guard let head = bytes(SpoolFrame.headBytes) else { return .end }
    var reader = LittleReader(head)
    guard let length = reader.number(4), let sum = reader.number(4),
      length <= SpoolFrame.maximumBytes,
      let whole = bytes(SpoolFrame.headBytes + Int(length))
    else { return .end }
    let body = whole.dropFirst(SpoolFrame.headBytes)
    guard SpoolFrame.checksum(body) == sum, let frame = SpoolFrame.parse(body) else {
      // The last frame of a file is one that a crash has torn; any other is damage.
      if offset + whole.count >= segment.size { return .end }
      offset += whole.count
      return .damaged
    }
    offset += whole.count
    return .frame(frame)
  }

  /// The bytes from `offset` on; nil where the segment has fewer.
  private mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard offset + count <= segment.size else { return nil }
    if offset < windowStart || offset + count > windowStart + window.count {
      windowStart = offset
      window = segment.read(
        at: offset, count: min(max(count, Self.windowBytes), segment.size - offset))
      guard window.count >= count else { return nil }
    }
    let start = offset - windowStart
    return window[start..<start + count]
  }
}
