// TCP as a flow sees it from outside (RFC 9293): states, history, loss.
//
// The states of the end points, what leads from one to the next and the letters of the history are
// Zeek's (TCPSessionAdapter), so that `conn_state` and `history` mean here what they mean there. What
// differs is on purpose: a RST outside the window changes no state.

extension FlowTracker {
  /// The rest: handshake, end, loss, and letters not written yet.
  @inline(never)
  mutating func updateTCPState(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    // A header that is not all there or lies about its length says nothing of the connection.
    guard packet.pointee.flags & ParsedPacket.Flags.badTransportHeader == 0 else { return }
    // Nor does a later fragment whose first one had no number that it could go on from.
    if packet.pointee.tcpFlags == 0
      && packet.pointee.flags & (ParsedPacket.Flags.fragment | ParsedPacket.Flags.firstFragment)
        == ParsedPacket.Flags.fragment
    {
      return
    }
    let hot = table.hot + Int(entry)
    let flags = packet.pointee.tcpFlags
    let sender = packet.pointee.side
    let side = Self.side(hot, sender)
    let length = packet.pointee.payloadLength
    let isReset = flags & TCPFlags.rst != 0
    if isReset && isOutsideWindow(entry, packet) {
      return note(.rstOutsideWindow, entry, packet)
    }
    if flags & (TCPFlags.syn | TCPFlags.rst) == 0 && isStray(entry, packet) { return }
    if flags & TCPFlags.syn != 0 { settleDirection(entry, flags, sender) }

    // What takes a place in the sequence: data, SYN and FIN; what a RST carries does not.
    var after = packet.pointee.sequence
    if !isReset { after &+= length }
    if flags & TCPFlags.syn != 0 { after &+= 1 }
    if flags & TCPFlags.fin != 0 { after &+= 1 }
    beginSequence(entry, packet, after)
    writeLetters(entry, side, packet)
    followWindow(entry, side, packet)
    if flags & TCPFlags.syn != 0 { readOptions(entry, packet) }
    if flags & TCPFlags.ack != 0 { beginPeer(entry, packet) }
    followSequence(entry, side, packet, after)
    changeState(entry, packet)
    if flags & TCPFlags.ack != 0 && !isReset { followAcknowledgement(entry, packet) }
    let control = flags & (TCPFlags.syn | TCPFlags.fin | TCPFlags.rst)
    if control & (control &- 1) != 0 { note(.badTCPFlags, entry, packet) }
    settleState(entry)
  }

  // MARK: Windows

  @inline(__always)
  mutating func followWindow(
    _ entry: UInt32, _ side: UnsafeMutablePointer<FlowSide>,
    _ packet: UnsafePointer<ParsedPacket>
  ) {
    let cold = table.cold + Int(entry)
    let sender = packet.pointee.side
    if packet.pointee.tcpFlags & TCPFlags.rst != 0 {
      side.pointee.window = UInt16(truncatingIfNeeded: packet.pointee.sequence)
      return
    }
    if side.pointee.history & HistoryBits.rst == 0 { side.pointee.window = packet.pointee.window }
    // After a FIN of the other side nobody needs room, and after a RST nobody is there.
    guard packet.pointee.window == 0, cold.pointee.tcpState(1 &- sender) != .closed,
      cold.pointee.tcpState(sender) != .reset
    else { return }
    counters.add(.tcpZeroWindows)
    guard let trouble = trouble(entry, sender) else {
      appendHistory(entry, sender, HistoryBits.zeroWindow)
      return
    }
    trouble.pointee.zeroWindows &+= 1
    appendScaled(entry, sender, HistoryBits.zeroWindow, trouble.pointee.zeroWindows)
  }

  /// A SYN's options: whether they can be read, and its window scale (RFC 7323, section 2.2).
  @inline(__always)
  mutating func readOptions(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let (areReadable, scale) = TCPOptions.ofSyn(packet)
    if !areReadable { note(.badTCPOptions, entry, packet) }
    let cold = table.cold + Int(entry)
    let sender = packet.pointee.side
    cold.pointee.setWindowScale(sender, scale ?? 0)
    // An answer without the option: the other side does not scale either.
    if scale == nil && packet.pointee.tcpFlags & TCPFlags.ack != 0 {
      cold.pointee.setWindowScale(1 &- sender, 0)
    }
  }

  /// Whether a RST is too far from what its receiver expects to be the sender's own (RFC 5961, section 3,
  /// made wider by what may have been lost before us): by the receiver's window, at least 64 KiB.
  mutating func isOutsideWindow(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>)
    -> Bool
  {
    let hot = table.hot + Int(entry)
    let cold = table.cold + Int(entry)
    let sender = packet.pointee.side
    // Before a side has said anything its RST is judged by what it acknowledges, if at all: it answers.
    guard hot.pointee.state == FlowState.established,
      cold.pointee.tcpState(sender) == .established || cold.pointee.tcpState(sender) == .partial
    else { return false }
    let window = UInt32(Self.side(hot, 1 &- sender).pointee.window)
    let room = max(window << cold.pointee.windowScale(1 &- sender), 65_535)
    let distance = SequenceHoles.distance(
      Self.side(hot, sender).pointee.nextSequence, packet.pointee.sequence)
    return distance.magnitude > room
  }

