import Dissection

/// One direction of a TCP connection, put together in its file: what comes early is written to its place at
/// once, so that nothing waits in memory but what is known of it.
///
///     0 … settled: bytes, and holes among them │ frontier │ hole │ island │ hole │ island …
///
/// Which of two segments that differ is believed, the policy says for islands; what is settled stays.
struct StreamSegments {
  let file: PayloadFile
  /// Sequence number of the byte at offset 0; another one where the sender has begun to count anew.
  private var base: UInt32
  /// That with which the direction began, as the flow's tracker sees it.
  private var start: UInt32
  /// Up to here nothing is waited for.
  private var frontier: UInt64 = 0
  /// Segments behind a hole that may still be filled, in order; no two share a byte.
  private var islands: [Range<UInt64>] = []
  private var islandBytes: UInt64 = 0
  /// Settled holes, in order; the first ``mostHoles`` of them.
  private(set) var holes: [Range<UInt64>] = []
  private(set) var holeCount = 0
  private(set) var missing: UInt64 = 0
  /// Its first bytes were not seen.
  let isMidstream: Bool
  private(set) var segments: UInt64 = 0
  /// Bytes that came again, and of them those in segments that were not the same.
  private(set) var repeated: UInt64 = 0
  private(set) var differing: UInt64 = 0
  /// Bytes from before the stream's beginning, or out of every window, which are not in the file.
  private(set) var early: UInt64 = 0
  private(set) var firstTime: Int64
  private(set) var lastTime: Int64
  /// Where a FIN says that the stream ends.
  private var end: UInt64?
  /// Holes became too large: what lies behind the last byte is not kept.
  private(set) var isCut = false

  /// As in dissection: beyond so many segments or bytes behind a hole nobody waits for it any more.
  private static let mostIslands = 64
  private static let mostIslandBytes: UInt64 = 256 << 10
  static let mostHoles = 65_536
  /// Bytes of holes, where they are more than those that were seen, too.
  static let mostMissing: UInt64 = 1 << 30
  /// An end so far away is none.
  private static let farthestEnd: UInt64 = 1 << 30
  /// The largest window that can be announced (RFC 7323, section 2.3): what is further away is of another
  /// numbering.
  private static let largestWindow: UInt32 = 1 << 30

  init(_ file: PayloadFile, _ head: PayloadHead) {
    self.file = file
    base = head.start
    start = head.start
    isMidstream = head.flags & PayloadHead.Flags.midstream != 0
    firstTime = head.time
    lastTime = head.time
  }

  var isClosed: Bool { end != nil }
  var size: UInt64 { file.size }

  mutating func take(
    _ head: PayloadHead, _ bytes: UnsafeRawBufferPointer, _ policy: OverlapPolicy
  ) {
    if isCut { return takeBehindCut(head) }
    // Sequence numbers wrap: the place is the one nearest to the frontier.
    var next = base &+ UInt32(truncatingIfNeeded: frontier)
    if Int32(bitPattern: head.sequence &- next).magnitude > Self.largestWindow {
      guard jump(head) else {
        early += UInt64(bytes.count)
        return
      }
      next = head.sequence
    }
    let place = Int64(frontier) + Int64(Int32(bitPattern: head.sequence &- next))
    if head.flags & PayloadHead.Flags.fin != 0 {
      let last = place + Int64(head.length)
      if last >= 0 { end = UInt64(last) }
    }
    // One byte before what is next: a keep-alive, whose byte means nothing (RFC 9293, section 3.8.4).
    if head.length == 0 || head.length == 1 && place == Int64(frontier) - 1 { return }
    segments += 1
    lastTime = max(lastTime, head.time)
    firstTime = min(firstTime, head.time)
    var bytes = bytes
    var start = place
    if start < 0 {
      let cut = Int(min(-start, Int64(bytes.count)))
      early += UInt64(cut)
      bytes = UnsafeRawBufferPointer(rebasing: bytes[cut...])
      start = 0
      if place + Int64(head.length) <= 0 { return }
    }
    let low = UInt64(start)
    let high = UInt64(place + Int64(head.length))
    if low == frontier && islands.isEmpty {
      file.write(bytes, at: low)
      frontier += UInt64(bytes.count)
    } else {
      put(low, bytes, policy)
    }
    // What was sent and not captured is a hole, as far as nobody else has it.
    if frontier == low + UInt64(bytes.count) && frontier < high {
      settleHole(min(high, islands.first?.lowerBound ?? high))
    }
    absorb()
    while islands.count > Self.mostIslands || islandBytes > Self.mostIslandBytes {
      settleHole(islands[0].lowerBound)
      absorb()
    }
  }

  private mutating func takeBehindCut(_ head: PayloadHead) {
    if head.flags & PayloadHead.Flags.fin != 0 { end = frontier }
    if head.length == 0 { return }
    segments += 1
    lastTime = max(lastTime, head.time)
    firstTime = min(firstTime, head.time)
  }

  /// The stream is over: what still waits is settled.
  mutating func finish() {
    while let first = islands.first {
      settleHole(first.lowerBound)
      absorb()
    }
    if let end, end > frontier, end - frontier < Self.farthestEnd { settleHole(end) }
    file.extend(to: frontier)
  }

  /// After the file has its name: what is said of it is of the part that the file system took.
  mutating func fitToFile() {
    guard file.isFull else { return }
    isCut = true
    holes = holes.map { $0.clamped(to: 0..<file.size) }.filter { !$0.isEmpty }
    holeCount = holes.count
    missing = holes.reduce(0) { $0 + UInt64($1.count) }
  }

