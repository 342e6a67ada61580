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
    guard isBelieved(state, packet) else { return }
    if p.tcpFlags & TCPFlags.rst != 0 { return takeReset(state, packet) }
    // What it acknowledges was said before what it says itself.
    if p.tcpFlags & TCPFlags.ack != 0, isAcknowledgementBelieved(state, packet) {
      takeAcknowledgement(
        state, Self.side(state, 1 &- sender), !toServer, p.acknowledgement,
        isSure: p.payloadLength > 0)
      guard isLive(state) else { return }
      // An acknowledgement alone may not have been shown.
      if p.payloadLength > 0 {
        side.pointee.flags |= StreamSide.Flags.acknowledges
        if sender == 0 {
          state.pointee.acknowledgedByA = p.acknowledgement
        } else {
          state.pointee.acknowledgedByB = p.acknowledgement
        }
      }
    }
    // A SYN takes one number, and data may stand behind it (RFC 9293, section 3.4).
    let sequence = p.tcpFlags & TCPFlags.syn != 0 ? p.sequence &+ 1 : p.sequence
    let captured = min(p.payloadLength, p.captured &- min(UInt32(p.payloadOffset), p.captured))
    let bytes = Bytes(p.data.unsafelyUnwrapped + Int(p.payloadOffset), Int(captured))
    guard side.pointee.flags & StreamSide.Flags.done == 0 else {
      if !bytes.isEmpty { compareWithDelivered(state, side, sequence, bytes) }
      return passOver(state, side, toServer, packet, sequence &+ p.payloadLength)
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
    if p.tcpFlags & TCPFlags.fin != 0 { noteFIN(side, sequence &+ p.payloadLength) }
    closeIfDue(state, side, toServer)
  }

  /// Bytes of a direction that nobody wants: where it stands is known all the same, since it may be wanted
  /// again, and by that a RST is told to be its own.
  private mutating func passOver(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ packet: UnsafePointer<ParsedPacket>, _ end: UInt32
  ) {
    passOver(state, side, toServer, to: end)
    if packet.pointee.tcpFlags & TCPFlags.fin != 0 { noteFIN(side, end) }
  }

  /// Up to `end`, or to that of what waits behind it, which nobody wants either.
  mutating func passOver(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, to end: UInt32
  ) {
    var end = end
    var number = side.pointee.segments
    while number != 0 {
      let held = heldSegment(number)
      if Int32(bitPattern: held.pointee.end &- end) > 0 { end = held.pointee.end }
      number = held.pointee.next
    }
    dropSegments(side)
    let fresh = Int32(bitPattern: end &- side.pointee.nextSequence)
    guard fresh > 0 && fresh.magnitude <= Self.largestWindow else { return }
    side.pointee.nextSequence = end
    advance(state, side, toServer, Int(fresh))
    addUnheard(side, UInt64(fresh.magnitude))
  }

  /// Where a FIN stands: not before what has been said, and of several the first counts, since it is the one
  /// that its receiver comes to.
  private func noteFIN(_ side: UnsafeMutablePointer<StreamSide>, _ end: UInt32) {
    let next = side.pointee.nextSequence
    guard Int32(bitPattern: end &- next) >= 0 else { return }
    if side.pointee.flags & StreamSide.Flags.fin != 0,
      Int32(bitPattern: side.pointee.finSequence &- next) >= 0,
      Int32(bitPattern: end &- side.pointee.finSequence) >= 0
    {
      return
    }
    side.pointee.finSequence = end
    side.pointee.flags |= StreamSide.Flags.fin
  }

  // MARK: What is believed

  /// Whether a segment is its sender's own, as far as its place says: the tracker, which has seen it before,
  /// has followed it, since it is within the window of its receiver or borne out otherwise
  /// (RFC 9293, section 3.4; `FlowTracker.isStray`). What stands before all that is expected is only compared.
  @inline(__always)
  private func isBelieved(
    _ state: UnsafeMutablePointer<FlowState>, _ packet: UnsafePointer<ParsedPacket>
  ) -> Bool {
    let tracked = trackedNext(state, packet.pointee.side)
    if Int32(bitPattern: packet.pointee.sequence &- tracked) <= 0 { return true }
    return isBeyondBelieved(state, packet)
  }

  /// Behind a RST that was believed, or of one, the tracker follows nobody; nor does it one in fragments of
  /// which the first has not all of its header, so that this is told by what was put together before.
  @inline(never)
  private func isBeyondBelieved(
    _ state: UnsafeMutablePointer<FlowState>, _ packet: UnsafePointer<ParsedPacket>
  ) -> Bool {
    if packet.pointee.flags & ParsedPacket.Flags.firstFragment != 0 {
      let side = Self.side(state, packet.pointee.side)
      let ahead = packet.pointee.sequence &- side.pointee.nextSequence
      // No window is smaller.
      if side.pointee.flags & StreamSide.Flags.begun != 0 && ahead <= 0xffff { return true }
    }
    let cold = core.flows.cold + Int(state.pointee.entry)
    return packet.pointee.tcpFlags & (TCPFlags.syn | TCPFlags.rst) != 0
      || cold.pointee.tcpState(packet.pointee.side) == .reset
  }

  /// The number that the tracker expects next of a side.
  @inline(__always)
  private func trackedNext(_ state: UnsafeMutablePointer<FlowState>, _ side: UInt8) -> UInt32 {
    let hot = core.flows.hot + Int(state.pointee.entry)
    return side == 0 ? hot.pointee.sideA.nextSequence : hot.pointee.sideB.nextSequence
  }

  /// Whether what a packet acknowledges can have been sent: it was seen, or lies within the window
  /// (RFC 5961, section 5.2, made wider by what may have been lost before us). A packet with an old number
  /// of its own says nothing.
  @inline(__always)
  private func isAcknowledgementBelieved(
    _ state: UnsafeMutablePointer<FlowState>, _ packet: UnsafePointer<ParsedPacket>
  ) -> Bool {
    let sender = packet.pointee.side
    let beyond = Int32(
      bitPattern: packet.pointee.acknowledgement &- trackedNext(state, 1 &- sender))
    let behind = Int32(bitPattern: trackedNext(state, sender) &- packet.pointee.sequence)
    // No window is smaller than that here.
    if beyond <= 0xffff && behind <= 0xffff { return true }
    let entry = Int(state.pointee.entry)
    // A FIN takes a number, too.
    return Int(beyond) <= Int(core.flows.room(entry, of: 1 &- sender)) &+ 1
      && Int(behind) <= Int(core.flows.room(entry, of: sender)) &+ 1
  }

  /// A RST ends both directions where it has the number that its receiver expects: any other one within the
  /// window is asked back for (RFC 5961, section 3.2), and the flow's end is waited for.
  @inline(never)
  private mutating func takeReset(
    _ state: UnsafeMutablePointer<FlowState>, _ packet: UnsafePointer<ParsedPacket>
  ) {
    let sender = packet.pointee.side
    let side = Self.side(state, sender)
    if side.pointee.flags & StreamSide.Flags.begun == 0 { beginSide(state, sender, packet) }
    let beyond = packet.pointee.sequence &- side.pointee.nextSequence
    // Its FIN took a number.
    let isPastFIN = beyond == 1 && side.pointee.flags & StreamSide.Flags.fin != 0
    if beyond == 0 || isPastFIN { finish(state) }
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
    guard isLive(state) else { return }
    let end = sequence &+ length
    if side.pointee.flags & StreamSide.Flags.done != 0 {
      return passOver(state, side, toServer, to: end)
    }
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
