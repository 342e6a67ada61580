import CBurst

// Bursts while there are filter rules. Rules are shown the whole burst one after the other, so that a
// program stays in the cache and two clock reads a rule say what it costs; which packets are still open is
// a bit each.

extension FlowWorker {
  /// What rules made of one burst, a bit a packet.
  struct Ruling {
    /// Counted as filtered.
    var dropped: UInt32 = 0
    /// Their flows get marks.
    var marked: UInt32 = 0
    /// Written down in the trace log.
    var traced: UInt32 = 0
  }

  /// Takes up the rules of the moment; once a round, between bursts.
  @inline(__always)
  package mutating func adoptRules() {
    guard let rulesSlot else { return }
    let current = rulesSlot.current
    if current != adopted { adopt(current) }
  }

  @inline(never)
  private mutating func adopt(_ set: UnsafePointer<FilterRuleSet>?) {
    // An empty set costs as little as none.
    adopted = set
    rules = set.flatMap { $0.pointee.count == 0 ? nil : $0 }
    guard let set, let report = filterReport else { return }
    if set.pointee.traceSession != 0, set.pointee.traceSession != traceSession, let traceLog {
      traceSession = set.pointee.traceSession
      traceCount = 0
      traceSeen = 0
      traceLog.begin(traceSession)
    }
    report.adopt(set.pointee.generation)
  }

  /// As ``parseBurst(_:_:_:filter:)``, with rules between parsing and the table.
  @inline(never)
  mutating func parseRuledBurst(
    _ queue: UnsafeMutablePointer<martlet_rx_queue>, _ count: Int, _ now: Int64,
    _ set: UnsafePointer<FilterRuleSet>
  ) -> UInt64 {
    var bytes: UInt64 = 0
    let verifies = checksums != .ignore
    let trusted = queue.pointee.flags & UInt32(MARTLET_QUEUE_HARDWARE_RSS) != 0
    for i in 0..<count {
      let p = parsed + i
      p.pointee.ordinal = ordinal &+ UInt64(truncatingIfNeeded: i)
      bytes &+= UInt64(PacketParser.wireLength(packets + i))
      p.pointee.verdict = parser.parse(packets + i, into: p, now: now)
    }
    let ruling = rule(count, set, now)
    for i in 0..<count {
      let p = parsed + i
      let bit: UInt32 = 1 &<< UInt32(truncatingIfNeeded: i)
      if ruling.dropped & bit != 0 {
        counters.add(.filtered)
        releases.append(p.pointee.handle)
        p.pointee.verdict = PacketVerdict.done
      } else if p.pointee.verdict != PacketVerdict.flow || p.pointee.flags & Self.special != 0
        || verifies
      {
        uncommon(p, packets + i)
      } else if workerCount > 1 && !isMine(p, packets + i, trusted, queue) {
        handOut(p, to: owner(p))
      } else {
        tracker.table.prefetchBucket(p.pointee.hash)
      }
    }
    burstIsMarked = ruling.marked != 0
    burstTraced = ruling.traced
    if ruling.traced != 0 { traceBefore(ruling, count) }
    return bytes
  }

  /// Shows the burst to each rule in turn.
  private mutating func rule(
    _ count: Int, _ set: UnsafePointer<FilterRuleSet>, _ now: Int64
  ) -> Ruling {
    let all: UInt32 = count >= 32 ? .max : (1 &<< UInt32(truncatingIfNeeded: count)) &- 1
    var ruling = Ruling()
    var open = all
    var ip: UInt32?
    var probes = 0
    // One burst is of one port.
    let port = packets[0].port
    let frames = strippedFrames.restored(packets, count)
    for r in 0..<set.pointee.count {
      let rule = set.pointee.rules + r
      let isProbe = rule.pointee.verdict == .probe || rule.pointee.verdict == .trace
      if isProbe { probes += 1 }
      guard rule.pointee.holds(for: port) else { continue }
      var shown = isProbe ? all : open
      if rule.pointee.isInner {
        let found = ip ?? withIP(count)
        ip = found
        shown &= found
      }
      if shown == 0 { continue }
      let began = martlet_tsc()
      let caught = rule.pointee.isInner ? runInner(rule, shown) : run(rule, frames, shown)
      let ended = martlet_tsc()
      var counts = FilterReport.Counts()
      counts.evaluated = UInt64(truncatingIfNeeded: shown.nonzeroBitCount)
      counts.packets = UInt64(truncatingIfNeeded: caught.nonzeroBitCount)
      counts.bytes = wireBytes(caught)
      // Reading the clock itself is not the rule's.
      counts.ticks = max(ended &- began, clockTicks) &- clockTicks
      if isProbe { counts.evaluatedBytes = wireBytes(shown) }
      var dropped: UInt32 = 0
      switch rule.pointee.verdict {
      case .drop:
        dropped = caught
        open &= ~caught
      case .keep: open &= ~caught
      case .sample:
        dropped = sample(caught, rule, &ruling)
        open &= ~caught
      case .mark:
        mark(caught, rule.pointee.marks, unpublished: rule.pointee.marks == .none, &ruling)
      case .probe: break
      case .trace: ruling.traced |= traceBegin(caught, now)
      }
      counts.dropped = UInt64(truncatingIfNeeded: dropped.nonzeroBitCount)
      ruling.dropped |= dropped
      filterReport?.add(rule.pointee.slot, counts)
      // Probes stand in front, and are no places of the list.
      if ruling.traced != 0 && !isProbe { traceRule(ruling.traced, caught, dropped, r - probes) }
    }
    return ruling
  }

