// What is against the rules, told by name: a counter always, and a record with the flow it belongs to,
// once a flow and name.

extension FlowTracker {
  /// The flow's detail, taken from the pool where it has none yet; nil where the pool is empty.
  mutating func detail(_ entry: UInt32) -> UnsafeMutablePointer<FlowDetail>? {
    let cold = table.cold + Int(entry)
    if cold.pointee.detail == 0 {
      cold.pointee.detail = details.take()
      if cold.pointee.detail == 0 {
        counters.add(.detailsNotKept)
        return nil
      }
    }
    return details.at(cold.pointee.detail)
  }

  mutating func trouble(_ entry: UInt32, _ sender: UInt8) -> UnsafeMutablePointer<FlowTrouble>? {
    guard let detail = detail(entry) else { return nil }
    return Self.trouble(detail, sender)
  }

  static func trouble(_ detail: UnsafeMutablePointer<FlowDetail>, _ sender: UInt8)
    -> UnsafeMutablePointer<FlowTrouble>
  {
    // sideA and sideB stand one behind the other at byte 8; a test asserts it.
    (UnsafeMutableRawPointer(detail) + 8 + Int(sender) &* MemoryLayout<FlowTrouble>.stride)
      .assumingMemoryBound(to: FlowTrouble.self)
  }

  /// Counts a violation, and reports it where the flow has not had it yet.
  @inline(__always)
  mutating func note(
    _ counter: Counter, _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>
  ) {
    note(counter, entry, PayloadMark(packet))
  }

  @inline(never)
  mutating func note(_ counter: Counter, _ entry: UInt32, _ mark: PayloadMark) {
    counters.add(counter)
    let bit = violations.bit(counter)
    guard bit != 0, let detail = detail(entry), detail.pointee.reported & bit == 0 else { return }
    if isUnpublished(entry) { return counters.add(.recordsUnpublished) }
    // A flow of a capture file is limited by itself: what is written must not depend on how many
    // workers there are. One that is held back by the limit may be reported another time.
    guard runsOnPacketTime || violations.take(counter, at: mark.time) else {
      counters.add(.anomaliesSuppressed)
      return
    }
    detail.pointee.reported |= bit
    guard let record = reserveRecord(FlowRecordKind.anomaly) else { return }
    fill(record, entry)
    finish(record, counter, mark)
    records.commit()
  }

  /// A violation of a packet that is in no flow: its cause has been counted. `hasKey`: its addresses are
  /// known.
  @inline(never)
  mutating func noteAlone(
    _ counter: Counter, _ packet: UnsafePointer<ParsedPacket>, hasKey: Bool
  ) {
    guard violations.bit(counter) != 0 else { return }
    // Packets that cannot be parsed are all one worker's, so the limit holds whatever their number.
    guard (hasKey && runsOnPacketTime) || violations.take(counter, at: packet.pointee.time) else {
      counters.add(.anomaliesSuppressed)
      return
    }
    guard let record = reserveRecord(FlowRecordKind.anomaly) else { return }
    let p = packet.pointee
    UnsafeMutableRawPointer(record).initializeMemory(
      as: UInt64.self, repeating: 0,
      count: (MemoryLayout<FlowHot>.size + MemoryLayout<FlowCold>.size) / 8)
    record.pointee.hot.lastSeen = p.time
    record.pointee.cold.firstSeen = p.time
    record.pointee.cold.ordinal = p.ordinal
    record.pointee.cold.portIndex = p.port
    record.pointee.cold.vlanOuter = p.vlanOuter
    record.pointee.cold.vlanInner = p.vlanInner
    if hasKey {
      record.pointee.hot.key = p.key
      record.pointee.parts = FlowRecord.Parts.key
    }
    finish(record, counter, PayloadMark(packet))
    records.commit()
  }

  private mutating func finish(
    _ record: UnsafeMutablePointer<FlowRecord>, _ counter: Counter, _ mark: PayloadMark
  ) {
    record.pointee.exportTime = mark.time
    record.pointee.packetOrdinal = mark.ordinal
    record.pointee.event = UInt16(truncatingIfNeeded: counter.rawValue)
    // The parser writes the side with the key.
    record.pointee.eventSide =
      record.pointee.parts & FlowRecord.Parts.key != 0 ? mark.side : 0
    record.pointee.endReason = 0
    counters.add(.anomalyRecords)
  }

