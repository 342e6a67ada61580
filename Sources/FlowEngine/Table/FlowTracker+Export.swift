import CBurst

// How flows end and how they are reported.

extension FlowTracker {
  /// When an entry is next to be looked at.
  mutating func deadline(_ entry: UInt32) -> Int64 {
    let hot = table.hot + Int(entry)
    let idle = hot.pointee.lastSeen &+ inactive(hot)
    if runsOnPacketTime { return idle }
    let active = table.cold[Int(entry)].activeDeadline
    return active > 0 && timeouts.active > 0 ? min(idle, active) : idle
  }

  /// Ends or reports what is due at `now`, at the most `budget` entries. Returns how many were looked at.
  @inline(__always)
  @discardableResult
  package mutating func expire(now: Int64, budget: Int) -> Int {
    wheel.isDue(now) ? expireDue(now: now, budget: budget) : 0
  }

  @inline(never)
  private mutating func expireDue(now: Int64, budget: Int) -> Int {
    var visited = 0
    while visited < budget, let entry = wheel.popDue(now: now) {
      visited &+= 1
      // Taken out of its list, an entry still says who followed.
      prefetchFollowing(entry)
      let hot = table.hot + Int(entry)
      if hot.pointee.lastSeen &+ inactive(hot) <= now {
        endIdle(entry, now: now)
        continue
      }
      if !runsOnPacketTime { reportIfDue(entry, clock: now) }
      wheel.schedule(entry, at: deadline(entry))
    }
    return visited
  }

  /// Of the two entries behind one in its list: the next one's place in the index on its way, and the
  /// lines of the one after that, which were themselves asked for a step before. Lists lie scattered in
  /// memory, and each step would wait for it several times.
  @inline(__always)
  private func prefetchFollowing(_ entry: UInt32) {
    let next = table.hot[Int(entry)].timerNext
    guard next != FlowTable.none else { return }
    table.prefetchBucket(hash(table.hot[Int(next)].key))
    let second = table.hot[Int(next)].timerNext
    if second != FlowTable.none { table.prefetchAll(second) }
  }

  /// Ends what is over at `now`, to the nanosecond and not to the wheel's tick: where the outcome must not
  /// depend on when the wheel was last looked at.
  @inline(never)
  mutating func expireExactly(now: Int64) {
    expire(now: now, budget: .max)
    var entry = wheel.firstBehind(now)
    while entry != FlowTable.none {
      let next = table.hot[Int(entry)].timerNext
      if table.hot[Int(entry)].lastSeen &+ inactive(table.hot + Int(entry)) <= now {
        wheel.cancel(entry)
        endIdle(entry, now: now)
      }
      entry = next
    }
  }

  /// Ends an entry that is in no list of the wheel and whose time is over.
  mutating func endIdle(_ entry: UInt32, now: Int64) {
    let closed = table.hot[Int(entry)].state == FlowState.closed
    counters.add(closed ? .endedByProtocol : .endedIdle)
    emitAndRemove(
      entry, reason: closed ? FlowEndReason.endOfFlow : FlowEndReason.idleTimeout, now: now)
  }

  /// On the packets' time this is asked before each packet of a flow, and by nobody else: what an
  /// update says then does not depend on when the wheel turned.
  @inline(__always)
  mutating func reportIfDue(_ entry: UInt32, clock: Int64) {
    let due = table.cold[Int(entry)].activeDeadline
    // Without an active timeout there may still be deadlines of a former one.
    if due > 0 && due <= clock && timeouts.active > 0 { report(entry, now: clock) }
  }

