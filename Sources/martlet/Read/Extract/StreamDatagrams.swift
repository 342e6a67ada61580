import Dissection

/// One direction of a UDP flow: its datagrams' payloads one behind the other, and how long each is.
struct StreamDatagrams {
  let file: PayloadFile
  /// Of each, as it was sent; of the first ``mostLengths``.
  private(set) var lengths: [UInt16] = []
  private(set) var count: UInt64 = 0
  /// What was sent and not captured reads as zeros.
  private(set) var holes: [Range<UInt64>] = []
  private(set) var holeCount = 0
  private(set) var missing: UInt64 = 0
  private(set) var size: UInt64 = 0
  private(set) var firstTime: Int64
  private(set) var lastTime: Int64
  /// As with segments: holes became too large, and nothing more is kept.
  private(set) var isCut = false

  static let mostLengths = 1 << 20

  init(_ file: PayloadFile, _ head: PayloadHead) {
    self.file = file
    firstTime = head.time
    lastTime = head.time
  }

  mutating func take(_ head: PayloadHead, _ bytes: UnsafeRawBufferPointer) {
    lastTime = max(lastTime, head.time)
    firstTime = min(firstTime, head.time)
    let end = size + UInt64(max(Int(head.length), bytes.count))
    let seen = size + UInt64(bytes.count)
    if missing + (end - seen) > max(StreamSegments.mostMissing, seen - missing) { isCut = true }
    if isCut { return }
    file.write(bytes, at: size)
    if seen < end {
      if holes.count < StreamSegments.mostHoles { holes.append(seen..<end) }
      holeCount += 1
      missing += end - seen
    }
    if lengths.count < Self.mostLengths { lengths.append(UInt16(clamping: end - size)) }
    count += 1
    size = end
  }

  func finish() { file.extend(to: size) }

  /// As with segments. Lengths are those that were sent.
  mutating func fitToFile() {
    guard file.isFull else { return }
    isCut = true
    size = file.size
    holes = holes.map { $0.clamped(to: 0..<size) }.filter { !$0.isEmpty }
    holeCount = holes.count
    missing = holes.reduce(0) { $0 + UInt64($1.count) }
  }
}
