// Sequence numbers and acknowledgements of TCP (RFC 9293, section 3.4): what came in order, what again, what
// filled a hole, and what was lost on the way to us.

extension FlowTracker {
  /// Differences of sequence numbers beyond this are not believed of a SYN or RST; as Zeek has it.
  private static var largeDistance: Int32 { 1 << 20 }

  /// The largest window that can be announced (RFC 7323, section 2.3): nothing can be further ahead.
  static var largestWindow: UInt32 { 1 << 30 }

  // MARK: Sequence numbers

  /// The first segment of a side says where its sequence begins; so does a new SYN.
  @inline(__always)
  mutating func beginSequence(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>, _ after: UInt32
  ) {
    let cold = table.cold + Int(entry)
    let sender = packet.pointee.side
    let side = Self.side(table.hot + Int(entry), sender)
    let sequence = packet.pointee.sequence
    let isSyn = packet.pointee.tcpFlags & TCPFlags.syn != 0
    switch cold.pointee.tcpState(sender) {
    case .inactive:
      // In the middle of a connection: as though a SYN stood before it.
      cold.pointee.setStart(sender, isSyn ? sequence : sequence &- 1)
      side.pointee.nextSequence = isSyn ? after : sequence
    case .synSent, .synAckSent:
      guard isSyn && sequence != cold.pointee.start(sender) else { return }
      cold.pointee.setStart(sender, sequence)
      side.pointee.nextSequence = after
    case .established, .partial:
      // The same SYN again takes nothing back, nor does an answer that comes when data has moved: another
      // one of several that the peer was sent.
      let start = cold.pointee.start(sender)
      let hasSent = SequenceHoles.distance(start &+ 1, side.pointee.nextSequence) > 0
      let isAnswer = packet.pointee.tcpFlags & TCPFlags.ack != 0
      guard isSyn && sequence != start && !(isAnswer && hasSent) else { return }
      cold.pointee.setStart(sender, sequence)
      side.pointee.nextSequence = after
    case .reset:
      // A RST before anything else may have been forged: the SYN is believed.
      guard isSyn && cold.pointee.tcpStateBefore(sender) == .inactive else { return }
      cold.pointee.setStart(sender, sequence)
      side.pointee.nextSequence = after
    case .closed: return
    }
  }

  /// What is acknowledged tells where a side stands that has not been seen.
  @inline(__always)
  mutating func beginPeer(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let cold = table.cold + Int(entry)
    let other = 1 &- packet.pointee.side
    guard cold.pointee.tcpState(other) == .inactive else { return }
    let peer = Self.side(table.hot + Int(entry), other)
    let acknowledged = packet.pointee.acknowledgement
    if cold.pointee.start(other) == 0 && peer.pointee.nextSequence == 0 {
      cold.pointee.setStart(other, acknowledged &- 1)
      peer.pointee.nextSequence = acknowledged
    } else if packet.pointee.tcpFlags & TCPFlags.rst == 0
      && SequenceHoles.distance(peer.pointee.nextSequence, acknowledged) > 0
    {
      peer.pointee.nextSequence = acknowledged
    }
  }

