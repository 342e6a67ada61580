// TCP as a flow sees it from outside (RFC 9293): states, history, loss.
//
// The states of the end points, what leads from one to the next and the letters of the history are
// Zeek's (TCPSessionAdapter), so that `conn_state` and `history` mean here what they mean there. What
// differs is on purpose: a RST outside the window changes no state.

extension FlowTracker {
  /// Differences of sequence numbers beyond this are not believed of a SYN or RST; as Zeek has it.
  private static var largeDistance: Int32 { 1 << 20 }

  /// The largest window that can be announced (RFC 7323, section 2.3): nothing can be further ahead.
  private static var largestWindow: UInt32 { 1 << 30 }

  /// What follows in order: a segment on an open connection, without holes on either side, or a datagram
  /// behind the usual headers, which looks like one (``ParsedPacket/control``), so that nobody need ask
  /// which of the two it is. Moves its side on. Returns false, with nothing changed, where it is anything
  /// else, or the side's first of its kind.
  @inline(__always)
  func followInOrder(
    _ hot: UnsafeMutablePointer<FlowHot>, _ side: UnsafeMutablePointer<FlowSide>,
    _ peer: UnsafeMutablePointer<FlowSide>, _ packet: UnsafePointer<ParsedPacket>
  ) -> Bool {
    let sequence = packet.pointee.sequence
    let acknowledgement = packet.pointee.acknowledgement
    let window = packet.pointee.window
    let history = side.pointee.history
    let letter = UInt16(packet.pointee.letter)
    let differs =
      sequence ^ side.pointee.nextSequence
      | UInt32(packet.pointee.control ^ TCPFlags.ack) | UInt32(letter & ~history)
      | UInt32((history | peer.pointee.history) & (HistoryBits.holes | HistoryBits.ahead))
    guard differs == 0, window != 0, hot.pointee.state != FlowState.closed else { return false }
    if SequenceHoles.distance(acknowledgement, peer.pointee.nextSequence) < 0 {
      // Of a side that is not seen at all, what is acknowledged tells where it stands.
      guard peer.pointee.packets == 0 else { return false }
      peer.pointee.nextSequence = acknowledgement
    }
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
    let cold = table.cold + Int(entry)
    let hot = table.hot + Int(entry)
    let flags = packet.pointee.tcpFlags
    guard packet.pointee.sequence == side.pointee.nextSequence,
      flags & (TCPFlags.syn | TCPFlags.fin | TCPFlags.rst | TCPFlags.ack) == TCPFlags.ack,
      packet.pointee.window != 0, cold.pointee.isOpenBothWays,
      hot.pointee.state != FlowState.closed,
      packet.pointee.flags & ParsedPacket.Flags.badTransportHeader == 0,
      (side.pointee.history | peer.pointee.history) & (HistoryBits.holes | HistoryBits.ahead)
        == 0,
      SequenceHoles.distance(packet.pointee.acknowledgement, peer.pointee.nextSequence) >= 0
    else { return false }
    let length = packet.pointee.payloadLength
    appendHistory(entry, packet.pointee.side, length > 0 ? HistoryBits.data : HistoryBits.ack)
    side.pointee.nextSequence &+= length
    side.pointee.window = packet.pointee.window
    if hot.pointee.state == FlowState.new { establish(hot) }
    return true
  }

  /// A SYN and nothing else, without data.
  @inline(__always)
  static func isPlainSyn(_ packet: UnsafePointer<ParsedPacket>) -> Bool {
    // The flags are those of TCP alone. Of a header that lies, and of a window of 0, more is to be said.
    packet.pointee.tcpFlags & (TCPFlags.syn | TCPFlags.fin | TCPFlags.rst | TCPFlags.ack)
      == TCPFlags.syn && packet.pointee.payloadLength == 0 && packet.pointee.window != 0
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

  /// The rest: handshake, end, loss, and letters not written yet.
  @inline(never)
  private mutating func updateTCPState(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
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
    if flags & TCPFlags.syn != 0 { settleDirection(entry, flags, sender) }

    // What takes a place in the sequence: data, SYN and FIN; what a RST carries does not.
    var after = packet.pointee.sequence
    if !isReset { after &+= length }
    if flags & TCPFlags.syn != 0 { after &+= 1 }
    if flags & TCPFlags.fin != 0 { after &+= 1 }
    beginSequence(entry, packet, after)
    writeLetters(entry, side, packet)
    followWindow(entry, side, packet)
    if flags & TCPFlags.syn != 0 {
      readOptions(entry, packet)
    }
    if flags & TCPFlags.ack != 0 { beginPeer(entry, packet) }
    followSequence(entry, side, packet, after)
    changeState(entry, packet)
    if flags & TCPFlags.ack != 0 && !isReset { followAcknowledgement(entry, packet) }
    let control = flags & (TCPFlags.syn | TCPFlags.fin | TCPFlags.rst)
    if control & (control &- 1) != 0 { note(.badTCPFlags, entry, packet) }
    settleState(entry)
  }

  // MARK: Sequence numbers

  /// The first segment of a side says where its sequence begins; so does a new SYN.
  @inline(__always)
  private mutating func beginSequence(
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
  private mutating func beginPeer(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
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
  private mutating func followSequence(
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
      if hole > 0 { openHole(entry, packet, next) }
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
  private mutating func belowHighest(_ entry: UInt32, _ sender: UInt8) {
    guard let trouble = trouble(entry, sender) else {
      appendHistory(entry, sender, HistoryBits.retransmission)
      return
    }
    trouble.pointee.belowHighest &+= 1
    appendScaled(entry, sender, HistoryBits.retransmission, trouble.pointee.belowHighest)
  }

  @inline(never)
  private mutating func openHole(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>, _ next: UInt32
  ) {
    let sender = packet.pointee.side
    let sequence = packet.pointee.sequence
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

  private mutating func fillHole(_ entry: UInt32, _ sender: UInt8, _ from: UInt32, _ to: UInt32)
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
  private mutating func followAcknowledgement(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>
  ) {
    let other = 1 &- packet.pointee.side
    guard table.cold[Int(entry)].tcpState(other) != .inactive else { return }
    let peer = Self.side(table.hot + Int(entry), other)
    let acknowledged = packet.pointee.acknowledgement
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
  private mutating func countGap(
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

  private static func isClean(_ cold: UnsafePointer<FlowCold>, _ side: UInt8) -> Bool {
    let state = cold.pointee.tcpState(side)
    return state == .established
      || state == .closed && cold.pointee.tcpStateBefore(side) == .established
  }

  // MARK: Windows

  @inline(__always)
  private mutating func followWindow(
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
  private mutating func readOptions(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
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
  private mutating func isOutsideWindow(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>)
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

  // MARK: States

  @inline(__always)
  private mutating func changeState(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
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
  private mutating func leaveInactive(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
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
  private mutating func leaveEstablished(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
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
  private mutating func settleDirection(_ entry: UInt32, _ flags: UInt8, _ sender: UInt8) {
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
  private mutating func settleState(_ entry: UInt32) {
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
  private mutating func establish(_ hot: UnsafeMutablePointer<FlowHot>) {
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
}
