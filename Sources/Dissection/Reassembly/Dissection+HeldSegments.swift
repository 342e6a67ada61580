internal import FlowEngine

#if canImport(Glibc)
  internal import Glibc
#endif

// Segments that wait behind a hole, until it is filled, acknowledged, or too much waits.

/// A block of bytes that wait behind a hole: this head, then the bytes. The blocks of a direction are a
/// list in the order of their sequence numbers, and no two share a byte.
///
///     next to come | hole | block → block | hole | block → … → last
///
/// What is behind all that waits, as most is, finds its place at once; anything else walks the list. That is
/// bounded by the memory, `dissection.heldKilobytes`: beyond 1 MiB no block is as small as 1 KiB, so that
/// there are some thousand at the most, and 256 as it is configured usually.
struct HeldSegment: BitwiseCopyable {
  var next: UInt32
  var sequence: UInt32
  /// Of a direction's first block: its last one.
  var last: UInt32 = 0
  /// Bytes behind the head: less than 64 KiB.
  var count: UInt16
  var size: UInt8
  private var reserved: UInt8 = 0

  init(next: UInt32, sequence: UInt32, count: Int, size: UInt8) {
    self.next = next
    self.sequence = sequence
    self.count = UInt16(truncatingIfNeeded: count)
    self.size = size
  }

  /// Behind the last byte.
  var end: UInt32 { sequence &+ UInt32(count) }

  static let headBytes = MemoryLayout<HeldSegment>.stride
  /// Holes in one direction at a time.
  static let mostHoles: UInt8 = 64

  /// The smallest block where so much waits already.
  static func leastSize(held: UInt32) -> UInt8 {
    if held < 1 << 20 { return 0 }
    return held < 4 << 20 ? 1 : held < 16 << 20 ? 2 : 3
  }