  /// Moves the side's highest sequence number on, and tells what a segment at or below it is.
  @inline(__always)
  mutating func followSequence(
    _ entry: UInt32, _ side: UnsafeMutablePointer<FlowSide>,
    _ packet: UnsafePointer<ParsedPacket>, _ after: UInt32
  ) {
    let cold = table.cold + Int(entry)
    let flags = packet.pointee.tcpFlags
    let sender = packet.pointee.side
    let sequence = packet.pointee.sequence
    let length = packet.pointee.payloadLength
    let next = side.pointee.nextSequence
    let beyond = SequenceHoles.distance(next, after)
    if flags & (TCPFlags.syn | TCPFlags.rst) != 0
      && (beyond > Self.largeDistance || beyond < -Self.largeDistance)
    {
      return
    }
    if flags & TCPFlags.fin != 0 && next == cold.pointee.start(sender) &+ 1 {
      // The FIN of a connection of which only the SYN has been seen, however long it was.
      side.pointee.nextSequence = after
      return
    }
    if cold.pointee.tcpState(sender) == .reset { return }
    if flags & (TCPFlags.syn | TCPFlags.rst) == 0
      && SequenceHoles.distance(next, sequence).magnitude > Self.largestWindow
    {
      // No window can have let this through: another sequence, such as that of an answer not seen.
      cold.pointee.setStart(sender, sequence &- 1)
      side.pointee.nextSequence = after
      return
    }
    if beyond > 0 {
      side.pointee.nextSequence = after
      let hole = SequenceHoles.distance(next, sequence)
      if hole > 0 { openHole(entry, sender, next, sequence, packet) }
      if side.pointee.history & HistoryBits.ahead != 0, let trouble = trouble(entry, sender),
        SequenceHoles.distance(trouble.pointee.acknowledged, after) >= 0
      {
        side.pointee.history &= ~HistoryBits.ahead
      }
      return
    }
    if flags & (TCPFlags.syn | TCPFlags.fin | TCPFlags.rst) == 0 && length <= 1
      && sequence == next &- 1 && flags & TCPFlags.ack != 0
      && cold.pointee.tcpState(sender) != .inactive
    {
      if let trouble = trouble(entry, sender) { trouble.pointee.keepAlives &+= 1 }
      counters.add(.tcpKeepAlives)
      if length > 0 { belowHighest(entry, sender) }
      return
    }
    guard length > 0 else { return }
    belowHighest(entry, sender)
    if fillHole(entry, sender, sequence, after) {
      if let trouble = trouble(entry, sender) { trouble.pointee.outOfOrder &+= 1 }
      counters.add(.tcpOutOfOrder)
    } else if flags & (TCPFlags.syn | TCPFlags.rst) == 0 {
      if let trouble = trouble(entry, sender) { trouble.pointee.retransmissions &+= 1 }
      counters.add(.tcpRetransmissions)
    }
  }

  /// Zeek's T: a segment of data that ends where one has ended before, or earlier.
  @inline(never)
  mutating func belowHighest(_ entry: UInt32, _ sender: UInt8) {
    guard let trouble = trouble(entry, sender) else {
      appendHistory(entry, sender, HistoryBits.retransmission)
      return
    }
    trouble.pointee.belowHighest &+= 1
    appendScaled(entry, sender, HistoryBits.retransmission, trouble.pointee.belowHighest)
  }

  @inline(never)
  mutating func openHole(
    _ entry: UInt32, _ sender: UInt8, _ next: UInt32, _ sequence: UInt32,
    _ packet: UnsafePointer<ParsedPacket>
  ) {
    guard let detail = detail(entry) else { return }
    let trouble = Self.trouble(detail, sender)
    let side = Self.side(table.hot + Int(entry), sender)
    // What has been given up already is no hole a second time.
    let from =
      side.pointee.history & HistoryBits.ahead != 0
        && SequenceHoles.distance(next, trouble.pointee.acknowledged) > 0
      ? trouble.pointee.acknowledged : next
    guard SequenceHoles.distance(from, sequence) > 0 else { return }
    let lost =
      sender == 0
      ? detail.pointee.holesA.add(from, sequence) : detail.pointee.holesB.add(from, sequence)
    side.pointee.history |= HistoryBits.holes
    if lost > 0 { countGap(entry, sender, count: 1, bytes: UInt64(lost), packet) }
  }

  mutating func fillHole(_ entry: UInt32, _ sender: UInt8, _ from: UInt32, _ to: UInt32)
    -> Bool
  {
    let side = Self.side(table.hot + Int(entry), sender)
    guard side.pointee.history & HistoryBits.holes != 0 else { return false }
    let detail = details.at(table.cold[Int(entry)].detail)
    let filled: Bool
    let isEmpty: Bool
    if sender == 0 {
      filled = detail.pointee.holesA.fill(from, to)
      isEmpty = detail.pointee.holesA.isEmpty
    } else {
      filled = detail.pointee.holesB.fill(from, to)
      isEmpty = detail.pointee.holesB.isEmpty
    }
    if isEmpty { side.pointee.history &= ~HistoryBits.holes }
    return filled
  }

