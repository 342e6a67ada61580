internal import CBurst
internal import FlowEngine

#if canImport(Glibc)
  internal import Glibc
#endif

// Segments into streams (RFC 9293, section 3.4): what is next in order goes straight from the packet to
// the dissector, what comes early waits, what has been seen is cut off.

extension Dissection {
  /// One segment of a flow in dissection.
  mutating func takeSegment(
    _ state: UnsafeMutablePointer<FlowState>, _ packet: UnsafePointer<ParsedPacket>
  ) {
    let p = packet.pointee
    guard p.flags & ParsedPacket.Flags.badTransportHeader == 0, p.data != nil else { return }
    let sender = p.side
    let side = Self.side(state, sender)
    let toServer = sender == state.pointee.clientSide
    // What it acknowledges was said before what it says itself.
    if p.tcpFlags & TCPFlags.ack != 0 {
      takeAcknowledgement(
        state, Self.side(state, 1 &- sender), !toServer, p.acknowledgement,
        isSure: p.payloadLength > 0)
      guard isLive(state) else { return }
    }
    guard p.tcpFlags & TCPFlags.rst == 0 else { return }
    // A SYN takes one number, and data may stand behind it (RFC 9293, section 3.4).
    let sequence = p.tcpFlags & TCPFlags.syn != 0 ? p.sequence &+ 1 : p.sequence
    let captured = min(p.payloadLength, p.captured &- min(UInt32(p.payloadOffset), p.captured))
    let bytes = Bytes(p.data.unsafelyUnwrapped + Int(p.payloadOffset), Int(captured))
    guard side.pointee.flags & StreamSide.Flags.done == 0 else {
      if !bytes.isEmpty { compareWithDelivered(state, side, sequence, bytes) }
      return
    }
    if side.pointee.flags & StreamSide.Flags.begun == 0 {
      beginSide(state, sender, packet)
    } else if p.tcpFlags & TCPFlags.syn != 0 {
      beginSideAgain(state, sender)
    }
    if p.payloadLength > 0 {
      core.counters.add(.payloadsShown)
      core.counters.add(.payloadBytesShown, UInt64(captured))
      guard followJump(state, side, sender, toServer, sequence) else { return }
      place(state, side, toServer, sequence, bytes, length: p.payloadLength)
    }
    guard isLive(state) else { return }
    if p.tcpFlags & TCPFlags.fin != 0 {
      side.pointee.finSequence = sequence &+ p.payloadLength
      side.pointee.flags |= StreamSide.Flags.fin
    }
    closeIfDue(state, side, toServer)
  }

  /// The flow has not been given up meanwhile.
  @inline(__always)
  func isLive(_ state: UnsafeMutablePointer<FlowState>) -> Bool {
    core.flows.app[Int(state.pointee.entry)].state != 0
  }

  @inline(__always)
  static func side(_ state: UnsafeMutablePointer<FlowState>, _ number: UInt8)
    -> UnsafeMutablePointer<StreamSide>
  {
    // sideA and sideB stand one behind the other at byte 64; a test asserts it.
    (UnsafeMutableRawPointer(state) + 64 + Int(number & 1) &* MemoryLayout<StreamSide>.stride)
      .assumingMemoryBound(to: StreamSide.self)
  }

  /// Where a direction's bytes begin: behind its SYN, where that was seen.
  private mutating func beginSide(
    _ state: UnsafeMutablePointer<FlowState>, _ sender: UInt8, _ packet: UnsafePointer<ParsedPacket>
  ) {
    let side = Self.side(state, sender)
    let entry = Int(state.pointee.entry)
    side.pointee.flags |= StreamSide.Flags.begun
    // The tracker has seen the packet, and knows the number that the side began with: that of its SYN, or
    // the one before its first segment.
    side.pointee.nextSequence = core.flows.cold[entry].start(sender) &+ 1
    let tracked = sender == 0 ? core.flows.hot[entry].sideA : core.flows.hot[entry].sideB
    if tracked.history & (HistoryBits.syn | HistoryBits.synAck) == 0 {
      side.pointee.flags |= StreamSide.Flags.midstream
    }
  }

  /// Another SYN of a direction, which has said nothing yet: an answer with another number is where it
  /// begins now, if the tracker believes it.
  private mutating func beginSideAgain(
    _ state: UnsafeMutablePointer<FlowState>, _ sender: UInt8
  ) {
    let side = Self.side(state, sender)
    guard side.pointee.offset == 0, side.pointee.segments == 0, side.pointee.carryCount == 0
    else { return }
    side.pointee.nextSequence = core.flows.cold[Int(state.pointee.entry)].start(sender) &+ 1
  }

