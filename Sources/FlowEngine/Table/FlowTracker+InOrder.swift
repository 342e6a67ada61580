// The short ways through TCP: what follows in order, and how connections begin. Each says the same as the
// state machine in FlowTracker+TCP.swift would, step by step, for the few kinds of packet that nearly all are.

extension FlowTracker {
  /// Whether a packet is the next in order, without holes on either side: a segment on an open connection,
  /// or a datagram behind the usual headers, which looks like one (``ParsedPacket/control``), so that nobody
  /// need ask which of the two it is. The state machine has nothing to do for it but a letter.
  @inline(__always)
  static func isInOrder(
    _ hot: UnsafePointer<FlowHot>, _ side: UnsafePointer<FlowSide>,
    _ peer: UnsafePointer<FlowSide>, _ packet: UnsafePointer<ParsedPacket>,
    missing letter: UInt16
  ) -> Bool {
    let differs =
      packet.pointee.sequence ^ side.pointee.nextSequence
      | UInt32(packet.pointee.control ^ TCPFlags.ack) | UInt32(letter)
      | UInt32(
        (side.pointee.history | peer.pointee.history) & (HistoryBits.holes | HistoryBits.ahead))
    return differs == 0 && packet.pointee.window != 0 && hot.pointee.state != FlowState.closed
  }

  /// The next in order, whose letter its side has: moves the side on. Returns false, with nothing changed,
  /// where it is anything else.
  @inline(__always)
  func followInOrder(
    _ hot: UnsafeMutablePointer<FlowHot>, _ side: UnsafeMutablePointer<FlowSide>,
    _ peer: UnsafeMutablePointer<FlowSide>, _ packet: UnsafePointer<ParsedPacket>
  ) -> Bool {
    let missing = UInt16(packet.pointee.letter) & ~side.pointee.history
    guard Self.isInOrder(hot, side, peer, packet, missing: missing) else { return false }
    let acknowledgement = packet.pointee.acknowledgement
    if SequenceHoles.distance(acknowledgement, peer.pointee.nextSequence) < 0 {
      // Of a side that is not seen at all, what is acknowledged tells where it stands.
      guard peer.pointee.packets == 0 else { return false }
      peer.pointee.nextSequence = acknowledgement
    }
    let (sequence, window) = (packet.pointee.sequence, packet.pointee.window)
    Self.tcpFlags(hot, packet.pointee.side).pointee |= packet.pointee.tcpFlags
    // Wraps as sequence numbers do (RFC 9293, section 3.4).
    side.pointee.nextSequence = sequence &+ packet.pointee.advance
    side.pointee.window = window
    return true
  }

  /// Where a side's flags are: A's, then B's, which a test asserts.
  @inline(__always)
  static func tcpFlags(_ hot: UnsafeMutablePointer<FlowHot>, _ side: UInt8)
    -> UnsafeMutablePointer<UInt8>
  {
    (UnsafeMutableRawPointer(hot) + 52 + Int(side)).assumingMemoryBound(to: UInt8.self)
  }

  /// Sequence numbers, flags, window and history of one segment.
  @inline(__always)
  mutating func updateTCP(
    _ entry: UInt32, _ hot: UnsafeMutablePointer<FlowHot>,
    _ side: UnsafeMutablePointer<FlowSide>, _ packet: UnsafePointer<ParsedPacket>
  ) {
    let sender = packet.pointee.side
    let peer = Self.side(hot, 1 &- sender)
    if followInOrder(hot, side, peer, packet) { return }
    Self.tcpFlags(hot, sender).pointee |= packet.pointee.tcpFlags
    if !followFirstOfKind(entry, side, peer, packet) { updateTCPState(entry, packet) }
  }

  /// A side's first data or first pure acknowledgement, in order on a connection that is open both ways:
  /// writes its letter, moves the side on, and changes no end point's state. Returns false, with nothing
  /// changed, where it is anything else. It is what ``updateTCPState(_:_:)`` comes to in that case.
  private mutating func followFirstOfKind(
    _ entry: UInt32, _ side: UnsafeMutablePointer<FlowSide>,
    _ peer: UnsafeMutablePointer<FlowSide>, _ packet: UnsafePointer<ParsedPacket>
  ) -> Bool {
    let hot = table.hot + Int(entry)
    guard Self.isInOrder(hot, side, peer, packet, missing: 0),
      table.cold[Int(entry)].isOpenBothWays,
      packet.pointee.flags & ParsedPacket.Flags.badTransportHeader == 0,
      SequenceHoles.distance(packet.pointee.acknowledgement, peer.pointee.nextSequence) >= 0
    else { return false }
    appendHistory(entry, packet.pointee.side, UInt16(packet.pointee.letter))
    side.pointee.nextSequence &+= packet.pointee.advance
    side.pointee.window = packet.pointee.window
    if hot.pointee.state == FlowState.new { establish(hot) }
    return true
  }

  /// A SYN and nothing else, without data.
  @inline(__always)
  static func isPlainSyn(_ packet: UnsafePointer<ParsedPacket>) -> Bool {
    // The flags are those of TCP alone. Of a header that lies, and of a window of 0, more is to be said.
    packet.pointee.control == TCPFlags.syn && packet.pointee.payloadLength == 0
      && packet.pointee.window != 0
      && packet.pointee.flags & ParsedPacket.Flags.badTransportHeader == 0
  }

  /// The first packet of a new entry, where it is a plain SYN: what ``update(_:clock:)`` would come to for
  /// it step by step. Of connections that is the rule, and of a flood of them all there is.
  mutating func beginWithSyn(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let hot = table.hot + Int(entry)
    let sender = packet.pointee.side
    let side = Self.side(hot, sender)
    side.pointee.packets = 1
    side.pointee.bytes = UInt64(packet.pointee.wireLength)
    side.pointee.ipBytes = UInt64(packet.pointee.ipLength)
    // The SYN takes one number (RFC 9293, section 3.4).
    side.pointee.nextSequence = packet.pointee.sequence &+ 1
    side.pointee.window = packet.pointee.window
    Self.tcpFlags(hot, sender).pointee = packet.pointee.tcpFlags
    noteFirst(entry, packet)
    let cold = table.cold + Int(entry)
    cold.pointee.setStart(sender, packet.pointee.sequence)
    cold.pointee.setTCPState(sender, .synSent)
    appendHistory(entry, sender, HistoryBits.syn)
    readOptions(entry, packet)
    countPacket(packet)
  }
}
