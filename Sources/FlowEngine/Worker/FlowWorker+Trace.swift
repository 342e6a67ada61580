import CBurst

// Traced packets: what they were, which rules caught them, what they did to their flow. Nothing of it runs
// unless somebody asks, and then for a few hundred packets.

extension FlowWorker {
  /// Writes the packets down as they came, as far as there is room; which those are.
  @inline(never)
  mutating func traceBegin(_ caught: UInt32, _ now: Int64) -> UInt32 {
    guard let traceLog else { return 0 }
    var traced: UInt32 = 0
    var rest = caught
    while rest != 0, traceCount < TraceLog.capacity {
      let i = rest.trailingZeroBitCount
      rest &= rest &- 1
      traceSeen &+= 1
      if traceSeen % traceInterval != 0 { continue }
      let packet = packets + i
      let entry = traceLog.entry(traceCount)
      // What is not set here is set later or said to be absent.
      UnsafeMutableRawPointer(entry).initializeMemory(
        as: UInt64.self, repeating: 0, count: MemoryLayout<TraceEntry>.size / 8)
      entry.pointee.time = now
      entry.pointee.wireLength = PacketParser.wireLength(packet)
      let captured = min(Int(packet.pointee.captured_length), TraceLog.snapLength)
      if let data = packet.pointee.data {
        traceLog.bytes(traceCount).update(from: data, count: captured)
        entry.pointee.captured = UInt32(captured)
      }
      entry.pointee.port = packet.pointee.port
      entry.pointee.verdict = parsed[i].verdict
      entry.pointee.parsed = parsed[i]
      traceNumbers[i] = UInt16(truncatingIfNeeded: traceCount)
      traceCount += 1
      traced |= 1 &<< UInt32(truncatingIfNeeded: i)
    }
    return traced
  }

  /// A rule has caught some of them.
  @inline(never)
  func traceRule(_ traced: UInt32, _ caught: UInt32, _ dropped: UInt32, _ place: Int) {
    guard let traceLog else { return }
    var rest = traced & caught
    while rest != 0 {
      let i = rest.trailingZeroBitCount
      rest &= rest &- 1
      let entry = traceLog.entry(Int(traceNumbers[i]))
      entry.pointee.caught |= 1 &<< UInt64(truncatingIfNeeded: place)
      if dropped &>> UInt32(truncatingIfNeeded: i) & 1 != 0 {
        entry.pointee.rule = UInt8(truncatingIfNeeded: place)
      }
    }
  }

  /// Between the rules and the table: what became of those that never get there, and how the flows of the
  /// others stand.
  @inline(never)
  mutating func traceBefore(_ ruling: Ruling, _ count: Int) {
    guard let traceLog else { return }
    var rest = ruling.traced
    while rest != 0 {
      let i = rest.trailingZeroBitCount
      rest &= rest &- 1
      let entry = traceLog.entry(Int(traceNumbers[i]))
      let p = parsed + i
      if ruling.dropped &>> UInt32(truncatingIfNeeded: i) & 1 != 0 {
        entry.pointee.outcome = TraceOutcome.filtered.rawValue
      } else if PacketVerdict.isCause(entry.pointee.verdict)
        || p.pointee.verdict == PacketVerdict.discarded
      {
        entry.pointee.outcome = TraceOutcome.cause.rawValue
      } else if p.pointee.verdict == PacketVerdict.done {
        entry.pointee.outcome = TraceOutcome.handedOut.rawValue
        entry.pointee.receiver = UInt16(truncatingIfNeeded: owner(p))
      } else if p.pointee.verdict == PacketVerdict.laterFragment {
        entry.pointee.outcome = TraceOutcome.fragment.rawValue
      } else {
        let found = tracker.table.find(p)
        guard found != FlowTable.none else { continue }
        entry.pointee.hasBefore = true
        entry.pointee.stateBefore = tracker.table.hot[Int(found)].state
        entry.pointee.historyBefore = tracker.table.cold[Int(found)].historyLength
      }
    }
  }

  /// Behind the table: how the flows stand now.
  @inline(never)
  mutating func traceAfter() {
    guard let traceLog else { return }
    var rest = burstTraced
    burstTraced = 0
    while rest != 0 {
      let i = rest.trailingZeroBitCount
      rest &= rest &- 1
      let entry = traceLog.entry(Int(traceNumbers[i]))
      guard entry.pointee.outcome == TraceOutcome.flow.rawValue else { continue }
      let p = parsed + i
      if p.pointee.verdict == PacketVerdict.done {
        entry.pointee.outcome = TraceOutcome.sampledOut.rawValue
        continue
      }
      let found = tracker.table.find(p)
      // The burst's later packets may have ended it, or made room at its cost.
      guard found != FlowTable.none else { continue }
      entry.pointee.hot = tracker.table.hot[Int(found)]
      entry.pointee.cold = tracker.table.cold[Int(found)]
      entry.pointee.isNew = entry.pointee.cold.ordinal == p.pointee.ordinal
    }
    traceLog.publish(traceCount)
  }
}
