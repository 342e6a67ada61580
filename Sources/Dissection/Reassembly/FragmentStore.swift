internal import FlowEngine

/// A datagram of which not all fragments have come.
struct PartialDatagram: BitwiseCopyable {
  /// Its flow's entry in the table; meaningless where `isUsed` is false.
  var entry: UInt32 = 0
  var id: UInt32 = 0
  /// What there is of it, in a block of `size`; 0: nothing.
  var block: UInt32 = 0
  var size: UInt8 = 0
  var side: UInt8 = 0
  var isUsed = false
  /// It cannot be put together any more: a piece of it was not captured, shares bytes with another, or
  /// found no memory.
  var isBroken = false
  /// Where the transport header stands: behind extension headers of IPv6 that were cut with it.
  var base: UInt16 = 0
  /// Where it ends, once the last fragment is there.
  var end: UInt32 = 0
  /// When its first fragment came.
  var time: Int64 = 0
  var pieces = DatagramPieces()
}

/// A worker's datagrams under way: a fixed number of them, the oldest of which gives way.
struct FragmentStore: BitwiseCopyable {
  private let memory: UnsafeMutablePointer<PartialDatagram>
  let capacity: Int
  var used = 0

  /// As Linux has it (`ipfrag_time`).
  static let lifetimeNanoseconds: Int64 = 30 * 1_000_000_000

  init(capacity: Int, plan: inout MemoryPlan) {
    self.capacity = max(capacity, 1)
    memory = plan.take(
      "datagrams in fragments",
      bytes: self.capacity * MemoryLayout<PartialDatagram>.stride
    )
    .assumingMemoryBound(to: PartialDatagram.self)
  }

  subscript(place: Int) -> UnsafeMutablePointer<PartialDatagram> { memory + place }

  func find(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) -> Int? {
    guard used > 0 else { return nil }
    for place in 0..<capacity {
      let d = memory[place]
      if d.isUsed && d.id == packet.pointee.fragmentID && d.entry == entry
        && d.side == packet.pointee.side
      {
        return place
      }
    }
    return nil
  }

  /// A place that is free, else that of the oldest.
  func place() -> Int {
    var oldest = 0
    for place in 0..<capacity {
      if !memory[place].isUsed { return place }
      if memory[place].time < memory[oldest].time { oldest = place }
    }
    return oldest
  }
}
