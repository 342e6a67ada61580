import CBurst

// What is not a plain packet of a flow: fragments, broken transport headers, everything that is
// counted and let go; and the house-keeping between bursts.

extension FlowWorker {
  /// Counts what is odd or not for the table, and sends fragments their way. Afterwards the verdict is
  /// `flow` only where the packet goes on through the burst's common stages.
  @inline(never)
  mutating func uncommon(
    _ p: UnsafeMutablePointer<ParsedPacket>, _ packet: UnsafePointer<martlet_packet>
  ) {
    let verdict = p.pointee.verdict
    if PacketVerdict.isCause(verdict) {
      counters.add(rawIndex: PacketVerdict.counterIndex(verdict))
      noteCause(p)
      releases.append(p.pointee.handle)
      p.pointee.verdict = PacketVerdict.done
      return
    }
    if p.pointee.flags & ParsedPacket.Flags.portSaysBadChecksum != 0 || checksums != .ignore {
      verifyChecksums(p, packet)
      if checksums == .discard, discardForChecksum(p) { return }
    }
    if p.pointee.flags & ParsedPacket.Flags.fragment != 0 {
      counters.add(p.pointee.key.ipVersion == 4 ? .ipv4Fragments : .ipv6Fragments)
      p.pointee.verdict = PacketVerdict.laterFragment
      let owner = Int(
        owners[Int(ownerHash.fragment(p.pointee.key, id: p.pointee.fragmentID) & ownerMask)])
      // One's own waits for its turn within the burst.
      if owner != place { handOut(p, to: owner) }
      return
    }
    if workerCount > 1 {
      let owner = owner(p)
      if owner != place { return handOut(p, to: owner) }
    }
    tracker.table.prefetchBucket(p.pointee.hash)
  }

  /// A packet that cannot be counted in a flow, where that is against a rule.
  private mutating func noteCause(_ p: UnsafeMutablePointer<ParsedPacket>) {
    guard
      let cause = Counter(rawValue: PacketVerdict.counterIndex(p.pointee.verdict))
    else { return }
    switch cause {
    // Their addresses have been read.
    case .truncatedTCP, .truncatedUDP, .truncatedICMP, .truncatedSCTP, .truncatedAH:
      tracker.noteAlone(cause, p, hasKey: true)
    default: tracker.noteAlone(cause, p, hasKey: false)
    }
  }

  /// Whether the packet goes for a wrong checksum; then it is counted as that.
  private mutating func discardForChecksum(_ p: UnsafeMutablePointer<ParsedPacket>) -> Bool {
    let wrong =
      p.pointee.flags
      & (ParsedPacket.Flags.badIPChecksum | ParsedPacket.Flags.badTransportChecksum)
    guard wrong != 0 else { return false }
    counters.add(
      wrong & ParsedPacket.Flags.badIPChecksum != 0
        ? .ipChecksumDiscarded : .transportChecksumDiscarded)
    releases.append(p.pointee.handle)
    // Whether its flow is there yet must not depend on where a burst began.
    p.pointee.verdict = PacketVerdict.discarded
    p.pointee.candidate = FlowTable.none
    return true
  }

  /// A fragment whose datagram this worker follows: learns or looks up the ports, then sends it, and
  /// those that waited for it, to the owner of the flow.
  @inline(never)
  mutating func ownFragment(_ p: UnsafeMutablePointer<ParsedPacket>, clock: Int64) {
    // Here and not only between bursts: whether a datagram is still remembered must not depend on where
    // a burst ended.
    fragments.expire(now: clock, tracker: &tracker)
    if p.pointee.flags & ParsedPacket.Flags.firstFragment != 0 {
      var waiting = fragments.learn(p, tracker: &tracker)
      let key = p.pointee.key
      let side = p.pointee.side
      let first = FragmentCache.FirstFragment(p)
      route(p, clock: clock)
      while waiting != FragmentCache.none {
        var (packet, next) = fragments.takeHeld(waiting, counters: counters)
        packet.key = key
        packet.side = side
        first.complete(&packet)
        route(&packet, clock: clock, hasWaited: true)
        waiting = next
      }
    } else if fragments.resolve(p, tracker: &tracker) {
      route(p, clock: clock)
    } else {
      // What waits is what was parsed: its bytes go back.
      releases.append(p.pointee.handle)
    }
  }

  /// A fragment with a complete key: into the table here, or over to its owner.
  private mutating func route(
    _ p: UnsafeMutablePointer<ParsedPacket>, clock: Int64, hasWaited: Bool = false
  ) {
    p.pointee.hash = hash(p.pointee.key)
    p.pointee.verdict = PacketVerdict.flow
    p.pointee.candidate = FlowTable.none
    if isOutOfRuleSample(p) {
      releases.append(p.pointee.handle)
      p.pointee.verdict = PacketVerdict.done
      return
    }
    let owner = owner(p)
    if owner != place {
      // Its bytes are in this worker's memory, which others do not read.
      if hasWaited { p.pointee.data = nil }
      handOut(p, to: owner)
      return
    }
    if tracker.sampler.shift != 0 && sampleOut(p) { return }
    count(p, clock: clock)
    releases.append(p.pointee.handle)
    p.pointee.verdict = PacketVerdict.done
  }

  /// Packets' time has come to one point and goes on from another: what is over by the first ends, and
  /// where the second is earlier the timers are put back.
  @inline(never)
  mutating func setClock(_ packet: UnsafePointer<martlet_packet>) {
    let reached = Int64(truncatingIfNeeded: packet.pointee.timestamp_ns)
    tracker.expireExactly(now: reached)
    fragments.expire(now: reached, tracker: &tracker)
    packetClock = Int64(truncatingIfNeeded: packet.pointee.clock_ns)
    tracker.wheel.putBack(to: packetClock)
  }

  // MARK: Between bursts

  /// Ends flows that are due, forgets old fragments, goes on with a scan that somebody waits for. Cheap
  /// where nothing is due. `packets`: how many the last round brought, at the most from one queue.
  @inline(__always)
  package mutating func housekeep(now: Int64, packets: Int = 0) {
    // On a live link what is due waits a burst rather than the packets do.
    tracker.expire(now: now, budget: runsOnPacketTime ? .max : 64)
    fragments.expire(now: now, tracker: &tracker)
    if tracker.owesRetiming { tracker.retime(now: now) }
    scan.step(&tracker, now: now, packets: packets, fullBurst: fullBurst)
  }

  /// Whether there is more to do between bursts than the last ``housekeep(now:)`` got done.
  package func owesHousekeeping(now: Int64) -> Bool {
    tracker.wheel.isDue(now) || tracker.owesRetiming || scan.isWanted
  }

  /// Writes the gauges and publishes all counters.
  package func publishCounters() {
    counters.set(.flowsLive, UInt64(tracker.table.count))
    counters.set(.samplingInterval, 1 << UInt64(samplingShift))
    counters.publish()
  }

  /// At shutdown: ends live flows, as many as the record ring has room for. Returns true when none is
  /// left; until then it is called again, with the same cursor, which begins at 0.
  package mutating func drain(now: Int64, cursor: inout Int) -> Bool {
    tracker.drain(now: now, cursor: &cursor)
  }

  /// At shutdown, when nothing more comes in: fragments still waiting are given up.
  package mutating func giveUpFragments() {
    fragments.clear(tracker: &tracker)
  }
}
