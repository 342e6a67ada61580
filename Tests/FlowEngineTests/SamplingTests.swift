import CBurst
import Testing

@testable import FlowEngine

/// Whole flows by hash, while there is more than a worker can take.
@Suite struct SamplingTests {
  private static func frame(_ flow: Int, fromA: Bool = true) -> [UInt8] {
    HandoffTests.frame(flow, fromA: fromA)
  }

  private func packets(_ record: FlowRecord) -> UInt64 {
    record.hot.sideA.packets + record.hot.sideB.packets
  }

  @Test(arguments: [1, 2, 3, 5] as [UInt32])
  func flowsAreInOrOutAsAWhole(shift: UInt32) {
    let bed = WorkerBed(capacity: 4096)
    bed.start(at: 1)
    bed.workers[0].setSamplingShift(shift, now: 1_000_000_000)
    for round in 0..<6 {
      for flow in 0..<1024 {
        // Three packets each way.
        bed.add(Self.frame(flow, fromA: round % 2 == 0), at: 1)
      }
      bed.run(now: 2)
    }
    let records = bed.finish()
    #expect(records.allSatisfy { packets($0) == 6 && $0.hot.sideA.packets == 3 })
    // 1,024 flows of which one in 2^shift is in: five standard deviations either way.
    let expected = Double(1024 >> shift)
    #expect(abs(Double(records.count) - expected) < 5 * expected.squareRoot())
    let one = FlowSampling(startShift: shift, highestShift: shift, isPartial: false)
    #expect(records.allSatisfy { $0.sampling == one })
    #expect(bed.total(.sampledOut) == UInt64(6 * (1024 - records.count)))
    #expect(bed.unaccounted == [0])
    #expect(bed.feed.pointee.outstanding.isEmpty)
  }

  /// What is kept at a higher interval is kept at every lower one.
  @Test func samplesLieWithinOneAnother() {
    var kept: [Set<FlowKeyText>] = []
    for shift in 0...4 as ClosedRange<UInt32> {
      let bed = WorkerBed(capacity: 4096)
      bed.start(at: 1)
      bed.workers[0].setSamplingShift(shift, now: 0)
      for flow in 0..<512 { bed.add(Self.frame(flow), at: 1) }
      bed.run(now: 1)
      kept.append(Set(bed.finish().map { FlowKeyText($0.hot.key) }))
    }
    for (more, fewer) in zip(kept, kept.dropFirst()) {
      #expect(fewer.isSubset(of: more) && fewer.count < more.count && !fewer.isEmpty)
    }
  }

  private struct FlowKeyText: Hashable {
    var text: String
    init(_ key: FlowKey) { text = "\(key.addressA) \(key.portA) \(key.addressB) \(key.portB)" }
  }

  /// Of the flows that are kept, buckets are as evenly full as of all: none is emptied by the sample.
  @Test func theSampleUsesEveryBucket() {
    var generator = SplitMix(state: 7)
    var buckets = [Int](repeating: 0, count: 64)
    var tags: Set<UInt64> = []
    for _ in 0..<400_000 {
      let hash = generator.next()
      guard FlowSampler.level(hash) >= 4 else { continue }
      // As `FlowTable.home` has it: the low half, scaled.
      buckets[Int(((hash & 0xffff_ffff) * 64) >> 32)] += 1
      tags.insert(hash >> 60)
    }
    // 25,000 over 64: 390 each, give or take five standard deviations.
    #expect(buckets.allSatisfy { (290...490).contains($0) })
    #expect(tags.count == 16)
  }

