internal import FlowEngine

#if canImport(Glibc)
  internal import Glibc
#endif

// Segments that wait behind a hole, until it is filled, acknowledged, or too much waits.

/// A block of bytes that wait behind a hole: this head, then the bytes. The blocks of a direction are a
/// list in the order of their sequence numbers, and no two share a byte.
struct HeldSegment: BitwiseCopyable {
  var next: UInt32
  var sequence: UInt32
  var count: UInt32
  var size: UInt8
  private var reserved: (UInt8, UInt8, UInt8) = (0, 0, 0)

  init(next: UInt32, sequence: UInt32, count: UInt32, size: UInt8) {
    self.next = next
    self.sequence = sequence
    self.count = count
    self.size = size
  }

  static let headBytes = MemoryLayout<HeldSegment>.stride
  /// Blocks of one direction at the most: as many holes.
  static let most: UInt16 = 64
}

extension Dissection {
  // MARK: Held segments

  @inline(__always)
  func heldSegment(_ number: UInt32) -> UnsafeMutablePointer<HeldSegment> {
    core.blocks.at(number).assumingMemoryBound(to: HeldSegment.self)
  }

  @inline(__always)
  func heldBytes(_ number: UInt32) -> Bytes {
    Bytes(
      UnsafePointer(
        (core.blocks.at(number) + HeldSegment.headBytes).assumingMemoryBound(to: UInt8.self)),
      Int(heldSegment(number).pointee.count))
  }

  /// Keeps bytes that came before others that they follow.
  @inline(never)
  mutating func hold(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ sequence: UInt32, _ bytes: Bytes
  ) {
    // Policies ask where the segment began, not what is left of it.
    let first = sequence
    var sequence = sequence
    var rest = bytes
    var before: UInt32 = 0
    var current = side.pointee.segments
    while !rest.isEmpty {
      // Past what ends before it.
      while current != 0 {
        let held = heldSegment(current)
        let end = held.pointee.sequence &+ held.pointee.count
        if Int32(bitPattern: end &- sequence) > 0 { break }
        before = current
        current = held.pointee.next
      }
      var room = rest.count
      if current != 0 {
        let held = heldSegment(current)
        let distance = Int32(bitPattern: held.pointee.sequence &- sequence)
        if distance <= 0 {
          // It begins within what is held.
          let offset = Int(0 &- distance)
          let shared = min(rest.count, Int(held.pointee.count) &- offset)
          let waiting = heldBytes(current).dropFirst(offset).prefix(shared)
          if !waiting.equals(rest.prefix(shared)) {
            core.note(.streamOverlapDiffers)
            if core.settings.overlapPolicy.prefersNew(
              newSequence: first, newCount: bytes.count, oldSequence: held.pointee.sequence,
              oldCount: Int(held.pointee.count))
            {
              UnsafeMutablePointer(mutating: waiting.base).update(from: rest.base, count: shared)
            }
          }
          sequence &+= UInt32(truncatingIfNeeded: shared)
          rest = rest.dropFirst(shared)
          continue
        }
        room = min(room, Int(distance))
      }
      let piece = rest.prefix(room)
      guard let kept = keep(side, before, current, sequence, piece) else {
        overflow(state, side, toServer)
        return
      }
      before = kept.last
      sequence &+= UInt32(truncatingIfNeeded: kept.count)
      rest = rest.dropFirst(kept.count)
    }
    if side.pointee.held > core.settings.heldBytesPerDirection
      || side.pointee.segmentCount > HeldSegment.most
    {
      overflow(state, side, toServer)
    }
  }

  /// Puts bytes behind a block, in it where they follow it and it has room, else in one of their own.
  private mutating func keep(
    _ side: UnsafeMutablePointer<StreamSide>, _ before: UInt32, _ after: UInt32,
    _ sequence: UInt32, _ bytes: Bytes
  ) -> (last: UInt32, count: Int)? {
    if before != 0 && !core.settings.overlapPolicy.asksForEnds {
      let held = heldSegment(before)
      let room =
        BlockPool.byteCount(held.pointee.size) - HeldSegment.headBytes - Int(held.pointee.count)
      if held.pointee.sequence &+ held.pointee.count == sequence && room > 0 {
        let count = min(room, bytes.count)
        (core.blocks.at(before) + HeldSegment.headBytes + Int(held.pointee.count)).copyMemory(
          from: bytes.base, byteCount: count)
        held.pointee.count &+= UInt32(truncatingIfNeeded: count)
        side.pointee.held &+= UInt32(truncatingIfNeeded: count)
        return (before, count)
      }
    }
    let size = BlockPool.size(for: bytes.count + HeldSegment.headBytes) ?? 3
    let number = core.blocks.take(size)
    guard number != 0 else {
      core.counters.add(.dissectionNoMemory)
      return nil
    }
    let count = min(bytes.count, BlockPool.byteCount(size) - HeldSegment.headBytes)
    heldSegment(number).initialize(
      to: HeldSegment(
        next: after, sequence: sequence, count: UInt32(truncatingIfNeeded: count), size: size))
    (core.blocks.at(number) + HeldSegment.headBytes).copyMemory(
      from: bytes.base, byteCount: count)
    if before == 0 {
      side.pointee.segments = number
    } else {
      heldSegment(before).pointee.next = number
    }
    side.pointee.segmentCount &+= 1
    side.pointee.held &+= UInt32(truncatingIfNeeded: count)
    return (number, count)
  }