  /// How far beyond what is known of a side its receiver's window lets it go: at least 64 KiB, and as far as
  /// numbers go where nothing was heard of the receiver, or nothing of how its window is scaled.
  @inline(__always)
  static func room(
    _ hot: UnsafePointer<FlowHot>, _ cold: UnsafePointer<FlowCold>, _ sender: UInt8
  ) -> UInt32 {
    let (own, peer) =
      sender == 0 ? (hot.pointee.sideA, hot.pointee.sideB) : (hot.pointee.sideB, hot.pointee.sideA)
    // A RST's window says nothing.
    guard peer.packets > 0, peer.history & HistoryBits.rst == 0 else { return largestWindow }
    let syn = HistoryBits.syn | HistoryBits.synAck
    let isScaleKnown = own.history & syn != 0 && peer.history & syn != 0
    let scale = isScaleKnown ? cold.pointee.windowScale(1 &- sender) : 14
    return max(UInt32(peer.window) << scale, 65_535)
  }

  // MARK: States

  @inline(__always)
  mutating func changeState(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let cold = table.cold + Int(entry)
    let sender = packet.pointee.side
    switch cold.pointee.tcpState(sender) {
    case .inactive: leaveInactive(entry, packet)
    case .synSent, .synAckSent:
      if packet.pointee.tcpFlags & TCPFlags.fin != 0 { cold.pointee.setTCPState(sender, .closed) }
      if packet.pointee.tcpFlags & TCPFlags.rst != 0 { cold.pointee.setTCPState(sender, .reset) }
    case .established, .partial: leaveEstablished(entry, packet)
    case .closed:
      // A RST after both FINs is part of a normal end.
      if packet.pointee.tcpFlags & TCPFlags.rst != 0
        && cold.pointee.tcpState(1 &- sender) != .closed
      {
        cold.pointee.setTCPState(sender, .reset)
      }
    case .reset: break
    }
  }

  @inline(__always)
  mutating func leaveInactive(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let cold = table.cold + Int(entry)
    let flags = packet.pointee.tcpFlags
    let sender = packet.pointee.side
    let other = 1 &- sender
    let isOriginator = sender == originatorSide(entry)
    if flags & TCPFlags.syn != 0 {
      if isOriginator {
        cold.pointee.setTCPState(sender, flags & TCPFlags.ack != 0 ? .synAckSent : .synSent)
      } else {
        if cold.pointee.tcpState(other) == .synSent {
          cold.pointee.setTCPState(other, .established)
        }
        cold.pointee.setTCPState(sender, .established)
      }
    }
    if flags & TCPFlags.fin != 0 { cold.pointee.setTCPState(sender, .closed) }
    if flags & TCPFlags.rst != 0 { cold.pointee.setTCPState(sender, .reset) }
    guard cold.pointee.tcpState(sender) == .inactive else { return }
    let peer = cold.pointee.tcpState(other)
    if !isOriginator && packet.pointee.payloadLength == 0 && peer == .synSent {
      // Some acknowledge a SYN before they answer it: not the middle of a connection yet.
    } else if flags & TCPFlags.ack != 0 && peer == .established {
      // Only the originator's SYN was missed.
      cold.pointee.setTCPState(sender, .established)
    } else {
      cold.pointee.setTCPState(sender, .partial)
    }
  }

  @inline(__always)
  mutating func leaveEstablished(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let cold = table.cold + Int(entry)
    let flags = packet.pointee.tcpFlags
    let sender = packet.pointee.side
    let other = 1 &- sender
    if flags & (TCPFlags.syn | TCPFlags.ack) == TCPFlags.syn
      && cold.pointee.tcpState(sender) == .partial && cold.pointee.tcpState(other) == .inactive
    {
      cold.pointee.setTCPState(sender, .synSent)
    }
    if flags & (TCPFlags.fin | TCPFlags.rst) == TCPFlags.fin {
      cold.pointee.setTCPState(sender, .closed)
      // The peer's FIN was followed by a RST: it has ended normally after all.
      if cold.pointee.tcpState(other) == .reset && cold.pointee.tcpStateBefore(other) == .closed {
        cold.pointee.setTCPState(other, .closed)
      }
    }
    if flags & TCPFlags.rst != 0 { cold.pointee.setTCPState(sender, .reset) }
  }

  @inline(__always)
  func originatorSide(_ entry: UInt32) -> UInt8 {
    table.hot[Int(entry)].flags & FlowFlags.originatorIsB != 0 ? 1 : 0
  }