  /// As in dissection: one such segment proves nothing; when the tracker believes the new numbering, what
  /// follows lies behind a hole.
  private mutating func jump(_ head: PayloadHead) -> Bool {
    let since = Int32(bitPattern: head.sequence &- head.start)
    guard head.start != start, since > 0, since.magnitude <= Self.largestWindow else {
      return false
    }
    while let first = islands.first {
      settleHole(first.lowerBound)
      absorb()
    }
    settleHole(frontier + UInt64(since))
    start = head.start
    base = head.sequence &- UInt32(truncatingIfNeeded: frontier)
    return true
  }

  // MARK: Places

  private mutating func put(
    _ low: UInt64, _ bytes: UnsafeRawBufferPointer, _ policy: OverlapPolicy
  ) {
    let high = low + UInt64(bytes.count)
    func piece(_ from: UInt64, _ to: UInt64) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: bytes[Int(from - low)..<Int(to - low)])
    }
    let isJoined = !policy.asksForEnds
    var at = low
    if at < frontier {
      let old = min(high, frontier)
      fill(at, piece(at, old))
      at = old
    }
    var place = islands.firstIndex { $0.upperBound > at } ?? islands.count
    while at < high {
      guard place < islands.count else {
        add(at..<high, at: place, piece(at, high), isJoined: isJoined)
        return
      }
      let island = islands[place]
      if at < island.lowerBound {
        let to = min(high, island.lowerBound)
        if add(at..<to, at: place, piece(at, to), isJoined: isJoined) { place += 1 }
        at = to
        continue
      }
      let to = min(high, island.upperBound)
      let shared = piece(at, to)
      repeated += to - at
      if !file.holds(shared, at: at) {
        differing += to - at
        if policy.prefersNew(
          newSequence: UInt32(truncatingIfNeeded: low), newCount: bytes.count,
          oldSequence: UInt32(truncatingIfNeeded: island.lowerBound), oldCount: island.count)
        {
          file.write(shared, at: at)
        }
      }
      at = to
      place += 1
    }
  }

  /// True where it is an island of its own at `place`, false where it is part of the one before.
  @discardableResult
  private mutating func add(
    _ range: Range<UInt64>, at place: Int, _ bytes: UnsafeRawBufferPointer, isJoined: Bool
  ) -> Bool {
    file.write(bytes, at: range.lowerBound)
    if range.lowerBound == frontier {
      frontier = range.upperBound
      // Nothing lies before it; it stands in the list for the moment, so that places stay what they are.
      islands.insert(range.upperBound..<range.upperBound, at: place)
      return true
    }
    islandBytes += UInt64(range.count)
    if isJoined, place > 0, islands[place - 1].upperBound == range.lowerBound {
      islands[place - 1] = islands[place - 1].lowerBound..<range.upperBound
      return false
    }
    islands.insert(range, at: place)
    return true
  }

  /// Islands that the frontier has reached.
  private mutating func absorb() {
    while let first = islands.first, first.lowerBound <= frontier {
      frontier = max(frontier, first.upperBound)
      islandBytes -= UInt64(first.count)
      islands.removeFirst()
    }
  }

  /// Nobody waits for what lies before `end` any more.
  private mutating func settleHole(_ end: UInt64) {
    guard end > frontier, !isCut else { return }
    if missing + (end - frontier) > max(Self.mostMissing, frontier - missing) { return cut() }
    holeCount += 1
    missing += end - frontier
    if holes.count < Self.mostHoles {
      if holes.last?.upperBound == frontier {
        holeCount -= 1
        holes[holes.count - 1] = holes[holes.count - 1].lowerBound..<end
      } else {
        holes.append(frontier..<end)
      }
    }
    frontier = end
  }

  private mutating func cut() {
    isCut = true
    islands = []
    islandBytes = 0
    file.truncate(to: frontier)
  }

  /// Bytes from before the frontier: those of a hole fill it, the others have been there before.
  private mutating func fill(_ low: UInt64, _ bytes: UnsafeRawBufferPointer) {
    let high = low + UInt64(bytes.count)
    func piece(_ from: UInt64, _ to: UInt64) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: bytes[Int(from - low)..<Int(to - low)])
    }
    var top = high
    // Holes may be many, and old segments, too.
    var place = lastHole(below: high)
    while place >= 0, holes[place].upperBound > low {
      let hole = holes[place].clamped(to: low..<top)
      if !hole.isEmpty {
        compare(hole.upperBound, piece(hole.upperBound, top))
        file.write(piece(hole.lowerBound, hole.upperBound), at: hole.lowerBound)
        missing -= UInt64(hole.count)
        let rest = [
          holes[place].lowerBound..<hole.lowerBound, hole.upperBound..<holes[place].upperBound,
        ].filter { !$0.isEmpty }
        holes.replaceSubrange(place...place, with: rest)
        holeCount += rest.count - 1
        top = hole.lowerBound
      }
      place -= 1
    }
    compare(low, piece(low, top))
  }

  /// The last one that begins before `end`; -1 where none does.
  private func lastHole(below end: UInt64) -> Int {
    var range = 0..<holes.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range =
        holes[middle].lowerBound < end
        ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound - 1
  }

  private mutating func compare(_ place: UInt64, _ bytes: UnsafeRawBufferPointer) {
    repeated += UInt64(bytes.count)
    if !file.holds(bytes, at: place) { differing += UInt64(bytes.count) }
  }
}