  // MARK: Acknowledgements

  /// An acknowledgement of what has not been seen: the receiver has it, and we never will.
  @inline(__always)
  mutating func followAcknowledgement(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>
  ) {
    let other = 1 &- packet.pointee.side
    guard table.cold[Int(entry)].tcpState(other) != .inactive else { return }
    let peer = Self.side(table.hot + Int(entry), other)
    let acknowledged = packet.pointee.acknowledgement
    if table.cold[Int(entry)].detail != 0 { bearOut(entry, other, acknowledged, packet) }
    if peer.pointee.history & HistoryBits.holes != 0 {
      let detail = details.at(table.cold[Int(entry)].detail)
      let lost: (count: UInt32, bytes: UInt64)
      let isEmpty: Bool
      if other == 0 {
        lost = detail.pointee.holesA.acknowledge(acknowledged)
        isEmpty = detail.pointee.holesA.isEmpty
      } else {
        lost = detail.pointee.holesB.acknowledge(acknowledged)
        isEmpty = detail.pointee.holesB.isEmpty
      }
      if isEmpty { peer.pointee.history &= ~HistoryBits.holes }
      if lost.count > 0 { countGap(entry, other, count: lost.count, bytes: lost.bytes, packet) }
    }
    let beyond = SequenceHoles.distance(peer.pointee.nextSequence, acknowledged)
    guard beyond > 0, beyond.magnitude <= Self.largestWindow,
      beyond <= Self.largeDistance || acknowledged != 0,
      table.hot[Int(entry)].state != FlowState.closed
    else { return }
    guard let trouble = trouble(entry, other) else {
      // No room to remember that this has been counted: it is known in the counters alone, once a leap.
      peer.pointee.nextSequence = acknowledged
      return countGap(entry, other, count: 1, bytes: UInt64(beyond), packet)
    }
    let before = trouble.pointee.acknowledged
    let from =
      peer.pointee.history & HistoryBits.ahead != 0
        && SequenceHoles.distance(peer.pointee.nextSequence, before) > 0
      ? before : peer.pointee.nextSequence
    let bytes = SequenceHoles.distance(from, acknowledged)
    guard bytes > 0, bytes.magnitude <= Self.largestWindow else { return }
    trouble.pointee.acknowledged = acknowledged
    peer.pointee.history |= HistoryBits.ahead
    countGap(entry, other, count: 1, bytes: UInt64(bytes), packet)
  }

  /// Bytes of `sender` that the other side got and we did not.
  @inline(never)
  mutating func countGap(
    _ entry: UInt32, _ sender: UInt8, count: UInt32, bytes: UInt64,
    _ packet: UnsafePointer<ParsedPacket>
  ) {
    // One event a gap and once a flow; the bytes stand in the flow's record.
    counters.add(.tcpMissedBytes, bytes)
    if count > 1 { counters.add(.tcpGap, UInt64(count &- 1)) }
    guard let trouble = trouble(entry, sender) else { return note(.tcpGap, entry, packet) }
    trouble.pointee.gaps &+= count
    trouble.pointee.missedBytes &+= bytes
    note(.tcpGap, entry, packet)
    // The letter only where both sides' handshakes were seen and nothing was reset: elsewhere it is
    // likely to be an artefact of the capture. That is Zeek's rule.
    let cold = table.cold + Int(entry)
    if Self.isClean(cold, 0) && Self.isClean(cold, 1) {
      for place in 0..<count {
        appendScaled(entry, sender, HistoryBits.gap, trouble.pointee.gaps &- (count &- 1 &- place))
      }
    }
  }

  static func isClean(_ cold: UnsafePointer<FlowCold>, _ side: UInt8) -> Bool {
    let state = cold.pointee.tcpState(side)
    return state == .established
      || state == .closed && cold.pointee.tcpStateBefore(side) == .established
  }
}