  /// A SYN tells who the originator is, also where traffic before it was taken the other way.
  @inline(__always)
  mutating func settleDirection(_ entry: UInt32, _ flags: UInt8, _ sender: UInt8) {
    let hot = table.hot + Int(entry)
    guard hot.pointee.flags & FlowFlags.directionBySyn == 0 else { return }
    let originator = flags & TCPFlags.ack == 0 ? sender : 1 &- sender
    hot.pointee.flags |= FlowFlags.directionBySyn
    if originatorSide(entry) != originator {
      hot.pointee.flags ^= FlowFlags.originatorIsB
      append(entry, UInt8(ascii: "^"))
    }
  }

  /// EVE's `flow.state`, which the timeouts go by: established once the originator has spoken again
  /// behind the handshake, or both sides in the middle of a connection.
  @inline(__always)
  mutating func settleState(_ entry: UInt32) {
    let hot = table.hot + Int(entry)
    let cold = table.cold + Int(entry)
    let a = cold.pointee.tcpState(0)
    let b = cold.pointee.tcpState(1)
    if hot.pointee.state == FlowState.new { establish(hot) }
    let isOver = a == .reset || b == .reset || (a == .closed && b == .closed)
    if isOver && hot.pointee.state != FlowState.closed {
      hot.pointee.state = FlowState.closed
      // The deadline has come nearer, which a visit at the old one would miss.
      wheel.cancel(entry)
      wheel.schedule(entry, at: deadline(entry))
    }
  }

  @inline(__always)
  mutating func establish(_ hot: UnsafeMutablePointer<FlowHot>) {
    let originatorIsB = hot.pointee.flags & FlowFlags.originatorIsB != 0
    let originator = originatorIsB ? hot.pointee.sideB : hot.pointee.sideA
    let responder = originatorIsB ? hot.pointee.sideA : hot.pointee.sideB
    guard originator.packets > 0, responder.packets > 0 else { return }
    let moved = HistoryBits.ack | HistoryBits.data
    if originator.history & moved != 0
      && (responder.history & (HistoryBits.synAck | moved) != 0)
    {
      hot.pointee.state = FlowState.established
    }
  }

  // MARK: Ports used again

  /// Whether a SYN begins another connection on the ports of `entry`'s, rather than being sent again.
  @inline(never)
  mutating func isReuse(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) -> Bool {
    let cold = table.cold + Int(entry)
    let sender = packet.pointee.side
    let states = (cold.pointee.tcpState(sender), cold.pointee.tcpState(1 &- sender))
    // Both have said their FIN: whatever comes is new.
    if states == (.closed, .closed) { return true }
    // Nothing of this side yet: the other half of a simultaneous open, or its SYN came late.
    if states.0 == .inactive {
      return states.1 != .synSent && states.1 != .synAckSent && states.1 != .inactive
        && table.hot[Int(entry)].state != FlowState.new
    }
    return packet.pointee.sequence != cold.pointee.start(sender)
  }

  /// Data that stands nowhere near what its sender has said, and acknowledges nothing near what the other
  /// one has: both numbers of another connection, whose SYN was not seen. Loss moves one number and leaves
  /// what is acknowledged where it was; that both leap by as much as 16 MiB takes an outage, and then nothing
  /// proves either that it is the same connection.
  @inline(__always)
  func leaps(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) -> Bool {
    guard packet.pointee.control == TCPFlags.ack, packet.pointee.payloadLength > 0 else {
      return false
    }
    let hot = table.hot + Int(entry)
    let sender = packet.pointee.side
    let next = Self.side(hot, sender).pointee.nextSequence
    let peer = Self.side(hot, 1 &- sender).pointee.nextSequence
    return SequenceHoles.distance(next, packet.pointee.sequence).magnitude > Self.leap
      && SequenceHoles.distance(peer, packet.pointee.acknowledgement).magnitude > Self.leap
  }

  /// Whether such data is believed to be another connection's: behind the end of the one that is known, or
  /// after a silence. In the middle of it a single packet with two wrong numbers is nobody's, and must not
  /// end what goes on.
  @inline(never)
  func isOfAnother(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>, clock: Int64
  ) -> Bool {
    let hot = table.hot + Int(entry)
    let cold = table.cold + Int(entry)
    for side in 0..<UInt8(2) {
      switch cold.pointee.tcpState(side) {
      case .inactive, .synSent, .synAckSent: return false
      case .partial, .established, .closed, .reset: break
      }
    }
    return hot.pointee.state == FlowState.closed
      || max(clock, packet.pointee.time) &- hot.pointee.lastSeen >= Self.silence
  }

  private static var leap: UInt32 { 1 << 24 }

  /// Nanoseconds.
  private static var silence: Int64 { 10_000_000_000 }
}