  /// What the parser and the fragment cache found wrong with a packet that is counted all the same.
  @inline(never)
  package mutating func noteOddities(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let flags = packet.pointee.flags
    if flags & ParsedPacket.Flags.badTransportHeader != 0 {
      note(
        packet.pointee.key.proto == IPProtocol.tcp ? .badTCPHeaderLength : .badUDPLength, entry,
        packet)
    }
    if flags & ParsedPacket.Flags.lengthBeyondFrame != 0 {
      note(.lengthBeyondFrame, entry, packet)
    }
    if flags & ParsedPacket.Flags.badOptions != 0 { note(.badIPv4Options, entry, packet) }
    if flags & ParsedPacket.Flags.badInnerVersion != 0 { note(.badInnerVersion, entry, packet) }
    if flags & ParsedPacket.Flags.overlap != 0 { note(.fragmentOverlap, entry, packet) }
    if flags & ParsedPacket.Flags.tooLong != 0 { note(.fragmentTooLong, entry, packet) }
    if flags & ParsedPacket.Flags.badIPChecksum != 0 { note(.ipChecksumBad, entry, packet) }
    if flags & ParsedPacket.Flags.badTransportChecksum != 0 { noteChecksum(entry, packet) }
    if flags & ParsedPacket.Flags.fragment != 0 {
      table.hot[Int(entry)].flags |= FlowFlags.fragmented
    }
  }

  /// A wrong checksum of the transport: Zeek's C in the flow's history, too.
  mutating func noteChecksum(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    note(.transportChecksumBad, entry, packet)
    guard packet.pointee.key.proto == IPProtocol.tcp || packet.pointee.key.proto == IPProtocol.udp
    else { return }
    guard let trouble = trouble(entry, packet.pointee.side) else { return }
    trouble.pointee.badChecksums &+= 1
    appendScaled(
      entry, packet.pointee.side, HistoryBits.badChecksum, trouble.pointee.badChecksums)
  }

  /// A packet that is discarded for its checksum: the flow, where there is one, knows of it. One that is
  /// over by now is none, whether or not the wheel has come to it.
  @inline(never)
  mutating func noteDiscarded(_ packet: UnsafePointer<ParsedPacket>, clock: Int64) {
    let entry = table.find(packet)
    guard entry != FlowTable.none else { return }
    let hot = table.hot + Int(entry)
    guard hot.pointee.lastSeen &+ inactive(hot) > max(clock, packet.pointee.time) else { return }
    // Behind an IP header that is wrong nothing is believed, its protocol's checksum included.
    if packet.pointee.flags & ParsedPacket.Flags.badIPChecksum != 0 {
      note(.ipChecksumBad, entry, packet)
    } else {
      noteChecksum(entry, packet)
    }
  }

  // MARK: Tunnels

  /// The number of the tunnel that a flow's first packet is in.
  @inline(never)
  mutating func holdTunnel(_ packet: UnsafePointer<ParsedPacket>) -> UInt16 {
    guard let tunnel = Tunnel(packet) else { return 0 }
    let number = tunnels.hold(tunnel, hash: hash)
    if number == 0 { counters.add(.tunnelsNotKept) }
    return number
  }
}

/// Which violations are recorded, and how many records a second a worker makes of each.
struct ViolationLimit: BitwiseCopyable {
  static let usual = 100

  private struct Kind: BitwiseCopyable {
    /// Among 64, its own; 0 for a counter that is of no violation.
    var bit: UInt64
    var second: Int64
    var count: Int64
  }

  private let kinds: UnsafeMutablePointer<Kind>
  private let perSecond: Int64

  /// 0: no records at all.
  init(perSecond: Int, plan: inout MemoryPlan, touch: Bool) {
    self.perSecond = Int64(perSecond)
    kinds = plan.take("anomaly limits", bytes: Counter.count * MemoryLayout<Kind>.stride)
      .assumingMemoryBound(to: Kind.self)
    guard touch else { return }
    for (place, counter) in Counter.violations.enumerated() {
      kinds[counter.rawValue] = Kind(bit: 1 << UInt64(place), second: 0, count: 0)
    }
  }

  /// The bit by which a flow remembers that it has been reported; 0 where nothing is to be recorded.
  @inline(__always)
  func bit(_ counter: Counter) -> UInt64 { perSecond > 0 ? kinds[counter.rawValue].bit : 0 }

  /// Whether one more of `counter` may be reported at `time`, nanoseconds.
  func take(_ counter: Counter, at time: Int64) -> Bool {
    let second = time / 1_000_000_000
    let mine = kinds + counter.rawValue
    if mine.pointee.second != second {
      mine.pointee.second = second
      mine.pointee.count = 0
    }
    guard mine.pointee.count < perSecond else { return false }
    mine.pointee.count &+= 1
    return true
  }
}
