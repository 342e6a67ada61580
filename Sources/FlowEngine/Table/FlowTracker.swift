import CBurst

/// Packets into flows, flows into records: a worker's table, its timers, and the ring its records
/// leave by.
package struct FlowTracker: ~Copyable {
  /// The benches look into it.
  var table: FlowTable
  var details: FlowDetailPool
  var tunnels: TunnelTable
  var violations: ViolationLimit
  var sampler: FlowSampler
  var wheel: TimerWheel
  private(set) var timeouts: FlowTimeouts
  let hash: FlowHash
  let records: Ring<FlowRecord>
  let counters: CounterBlock
  let worker: UInt16
  /// The clock is the packets' own: records are stamped with their flow's latest packet, active
  /// timeouts are met by packets alone, and a full record ring is waited for. So the records of a
  /// capture depend on its packets and their order, and on nothing else.
  let runsOnPacketTime: Bool
  /// Active timeouts are met by packets.
  let reportsOnPacketTime: Bool
  /// No flow ends sooner than this after its latest packet.
  private(set) var shortestTimeout: Int64
  /// The next entry that is to be put where the timeouts of now want it; negative: all are.
  private var retimeNext = -1
  /// Of the next record, shared with dissection: counts those that a full ring dropped, too.
  let nextSequence: UnsafeMutablePointer<UInt64>
  var sequence: UInt64 { nextSequence.pointee }
  /// Who looks into payloads, where anybody does, and what is set on flows so that he is asked.
  var hook: PayloadHook?
  var newFlowFlags: UInt8 = 0

  package init(
    capacity: Int, timeouts: FlowTimeouts, hash: FlowHash, records: Ring<FlowRecord>,
    counters: CounterBlock, worker: UInt16, runsOnPacketTime: Bool = false,
    detailCapacity: Int? = nil, violationRecordsPerSecond: Int = ViolationLimit.usual,
    plan: inout MemoryPlan, touch: Bool
  ) {
    self.runsOnPacketTime = runsOnPacketTime
    reportsOnPacketTime = runsOnPacketTime && timeouts.active > 0
    shortestTimeout = timeouts.shortest
    table = FlowTable(capacity: capacity, plan: &plan, touch: touch)
    wheel = TimerWheel(hot: table.hot, plan: &plan, touch: touch)
    details = FlowDetailPool(
      capacity: detailCapacity ?? Self.usualDetails(capacity), plan: &plan, touch: touch)
    tunnels = TunnelTable(capacity: Self.usualTunnels(capacity), plan: &plan, touch: touch)
    violations = ViolationLimit(
      perSecond: violationRecordsPerSecond, plan: &plan, touch: touch)
    sampler = FlowSampler(plan: &plan)
    nextSequence = plan.take("record sequence", bytes: 8).assumingMemoryBound(to: UInt64.self)
    self.timeouts = timeouts
    self.hash = hash
    self.records = records
    self.counters = counters
    self.worker = worker
  }

  /// Flows in trouble that there is room for, where nothing else is said: one in 40.
  package static func usualDetails(_ capacity: Int) -> Int { max(64, capacity / 40) }

  /// Tunnels that there is room for: one to 64 flows, as far as they can be numbered.
  package static func usualTunnels(_ capacity: Int) -> Int { min(max(64, capacity / 64), 65_535) }

  // MARK: Stages one by one

  /// As in ``FlowTable``; they are here since a table that others may reach into is copied for them.
  @inline(__always)
  package mutating func prefetchBucket(_ hash: UInt64) { table.prefetchBucket(hash) }

  @inline(__always)
  package mutating func prefetchCandidate(_ hash: UInt64) -> UInt32 {
    table.prefetchCandidate(hash)
  }

  @inline(__always)
  package mutating func find(_ packet: UnsafePointer<ParsedPacket>) -> UInt32 { table.find(packet) }

  package var flowCount: Int { table.count }

  /// Sets the clock; before the first packet.
  package mutating func start(at now: Int64) { wheel.start(at: now) }

  /// Takes other timeouts, on a live link. Flows that live are put where these want them a stretch at a
  /// time, by ``retime(now:)``; until then one may end as late as it would have.
  package mutating func setTimeouts(_ new: FlowTimeouts) {
    timeouts = new
    shortestTimeout = new.shortest
    retimeNext = 0
  }

  /// There are flows that are where former timeouts wanted them.
  package var owesRetiming: Bool { retimeNext >= 0 }

  /// The next stretch of entries.
  @inline(never)
  mutating func retime(now: Int64) {
    let end = min(retimeNext + 256, table.capacity)
    while retimeNext < end {
      let entry = UInt32(truncatingIfNeeded: retimeNext)
      retimeNext += 1
      guard table.isLive(entry) else { continue }
      let cold = table.cold + Int(entry)
      let soonest = now &+ timeouts.active
      let due = cold.pointee.activeDeadline
      cold.pointee.activeDeadline =
        timeouts.active == 0 ? 0 : due == 0 ? soonest : min(due, soonest)
      wheel.cancel(entry)
      wheel.schedule(entry, at: deadline(entry))
    }
    if retimeNext == table.capacity { retimeNext = -1 }
  }

  // MARK: A packet

  /// The common case, whole: the next packet in order of a flow that is known, on an established
  /// connection or over UDP. Returns false, with nothing changed, where it is anything else; then it is
  /// for ``update(_:clock:)``.
  ///
  /// Two cache lines of the flow; perf/instructions has what it costs (`find_hit`, `update`).
  @inline(__always)
  package mutating func updateKnown(_ packet: UnsafePointer<ParsedPacket>, clock: Int64) -> Bool {
    guard table.isCandidate(packet), !reportsOnPacketTime,
      packet.pointee.flags & FlowWorker.odd == 0
    else { return false }
    let hot = table.hot + Int(packet.pointee.candidate)
    let time = packet.pointee.time
    let before = hot.pointee.lastSeen
    let sender = packet.pointee.side
    let side = Self.side(hot, sender)
    guard time >= before, max(clock, time) &- before < shortestTimeout, side.pointee.packets != 0
    else { return false }
    guard followInOrder(hot, side, Self.side(hot, 1 &- sender), packet) else { return false }
    hot.pointee.lastSeen = time
    side.pointee.packets &+= 1
    side.pointee.bytes &+= UInt64(packet.pointee.wireLength)
    side.pointee.ipBytes &+= UInt64(packet.pointee.ipLength)
    return true
  }

  /// Has the cold half of a packet's entry on its way where the packet is likely to ask for it: to begin or
  /// end a connection, or to write a letter in its history.
  @inline(__always)
  func prefetchCold(_ packet: UnsafePointer<ParsedPacket>) {
    let candidate = packet.pointee.candidate
    guard candidate != FlowTable.none else { return }
    let side = Self.side(table.hot + Int(candidate), packet.pointee.side)
    let missing = UInt16(packet.pointee.letter) & ~side.pointee.history
    if packet.pointee.control != TCPFlags.ack || missing != 0 {
      let cold = UnsafeRawPointer(table.cold + Int(candidate))
      martlet_prefetch_write(cold)
      martlet_prefetch_write(cold + 64)
    }
  }

  /// Counts one packet into its flow, which is begun where it is not there yet, and returns the flow's
  /// entry. `clock` is what the time is now; a flow that is over by it is ended here, whether or not
  /// the wheel has come to it.
  @discardableResult
  package mutating func update(_ packet: UnsafePointer<ParsedPacket>, clock: Int64) -> UInt32 {
    var entry = table.find(packet)
    if entry == FlowTable.none {
      entry = begin(packet, clock: clock)
      if Self.isPlainSyn(packet) {
        beginWithSyn(entry, packet)
        return entry
      }
    } else if max(clock, packet.pointee.time) &- table.hot[Int(entry)].lastSeen >= shortestTimeout {
      entry = afterSilence(entry, packet, clock: clock)
    }
    if packet.pointee.tcpFlags & Self.synAck == TCPFlags.syn && isReuse(entry, packet) {
      entry = beginAgain(entry, packet, clock: clock)
    } else if leaps(entry, packet) && isOfAnother(entry, packet, clock: clock) {
      entry = beginAgain(entry, packet, clock: clock)
    }
    if reportsOnPacketTime { reportIfDue(entry, clock: clock) }
    let hot = table.hot + Int(entry)
    let side = Self.side(hot, packet.pointee.side)
    side.pointee.packets &+= 1
    side.pointee.bytes &+= UInt64(packet.pointee.wireLength)
    side.pointee.ipBytes &+= UInt64(packet.pointee.ipLength)
    let time = packet.pointee.time
    if time >= hot.pointee.lastSeen {
      hot.pointee.lastSeen = time
    } else {
      counters.add(.timeWentBackwards)
    }
    if side.pointee.packets == 1 { firstOfSide(entry, packet) }
    if packet.pointee.key.proto == IPProtocol.tcp {
      updateTCP(entry, hot, side, packet)
    } else {
      updateOther(entry, side, packet)
    }
    countPacket(packet)
    return entry
  }

  @inline(__always)
  func countPacket(_ packet: UnsafePointer<ParsedPacket>) {
    counters.add(.countedInFlows)
    counters.add(.countedBytes, UInt64(packet.pointee.wireLength))
  }

  /// UDP and ICMP: their payload is what the usual headers leave, and what differs is noted.
  @inline(__always)
  private mutating func updateOther(
    _ entry: UInt32, _ side: UnsafeMutablePointer<FlowSide>,
    _ packet: UnsafePointer<ParsedPacket>
  ) {
    // Of other protocols nobody asks for it, and their flows' second half stays untouched.
    let proto = packet.pointee.key.proto
    guard
      proto == IPProtocol.udp || proto == IPProtocol.icmp || proto == IPProtocol.icmpv6
    else { return }
    let usual = Self.usualHeaders(packet)
    let headers = packet.pointee.ipLength &- packet.pointee.payloadLength
    if headers != usual { addHeaders(entry, packet.pointee.side, headers &- usual) }
    if side.pointee.history & HistoryBits.data == 0 && proto == IPProtocol.udp {
      appendHistory(entry, packet.pointee.side, HistoryBits.data)
    }
  }

  /// Bytes of an IP header without options or extensions and a UDP or ICMP header.
  @inline(__always)
  private static func usualHeaders(_ packet: UnsafePointer<ParsedPacket>) -> UInt32 {
    packet.pointee.key.flags & FlowKey.Flags.ipv6 != 0 ? 48 : 28
  }

  @inline(never)
  private mutating func addHeaders(_ entry: UInt32, _ sender: UInt8, _ difference: UInt32) {
    let cold = table.cold + Int(entry)
    cold.pointee.setStart(sender, cold.pointee.start(sender) &+ difference)
  }

  @inline(__always)
  static var synAck: UInt8 { TCPFlags.syn | TCPFlags.ack }

  @inline(__always)
  static func side(_ hot: UnsafeMutablePointer<FlowHot>, _ side: UInt8)
    -> UnsafeMutablePointer<FlowSide>
  {
    // sideA and sideB stand one behind the other at byte 64; a test asserts it.
    (UnsafeMutableRawPointer(hot) + 64 + Int(side) &* MemoryLayout<FlowSide>.stride)
      .assumingMemoryBound(to: FlowSide.self)
  }

  // MARK: Beginnings

  /// A new entry for the packet's key, evicting one where the table is full.
  @inline(never)
  mutating func begin(_ packet: UnsafePointer<ParsedPacket>, clock: Int64) -> UInt32 {
    if table.isFull { makeRoom(clock) }
    let entry = table.insert(hash: packet.pointee.hash)
    fill(entry, packet)
    counters.add(.flowsCreated)
    return entry
  }

  /// A flow's ports are used again, and this is another flow.
  @inline(never)
  mutating func beginAgain(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>, clock: Int64
  ) -> UInt32 {
    end(entry, reason: FlowEndReason.endOfFlow, now: packet.pointee.time)
    counters.add(.endedByProtocol)
    counters.add(.portsReused)
    return begin(packet, clock: clock)
  }

  /// A packet after a silence that may have been longer than its flow's timeout.
  @inline(never)
  private mutating func afterSilence(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>, clock: Int64
  ) -> UInt32 {
    let hot = table.hot + Int(entry)
    let now = max(clock, packet.pointee.time)
    if hot.pointee.lastSeen &+ inactive(hot) <= now {
      wheel.cancel(entry)
      endIdle(entry, now: now)
      return begin(packet, clock: clock)
    }
    return entry
  }

  private mutating func fill(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let hot = table.hot + Int(entry)
    let cold = table.cold + Int(entry)
    UnsafeMutableRawPointer(hot).initializeMemory(as: UInt64.self, repeating: 0, count: 16)
    UnsafeMutableRawPointer(cold).initializeMemory(as: UInt64.self, repeating: 0, count: 16)
    hot.pointee.key = packet.pointee.key
    hot.pointee.lastSeen = packet.pointee.time
    hot.pointee.flags = FlowFlags.live | originatorFlags(packet)
    table.app[Int(entry)] = FlowApp()
    let proto = packet.pointee.key.proto
    if proto == IPProtocol.tcp || proto == IPProtocol.udp { hot.pointee.flags |= newFlowFlags }
    cold.pointee.firstSeen = packet.pointee.time
    if packet.pointee.side == 1 { hot.pointee.flags |= FlowFlags.firstSideIsB }
    cold.pointee.ordinal = packet.pointee.ordinal
    cold.pointee.portIndex = packet.pointee.port
    cold.pointee.vlanOuter = packet.pointee.vlanOuter
    cold.pointee.vlanInner = packet.pointee.vlanInner
    // As Zeek has it: who sent the first packet was taken for the responder.
    let originator: UInt8 = hot.pointee.flags & FlowFlags.originatorIsB != 0 ? 1 : 0
    if originator != packet.pointee.side { append(entry, UInt8(ascii: "^")) }
    if packet.pointee.key.proto == IPProtocol.icmp || packet.pointee.key.proto == IPProtocol.icmpv6
    {
      cold.pointee.icmpType = packet.pointee.icmpType
      cold.pointee.icmpCode = packet.pointee.icmpCode
    }
    if packet.pointee.flags & ParsedPacket.Flags.ethernet != 0, let data = packet.pointee.data {
      // The parser has seen 14 bytes: destination, source, type.
      let destination = Self.mac(data)
      let source = Self.mac(data + 6)
      cold.pointee.macA = packet.pointee.side == 0 ? source : destination
      cold.pointee.macB = packet.pointee.side == 0 ? destination : source
    }
    if packet.pointee.tunnelKind != 0 { cold.pointee.tunnel = holdTunnel(packet) }
    if timeouts.active > 0 { cold.pointee.activeDeadline = packet.pointee.time &+ timeouts.active }
    wheel.schedule(entry, at: deadline(entry))
  }

  @inline(__always)
  private static func mac(_ bytes: UnsafePointer<UInt8>) -> (UInt16, UInt16, UInt16) {
    let raw = UnsafeRawPointer(bytes)
    return (
      raw.loadUnaligned(as: UInt16.self), raw.loadUnaligned(fromByteOffset: 2, as: UInt16.self),
      raw.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
    )
  }

  /// Who began: by SYN, else by the ports, else the first packet.
  @inline(__always)
  private func originatorFlags(_ packet: UnsafePointer<ParsedPacket>) -> UInt8 {
    let sender: UInt8 = packet.pointee.side == 1 ? FlowFlags.originatorIsB : 0
    let receiver: UInt8 = sender ^ FlowFlags.originatorIsB
    let isTCP = packet.pointee.key.proto == IPProtocol.tcp
    guard isTCP || packet.pointee.key.proto == IPProtocol.udp else { return sender }
    let isSyn = isTCP && packet.pointee.tcpFlags & TCPFlags.syn != 0
    if isSyn && packet.pointee.tcpFlags & TCPFlags.ack == 0 {
      return sender | FlowFlags.directionBySyn
    }
    if isSyn { return receiver | FlowFlags.directionBySyn }
    let source = packet.pointee.side == 0 ? packet.pointee.key.portA : packet.pointee.key.portB
    let destination = packet.pointee.side == 0 ? packet.pointee.key.portB : packet.pointee.key.portA
    let isAnswer =
      ServerPorts.has(source, proto: packet.pointee.key.proto)
      && !ServerPorts.has(destination, proto: packet.pointee.key.proto)
    return (isAnswer ? receiver : sender) | (isTCP ? FlowFlags.midstream : 0)
  }

  /// TTL and traffic class of a side's first packet.
  @inline(__always)
  mutating func noteFirst(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    let cold = table.cold + Int(entry)
    if packet.pointee.side == 0 {
      cold.pointee.ttlA = packet.pointee.ttl
      cold.pointee.tosA = packet.pointee.trafficClass
    } else {
      cold.pointee.ttlB = packet.pointee.ttl
      cold.pointee.tosB = packet.pointee.trafficClass
    }
  }

  /// A side's first packet: its TTL and traffic class, and where it is the answer, its time.
  @inline(never)
  private mutating func firstOfSide(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    noteFirst(entry, packet)
    let cold = table.cold + Int(entry)
    let hot = table.hot + Int(entry)
    let first: UInt8 = hot.pointee.flags & FlowFlags.firstSideIsB != 0 ? 1 : 0
    guard packet.pointee.side != first else { return }
    cold.pointee.firstReply = packet.pointee.time
    guard packet.pointee.key.proto != IPProtocol.tcp else { return }
    hot.pointee.state = FlowState.established
    if packet.pointee.key.proto == IPProtocol.icmp || packet.pointee.key.proto == IPProtocol.icmpv6
    {
      cold.pointee.responseICMPCode = packet.pointee.icmpCode
    }
  }

  @inline(__always)
  func inactive(_ hot: UnsafePointer<FlowHot>) -> Int64 {
    timeouts.inactive(
      proto: hot.pointee.key.proto, state: hot.pointee.state, flags: hot.pointee.flags)
  }
}
