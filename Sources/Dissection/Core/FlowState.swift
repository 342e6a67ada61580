internal import FlowEngine

/// One direction of a TCP connection while it is in dissection: 56 bytes.
struct StreamSide: BitwiseCopyable {
  /// Of the next byte to be delivered.
  var nextSequence: UInt32 = 0
  /// ``Flags``
  var flags: UInt16 = 0
  /// Of ``carry``.
  var carrySize: UInt8 = 0
  /// Holes behind which segments wait.
  var holes: UInt8 = 0
  /// Bytes delivered, skipped and missed so far: the place in the stream.
  var offset: UInt64 = 0
  /// Bytes that nobody wants, still to come.
  var skip: UInt64 = 0
  /// What the dissector has left for later, in a block of ``carrySize``.
  var carry: UInt32 = 0
  var carryCount: UInt32 = 0
  /// Bytes that must be together before the dissector is asked again.
  var needs: UInt32 = 0
  /// First block of waiting segments, in the order of their sequence numbers; 0: none.
  var segments: UInt32 = 0
  /// Bytes that the blocks of waiting segments take, used or not.
  var held: UInt32 = 0
  /// Bytes that came when too much of it had been looked at without telling what it is.
  var unheard: UInt32 = 0
  /// Of the FIN, where ``Flags/fin`` says that there is one.
  var finSequence: UInt32 = 0
  /// Bytes that holes have hidden.
  var missing: UInt32 = 0

  enum Flags {
    /// `nextSequence` is known.
    static let begun: UInt16 = 1 << 0
    /// Nobody wants any more of it.
    static let done: UInt16 = 1 << 1
    static let fin: UInt16 = 1 << 2
    /// The dissector has been told of the end.
    static let ended: UInt16 = 1 << 3
    /// Its first bytes were not seen.
    static let midstream: UInt16 = 1 << 4
    /// What there was to be probed of it fits nothing.
    static let probed: UInt16 = 1 << 5
    /// Its sender has acknowledged something with data of his: ``FlowState/acknowledgedByA``.
    static let acknowledges: UInt16 = 1 << 6
  }
}

/// What dissection keeps of a flow as long as it looks at it: 1 KiB, taken from a pool with the first
/// payload and given back when the dissector has what it wants.
///
///     | head, 64 | stream sides, 2 × 56 | acknowledged, 8 | prints, 2 × 32 | the dissector's own, 776 |
struct FlowState: BitwiseCopyable {
  /// The flow's entry in the table.
  var entry: UInt32 = 0
  /// ``AppProtocol`` whose dissector has the state; unknown while it is probed.
  var proto: UInt8 = 0
  /// Side of the key that is the client: 0 A, 1 B.
  var clientSide: UInt8 = 0
  /// ``AppProtocol`` that the ports promise.
  var expected: UInt8 = 0
  /// Datagrams looked at without knowing what they are.
  var probes: UInt8 = 0
  /// Bit per ``AppProtocol`` that the probes have excluded.
  var excluded: UInt64 = 0
  /// Transactions given out.
  var transactions: UInt32 = 0
  /// ``AppProtocol``s that datagrams were taken for, and were not: the latest, and the one before.
  var refused: UInt8 = 0
  var refusedBefore: UInt8 = 0
  /// Datagrams of it in ``FragmentStore``.
  var datagrams: UInt16 = 0
  /// Time of the flow's first packet that dissection saw.
  var began: Int64 = 0
  /// Times that the protocol has changed.
  var changes: UInt32 = 0
  /// Of a stream, the side whose bytes ``excluded`` is of: 1 A, 2 B; 0 none yet.
  var probedSide: UInt8 = 0
  /// Of the latest packet.
  var lastTime: Int64 = 0
  var lastOrdinal: UInt64 = 0
  /// KiB of the blocks that records under way take.
  var draftKilobytes: UInt16 = 0
  /// The dissector's own part is not all zeros any more.
  var isOwnUsed = false
  /// Of the latest packet, as ``lastTime``.
  var lastSide: UInt8 = 0
  /// A block in which the dissector before has left something for the next one (``HTTP2Handed``); 0: none.
  var handed: UInt32 = 0
  var sideA = StreamSide()
  var sideB = StreamSide()
  /// What a side's latest data has acknowledged: numbers of the other side.
  var acknowledgedByA: UInt32 = 0
  var acknowledgedByB: UInt32 = 0
  /// Of what was delivered last.
  var printsA = SegmentPrints()
  var printsB = SegmentPrints()

  static let byteCount = 1024
  static let printsOffset = 184
  /// Where the dissector's own part begins, and how long it is.
  static let ownOffset = 248
  static let ownBytes = byteCount - ownOffset
}

/// The states of a worker's flows. Numbers begin at 1; 0 is none.
struct FlowStatePool: BitwiseCopyable {
  private let memory: UnsafeMutableRawPointer
  private let free: UnsafeMutablePointer<UInt32>
  private var freeCount = 0
  private(set) var mostUsed = 0
  let capacity: Int

  init(capacity: Int, plan: inout MemoryPlan, touch: Bool) {
    self.capacity = capacity
    memory = plan.take("dissection states", bytes: capacity * FlowState.byteCount)
    free = plan.take("dissection states' free list", bytes: capacity * 4)
      .assumingMemoryBound(to: UInt32.self)
    guard touch else { return }
    for i in 0..<capacity { free[i] = UInt32(capacity - i) }
    freeCount = capacity
  }

  var used: Int { capacity - freeCount }

  @inline(__always)
  func at(_ number: UInt32) -> UnsafeMutablePointer<FlowState> {
    (memory + (Int(number) &- 1) &* FlowState.byteCount).assumingMemoryBound(to: FlowState.self)
  }

  /// A state of zeros, or 0 where none is left.
  mutating func take() -> UInt32 {
    guard freeCount > 0 else { return 0 }
    freeCount &-= 1
    mostUsed = max(mostUsed, capacity &- freeCount)
    let number = free[freeCount]
    UnsafeMutableRawPointer(at(number)).initializeMemory(
      as: UInt64.self, repeating: 0, count: FlowState.byteCount / 8)
    return number
  }

  mutating func giveBack(_ number: UInt32) {
    free[freeCount] = number
    freeCount &+= 1
  }
}