  /// More waits than may: the first hole is passed on as one.
  @inline(never)
  private mutating func overflow(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) {
    core.note(.streamHeldTooMuch)
    skipFirstHole(state, side, toServer)
  }

  /// The receiver has all up to a sequence number: what was not seen of it will not come. Where nothing
  /// waits behind the hole only a packet with payload tells of it, since only those are all shown.
  @inline(__always)
  mutating func takeAcknowledgement(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ acknowledged: UInt32, isSure: Bool
  ) {
    if side.pointee.segments != 0 {
      giveUpHoles(state, side, toServer, acknowledged: acknowledged)
    }
    let begun = StreamSide.Flags.begun
    let flags = side.pointee.flags
    guard isSure, isLive(state), side.pointee.segments == 0,
      flags & (begun | StreamSide.Flags.fin | StreamSide.Flags.done) == begun
    else { return }
    let beyond = Int32(bitPattern: acknowledged &- side.pointee.nextSequence)
    // One alone may be that of a FIN that was not seen.
    if beyond > 1 && beyond.magnitude <= Self.largestWindow {
      missed(state, side, toServer, UInt64(beyond))
    }
  }

  private mutating func giveUpHoles(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, acknowledged: UInt32
  ) {
    while isLive(state), side.pointee.segments != 0,
      side.pointee.flags & StreamSide.Flags.done == 0,
      Int32(bitPattern: acknowledged &- heldSegment(side.pointee.segments).pointee.sequence) >= 0
    {
      skipFirstHole(state, side, toServer)
    }
  }

  /// Passes on the hole before the first block, and what waits behind it.
  mutating func skipFirstHole(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) {
    guard side.pointee.segments != 0 else { return }
    let distance = Int32(
      bitPattern: heldSegment(side.pointee.segments).pointee.sequence
        &- side.pointee.nextSequence)
    if distance > 0 { missed(state, side, toServer, UInt64(distance)) }
    if isLive(state) { deliverHeld(state, side, toServer) }
  }

  /// Blocks that are next now.
  mutating func deliverHeld(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) {
    while isLive(state), side.pointee.segments != 0 {
      if side.pointee.flags & StreamSide.Flags.done != 0 { return dropSegments(side) }
      let sequence = heldSegment(side.pointee.segments).pointee.sequence
      guard Int32(bitPattern: sequence &- side.pointee.nextSequence) <= 0 else { return }
      deliverFirstHeld(state, side, toServer)
    }
  }

  /// The first block, which begins at or before what is next.
  mutating func deliverFirstHeld(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) {
    let number = side.pointee.segments
    let held = heldSegment(number)
    let bytes = heldBytes(number)
    // Not in the list any more while its bytes are looked at: whoever ends the flow does not give it back.
    side.pointee.segments = held.pointee.next
    side.pointee.segmentCount &-= 1
    side.pointee.held &-= held.pointee.count
    let size = held.pointee.size
    let old = Int32(bitPattern: side.pointee.nextSequence &- held.pointee.sequence)
    if old >= 0 { deliver(state, side, toServer, bytes.dropFirst(Int(old))) }
    core.blocks.giveBack(number, size)
  }

  mutating func dropSegments(_ side: UnsafeMutablePointer<StreamSide>) {
    while side.pointee.segments != 0 {
      let number = side.pointee.segments
      let held = heldSegment(number).pointee
      side.pointee.segments = held.next
      core.blocks.giveBack(number, held.size)
    }
    side.pointee.segmentCount = 0
    side.pointee.held = 0
  }
}

extension OverlapPolicy {
  /// Where segments begin and end decides: those that wait are not joined.
  package var asksForEnds: Bool {
    switch self {
    case .first, .last: false
    case .linux, .windows: true
    }
  }

  /// Whether, in bytes that two segments share, those of the newer one are believed.
  package func prefersNew(
    newSequence: UInt32, newCount: Int, oldSequence: UInt32, oldCount: Int
  ) -> Bool {
    let begins = Int32(bitPattern: newSequence &- oldSequence)
    let ends = Int(begins) &+ newCount &- oldCount
    switch self {
    case .first: return false
    case .last: return true
    // A new one that begins before the old one wins.
    case .linux: return begins < 0
    case .windows: return begins < 0 && ends > 0
    }
  }
}
