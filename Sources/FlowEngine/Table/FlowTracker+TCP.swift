// TCP's life as a flow sees it (RFC 9293, section 3.3.2, from outside).

extension FlowTracker {
  /// Flags, window, sequence and history of one segment; leaves the common case early.
  @inline(__always)
  mutating func updateTCP(
    _ entry: UInt32, _ hot: UnsafeMutablePointer<FlowHot>,
    _ side: UnsafeMutablePointer<FlowSide>, _ packet: UnsafePointer<ParsedPacket>
  ) {
    let flags = packet.pointee.tcpFlags
    let length = packet.pointee.payloadLength
    if packet.pointee.side == 0 {
      hot.pointee.tcpFlagsA |= flags
    } else {
      hot.pointee.tcpFlagsB |= flags
    }
    side.pointee.window = packet.pointee.window
    let sequence = packet.pointee.sequence
    // Sequence numbers wrap (RFC 9293, section 3.4): differences are taken modulo 2^32.
    let after = sequence &+ length
    var letters: UInt16 = 0
    if length > 0 {
      letters = HistoryBits.data
      let known = side.pointee.history & (HistoryBits.data | HistoryBits.syn | HistoryBits.synAck)
      if known == 0 || Int32(bitPattern: after &- side.pointee.nextSequence) > 0 {
        side.pointee.nextSequence = after
      } else {
        letters |= HistoryBits.retransmission
      }
    } else if flags & (TCPFlags.syn | TCPFlags.fin | TCPFlags.rst | TCPFlags.ack) == TCPFlags.ack {
      letters = HistoryBits.ack
      if packet.pointee.window == 0 { letters |= HistoryBits.zeroWindow }
    }
    let control = flags & (TCPFlags.syn | TCPFlags.fin | TCPFlags.rst)
    if control != 0 || letters & ~side.pointee.history != 0 || hot.pointee.state == FlowState.new {
      updateTCPState(entry, side, packet, letters)
    }
  }

  /// The rare rest: handshake, end, and letters not written yet.
  @inline(never)
  private mutating func updateTCPState(
    _ entry: UInt32, _ side: UnsafeMutablePointer<FlowSide>,
    _ packet: UnsafePointer<ParsedPacket>, _ common: UInt16
  ) {
    let hot = table.hot + Int(entry)
    let flags = packet.pointee.tcpFlags
    let sender = packet.pointee.side
    var letters = common
    if flags & TCPFlags.syn != 0 {
      letters |= flags & TCPFlags.ack == 0 ? HistoryBits.syn : HistoryBits.synAck
      if flags & (TCPFlags.fin | TCPFlags.rst) != 0 { letters |= HistoryBits.inconsistent }
      side.pointee.nextSequence = packet.pointee.sequence &+ 1 &+ packet.pointee.payloadLength
      settleDirection(entry, flags, sender)
    }
    if flags & TCPFlags.fin != 0 { letters |= HistoryBits.fin }
    if flags & TCPFlags.rst != 0 { letters |= HistoryBits.rst }
    if letters & ~side.pointee.history != 0 { appendHistory(entry, side, letters, sender) }

    if hot.pointee.state == FlowState.new { establish(hot) }
    if flags & TCPFlags.fin != 0 {
      hot.pointee.flags |= sender == 0 ? FlowFlags.finA : FlowFlags.finB
    }
    if flags & TCPFlags.rst != 0 { hot.pointee.flags |= FlowFlags.rst }
    let bothFins = FlowFlags.finA | FlowFlags.finB
    if hot.pointee.state != FlowState.closed
      && (hot.pointee.flags & FlowFlags.rst != 0 || hot.pointee.flags & bothFins == bothFins)
    {
      hot.pointee.state = FlowState.closed
      // The deadline has come nearer, which a visit at the old one would miss.
      wheel.cancel(entry)
      wheel.schedule(entry, at: deadline(entry))
    }
  }

  /// A SYN tells who the originator is, also where traffic before it was taken the other way.
  private mutating func settleDirection(_ entry: UInt32, _ flags: UInt8, _ sender: UInt8) {
    let hot = table.hot + Int(entry)
    guard hot.pointee.flags & FlowFlags.directionBySyn == 0 else { return }
    let originator = flags & TCPFlags.ack == 0 ? sender : 1 &- sender
    hot.pointee.flags |= FlowFlags.directionBySyn
    let now: UInt8 = hot.pointee.flags & FlowFlags.originatorIsB != 0 ? 1 : 0
    if now != originator {
      hot.pointee.flags ^= FlowFlags.originatorIsB
      append(entry, UInt8(ascii: "^"))
    }
  }

  /// New to established: SYN, SYN/ACK and something more from the originator; in the middle of a
  /// connection, traffic both ways.
  private func establish(_ hot: UnsafeMutablePointer<FlowHot>) {
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
}

extension HistoryBits {
  /// The letter of bit `number`, upper case.
  static func letter(_ number: Int) -> UInt8 {
    switch number {
    case 0: UInt8(ascii: "S")
    case 1: UInt8(ascii: "H")
    case 2: UInt8(ascii: "A")
    case 3: UInt8(ascii: "D")
    case 4: UInt8(ascii: "F")
    case 5: UInt8(ascii: "R")
    case 6: UInt8(ascii: "C")
    case 7: UInt8(ascii: "I")
    case 8: UInt8(ascii: "T")
    case 9: UInt8(ascii: "W")
    case 10: UInt8(ascii: "G")
    default: UInt8(ascii: "?")
    }
  }
}