  /// A `flow_update`: totals so far, and the next one's deltas start here.
  @inline(never)
  private mutating func report(_ entry: UInt32, now: Int64) {
    let hot = table.hot + Int(entry)
    let cold = table.cold + Int(entry)
    // Each deadline is kept, however late this one was met; a gap of several gives one record.
    let periods = (now &- cold.pointee.activeDeadline) / timeouts.active &+ 1
    cold.pointee.activeDeadline &+= periods &* timeouts.active
    if cold.pointee.updates < .max { cold.pointee.updates &+= 1 }
    counters.add(.flowUpdates)
    emit(
      entry, kind: FlowRecordKind.flowUpdate, reason: FlowEndReason.activeTimeout, now: now)
    cold.pointee.reportedPacketsA = UInt48(hot.pointee.sideA.packets)
    cold.pointee.reportedPacketsB = UInt48(hot.pointee.sideB.packets)
    cold.pointee.reportedBytesA = UInt48(hot.pointee.sideA.bytes)
    cold.pointee.reportedBytesB = UInt48(hot.pointee.sideB.bytes)
    cold.pointee.reportedIPBytesA = UInt48(hot.pointee.sideA.ipBytes)
    cold.pointee.reportedIPBytesB = UInt48(hot.pointee.sideB.ipBytes)
  }

  /// Ends a flow at an operator's word, if its entry still holds it. Returns whether it did.
  mutating func endNow(_ flow: UnsafePointer<ScanPage.Kill>, now: Int64) -> Bool {
    let entry = flow.pointee.entry
    guard Int(entry) < table.capacity, table.isLive(entry) else { return false }
    let cold = table.cold + Int(entry)
    guard
      cold.pointee.firstSeen == flow.pointee.firstSeen,
      cold.pointee.ordinal == flow.pointee.ordinal
    else { return false }
    counters.add(.endedForced)
    end(entry, reason: FlowEndReason.operatorEnd, now: now)
    return true
  }

  /// Ends a flow that is in the wheel.
  mutating func end(_ entry: UInt32, reason: UInt8, now: Int64) {
    wheel.cancel(entry)
    emitAndRemove(entry, reason: reason, now: now)
  }

  mutating func emitAndRemove(_ entry: UInt32, reason: UInt8, now: Int64) {
    let app = table.app[Int(entry)]
    if app.state != 0 || app.proto == AppProtocol.failed.rawValue { endPayload(entry) }
    emit(entry, kind: FlowRecordKind.flow, reason: reason, now: now)
    let cold = table.cold + Int(entry)
    if cold.pointee.detail != 0 { details.giveBack(cold.pointee.detail) }
    if cold.pointee.tunnel != 0 { tunnels.letGo(cold.pointee.tunnel) }
    table.remove(entry, hash: hash(table.hot[Int(entry)].key))
  }

  /// Writes a record into the ring in place; a full ring drops it, by count.
  private mutating func emit(_ entry: UInt32, kind: UInt8, reason: UInt8, now: Int64) {
    if isUnpublished(entry) { return counters.add(.recordsUnpublished) }
    guard let record = reserveRecord(kind) else { return }
    fill(record, entry)
    if sampler.hasSampled || record.pointee.cold.marks.shift != 0 { noteSampling(record, entry) }
    record.pointee.exportTime = runsOnPacketTime ? table.hot[Int(entry)].lastSeen : now
    record.pointee.endReason = reason
    records.commit()
  }

  /// What was left out while the flow lived.
  @inline(never)
  func noteSampling(_ record: UnsafeMutablePointer<FlowRecord>, _ entry: UInt32) {
    let cold = table.cold + Int(entry)
    var sampling = sampler.summary(
      firstSeen: cold.pointee.firstSeen, hash: hash(table.hot[Int(entry)].key))
    sampling.raise(to: cold.pointee.marks.shift)
    record.pointee.sampling = sampling
  }

  /// A filter rule has its records go to nobody.
  @inline(__always)
  func isUnpublished(_ entry: UInt32) -> Bool {
    table.hot[Int(entry)].flags & FlowFlags.unpublished != 0
  }

