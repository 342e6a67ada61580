/// Reads the frames of one segment in order, a piece of the file at a time.
struct SpoolReader {
  enum Next {
    case frame(SpoolFrame)
    /// A frame whose checksum or content is wrong, though its length leads on to the next.
    case damaged
    /// No whole frame stands here or behind: the end, or what a crash has torn.
    case end
    /// The file cannot be read any further, though there is more of it.
    case failed
  }

  let segment: SpoolSegment
  /// Where the next frame begins.
  private(set) var offset = SpoolSegment.headBytes
  private var window: [UInt8] = []
  private var windowStart = 0
  private var hasFailed = false

  private static let windowBytes = 1 << 20

  init(_ segment: SpoolSegment) { self.segment = segment }

  /// Beyond this no frame is looked for behind a damaged one: no record is as large.
  private static let plausibleBytes = 1 << 20

  mutating func next() -> Next {
    if offset >= segment.size { return .end }
    if let frame = frame(at: offset, atMost: SpoolFrame.maximumBytes) { return .frame(frame) }
    if hasFailed { return .failed }
    // A damaged frame, or one that a crash has torn: only where none follows it is the latter.
    var place = offset + 1
    while place + SpoolFrame.headBytes < segment.size {
      let before = offset
      if frame(at: place, atMost: Self.plausibleBytes) != nil {
        offset = place
        return .damaged
      }
      offset = before
      if hasFailed { return .failed }
      place += 1
    }
    return .end
  }

  /// The frame at a place, if there is one, and goes on behind it.
  private mutating func frame(at place: Int, atMost limit: Int) -> SpoolFrame? {
    guard let head = bytes(at: place, SpoolFrame.headBytes) else { return nil }
    var reader = LittleReader(head)
    guard let length = reader.number(4), let sum = reader.number(4), length > 0, length <= limit,
      let whole = bytes(at: place, SpoolFrame.headBytes + Int(length))
    else { return nil }
    let body = whole.dropFirst(SpoolFrame.headBytes)
    guard let kind = body.first, kind <= 2, SpoolFrame.checksum(body) == sum,
      let frame = SpoolFrame.parse(body)
    else { return nil }
    offset = place + whole.count
    return frame
  }

  /// The bytes at a place; nil where the segment has fewer, or they cannot be read.
  private mutating func bytes(at place: Int, _ count: Int) -> ArraySlice<UInt8>? {
    guard place + count <= segment.size else { return nil }
    if place < windowStart || place + count > windowStart + window.count {
      windowStart = place
      window = segment.read(
        at: place, count: min(max(count, Self.windowBytes), segment.size - place))
      guard window.count >= count else {
        hasFailed = true
        return nil
      }
    }
    let start = place - windowStart
    return window[start..<start + count]
  }
}
