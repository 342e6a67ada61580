package import CBurst

/// What is done about checksums that are wrong.
package enum ChecksumPolicy: String, CaseIterable, Sendable {
  /// None is computed. One that the port itself calls wrong is looked at and counted.
  case ignore
  /// All are computed; wrong ones are counted and reported, and their packets count in flows.
  case count
  /// All are computed; packets with wrong ones are in no flow.
  case discard
}

/// What a worker is made with.
package struct FlowWorkerSettings: Sendable {
  package var index: Int
  package var workerCount: Int
  /// Flows in this worker's table.
  package var flowCapacity: Int
  package var timeouts: FlowTimeouts
  package var vlanInKey: Bool
  /// As ``PacketParser/decapsulation``.
  package var decapsulation: UInt8
  /// Datagrams whose fragments are followed; rounded up to a power of two.
  package var fragmentCapacity: Int
  package var heldFragments: Int
  /// Of those the bytes are kept, too: somebody will look into payloads.
  package var keepsFragments = false
  package var fragmentTimeoutSeconds: Double
  package var hash: FlowHash
  /// How many entries the owner table has: the smallest redirection table of all ports.
  package var ownerTableSize: Int
  /// The packets' own time is the clock, nothing is lost for want of room in the record ring, and the
  /// port has given every packet of a flow and of a datagram to one worker.
  package var runsOnPacketTime: Bool
  /// By packet ordinal: see ``PacketMap``. Nil where nobody asks.
  package var packetMap: PacketMap?
  /// Which packets are looked at; all where nil.
  package var packetFilter: PacketFilterSlot?
  /// Where rules come from, and what is told of them; none where nil.
  package var filters: FilterMemory?
  package var checksums = ChecksumPolicy.ignore
  /// Flows in trouble that there is room for; one in 40 where nil.
  package var detailCapacity: Int?
  /// Anomaly records of one name that a worker makes in a second; 0: none at all.
  package var anomaliesPerSecond = 100

  package init(
    index: Int, workerCount: Int, flowCapacity: Int, timeouts: FlowTimeouts = FlowTimeouts(),
    vlanInKey: Bool = true, decapsulation: UInt8 = PacketParser.maximumTunnels,
    fragmentCapacity: Int = 4096, heldFragments: Int = 1024,
    fragmentTimeoutSeconds: Double = 15, hash: FlowHash, ownerTableSize: Int = 128,
    runsOnPacketTime: Bool = false, packetMap: PacketMap? = nil,
    packetFilter: PacketFilterSlot? = nil
  ) {
    self.index = index
    self.workerCount = workerCount
    self.flowCapacity = flowCapacity
    self.timeouts = timeouts
    self.vlanInKey = vlanInKey
    self.decapsulation = decapsulation
    self.fragmentCapacity = fragmentCapacity
    self.heldFragments = heldFragments
    self.fragmentTimeoutSeconds = fragmentTimeoutSeconds
    self.hash = hash
    self.ownerTableSize = ownerTableSize
    self.runsOnPacketTime = runsOnPacketTime
    self.packetMap = packetMap
    self.packetFilter = packetFilter
  }
}