  /// Which of the packets `shown` the rule catches.
  @inline(__always)
  private func run(
    _ rule: UnsafePointer<FilterRule>, _ frames: UnsafeMutablePointer<martlet_packet>,
    _ shown: UInt32
  ) -> UInt32 {
    var caught: UInt32 = 0
    var rest = shown
    while rest != 0 {
      let i = rest.trailingZeroBitCount
      rest &= rest &- 1
      if rule.pointee.filter.accepts(frames + i) {
        caught |= 1 &<< UInt32(truncatingIfNeeded: i)
      }
    }
    return caught
  }

  /// The same on the innermost IP packet, wherever it begins.
  private func runInner(_ rule: UnsafePointer<FilterRule>, _ shown: UInt32) -> UInt32 {
    var caught: UInt32 = 0
    var rest = shown
    while rest != 0 {
      let i = rest.trailingZeroBitCount
      rest &= rest &- 1
      var packet = packets[i]
      let p = parsed + i
      let offset = UInt32(p.pointee.networkOffset)
      guard let data = p.pointee.data, offset < p.pointee.captured else { continue }
      packet.data = data + Int(offset)
      packet.captured_length = p.pointee.captured &- offset
      packet.wire_length = max(p.pointee.wireLength, offset) &- offset
      packet.link_type = 101
      if rule.pointee.filter.accepts(&packet) {
        caught |= 1 &<< UInt32(truncatingIfNeeded: i)
      }
    }
    return caught
  }

  /// Packets whose IP header has been found.
  private func withIP(_ count: Int) -> UInt32 {
    var found: UInt32 = 0
    for i in 0..<count {
      let verdict = parsed[i].verdict
      if verdict == PacketVerdict.flow || verdict == PacketVerdict.laterFragment {
        found |= 1 &<< UInt32(truncatingIfNeeded: i)
      }
    }
    return found
  }

  private func wireBytes(_ chosen: UInt32) -> UInt64 {
    var bytes: UInt64 = 0
    var rest = chosen
    while rest != 0 {
      bytes &+= UInt64(PacketParser.wireLength(packets + rest.trailingZeroBitCount))
      rest &= rest &- 1
    }
    return bytes
  }

  /// Drops those whose flows are not in the rule's sample. A fragment's flow is not known yet: it is
  /// decided when it is.
  private func sample(
    _ caught: UInt32, _ rule: UnsafePointer<FilterRule>, _ ruling: inout Ruling
  ) -> UInt32 {
    var dropped: UInt32 = 0
    var rest = caught
    while rest != 0 {
      let i = rest.trailingZeroBitCount
      rest &= rest &- 1
      let p = parsed + i
      let bit: UInt32 = 1 &<< UInt32(truncatingIfNeeded: i)
      let isFragment =
        p.pointee.verdict == PacketVerdict.laterFragment
        || p.pointee.flags & ParsedPacket.Flags.fragment != 0
      guard isFragment || p.pointee.verdict == PacketVerdict.flow else { continue }
      if !isFragment && FlowSampler.level(p.pointee.hash) < UInt32(rule.pointee.shift) {
        dropped |= bit
      } else {
        mark(bit, .sample(rule.pointee.shift), unpublished: false, &ruling)
        p.pointee.ruleSlot = rule.pointee.slot
      }
    }
    return dropped
  }

  private func mark(
    _ chosen: UInt32, _ marks: FlowMarks, unpublished: Bool, _ ruling: inout Ruling
  ) {
    var rest = chosen
    while rest != 0 {
      let i = rest.trailingZeroBitCount
      rest &= rest &- 1
      let p = parsed + i
      if p.pointee.flags & ParsedPacket.Flags.marked == 0 {
        p.pointee.flags |= ParsedPacket.Flags.marked
        p.pointee.marks = .none
        p.pointee.isUnpublished = false
        p.pointee.ruleSlot = 0
      }
      p.pointee.marks.add(marks)
      if unpublished { p.pointee.isUnpublished = true }
    }
    ruling.marked |= chosen
  }

  /// What rules left on a packet, for its flow.
  @inline(never)
  func leaveMarks(_ entry: UInt32, _ p: UnsafePointer<ParsedPacket>) {
    tracker.table.cold[Int(entry)].marks.add(p.pointee.marks)
    if p.pointee.isUnpublished {
      tracker.table.hot[Int(entry)].flags |= FlowFlags.unpublished
    }
  }

  /// Of a fragment whose flow is known now: counts it as filtered where that is not in the sample of the
  /// rule that caught it. The caller gives it back.
  mutating func isOutOfRuleSample(_ p: UnsafePointer<ParsedPacket>) -> Bool {
    guard p.pointee.flags & ParsedPacket.Flags.marked != 0,
      FlowSampler.level(p.pointee.hash) < p.pointee.marks.shift
    else { return false }
    counters.add(.filtered)
    filterReport?.addDropped(p.pointee.ruleSlot)
    return true
  }
}
