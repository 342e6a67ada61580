package import CBurst
import FlowEngine
import Synchronization

/// Capture files as a port: one thread walks them and hands descriptors to the workers, each its own
/// flows. The packets stay where they are mapped.
///
///     files → CaptureStream → clock, ordinal → spread by addresses → a ring a worker → receive
package final class CaptureFilePort: CapturePort, @unchecked Sendable {
  /// A worker's end of the ring, in raw memory because C's function pointer takes it.
  private struct Lane {
    let ring: Ring<martlet_packet>
    /// Handed to the worker by the last call; given back by the next one, when they are worked through.
    var taken: Int
    /// A line of its own for each: the workers write here.
    let padding: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  }

  /// What may be forgotten once every worker has come so far.
  private struct Checkpoint {
    var produced: [UInt64]
    var spent: [CaptureReader.Spent]
  }

  package struct Progress: Sendable {
    package var packets: UInt64 = 0
    /// Of these, packets that no worker took because the port was to stop.
    package var untaken: UInt64 = 0
    package var bytesRead: UInt64 = 0
    package var currentName: String?
  }

  package let name: String
  package let description: PortDescription
  private let stream: CaptureStream
  private let workers: Int
  private let lanes: UnsafeMutablePointer<Lane>
  /// By worker: written into its ring by the dispatcher and not yet handed over.
  private let pending: UnsafeMutablePointer<Int>
  private let memory: [UnsafeMutableRawPointer]
  private let spreader: PacketSpreader
  private var checkpoints: [Checkpoint] = []
  private var ordinal: UInt64 = 0
  private var thread: PosixThread?
  private let isStopping = Atomic<Bool>(false)
  private let isDone = Atomic<Bool>(false)
  /// A worker does not take its packets any more although the port is to stop.
  private var isGivingUp = false
  /// Packets that were not taken for that reason.
  private var untaken: UInt64 = 0
  private let shared = Mutex(Progress())
  private var seenLinkTypes: [UInt32] = []
  /// Packets of each of them.
  private let ofLinkType: UnsafeMutablePointer<UInt64>
  /// More different ones are counted together, in the last place.
  private static let linkTypeCapacity = 256
  /// Called by the dispatcher before the first packet of a link type goes to a worker.
  private let onLinkType: (UInt32) -> Void
  /// Asked by the dispatcher before packets up to an ordinal go to workers; false ends the reading.
  private let beforePackets: ((UInt64) -> Bool)?

  private static let ringSlots = 8192
  private static let batch = 256

  /// `onLinkType` is called on the dispatcher's thread.
  package init(
    stream: CaptureStream, name: String = "files", workers: Int,
    decapsulation: UInt8 = PacketParser.maximumTunnels,
    beforePackets: ((UInt64) -> Bool)? = nil, onLinkType: @escaping (UInt32) -> Void = { _ in }
  ) {
    self.stream = stream
    self.name = name
    self.workers = workers
    self.onLinkType = onLinkType
    self.beforePackets = beforePackets
    description = PortDescription(
      name: name, device: "\(stream.inputs.count) files", driver: "capture files", queues: workers,
      rssReason: "the dispatcher spreads by addresses")
    spreader = PacketSpreader(workers: workers, decapsulation: decapsulation)
    lanes = .allocate(capacity: workers)
    pending = .allocate(capacity: workers)
    pending.initialize(repeating: 0, count: workers)
    ofLinkType = .allocate(capacity: Self.linkTypeCapacity)
    ofLinkType.initialize(repeating: 0, count: Self.linkTypeCapacity)
    memory = (0..<workers).map { _ in
      let bytes = Ring<martlet_packet>.byteCount(capacity: Self.ringSlots)
      let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 128)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
      return memory
    }
    for index in 0..<workers {
      (lanes + index).initialize(
        to: Lane(
          ring: Ring(memory: memory[index], capacity: Self.ringSlots), taken: 0))
    }
  }

  deinit {
    thread?.join()
    for one in memory { one.deallocate() }
    lanes.deallocate()
    pending.deallocate()
    ofLinkType.deallocate()
    spreader.deallocate()
  }

  // MARK: CapturePort

  package func queue(_ number: Int) -> martlet_rx_queue? {
    guard number < workers else { return nil }
    return martlet_rx_queue(
      context: UnsafeMutableRawPointer(lanes + number),
      receive: { context, packets, capacity in
        let lane = context!.assumingMemoryBound(to: Lane.self)
        lane.pointee.ring.release(lane.pointee.taken)
        let count = lane.pointee.ring.available(limit: Int(capacity))
        lane.pointee.taken = count
        for i in 0..<count { packets![i] = lane.pointee.ring.peek(i).pointee }
        return UInt32(count)
      },
      // Nothing of a file is given back packet by packet: packets carry no handle.
      release: { _, _, _ in }, port: 0, queue: UInt16(number), flags: 0)
  }

  package func start() {
    thread = PosixThread(name: "dispatcher") { [self] in
      run()
      isDone.store(true, ordering: .releasing)
    }
  }

  /// No packet is read any more; what has been is worked through. Without this, the dispatcher holds
  /// the port until the files' end.
  package func stop() { isStopping.store(true, ordering: .relaxed) }

  /// Waits for the dispatcher, after ``stop()`` or its end: only then is what it did complete.
  package func join() {
    thread?.join()
    thread = nil
  }

  package func statistics() -> PortStatistics {
    var statistics = PortStatistics()
    (statistics.packets, statistics.missed) = shared.withLock { ($0.packets, $0.untaken) }
    return statistics
  }

  package func link() -> PortLink { PortLink(isUp: true, speedMbps: 0, isFullDuplex: true) }

  package func progress() -> PlaybackProgress? {
    let packets = shared.withLock { $0.packets }
    let finished =
      isDone.load(ordering: .acquiring)
      && (0..<workers).allSatisfy { lanes[$0].ring.count == 0 }
    return PlaybackProgress(
      packets: packets, capturePackets: packets, pass: finished ? 1 : 0, passes: 1,
      isFinished: finished)
  }

  package var readProgress: Progress { shared.withLock { $0 } }

  /// Link types met and how many packets had them; complete once the port has finished.
  package var linkTypes: [(type: UInt32, packets: UInt64)] {
    seenLinkTypes.enumerated().map { ($0.element, ofLinkType[$0.offset]) }
  }

  // MARK: The dispatcher

  private func run() {
    let staged = UnsafeMutablePointer<martlet_packet>.allocate(capacity: Self.batch)
    defer { staged.deallocate() }
    var linkType = UInt32.max
    var place = 0
    // Locals: this loop meets every packet.
    var clock = PacketClock()
    var ordinal: UInt64 = 0
    let (workers, spreader) = (workers, spreader)
    let follows = stream.inputs.contains(where: \.follows)
    var latestPacket = martlet_monotonic_ns()
    var told: Int64 = 0
    while !isStopping.load(ordering: .relaxed) {
      let filled = stream.fill(staged, capacity: Self.batch)
      guard case .packets(let count) = filled else {
        if filled == .end { break }
        let silence = martlet_monotonic_ns() - latestPacket
        if follows && ordinal > 0 && silence - told > 1_000_000_000 {
          // Nothing is written to the file just now, and time passes all the same: flows end. The clock
          // stays where the packets have left it.
          tell(reached: min(clock.now &+ UInt64(silence), PacketClock.latest), now: clock.now)
          told = silence
        }
        flush()
        note()
        settle(wait: true)
        continue
      }
      if let beforePackets, !beforePackets(ordinal &+ UInt64(count)) { break }
      for i in 0..<count {
        let packet = staged + i
        packet.pointee.ordinal = ordinal
        ordinal &+= 1
        var before: UInt64 = 0
        if clock.take(packet.pointee.timestamp_ns, before: &before) {
          tell(reached: before, now: clock.now)
        }
        packet.pointee.clock_ns = clock.now
        if packet.pointee.link_type != linkType {
          linkType = packet.pointee.link_type
          place = meet(linkType)
        }
        ofLinkType[place] &+= 1
        let worker = workers == 1 ? 0 : spreader.worker(packet)
        hand(packet, to: worker)
      }
      flush()
      if follows {
        latestPacket = martlet_monotonic_ns()
        told = 0
      }
      self.ordinal = ordinal
      if stream.hasSpent { checkpoint() }
      if !checkpoints.isEmpty { settle(wait: false) }
      note()
    }
    if ordinal > 0 { tell(reached: clock.now, now: clock.now) }
    flush()
    note()
  }

  private func meet(_ type: UInt32) -> Int {
    if let place = seenLinkTypes.firstIndex(of: type) { return place }
    onLinkType(type)
    if seenLinkTypes.count < Self.linkTypeCapacity { seenLinkTypes.append(type) }
    return seenLinkTypes.count - 1
  }

  @inline(__always)
  private func hand(_ packet: UnsafePointer<martlet_packet>, to worker: Int) {
    while true {
      if let slot = lanes[worker].ring.reserve(ahead: pending[worker]) {
        slot.pointee = packet.pointee
        pending[worker] &+= 1
        return
      }
      if !waitForRoom(worker) {
        if packet.pointee.flags & UInt16(MARTLET_PACKET_CLOCK) == 0 { untaken &+= 1 }
        return
      }
    }
  }

  /// The worker is behind. Returns false where the port is to stop and the worker does not move.
  @inline(never)
  private func waitForRoom(_ worker: Int) -> Bool {
    flush()
    if isGivingUp { return false }
    var round: UInt32 = 0
    // A quarter of the ring, so that this thread does not come back for every packet.
    while lanes[worker].ring.count > Self.ringSlots * 3 / 4 {
      // After about a second.
      if isStopping.load(ordering: .relaxed) && round > 5000 {
        isGivingUp = true
        return false
      }
      martlet_relax(round)
      round = min(round &+ 1, 10_000)
    }
    return true
  }

  @inline(__always)
  private func flush() {
    for worker in 0..<workers where pending[worker] > 0 {
      lanes[worker].ring.commit(pending[worker])
      pending[worker] = 0
    }
  }

  /// Tells every worker what time had been reached, and what it is now.
  private func tell(reached: UInt64, now: UInt64) {
    var packet = martlet_packet()
    packet.flags = UInt16(MARTLET_PACKET_CLOCK | MARTLET_PACKET_RECORDED)
    packet.timestamp_ns = reached
    packet.clock_ns = now
    for worker in 0..<workers { hand(&packet, to: worker) }
  }

  private func note() {
    let bytes = stream.bytesRead
    let name = stream.currentName
    let packets = ordinal
    shared.withLock {
      $0.packets = packets
      $0.untaken = untaken
      $0.bytesRead = bytes
      $0.currentName = name
    }
  }

  // MARK: Memory

  private func checkpoint() {
    checkpoints.append(
      Checkpoint(
        produced: (0..<workers).map { lanes[$0].ring.produced }, spent: stream.takeSpent()))
  }

  /// Forgets what every worker has left behind; `wait` for at least one where there is any.
  private func settle(wait: Bool) {
    if stream.hasSpent { checkpoint() }
    var round: UInt32 = 0
    while let first = checkpoints.first {
      let isPassed = (0..<workers).allSatisfy { lanes[$0].ring.consumed >= first.produced[$0] }
      if isPassed {
        CaptureStream.forget(first.spent)
        checkpoints.removeFirst()
      } else if wait && round < 1000 {
        martlet_relax(round)
        round &+= 1
      } else {
        return
      }
    }
  }
}