/// One worker: bursts in, records out, run to completion on one core.
///
///     receive → parse all → hash all, prefetch → look up all, prefetch → update all → release
///
/// Everything it touches is its own but for three kinds of ring: hand-offs to and from the other
/// workers, and its records. It never blocks, allocates or calls the system.
package struct FlowWorker: ~Copyable {
  package let index: Int
  /// Those it shares packets with, itself included, and its place among them.
  let workerCount: Int
  let place: Int
  package let runsOnPacketTime: Bool
  let packetMap: PacketMap?
  let packetFilter: PacketFilterSlot?
  /// What packets' time is, where that is the clock.
  package var packetClock: Int64 = 0
  var tracker: FlowTracker
  var fragments: FragmentCache
  var scan: FlowScan
  let parser: PacketParser
  let checksums: ChecksumPolicy
  let hash: FlowHash
  let ownerHash: OwnerHash
  /// Worker by the low bits of the owner's hash; a NIC's redirection table has the same content.
  let owners: UnsafeMutablePointer<UInt16>
  let ownerMask: UInt32
  package let counters: CounterBlock
  let packets: UnsafeMutablePointer<martlet_packet>
  let parsed: UnsafeMutablePointer<ParsedPacket>
  /// By worker: where its packets go, and where those from it come in.
  let outgoing: UnsafeMutablePointer<Ring<ParsedPacket>>
  let incoming: UnsafeMutablePointer<Ring<ParsedPacket>>
  var releases: ReleaseList
  var ordinal: UInt64 = 0

  /// Packets asked for at a time, and ``usualAhead``; both tunable while it runs.
  private(set) var burstLimit = UInt32(MARTLET_BURST_CAPACITY)
  private var ahead = FlowWorker.usualAhead
  /// Of packets that a trace wants, one in so many is written down.
  var traceInterval: UInt64 = 1
  var traceSeen: UInt64 = 0

  let rulesSlot: FilterRulesSlot?
  let filterReport: FilterReport?
  let traceLog: TraceLog?
  let strippedFrames: StrippedFrames
  /// What reading the clock twice takes.
  let clockTicks: UInt64
  /// The set that the worker goes by, and the same unless it is empty; nil: every packet is kept.
  var adopted: UnsafePointer<FilterRuleSet>?
  var rules: UnsafePointer<FilterRuleSet>?
  /// Some packet of the burst carries marks for its flow.
  var burstIsMarked = false
  /// Packets of the burst that are traced, a bit each, and their places in the log.
  var burstTraced: UInt32 = 0
  let traceNumbers: UnsafeMutablePointer<UInt16>
  var traceSession: UInt64 = 0
  var traceCount = 0

  static let burst = Int(MARTLET_BURST_CAPACITY)

  /// Cuts what it needs out of `plan`; `touch` is false while the plan only adds up. `handoff` gives
  /// the ring from one worker to another, and `release` takes packets of any port of this engine.
  package init(
    _ settings: FlowWorkerSettings, plan: inout MemoryPlan, touch: Bool,
    records: Ring<FlowRecord>, counters: CounterBlock, scanPage: ScanPage,
    handoff: (_ from: Int, _ to: Int) -> Ring<ParsedPacket>,
    release:
      @escaping @convention(c) (
        UnsafeMutableRawPointer?, UnsafePointer<UnsafeMutableRawPointer?>?, UInt32
      ) -> Void, releaseContext: UnsafeMutableRawPointer?
  ) {
    index = settings.index
    runsOnPacketTime = settings.runsOnPacketTime
    packetMap = settings.packetMap
    packetFilter = settings.packetFilter
    // A port of capture files gives each worker whole flows: there is nobody to share with.
    workerCount = settings.runsOnPacketTime ? 1 : settings.workerCount
    place = settings.runsOnPacketTime ? 0 : settings.index
    self.counters = counters
    hash = settings.hash
    checksums = settings.checksums
    parser = PacketParser(
      vlanInKey: settings.vlanInKey, decapsulation: settings.decapsulation, hash: settings.hash)
    packets = plan.take(
      "packet descriptors", bytes: Self.burst * MemoryLayout<martlet_packet>.stride
    )
    .assumingMemoryBound(to: martlet_packet.self)
    parsed = plan.take("parsed packets", bytes: Self.burst * MemoryLayout<ParsedPacket>.stride)
      .assumingMemoryBound(to: ParsedPacket.self)
    let hashTables = plan.take("owner hash tables", bytes: OwnerHash.tableBytes)
    owners = plan.take("owner table", bytes: settings.ownerTableSize * 2)
      .assumingMemoryBound(to: UInt16.self)
    outgoing = plan.take(
      "hand-off rings' handles", bytes: 2 * workerCount * MemoryLayout<Ring<ParsedPacket>>.stride
    )
    .assumingMemoryBound(to: Ring<ParsedPacket>.self)
    incoming = outgoing + workerCount
    releases = ReleaseList(
      capacity: 4 * Self.burst, plan: &plan, release: release, context: releaseContext)
    tracker = FlowTracker(
      capacity: settings.flowCapacity, timeouts: settings.timeouts, hash: settings.hash,
      records: records, counters: counters, worker: UInt16(settings.index),
      runsOnPacketTime: settings.runsOnPacketTime, detailCapacity: settings.detailCapacity,
      violationRecordsPerSecond: settings.anomaliesPerSecond, plan: &plan, touch: touch)
    var fragmentCapacity = 1
    while fragmentCapacity < settings.fragmentCapacity { fragmentCapacity *= 2 }
    fragments = FragmentCache(
      capacity: fragmentCapacity, heldCapacity: settings.heldFragments,
      keepsFrames: settings.keepsFragments,
      timeout: Int64(settings.fragmentTimeoutSeconds * 1e9), plan: &plan, touch: touch)
    scan = FlowScan(page: scanPage, capacity: settings.flowCapacity, plan: &plan)
    rulesSlot = settings.filters?.slot
    filterReport = settings.filters?.reports[settings.index]
    traceLog = settings.filters?.traces[settings.index]
    strippedFrames = StrippedFrames(plan: &plan)
    traceNumbers = plan.take("filters", bytes: Self.burst * 2)
      .assumingMemoryBound(to: UInt16.self)
    clockTicks = Self.measureClock()
    precondition(
      settings.ownerTableSize > 0 && settings.ownerTableSize & (settings.ownerTableSize - 1) == 0,
      "the owner table's size is a power of two")
    ownerMask = UInt32(settings.ownerTableSize - 1)
    guard touch else {
      // Only adding up: the tables are not there to be filled.
      ownerHash = OwnerHash(empty: hashTables)
      return
    }
    ownerHash = OwnerHash(memory: hashTables)
    for i in 0..<settings.ownerTableSize { owners[i] = UInt16(i % workerCount) }
    for other in 0..<workerCount {
      outgoing[other] = handoff(place, other)
      incoming[other] = handoff(other, place)
    }
  }

  /// What two readings of the clock are apart at the least.
  private static func measureClock() -> UInt64 {
    (0..<32).reduce(into: UInt64.max) { least, _ in
      let began = martlet_tsc()
      least = min(least, martlet_tsc() &- began)
    }
  }

  /// Has somebody look into payloads; before the first poll.
  package mutating func attach(_ hook: PayloadHook) { tracker.attach(hook) }

  package var flowCount: Int { tracker.flowCount }

  /// What he may see and change of the flows.
  package var access: FlowAccess { tracker.access }

  /// Sets the clock; before the first poll.
  package mutating func start(at now: Int64) { tracker.start(at: now) }

  // MARK: A burst

  /// Takes one burst from a queue and works it through. Returns how many packets it had.
  package mutating func poll(_ queue: UnsafeMutablePointer<martlet_rx_queue>, now: Int64) -> Int {
    let count = Int(queue.pointee.receive(queue.pointee.context, packets, burstLimit))
    counters.add(.polls)
    if count == 0 {
      counters.add(.emptyPolls)
      return 0
    }
    let filter = packetFilter?.current
    let rules = rules
    let isPlain =
      filter == nil && rules == nil && packetMap == nil && !runsOnPacketTime && workerCount == 1
      && checksums == .ignore
    let bytes: UInt64
    if isPlain {
      bytes = parsePlainBurst(count, now)
    } else if let rules {
      bytes = parseRuledBurst(queue, count, now, rules)
    } else {
      bytes = parseBurst(queue, count, now, filter: filter)
    }
    if tracker.sampler.shift != 0 { sampleBurst(count) }
    let clocks = updateBurst(count, now)
    if burstTraced != 0 { traceAfter() }
    releases.flush()
    if runsOnPacketTime {
      packetClock = Int64(truncatingIfNeeded: packets[count &- 1].clock_ns)
    }
    ordinal &+= UInt64(truncatingIfNeeded: count &- clocks)
    counters.add(.received, UInt64(truncatingIfNeeded: count &- clocks))
    counters.add(.receivedBytes, bytes)
    return count
  }

  /// Stage one: parses and hashes the burst, and has the buckets of its packets on their way. Returns the
  /// frames' bytes.
  private mutating func parseBurst(
    _ queue: UnsafeMutablePointer<martlet_rx_queue>, _ count: Int, _ now: Int64,
    filter: UnsafePointer<PacketFilter>?
  ) -> UInt64 {
    var bytes: UInt64 = 0
    let verifies = checksums != .ignore
    // A time stamp of 0 is one on the packets' own time.
    let time = runsOnPacketTime ? 0 : now
    let trusted = queue.pointee.flags & UInt32(MARTLET_QUEUE_HARDWARE_RSS) != 0
    for i in 0..<count {
      let p = parsed + i
      let packet = packets + i
      if packet.pointee.flags & UInt16(MARTLET_PACKET_CLOCK) != 0 {
        p.pointee.verdict = PacketVerdict.clock
        continue
      }
      p.pointee.ordinal =
        runsOnPacketTime ? packet.pointee.ordinal : ordinal &+ UInt64(truncatingIfNeeded: i)
      // The frame's own length: a decapsulated packet's is less.
      bytes &+= UInt64(PacketParser.wireLength(packet))
      if let filter, !filter.pointee.accepts(packet) {
        counters.add(.filtered)
        releases.append(packet.pointee.handle)
        p.pointee.verdict = PacketVerdict.done
        continue
      }
      if let packetMap { packetMap.pass(p.pointee.ordinal) }
      let verdict = parser.parse(packet, into: p, now: time)
      p.pointee.verdict = verdict
      if verdict != PacketVerdict.flow || p.pointee.flags & Self.special != 0 || verifies {
        uncommon(p, packet)
      } else if workerCount > 1 && !isMine(p, packet, trusted, queue) {
        handOut(p, to: owner(p))
      } else {
        tracker.table.prefetchBucket(p.pointee.hash)
      }
    }
    return bytes
  }

  /// As ``parseBurst(_:_:_:filter:)`` where all packets are this worker's and wanted, and nobody asks for
  /// more: a loop in which none of that is asked for each packet.
  private mutating func parsePlainBurst(_ count: Int, _ now: Int64) -> UInt64 {
    var bytes: UInt64 = 0
    let parser = parser
    var packet = UnsafePointer(packets)
    var p = parsed
    let end = p + count
    var next = ordinal
    while p < end {
      p.pointee.ordinal = next
      if parser.parseUsual(packet, into: p, now: now) {
        bytes &+= UInt64(p.pointee.wireLength)
        p.pointee.verdict = PacketVerdict.flow
        tracker.table.prefetchBucket(p.pointee.hash)
      } else {
        bytes &+= UInt64(PacketParser.wireLength(packet))
        parseUnusual(packet, into: p, now: now)
      }
      next &+= 1
      packet += 1
      p += 1
    }
    return bytes
  }

  @inline(never)
  private mutating func parseUnusual(
    _ packet: UnsafePointer<martlet_packet>, into p: UnsafeMutablePointer<ParsedPacket>, now: Int64
  ) {
    p.pointee.verdict = parser.parseUnusual(packet, into: p, now: now)
    if p.pointee.verdict != PacketVerdict.flow || p.pointee.flags & Self.special != 0 {
      uncommon(p, packet)
    } else {
      tracker.table.prefetchBucket(p.pointee.hash)
    }
  }

  /// Packets between the one whose entry is asked for and the one that is counted: as many as keep the
  /// memory at work, few enough that what came is still there.
  package static var usualAhead: Int { 16 }

  /// Between bursts: what the operator has tuned, each kept within what there is.
  package mutating func tune(burst: Int, ahead: Int, traceInterval: UInt64) {
    burstLimit = UInt32(min(max(burst, 1), Self.burst))
    self.ahead = min(max(ahead, 1), Self.burst)
    self.traceInterval = max(traceInterval, 1)
  }

  package var fullBurst: Int { Int(burstLimit) }

  package mutating func setTimeouts(_ timeouts: FlowTimeouts) { tracker.setTimeouts(timeouts) }

  /// Stages two and three: has the entries of the burst's packets on their way, and counts each packet
  /// once its entry has had time to come. Returns how many were no packets but told the time.
  @inline(__always)
  private mutating func updateBurst(_ count: Int, _ now: Int64) -> Int {
    var clocks = 0
    var known: UInt64 = 0
    var knownBytes: UInt64 = 0
    let parsed = parsed
    let onPacketTime = runsOnPacketTime
    let ahead = ahead
    let isPlain = packetMap == nil
    // Without rules nothing is marked, and the flags need not be asked.
    let marked = rules != nil && burstIsMarked ? ParsedPacket.Flags.marked : 0
    releases.reserve(count)
    for i in 0..<min(count, ahead) { prefetchEntry(parsed + i) }
    for i in 0..<count {
      if i &+ ahead < count { prefetchEntry(parsed + i + ahead) }
      if i &+ Self.coldAhead < count { prefetchCold(parsed + i + Self.coldAhead) }
      let p = parsed + i
      let clock = onPacketTime ? Int64(truncatingIfNeeded: packets[i].clock_ns) : now
      if p.pointee.verdict == PacketVerdict.flow {
        if isPlain && p.pointee.flags & marked == 0 && tracker.updateKnown(p, clock: clock) {
          known &+= 1
          knownBytes &+= UInt64(p.pointee.wireLength)
          if tracker.wantsPayload(p) { tracker.showPayload(p.pointee.candidate, p) }
        } else {
          self.count(p, clock: clock)
        }
        releases.appendReserved(p.pointee.handle)
      } else {
        clocks &+= updateOther(p, packets + i, clock: clock)
      }
    }
    counters.add(.countedInFlows, known)
    counters.add(.countedBytes, knownBytes)
    return clocks
  }

  /// What is no packet with a complete key. Returns 1 for what is no packet but tells the time, else 0.
  @inline(never)
  private mutating func updateOther(
    _ p: UnsafeMutablePointer<ParsedPacket>, _ packet: UnsafePointer<martlet_packet>, clock: Int64
  ) -> Int {
    switch p.pointee.verdict {
    case PacketVerdict.laterFragment: ownFragment(p, clock: clock)
    case PacketVerdict.discarded: tracker.noteDiscarded(p, clock: clock)
    case PacketVerdict.clock:
      setClock(packet)
      return 1
    default: break
    }
    return 0
  }

  /// As ``usualAhead``, once the hot half has had time to come, which tells whether the cold one is wanted.
  private static var coldAhead: Int { 6 }

  @inline(__always)
  private func prefetchCold(_ p: UnsafePointer<ParsedPacket>) {
    if p.pointee.verdict == PacketVerdict.flow { tracker.prefetchCold(p) }
  }

  @inline(__always)
  private func prefetchEntry(_ p: UnsafeMutablePointer<ParsedPacket>) {
    if p.pointee.verdict == PacketVerdict.flow {
      p.pointee.candidate = tracker.table.prefetchCandidate(p.pointee.hash)
    }
  }

  /// Flags that take a packet off the common path.
  @inline(__always)
  static var special: UInt16 {
    ParsedPacket.Flags.fragment | ParsedPacket.Flags.badTransportHeader
      | ParsedPacket.Flags.lengthBeyondFrame | ParsedPacket.Flags.portSaysBadChecksum
      | odd
  }

  /// Flags of a packet that is counted, and reported.
  @inline(__always)
  static var odd: UInt16 {
    ParsedPacket.Flags.fragment | ParsedPacket.Flags.badTransportHeader
      | ParsedPacket.Flags.lengthBeyondFrame | ParsedPacket.Flags.badOptions
      | ParsedPacket.Flags.overlap | ParsedPacket.Flags.tooLong
      | ParsedPacket.Flags.badIPChecksum | ParsedPacket.Flags.badTransportChecksum
      | ParsedPacket.Flags.badInnerVersion
  }

  /// Takes what other workers have handed over. Returns how many packets that were.
  package mutating func pollHandoffs(now: Int64) -> Int {
    var total = 0
    for other in 0..<workerCount where other != place {
      let ring = incoming[other]
      let count = ring.available(limit: Self.burst)
      if count == 0 { continue }
      if tracker.sampler.shift != 0 { sampleHandoffs(ring, count) }
      for i in 0..<count { tracker.table.prefetchBucket(ring.peek(i).pointee.hash) }
      for i in 0..<count {
        let p = ring.peek(i)
        p.pointee.candidate =
          p.pointee.verdict == PacketVerdict.flow
          ? tracker.table.prefetchCandidate(p.pointee.hash) : FlowTable.none
      }
      for i in 0..<count {
        let p = ring.peek(i)
        if p.pointee.verdict == PacketVerdict.flow {
          if packetMap == nil && p.pointee.flags & ParsedPacket.Flags.marked == 0
            && tracker.updateKnown(p, clock: now)
          {
            tracker.countPacket(p)
            if tracker.wantsPayload(p) { tracker.showPayload(p.pointee.candidate, p) }
          } else {
            self.count(p, clock: now)
          }
          releases.append(p.pointee.handle)
        } else if p.pointee.verdict == PacketVerdict.laterFragment {
          ownFragment(p, clock: now)
        }
      }
      ring.release(count)
      counters.add(.handedIn, UInt64(truncatingIfNeeded: count))
      total &+= count
    }
    releases.flush()
    return total
  }

  /// Counts a packet into its flow, and says which that is where somebody wants to know.
  @inline(never)
  mutating func count(_ p: UnsafePointer<ParsedPacket>, clock: Int64) {
    let entry = tracker.update(p, clock: clock)
    if p.pointee.flags & ParsedPacket.Flags.marked != 0 { leaveMarks(entry, p) }
    if p.pointee.flags & Self.odd != 0 { tracker.noteOddities(entry, p) }
    if tracker.table.hot[Int(entry)].flags & FlowFlags.payloadWanted != 0 {
      tracker.showPayload(entry, p)
    }
    if let packetMap {
      packetMap.set(p.pointee.ordinal, flow: tracker.table.cold[Int(entry)].ordinal)
    }
  }

  // MARK: Who owns a packet

  @inline(__always)
  func owner(_ p: UnsafePointer<ParsedPacket>) -> Int {
    Int(owners[Int(ownerHash(p.pointee.key) & ownerMask)])
  }

  /// Whether a packet belongs here. On a queue whose port hashes, a plain packet that carries the NIC's
  /// hash does, and nothing is computed; one in 1,024 is checked.
  @inline(__always)
  func isMine(
    _ p: UnsafePointer<ParsedPacket>, _ packet: UnsafePointer<martlet_packet>, _ trusted: Bool,
    _ queue: UnsafeMutablePointer<martlet_rx_queue>
  ) -> Bool {
    if trusted && p.pointee.flags & ParsedPacket.Flags.plain != 0
      && packet.pointee.flags & UInt16(MARTLET_PACKET_RSS_HASH) != 0
    {
      if p.pointee.ordinal & 1023 == 0 { checkHash(p, packet.pointee.rss_hash, queue) }
      return true
    }
    return owner(p) == place
  }

  /// Holds the NIC's hash against ours. A port that differs is no longer trusted on this queue: its
  /// packets are hashed in software from then on, and the counter shows it.
  @inline(never)
  private func checkHash(
    _ p: UnsafePointer<ParsedPacket>, _ given: UInt32,
    _ queue: UnsafeMutablePointer<martlet_rx_queue>
  ) {
    counters.add(.rssChecked)
    if ownerHash(p.pointee.key) != given {
      counters.add(.rssMismatch)
      queue.pointee.flags &= ~UInt32(MARTLET_QUEUE_HARDWARE_RSS)
    }
  }

  /// Gives a packet to the worker that owns it; a full ring loses it, by count.
  @inline(never)
  mutating func handOut(_ p: UnsafeMutablePointer<ParsedPacket>, to other: Int) {
    if outgoing[other].push(p.pointee) {
      counters.add(.handedOut)
    } else {
      counters.add(.handoffRingFull)
      releases.append(p.pointee.handle)
    }
    p.pointee.verdict = PacketVerdict.done
  }
}

extension OwnerHash {
  /// Over memory that is not there yet.
  init(empty memory: UnsafeMutableRawPointer) {
    low = UnsafePointer(memory.assumingMemoryBound(to: UInt32.self))
    high = low
  }
}