  /// The next place in the ring, its head written; nil where the ring is full, which is counted.
  mutating func reserveRecord(_ kind: UInt8) -> UnsafeMutablePointer<FlowRecord>? {
    counters.add(.recordsMade)
    let number = nextSequence.pointee
    nextSequence.pointee &+= 1
    guard let record = records.reserve() ?? (runsOnPacketTime ? waitForRoom() : nil) else {
      counters.add(.recordsDropped)
      return nil
    }
    record.pointee.sequence = number
    record.pointee.kind = kind
    record.pointee.worker = worker
    record.pointee.event = 0
    record.pointee.parts = 0
    return record
  }

  /// A flow as it stands, into a record; what a flow need not have is left as it was, and `parts` says
  /// what there is.
  package mutating func fill(_ record: UnsafeMutablePointer<FlowRecord>, _ entry: UInt32) {
    let cold = table.cold + Int(entry)
    record.pointee.hot = table.hot[Int(entry)]
    record.pointee.cold = cold.pointee
    record.pointee.app = table.app[Int(entry)]
    var parts = FlowRecord.Parts.flow | FlowRecord.Parts.key
    if cold.pointee.tunnel != 0 {
      record.pointee.tunnel = tunnels[cold.pointee.tunnel]
      parts |= FlowRecord.Parts.tunnel
    }
    if cold.pointee.detail != 0 {
      let detail = details.at(cold.pointee.detail)
      record.pointee.troubleA = detail.pointee.sideA
      record.pointee.troubleB = detail.pointee.sideB
      parts |= FlowRecord.Parts.trouble
    }
    record.pointee.parts = parts
  }

  /// Capture files can wait: nothing is lost because a reader of records is slow.
  @inline(never)
  private mutating func waitForRoom() -> UnsafeMutablePointer<FlowRecord> {
    counters.publish()
    var round: UInt32 = 0
    while true {
      if let record = records.reserve() { return record }
      martlet_relax(round)
      round = min(round &+ 1, 10_000)
    }
  }

  /// A full table: what is over goes first, and only then one that is not.
  mutating func makeRoom(_ now: Int64) {
    if runsOnPacketTime { expire(now: now, budget: .max) }
    if table.isFull { evictOldest(now) }
  }

  /// Makes room in a full table: the flow that would end next goes early, and its record says so.
  ///
  /// The wheel knows roughly which that is; entries whose flows have been seen since are put where they
  /// belong on the way. After sixteen of those the one longest unseen is taken.
  @inline(never)
  mutating func evictOldest(_ now: Int64) {
    var oldest = FlowTable.none
    var oldestSeen = Int64.max
    for _ in 0..<16 {
      guard let entry = wheel.earliest() else { break }
      let seen = table.hot[Int(entry)].lastSeen
      if seen < oldestSeen {
        oldest = entry
        oldestSeen = seen
      }
      let deadline = deadline(entry)
      if wheel.isInPlace(entry, deadline: deadline) {
        // Nothing is due before it.
        oldest = entry
        break
      }
      wheel.cancel(entry)
      wheel.schedule(entry, at: deadline)
    }
    guard oldest != FlowTable.none else { return }
    prefetchFollowing(oldest)
    counters.add(.evicted)
    end(oldest, reason: FlowEndReason.lackOfResources, now: now)
  }

  /// Ends live flows at shutdown, as many as the ring has room for. Returns true when none is left.
  package mutating func drain(now: Int64, cursor: inout Int) -> Bool {
    // What is over by the clock ends as that, wherever the wheel stands.
    if cursor == 0 && runsOnPacketTime { expireExactly(now: now) }
    while cursor < table.capacity {
      if table.count == 0 { return true }
      if table.isLive(UInt32(truncatingIfNeeded: cursor)) {
        if records.count >= records.capacity { return false }
        counters.add(.endedForced)
        end(UInt32(truncatingIfNeeded: cursor), reason: FlowEndReason.forcedEnd, now: now)
      }
      cursor &+= 1
    }
    return true
  }
}