  @Test func aFlowThatLosesPacketsForItSaysSo() {
    let bed = WorkerBed(capacity: 4096, timeouts: FlowTimeouts(active: 0, tcp: 600, halfOpen: 600))
    bed.start(at: 1)
    for flow in 0..<256 { bed.add(Self.frame(flow), at: 1) }
    bed.run(now: 1)
    bed.workers[0].setSamplingShift(2, now: 2_000_000_000)
    for flow in 0..<512 { bed.add(Self.frame(flow), at: 3) }
    bed.run(now: 3)
    bed.workers[0].setSamplingShift(0, now: 4_000_000_000)
    for flow in 0..<768 { bed.add(Self.frame(flow), at: 5) }
    bed.run(now: 5)
    let records = bed.finish()
    #expect(records.count == 768)
    let began = Dictionary(grouping: records) { $0.cold.firstSeen / 1_000_000_000 }
    // Those of before are all there: whole, or marked.
    #expect(began[1]?.count == 256)
    for record in began[1] ?? [] {
      #expect(record.sampling.interval == 1 && record.sampling.highestInterval == 4)
      #expect(record.sampling.isPartial == (packets(record) == 2))
      #expect(packets(record) == (record.sampling.isPartial ? 2 : 3))
    }
    #expect(began[1]?.contains { $0.sampling.isPartial } == true)
    #expect(began[1]?.contains { !$0.sampling.isPartial } == true)
    // Those that began meanwhile stand for four.
    let meanwhile = began[3] ?? []
    #expect((30...100).contains(meanwhile.count))
    for record in meanwhile {
      #expect(record.sampling.interval == 4 && !record.sampling.isPartial && packets(record) == 2)
    }
    // Those that began behind it know nothing of it.
    #expect(began[5]?.count == 768 - 256 - meanwhile.count)
    #expect(began[5]?.allSatisfy { $0.sampling == .none } == true)
    #expect(bed.unaccounted == [0])
  }

  @Test func theOwnerDecidesForWhatIsHandedOver() {
    let bed = WorkerBed(workers: 2)
    bed.start(at: 1)
    bed.workers[1].setSamplingShift(1, now: 0)
    for flow in 0..<100 { bed.add(Self.frame(flow), at: 1) }
    bed.run(to: 0)
    let records = bed.finish()
    let ofFirst = records.filter { $0.worker == 0 }
    #expect(ofFirst.count > 20 && ofFirst.allSatisfy { $0.sampling == .none })
    #expect(bed.counters[0][.sampledOut] == 0)
    #expect(bed.counters[1][.sampledOut] > 0)
    #expect(records.count + Int(bed.counters[1][.sampledOut]) == 100)
    #expect(bed.unaccounted == [0, 0])
    #expect(bed.feed.pointee.outstanding.isEmpty)
  }

  /// A datagram in pieces is in or out with its flow, pieces that came early included.
  @Test(arguments: [false, true])
  func fragmentsGoWithTheirFlow(firstComesLast: Bool) {
    let bed = WorkerBed(capacity: 1024, fragmentCapacity: 128, heldFragments: 256)
    bed.start(at: 1)
    bed.workers[0].setSamplingShift(1, now: 0)
    for flow in 0..<64 {
      let udp = Frames.udp(5000 + flow, 53, payload: [UInt8](repeating: 1, count: 24))
      let first = Frames.ethernet(
        0x0800, Frames.ipv4(17, Array(udp[..<16]), id: flow + 1, fragment: 0x2000))
      let second = Frames.ethernet(
        0x0800, Frames.ipv4(17, Array(udp[16...]), id: flow + 1, fragment: 2))
      for frame in firstComesLast ? [second, first] : [first, second] { bed.add(frame, at: 1) }
    }
    bed.run(now: 1)
    let records = bed.finish()
    #expect((16...48).contains(records.count))
    #expect(records.allSatisfy { packets($0) == 2 })
    #expect(bed.total(.sampledOut) == UInt64(2 * (64 - records.count)))
    #expect(bed.unaccounted == [0])
    #expect(bed.feed.pointee.outstanding.isEmpty)
  }

  /// Changes beyond those remembered count as the worst there was.
  @Test func whatIsForgottenIsNotDenied() {
    var sum = MemoryPlan()
    _ = FlowSampler(plan: &sum)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: sum.total, alignment: 64)
    defer { memory.deallocate() }
    var plan = MemoryPlan(memory: memory)
    var sampler = FlowSampler(plan: &plan)
    sampler.set(5, now: 10)
    for i in 0..<200 { sampler.set(UInt32(i % 2), now: Int64(20 + i)) }
    let out = (0..<1000).map { UInt64($0) &* 0xdead_beef_cafe_f00d }
      .first { FlowSampler.level($0) == 0 }
    let hash = out ?? 0
    let old = sampler.summary(firstSeen: 0, hash: hash)
    #expect(old.highestInterval == 32 && old.isPartial)
    // Well within what is remembered.
    let young = sampler.summary(firstSeen: 215, hash: hash)
    #expect(young.highestInterval == 2 && young.interval == 2)
    let newest = sampler.summary(firstSeen: 500, hash: hash)
    #expect(newest == FlowSampling(startShift: 1, highestShift: 1, isPartial: true))
  }
}
