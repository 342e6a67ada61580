import CBurst
import FlowEngine
import Testing

@Suite struct HandoffTests {
  static func frame(_ i: Int, fromA: Bool = true) -> [UInt8] {
    let a = 0x0a00_0000 | UInt32(i / 7)
    let b: UInt32 = 0x0b00_0001
    let segment = fromA ? Frames.tcp(1000 + i, 443) : Frames.tcp(443, 1000 + i)
    return Frames.ethernet(
      0x0800, Frames.ipv4(6, segment, src: fromA ? a : b, dst: fromA ? b : a))
  }

  /// Both directions arrive at whichever worker; each flow is one record of one worker.
  @Test(arguments: [2, 3, 4])
  func everyFlowHasOneWorker(_ workers: Int) {
    let bed = WorkerBed(workers: workers)
    bed.start(at: 1)
    var generator = SplitMix(state: UInt64(workers))
    for round in 0..<40 {
      for i in 0..<50 { bed.add(Self.frame(i, fromA: generator.next() % 2 == 0), at: 1) }
      bed.run(to: round % workers)
    }
    let records = bed.finish()
    #expect(records.count == 50)
    #expect(records.allSatisfy { $0.hot.sideA.packets + $0.hot.sideB.packets == 40 })
    #expect(Set(records.map(\.worker)).count == workers)
    #expect(bed.unaccounted.allSatisfy { $0 == 0 })
    #expect(bed.total(.handedOut) == bed.total(.handedIn))
    #expect(bed.total(.handedOut) > 0)
    #expect(bed.feed.pointee.outstanding.isEmpty)
  }

  @Test func aFullHandoffRingLosesByCount() {
    let bed = WorkerBed(workers: 2, handoffSlots: 8)
    bed.start(at: 1)
    for i in 0..<64 { bed.add(Self.frame(i), at: 1) }
    while bed.workers[0].poll(bed.queues, now: 0) > 0 {}
    let lost = bed.total(.handoffRingFull)
    #expect(lost > 0)
    bed.settle()
    #expect(bed.unaccounted.allSatisfy { $0 == 0 })
    let counted = bed.finish().reduce(0) { $0 + $1.hot.sideA.packets + $1.hot.sideB.packets }
    #expect(counted + lost == 64)
  }

  /// A NIC's hash is believed, and checked: one that is wrong is found out and no longer believed.
  @Test func aWrongHashIsFoundOut() {
    let bed = WorkerBed(workers: 2, hardwareRSS: true)
    bed.start(at: 1)
    // One burst of each worker: what it believed at its beginning holds for all of it.
    for i in 0..<Int(MARTLET_BURST_CAPACITY) {
      bed.add(Self.frame(i), at: 1, flags: UInt16(MARTLET_PACKET_RSS_HASH), hash: 12345)
    }
    bed.run()
    #expect(bed.total(.rssMismatch) == 1)
    #expect(bed.queues[0].flags == 0)
    #expect(bed.total(.handedOut) == 0)
    for i in 0..<50 {
      bed.add(Self.frame(i), at: 1, flags: UInt16(MARTLET_PACKET_RSS_HASH), hash: 12345)
    }
    bed.run()
    #expect(bed.total(.handedOut) > 0)
    #expect(bed.unaccounted.allSatisfy { $0 == 0 })
  }