  /// Bytes so far from what is next that no window lets them through (RFC 7323, section 2.3) are of another
  /// numbering. One such segment proves nothing, anybody may have sent it; by the second one the tracker
  /// has taken the new numbering for the connection's, and so does this: behind a hole, since nothing says
  /// that the one follows on the other. False where the segment is not to be looked at.
  @inline(__always)
  private mutating func followJump(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ sender: UInt8, _ toServer: Bool, _ sequence: UInt32
  ) -> Bool {
    let distance = Int32(bitPattern: sequence &- side.pointee.nextSequence)
    if distance.magnitude <= Self.largestWindow { return true }
    return jump(state, side, sender, toServer, sequence)
  }

  @inline(never)
  private mutating func jump(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ sender: UInt8, _ toServer: Bool, _ sequence: UInt32
  ) -> Bool {
    let start = core.flows.cold[Int(state.pointee.entry)].start(sender) &+ 1
    let since = Int32(bitPattern: sequence &- start)
    guard since > 0, since.magnitude <= Self.largestWindow else { return false }
    while isLive(state), side.pointee.segments != 0 { skipFirstHole(state, side, toServer) }
    guard isLive(state), side.pointee.flags & StreamSide.Flags.done == 0 else { return false }
    forgetSegments(state, side)
    side.pointee.nextSequence = start
    missed(state, side, toServer, UInt64(since))
    return isLive(state) && side.pointee.flags & StreamSide.Flags.done == 0
  }

  /// The largest window that can be announced: nothing can be further away.
  static var largestWindow: UInt32 { 1 << 30 }

  // MARK: A place in the stream

  /// Bytes from `sequence` on, of `length` that were sent and of which the last ones may not have been
  /// captured.
  private mutating func place(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ sequence: UInt32, _ bytes: Bytes, length: UInt32
  ) {
    let ahead = Int32(bitPattern: sequence &- side.pointee.nextSequence)
    if ahead > 0 {
      hold(state, side, toServer, sequence, bytes)
      return
    }
    // Wraps as sequence numbers do; of what is at or behind the next one the rest is cut off.
    let old = UInt32(bitPattern: 0 &- ahead)
    if old > 0 { compareWithDelivered(state, side, sequence, bytes) }
    // All of it has been delivered.
    if old >= length { return }
    let fresh = bytes.dropFirst(Int(old))
    if side.pointee.segments == 0 {
      deliver(state, side, toServer, fresh)
    } else {
      deliverUpToHeld(state, side, toServer, fresh, of: sequence, bytes.count)
    }
    guard isLive(state), side.pointee.flags & StreamSide.Flags.done == 0 else { return }
    let end = sequence &+ length
    let uncaptured = Int32(bitPattern: end &- side.pointee.nextSequence)
    if uncaptured > 0 && UInt32(bytes.count) < length {
      missed(state, side, toServer, UInt64(uncaptured))
    }
    if isLive(state) { deliverHeld(state, side, toServer) }
  }

  /// Bytes that are next, while later ones wait: where both have the same bytes, the policy says which
  /// are believed. `sequence` and `count` are the whole segment's.
  private mutating func deliverUpToHeld(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ bytes: Bytes, of sequence: UInt32, _ count: Int
  ) {
    var rest = bytes
    while !rest.isEmpty, isLive(state), side.pointee.flags & StreamSide.Flags.done == 0 {
      guard side.pointee.segments != 0 else { return deliver(state, side, toServer, rest) }
      let held = heldSegment(side.pointee.segments)
      let distance = Int32(bitPattern: held.pointee.sequence &- side.pointee.nextSequence)
      let free = distance > 0 ? Int(distance) : 0
      if free >= rest.count { return deliver(state, side, toServer, rest) }
      if free > 0 {
        deliver(state, side, toServer, rest.prefix(free))
        rest = rest.dropFirst(free)
        continue
      }
      // The held one has the same bytes.
      let shared = min(rest.count, Int(held.pointee.count))
      let waiting = heldBytes(side.pointee.segments)
      if !waiting.prefix(shared).equals(rest.prefix(shared)) {
        core.note(.streamOverlapDiffers)
        if core.settings.overlapPolicy.prefersNew(
          newSequence: sequence, newCount: count,
          oldSequence: held.pointee.sequence, oldCount: Int(held.pointee.count))
        {
          UnsafeMutablePointer(mutating: waiting.base).update(from: rest.base, count: shared)
        }
      }
      rest = rest.dropFirst(shared)
      deliverFirstHeld(state, side, toServer)
    }
  }
}