  /// The smallest block for what goes on where another one is full: more will come where much has come
  /// behind each hole.
  static func nextSize(held: UInt32, holes: UInt8) -> UInt8 {
    let each = held / UInt32(max(holes, 1))
    if each < 16 << 10 { return leastSize(held: held) }
    return each < 64 << 10 ? max(1, leastSize(held: held)) : each < 1 << 20 ? 2 : 3
  }
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
    if current != 0 {
      let last = heldSegment(current).pointee.last
      if Int32(bitPattern: heldSegment(last).pointee.end &- sequence) <= 0 {
        before = last
        current = 0
      }
    }
    while !rest.isEmpty {
      // Past what ends before it.
      while current != 0 {
        let held = heldSegment(current)
        if Int32(bitPattern: held.pointee.end &- sequence) > 0 { break }
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
        core.note(.streamHeldTooMuch)
        return skipFirstHole(state, side, toServer)
      }
      before = kept.last
      sequence &+= UInt32(truncatingIfNeeded: kept.count)
      rest = rest.dropFirst(kept.count)
    }
    if isTooMuch(side) { overflow(state, side, toServer) }
  }

  @inline(__always)
  private func isTooMuch(_ side: UnsafeMutablePointer<StreamSide>) -> Bool {
    Int(side.pointee.held) > core.settings.heldBytesPerDirection
      || side.pointee.holes > HeldSegment.mostHoles
  }

  /// Puts bytes behind a block, in it where they follow it and it has room, else in one of their own.
  private mutating func keep(
    _ side: UnsafeMutablePointer<StreamSide>, _ before: UInt32, _ after: UInt32,
    _ sequence: UInt32, _ bytes: Bytes
  ) -> (last: UInt32, count: Int)? {
    let goesOn = before != 0 && heldSegment(before).pointee.end == sequence
    let isJoined = goesOn && !core.settings.overlapPolicy.asksForEnds
    if isJoined {
      let held = heldSegment(before)
      let room =
        BlockPool.byteCount(held.pointee.size) - HeldSegment.headBytes - Int(held.pointee.count)
      if room > 0 {
        let count = min(room, bytes.count)
        (core.blocks.at(before) + HeldSegment.headBytes + Int(held.pointee.count)).copyMemory(
          from: bytes.base, byteCount: count)
        held.pointee.count &+= UInt16(truncatingIfNeeded: count)
        if reaches(after, held.pointee.end) { side.pointee.holes &-= 1 }
        return (before, count)
      }
    }
    if !core.settings.overlapPolicy.asksForEnds, putBefore(after, sequence, bytes) {
      if goesOn { side.pointee.holes &-= 1 }
      return (before, bytes.count)
    }
    let fits = BlockPool.size(for: bytes.count + HeldSegment.headBytes) ?? 3
    let least =
      isJoined
      ? HeldSegment.nextSize(held: side.pointee.held, holes: side.pointee.holes)
      : HeldSegment.leastSize(held: side.pointee.held)
    var size = max(fits, least)
    var number = core.blocks.take(size)
    if number == 0 && size > fits {
      size = fits
      number = core.blocks.take(size)
    }
    guard number != 0 else {
      core.counters.add(.dissectionNoMemory)
      return nil
    }
    let count = min(bytes.count, BlockPool.byteCount(size) - HeldSegment.headBytes)
    let new = heldSegment(number)
    new.initialize(to: HeldSegment(next: after, sequence: sequence, count: count, size: size))
    (core.blocks.at(number) + HeldSegment.headBytes).copyMemory(
      from: bytes.base, byteCount: count)
    if before == 0 {
      new.pointee.last = after == 0 ? number : heldSegment(after).pointee.last
      side.pointee.segments = number
    } else {
      heldSegment(before).pointee.next = number
      if after == 0 { heldSegment(side.pointee.segments).pointee.last = number }
    }
    side.pointee.held &+= UInt32(truncatingIfNeeded: BlockPool.byteCount(size))
    if !goesOn { side.pointee.holes &+= 1 }
    if reaches(after, new.pointee.end) { side.pointee.holes &-= 1 }
    return (number, count)
  }

  /// Puts bytes into a block that they reach, before those it has: 4 KiB are moved at the most.
  private func putBefore(_ block: UInt32, _ sequence: UInt32, _ bytes: Bytes) -> Bool {
    guard reaches(block, sequence &+ UInt32(truncatingIfNeeded: bytes.count)) else { return false }
    let held = heldSegment(block)
    let count = Int(held.pointee.count) + bytes.count
    guard held.pointee.size <= 1,
      count + HeldSegment.headBytes <= BlockPool.byteCount(held.pointee.size)
    else { return false }
    let start = core.blocks.at(block) + HeldSegment.headBytes
    (start + bytes.count).copyMemory(from: start, byteCount: Int(held.pointee.count))
    start.copyMemory(from: bytes.base, byteCount: bytes.count)
    held.pointee.sequence = sequence
    held.pointee.count = UInt16(truncatingIfNeeded: count)
    return true
  }

  /// A block that begins at `end`: there is no hole before it.
  @inline(__always)
  private func reaches(_ block: UInt32, _ end: UInt32) -> Bool {
    block != 0 && heldSegment(block).pointee.sequence == end
  }

  /// More waits than may: holes are passed on as such, the first one first.
  @inline(never)
  private mutating func overflow(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) {
    core.note(.streamHeldTooMuch)
    while isLive(state), side.pointee.segments != 0,
      side.pointee.flags & StreamSide.Flags.done == 0, isTooMuch(side)
    {
      skipFirstHole(state, side, toServer)
    }
  }

  /// The receiver has all up to a sequence number: what was not seen of it will not come. Where nothing
  /// waits behind the hole, neither data nor a FIN, only a packet with payload tells of it, since only those
  /// are all shown.
  @inline(__always)
  mutating func takeAcknowledgement(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ acknowledged: UInt32, isSure: Bool
  ) {
    if side.pointee.segments != 0 {
      giveUpHoles(state, side, toServer, acknowledged: acknowledged)
    }
    guard isLive(state) else { return }
    if isFINPending(side) {
      // With the FIN it has all there is (RFC 9293, section 3.10.7.4).
      guard side.pointee.segments == 0,
        Int32(bitPattern: acknowledged &- side.pointee.finSequence) > 0
      else { return }
      let lost = Int32(bitPattern: side.pointee.finSequence &- side.pointee.nextSequence)
      if lost > 0 { missed(state, side, toServer, UInt64(lost)) }
      if isLive(state) { closeIfDue(state, side, toServer) }
      return
    }
    let begun = StreamSide.Flags.begun
    let flags = side.pointee.flags
    guard isSure, side.pointee.segments == 0, flags & (begun | StreamSide.Flags.done) == begun
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
      if side.pointee.flags & StreamSide.Flags.done != 0 {
        return passOver(state, side, toServer, to: side.pointee.nextSequence)
      }
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
    let next = held.pointee.next
    side.pointee.segments = next
    if next != 0 { heldSegment(next).pointee.last = held.pointee.last }
    if !reaches(next, held.pointee.end) { side.pointee.holes &-= 1 }
    let size = held.pointee.size
    side.pointee.held &-= UInt32(truncatingIfNeeded: BlockPool.byteCount(size))
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
    side.pointee.holes = 0
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
