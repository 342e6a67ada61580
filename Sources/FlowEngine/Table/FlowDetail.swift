/// What only a flow in trouble has: 184 bytes, taken from a pool when the first thing goes wrong.
///
/// A flow's own entry stays at 256 bytes that way, and a flow without loss never touches this. Where
/// the pool is empty the flow goes on without, and a counter says so.
@frozen
package struct FlowDetail: BitwiseCopyable, Sendable {
  /// Violations that have been reported of this flow, by ``Counter/violationBit``: each once.
  package var reported: UInt64 = 0
  package var sideA = FlowTrouble()
  package var sideB = FlowTrouble()
  var holesA = SequenceHoles()
  var holesB = SequenceHoles()
  package var strayA = StraySegments()
  package var strayB = StraySegments()
}

/// Segments of a side that stand beyond its receiver's window, one behind the other, and are not believed
/// yet: 16 bytes.
package struct StraySegments: BitwiseCopyable, Sendable {
  /// Of the first.
  var start: UInt32 = 0
  /// Behind the last one's last byte, or its FIN.
  var end: UInt32 = 0
  /// What was expected of the side when they came.
  var expected: UInt32 = 0
  /// How many; 0: there are none.
  var count: UInt8 = 0
  var hasFIN = false
}

/// What went wrong with what one side sent: 40 bytes. All of it TCP's, but for checksums.
@usableFromInline @frozen
package struct FlowTrouble: BitwiseCopyable, Equatable, Sendable {
  /// Segments whose bytes had all been sent before.
  package var retransmissions: UInt32 = 0
  /// Segments that came after later ones and filled a hole.
  package var outOfOrder: UInt32 = 0
  /// Holes that the other side acknowledged all the same: lost on the way to us and nowhere else.
  package var gaps: UInt32 = 0
  /// Segments with a window of 0.
  package var zeroWindows: UInt32 = 0
  /// Segments of one byte or none, one before the expected sequence number (RFC 9293, section 3.8.4).
  package var keepAlives: UInt32 = 0
  package var badChecksums: UInt32 = 0
  /// Segments of data that brought nothing beyond the highest sequence number: what Zeek's T counts.
  var belowHighest: UInt32 = 0
  /// Sequence number up to which the other side has acknowledged what was never seen; says so only while
  /// the side's history has ``HistoryBits/ahead``.
  var acknowledged: UInt32 = 0
  /// Bytes of the gaps.
  package var missedBytes: UInt64 = 0

  package init() {}
}

/// Up to four ranges of sequence numbers that a side has not been seen to send: 32 bytes. One whose end
/// is its start is free.
struct SequenceHoles: BitwiseCopyable, Sendable {
  static let capacity = 4

  private var starts: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
  private var ends: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)

  subscript(place: Int) -> (start: UInt32, end: UInt32) {
    get {
      switch place {
      case 0: (starts.0, ends.0)
      case 1: (starts.1, ends.1)
      case 2: (starts.2, ends.2)
      default: (starts.3, ends.3)
      }
    }
    set {
      switch place {
      case 0: (starts.0, ends.0) = newValue
      case 1: (starts.1, ends.1) = newValue
      case 2: (starts.2, ends.2) = newValue
      default: (starts.3, ends.3) = newValue
      }
    }
  }

  var isEmpty: Bool {
    (starts.0 ^ ends.0) | (starts.1 ^ ends.1) | (starts.2 ^ ends.2) | (starts.3 ^ ends.3) == 0
  }

  /// Bytes from `a` to `b`, which may have wrapped in between (RFC 9293, section 3.4).
  static func distance(_ a: UInt32, _ b: UInt32) -> Int32 { Int32(bitPattern: b &- a) }

  /// Notes a hole. Where there is no room for it the oldest one is given up: returns how many bytes that
  /// was, else 0.
  mutating func add(_ start: UInt32, _ end: UInt32) -> UInt32 {
    var oldest = 0
    for place in 0..<Self.capacity {
      let (from, to) = self[place]
      if from == to {
        self[place] = (start, end)
        return 0
      }
      if Self.distance(from, self[oldest].start) > 0 { oldest = place }
    }
    let lost = self[oldest].end &- self[oldest].start
    self[oldest] = (start, end)
    return lost
  }

  /// A segment has come: what it covers is no hole any more. Returns whether it covered any of one.
  mutating func fill(_ start: UInt32, _ end: UInt32) -> Bool {
    var filled = false
    for place in 0..<Self.capacity {
      let (from, to) = self[place]
      guard from != to, Self.distance(from, end) > 0, Self.distance(start, to) > 0 else { continue }
      filled = true
      let leavesFront = Self.distance(from, start) > 0
      let leavesBack = Self.distance(end, to) > 0
      if leavesFront && leavesBack {
        self[place] = (from, start)
        // Where there is no room for the second half, it counts as filled.
        for other in 0..<Self.capacity where self[other].start == self[other].end {
          self[other] = (end, to)
          break
        }
      } else if leavesFront {
        self[place] = (from, start)
      } else if leavesBack {
        self[place] = (end, to)
      } else {
        self[place] = (0, 0)
      }
    }
    return filled
  }

  /// The other side has acknowledged all up to `end`: holes before it will not be filled. Returns their
  /// number and bytes.
  mutating func acknowledge(_ end: UInt32) -> (count: UInt32, bytes: UInt64) {
    var count: UInt32 = 0
    var bytes: UInt64 = 0
    for place in 0..<Self.capacity {
      let (from, to) = self[place]
      guard from != to, Self.distance(from, end) > 0 else { continue }
      let upTo = Self.distance(to, end) >= 0 ? to : end
      count &+= 1
      bytes &+= UInt64(upTo &- from)
      self[place] = upTo == to ? (0, 0) : (upTo, to)
    }
    return (count, bytes)
  }
}

/// The details of a worker's flows, in fixed memory. Numbers begin at 1; 0 is none.
struct FlowDetailPool: BitwiseCopyable {
  let details: UnsafeMutablePointer<FlowDetail>
  private let free: UnsafeMutablePointer<UInt32>
  private var freeCount: Int
  let capacity: Int

  /// Details that flows hold.
  var count: Int { capacity &- freeCount }

  init(capacity: Int, plan: inout MemoryPlan, touch: Bool) {
    self.capacity = capacity
    details = plan.take("flow details", bytes: capacity * MemoryLayout<FlowDetail>.stride)
      .assumingMemoryBound(to: FlowDetail.self)
    free = plan.take("flow details' free list", bytes: capacity * 4)
      .assumingMemoryBound(to: UInt32.self)
    freeCount = 0
    guard touch else { return }
    for i in 0..<capacity { free[i] = UInt32(capacity - i) }
    freeCount = capacity
  }

  /// A detail with nothing in it, or 0.
  mutating func take() -> UInt32 {
    guard freeCount > 0 else { return 0 }
    freeCount &-= 1
    let number = free[freeCount]
    details[Int(number) &- 1] = FlowDetail()
    return number
  }

  mutating func giveBack(_ number: UInt32) {
    free[freeCount] = number
    freeCount &+= 1
  }

  @inline(__always)
  func at(_ number: UInt32) -> UnsafeMutablePointer<FlowDetail> { details + (Int(number) &- 1) }
}
