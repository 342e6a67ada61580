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
      releases.append(p.pointee.handle)
      p.pointee.verdict = PacketVerdict.done
      return
    }
    if p.pointee.flags & ParsedPacket.Flags.badTransportHeader != 0 {
      counters.add(p.pointee.key.proto == IPProtocol.tcp ? .badTCPHeaderLength : .badUDPLength)
    }
    if p.pointee.flags & ParsedPacket.Flags.lengthBeyondFrame != 0 {
      counters.add(.lengthBeyondFrame)
    }
    if p.pointee.flags & ParsedPacket.Flags.badChecksum != 0 { checkChecksums(p, packet) }
    if p.pointee.flags & ParsedPacket.Flags.fragment != 0 {
      counters.add(p.pointee.key.ipVersion == 4 ? .ipv4Fragments : .ipv6Fragments)
      p.pointee.verdict = PacketVerdict.laterFragment
      let owner = Int(
        owners[Int(ownerHash.fragment(p.pointee.key, id: p.pointee.fragmentID) & ownerMask)])
      if owner != index {
        handOut(p, to: owner)
      } else {
        ownFragment(p)
        p.pointee.verdict = PacketVerdict.done
      }
      return
    }
    if workerCount > 1 {
      let owner = owner(p)
      if owner != index { return handOut(p, to: owner) }
    }
    tracker.table.prefetchBucket(p.pointee.hash)
  }

  /// A fragment whose datagram this worker follows: learns or looks up the ports, then sends it, and
  /// those that waited for it, to the owner of the flow.
  @inline(never)
  mutating func ownFragment(_ p: UnsafeMutablePointer<ParsedPacket>) {
    if p.pointee.flags & ParsedPacket.Flags.firstFragment != 0 {
      var waiting = fragments.learn(
        p, hash: hash, counters: counters, releases: &releases)
      let key = p.pointee.key
      let side = p.pointee.side
      route(p)
      while waiting != FragmentCache.none {
        var (packet, next) = fragments.takeHeld(waiting, counters: counters)
        packet.key = key
        packet.side = side
        route(&packet)
        waiting = next
      }
    } else if fragments.resolve(p, hash: hash, counters: counters, releases: &releases) {
      route(p)
    }
  }

  /// A fragment with a complete key: into the table here, or over to its owner.
  private mutating func route(_ p: UnsafeMutablePointer<ParsedPacket>) {
    p.pointee.hash = hash(p.pointee.key)
    p.pointee.verdict = PacketVerdict.flow
    p.pointee.candidate = FlowTable.none
    let owner = owner(p)
    if owner != index {
      handOut(p, to: owner)
      return
    }
    tracker.update(p)
    releases.append(p.pointee.handle)
    p.pointee.verdict = PacketVerdict.done
  }

  // MARK: Between bursts

  /// Ends flows that are due, forgets old fragments, goes on with a running top scan. Cheap where
  /// nothing is due.
  @inline(__always)
  package mutating func housekeep(now: Int64) {
    tracker.expire(now: now, budget: 64)
    fragments.expire(now: now, hash: hash, counters: counters, releases: &releases)
    releases.flush()
    top.step(tracker.table.hot, tracker.table.cold, capacity: tracker.table.capacity, now: now)
  }

  /// Writes the gauges and publishes all counters.
  package func publishCounters() {
    counters.set(.flowsLive, UInt64(tracker.table.count))
    counters.publish()
  }

  /// At shutdown: ends live flows, as many as the record ring has room for. Returns true when none is
  /// left; until then it is called again, with the same cursor, which begins at 0.
  package mutating func drain(now: Int64, cursor: inout Int) -> Bool {
    tracker.drain(now: now, cursor: &cursor)
  }

  /// At shutdown, when nothing more comes in: fragments still waiting are given up.
  package mutating func giveUpFragments() {
    fragments.clear(hash: hash, counters: counters, releases: &releases)
    releases.flush()
  }
}
