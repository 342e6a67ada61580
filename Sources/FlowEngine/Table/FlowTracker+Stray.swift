// Segments that no window has let through (RFC 9293, section 3.4): forged ones, which their receiver drops, or
// those behind a stretch that was lost before us. Linux drops all of them (tcp_sequence), and so does
// Suricata (stream.est_packet_out_of_window). Here they are not believed until the receiver's acknowledgement
// bears them out, or several more that go on where they end while nothing comes where it is expected; then
// it is as though they had been believed at once.

extension FlowTracker {
  /// Whether a segment without SYN and RST is not to be followed: one beyond the window that nothing bears
  /// out, or a FIN before what its sender has said already.
  @inline(__always)
  mutating func isStray(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) -> Bool {
    let side = Self.side(table.hot + Int(entry), packet.pointee.side)
    let hole = SequenceHoles.distance(side.pointee.nextSequence, packet.pointee.sequence)
    // No window is smaller.
    if hole <= 65_535 && packet.pointee.tcpFlags & TCPFlags.fin == 0 { return false }
    return isStray(entry, packet, hole)
  }

  @inline(never)
  private mutating func isStray(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>, _ hole: Int32
  ) -> Bool {
    let hot = table.hot + Int(entry)
    let cold = table.cold + Int(entry)
    let sender = packet.pointee.side
    let side = Self.side(hot, sender)
    let state = cold.pointee.tcpState(sender)
    guard hot.pointee.state == FlowState.established, state == .established || state == .partial
    else { return false }
    let isFIN = packet.pointee.tcpFlags & TCPFlags.fin != 0
    let end = packet.pointee.sequence &+ packet.pointee.payloadLength &+ (isFIN ? 1 : 0)
    if isFIN && SequenceHoles.distance(side.pointee.nextSequence, end) < 0
      && hole.magnitude <= Self.largestWindow
    {
      note(.finOutsideWindow, entry, packet)
      return true
    }
    let room = Self.room(hot, cold, sender)
    guard hole > 65_535, hole.magnitude > room, hole.magnitude <= Self.largestWindow,
      !hasOnlyHandshake(hot),
      // Without room to remember it is believed.
      let detail = detail(entry)
    else { return false }
    // The other side has said that it has come so far.
    if side.pointee.history & HistoryBits.ahead != 0 {
      let known = Self.trouble(detail, sender).pointee.acknowledged
      if SequenceHoles.distance(known, packet.pointee.sequence).magnitude <= room { return false }
    }
    let stray = Self.stray(detail, sender)
    let beyond = SequenceHoles.distance(stray.pointee.end, packet.pointee.sequence)
    if stray.pointee.count > 0, stray.pointee.expected == side.pointee.nextSequence, beyond >= 0,
      beyond.magnitude <= room, SequenceHoles.distance(stray.pointee.end, end) > 0
    {
      guard stray.pointee.count < Self.enoughStrays else {
        believe(entry, sender, packet)
        return false
      }
      stray.pointee.end = end
      stray.pointee.count &+= 1
      stray.pointee.hasFIN = isFIN
    } else {
      stray.pointee = StraySegments(
        start: packet.pointee.sequence, end: end, expected: side.pointee.nextSequence, count: 1,
        hasFIN: isFIN)
    }
    note(.tcpOutsideWindow, entry, packet)
    return true
  }

  /// Behind so many the next one is believed, and they are.
  private static var enoughStrays: UInt8 { 3 }

  /// A connection of which a capture has nothing but SYN, FIN and RST: any distance may lie between them.
  private func hasOnlyHandshake(_ hot: UnsafePointer<FlowHot>) -> Bool {
    (hot.pointee.sideA.history | hot.pointee.sideB.history) & HistoryBits.data == 0
  }

  /// The receiver has acknowledged what stood beyond its window as we knew it.
  @inline(__always)
  mutating func bearOut(
    _ entry: UInt32, _ sender: UInt8, _ acknowledged: UInt32,
    _ packet: UnsafePointer<ParsedPacket>
  ) {
    let stray = Self.stray(details.at(table.cold[Int(entry)].detail), sender)
    guard stray.pointee.count > 0 else { return }
    let beyond = SequenceHoles.distance(stray.pointee.end, acknowledged)
    guard beyond >= 0,
      beyond.magnitude <= Self.room(table.hot + Int(entry), table.cold + Int(entry), sender)
    else { return }
    believe(entry, sender, packet)
  }

  /// What was not believed was the sender's own: the hole before it is one.
  @inline(never)
  private mutating func believe(
    _ entry: UInt32, _ sender: UInt8, _ packet: UnsafePointer<ParsedPacket>
  ) {
    let place = Self.stray(details.at(table.cold[Int(entry)].detail), sender)
    let stray = place.pointee
    place.pointee = StraySegments()
    let side = Self.side(table.hot + Int(entry), sender)
    let next = side.pointee.nextSequence
    guard SequenceHoles.distance(next, stray.end) > 0 else { return }
    side.pointee.nextSequence = stray.end
    if SequenceHoles.distance(next, stray.start) > 0 {
      openHole(entry, sender, next, stray.start, packet)
    }
    guard stray.hasFIN else { return }
    let cold = table.cold + Int(entry)
    let state = cold.pointee.tcpState(sender)
    if state == .established || state == .partial {
      appendHistory(entry, sender, HistoryBits.fin)
      cold.pointee.setTCPState(sender, .closed)
    }
  }

  private static func stray(_ detail: UnsafeMutablePointer<FlowDetail>, _ sender: UInt8)
    -> UnsafeMutablePointer<StraySegments>
  {
    // strayA and strayB stand one behind the other at byte 152; a test asserts it.
    (UnsafeMutableRawPointer(detail) + 152 + Int(sender) &* MemoryLayout<StraySegments>.stride)
      .assumingMemoryBound(to: StraySegments.self)
  }
}