  @Test func aRightHashSavesTheWork() {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: OwnerHash.tableBytes, alignment: 64)
    defer { memory.deallocate() }
    let hash = OwnerHash(memory: memory)
    let bed = WorkerBed(workers: 2, hardwareRSS: true)
    bed.start(at: 1)
    var mine = 0
    for i in 0..<200 {
      let value = hash(parse(Self.frame(i)).packet.key)
      guard value & 127 % 2 == 0 else { continue }
      mine += 1
      bed.add(Self.frame(i), at: 1, flags: UInt16(MARTLET_PACKET_RSS_HASH), hash: value)
    }
    bed.run()
    #expect(mine > 50)
    #expect(bed.total(.rssChecked) == 1)
    #expect(bed.total(.rssMismatch) == 0)
    #expect(bed.total(.handedOut) == 0)
  }

  // MARK: Fragments

  static func fragments(id: Int, order: [Int]) -> [[UInt8]] {
    let datagram = Frames.udp(7000, 53, payload: [UInt8](repeating: 1, count: 40))
    let parts = [
      Frames.ipv4(17, Array(datagram[0..<16]), id: id, fragment: 0x2000),
      Frames.ipv4(17, Array(datagram[16..<32]), id: id, fragment: 0x2002),
      Frames.ipv4(17, Array(datagram[32..<48]), id: id, fragment: 0x0004),
    ]
    return order.map { Frames.ethernet(0x0800, parts[$0]) }
  }

  @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]])
  func fragmentsCountInTheirFlow(_ order: [Int]) throws {
    for workers in 1...3 {
      let bed = WorkerBed(workers: workers)
      bed.start(at: 1)
      bed.add(
        Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(7000, 53))), at: 1)
      for frame in Self.fragments(id: 5, order: order) { bed.add(frame, at: 1) }
      bed.run(to: workers - 1)
      let records = bed.finish()
      let record = try #require(records.first)
      #expect(records.count == 1)
      #expect(record.hot.sideA.packets == 4)
      #expect(record.originator.port == 7000)
      #expect(bed.total(.ipv4Fragments) == 3)
      #expect(bed.unaccounted.allSatisfy { $0 == 0 })
      #expect(bed.feed.pointee.outstanding.isEmpty)
    }
  }

  @Test func fragmentsWithoutTheFirstAreCountedAndBounded() {
    let bed = WorkerBed(fragmentCapacity: 4, heldFragments: 3)
    bed.start(at: 1)
    for id in 0..<20 {
      for frame in Self.fragments(id: id, order: [1, 2]) { bed.add(frame, at: 1) }
    }
    bed.run()
    #expect(bed.total(.heldFragments) <= 3)
    #expect(bed.unaccounted == [0])
    bed.advance(to: 100)
    #expect(bed.total(.heldFragments) == 0)
    #expect(bed.total(.fragmentWithoutFirst) == 40)
    #expect(bed.finish().isEmpty)
    #expect(bed.unaccounted == [0])
    #expect(bed.feed.pointee.outstanding.isEmpty)
  }

  // MARK: The owner's hash

  @Test func isSymmetricAndSpreads() {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: OwnerHash.tableBytes, alignment: 64)
    defer { memory.deallocate() }
    let hash = OwnerHash(memory: memory)
    var counts = [Int](repeating: 0, count: 4)
    for i in 0..<4000 {
      let there = hash(parse(Self.frame(i)).packet.key)
      #expect(there == hash(parse(Self.frame(i, fromA: false)).packet.key))
      counts[Int(there & 127) % 4] += 1
    }
    #expect(counts.allSatisfy { $0 > 700 })
  }
}

/// What a port says of checksums is believed only as far as the bytes bear it out.
@Suite struct ChecksumTests {
  /// UDP over IPv4 with both checksums right.
  static func frame() -> [UInt8] {
    var frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2, payload: [1, 2, 3])))
    func sum(_ bytes: some Sequence<UInt8>, _ start: UInt32 = 0) -> UInt32 {
      bytes.enumerated().reduce(start) { $0 + UInt32($1.element) << ($1.offset % 2 == 0 ? 8 : 0) }
    }
    func folded(_ value: UInt32) -> UInt16 {
      var value = value
      while value > 0xffff { value = value & 0xffff + value >> 16 }
      return ~UInt16(value)
    }
    let ip = folded(sum(frame[14..<34]))
    frame[24] = UInt8(ip >> 8)
    frame[25] = UInt8(ip & 255)
    let udp = folded(sum(frame[34...], sum(frame[26..<34]) + 17 + 11))
    frame[40] = UInt8(udp >> 8)
    frame[41] = UInt8(udp & 255)
    return frame
  }

  static let bothBad = UInt16(MARTLET_PACKET_IP_CHECKSUM_BAD | MARTLET_PACKET_L4_CHECKSUM_BAD)

  @Test func aPortThatIsWrongIsFoundOut() {
    let bed = WorkerBed()
    bed.start(at: 1)
    bed.add(Self.frame(), at: 1, flags: Self.bothBad)
    bed.run()
    #expect(bed.total(.checksumOffloadWrong) == 2)
    #expect(bed.total(.ipChecksumBad) == 0)
    #expect(bed.total(.transportChecksumBad) == 0)
    #expect(bed.total(.countedInFlows) == 1)
  }

  @Test func oneThatIsRightIsCounted() {
    let bed = WorkerBed()
    bed.start(at: 1)
    var frame = Self.frame()
    frame[24] ^= 1
    frame[44] ^= 1
    bed.add(frame, at: 1, flags: Self.bothBad)
    bed.run()
    #expect(bed.total(.checksumOffloadWrong) == 0)
    #expect(bed.total(.ipChecksumBad) == 1)
    #expect(bed.total(.transportChecksumBad) == 1)
    #expect(bed.unaccounted == [0])
  }
}
