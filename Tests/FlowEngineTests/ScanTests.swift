import CBurst
import Testing

@testable import FlowEngine

/// Who asks a bed's first worker for its flows.
final class ScanAsker {
  let bed: WorkerBed
  private(set) var request: UInt64 = 0
  private var page: ScanPage { bed.scanPages[0] }

  init(_ bed: WorkerBed) { self.bed = bed }

  func ask(_ options: ScanOptions) {
    request += 1
    page.ask(request, options)
  }

  /// What is in the ring of the request under way; what is left of others is thrown away.
  func take() -> [ScannedFlow] {
    var out: [ScannedFlow] = []
    while true {
      let count = page.flows.available(limit: .max)
      if count == 0 { return out }
      for i in 0..<count {
        let flow = page.flows.peek(i).pointee
        if flow.request == UInt32(truncatingIfNeeded: request) { out.append(flow) }
      }
      page.flows.release(count)
    }
  }

  /// A whole scan, nothing else going on.
  func scan(_ options: ScanOptions = [.flows], at seconds: Double) -> [ScannedFlow] {
    ask(options)
    var out: [ScannedFlow] = []
    for _ in 0..<100_000 where !page.isAnswered(request) {
      bed.workers[0].housekeep(now: Int64(seconds * 1e9))
      out += take()
    }
    return out + take()
  }

  func kill(_ flows: [ScannedFlow], at seconds: Double) -> UInt64 {
    let before = page.flowsKilled
    for flow in flows {
      #expect(withUnsafePointer(to: flow) { page.kill(ScanPage.Kill($0)) })
    }
    page.startKills()
    for _ in 0..<1000 where page.killsDone != page.killsAsked {
      bed.workers[0].housekeep(now: Int64(seconds * 1e9))
    }
    return page.flowsKilled - before
  }
}

@Suite struct ScanTests {
  private static func frame(_ flow: Int, fromA: Bool = true) -> [UInt8] {
    TrackerTests.udp(fromA: fromA, sport: 1024 + flow)
  }

  private static func number(_ record: FlowRecord) -> Int {
    Int(record.originator.port) - 1024
  }

  private func bed(flows: Int, capacity: Int = 8192, recordSlots: Int = 8192) -> WorkerBed {
    let bed = WorkerBed(
      capacity: capacity, timeouts: FlowTimeouts(active: 0), recordSlots: recordSlots)
    bed.start(at: 1)
    for flow in 0..<flows { bed.add(Self.frame(flow), at: 1) }
    bed.run(now: 1)
    return bed
  }

  private func isAtWork(_ bed: WorkerBed) -> Bool { bed.workers[0].owesHousekeeping(now: 1) }

  // More flows than the ring has room for, and fewer.
  @Test(arguments: [0, 1, 7, 500, 5000])
  func eachLiveFlowIsGivenOnce(_ flows: Int) {
    let bed = bed(flows: flows)
    let asker = ScanAsker(bed)
    for _ in 0..<3 {
      let seen = asker.scan(at: 2)
      #expect(seen.map { Self.number($0.record) }.sorted() == Array(0..<flows))
    }
    #expect(!isAtWork(bed))
    #expect(bed.finish().count == flows)
  }

  @Test func aFlowIsGivenAsItsUpdateWouldBe() throws {
    let bed = bed(flows: 1)
    for i in 0..<5 { bed.add(Self.frame(0, fromA: i % 2 == 0), at: 1.5) }
    bed.run(now: 1.5)
    let flow = try #require(ScanAsker(bed).scan(at: 2).first)
    #expect(flow.record.kind == FlowRecordKind.flowUpdate)
    #expect(flow.record.exportTime == 2_000_000_000)
    #expect(flow.record.parts == FlowRecord.Parts.flow | FlowRecord.Parts.key)
    #expect(flow.record.originator.packets == 4)
    #expect(flow.record.responder.packets == 2)
    #expect(flow.record.sampling == .none)
    let record = try #require(bed.finish().first)
    #expect(record.originator.bytes == flow.record.originator.bytes)
    #expect(record.cold.ordinal == flow.record.cold.ordinal)
    #expect(record.sequence == 0, "a scan takes no sequence number")
  }

  /// While half of them end and as many begin, those that live on are given exactly once.
  @Test func flowsThatLiveOnAreGivenOnceWhileOthersComeAndGo() {
    let bed = bed(flows: 1000)
    let asker = ScanAsker(bed)
    let survivors = stride(from: 0, to: 1000, by: 2)
    var given: [Int: Int] = [:]
    asker.ask([.flows])
    var second = 1.0
    var next = 1000
    var round = 0
    while !bed.scanPages[0].isAnswered(asker.request) {
      second += 0.5
      round += 1
      if round % 20 == 0 {
        for flow in survivors { bed.add(Self.frame(flow), at: second) }
      }
      for _ in 0..<5 where next < 1500 {
        bed.add(Self.frame(next), at: second)
        next += 1
      }
      bed.run(now: second)
      bed.workers[0].housekeep(now: Int64(second * 1e9), packets: 64)
      for flow in asker.take() { given[Self.number(flow.record), default: 0] += 1 }
    }
    for flow in asker.take() { given[Self.number(flow.record), default: 0] += 1 }
    #expect(bed.total(.endedIdle) > 100, "flows have ended while the scan was on its way")
    let wrong = survivors.filter { given[$0] != 1 }
    #expect(wrong.isEmpty)
    #expect(given.values.allSatisfy { $0 == 1 })
    #expect(bed.unaccounted == [0])
  }

  @Test func aFullRingWaits() {
    let flows = ScanPage.flowSlots + 500
    let bed = bed(flows: flows)
    let asker = ScanAsker(bed)
    asker.ask([.flows])
    for _ in 0..<1000 { bed.workers[0].housekeep(now: 2_000_000_000) }
    #expect(bed.scanPages[0].flows.count == ScanPage.flowSlots)
    #expect(!bed.scanPages[0].isAnswered(asker.request))
    #expect(isAtWork(bed))
    var seen = asker.take().count
    for _ in 0..<1000 { bed.workers[0].housekeep(now: 2_000_000_000) }
    #expect(bed.scanPages[0].isAnswered(asker.request))
    seen += asker.take().count
    #expect(seen == flows)
  }

  @Test func whoGoesAwayIsNotWaitedFor() {
    let flows = 3 * ScanPage.flowSlots
    let bed = bed(flows: flows)
    let asker = ScanAsker(bed)
    asker.ask([.flows])
    for _ in 0..<1000 { bed.workers[0].housekeep(now: 2_000_000_000) }
    asker.ask([])
    for _ in 0..<3 { bed.workers[0].housekeep(now: 2_000_000_000) }
    #expect(!isAtWork(bed), "it has let go")
    #expect(bed.scanPages[0].isAnswered(asker.request))
    // The ring is still full of what nobody took: the next one gets his own.
    #expect(asker.scan(at: 3).count == flows)
  }

  @Test func ratesAreOverTheIntervalOrTheFlowsLife() throws {
    let bed = bed(flows: 10)
    let asker = ScanAsker(bed)
    let rates: ScanOptions = [.flows, .rates]
    #expect(asker.scan([.flows, .rates, .newInterval], at: 2).count == 10)
    #expect(bed.scanPages[0].intervalNanoseconds == 0)
    // Five packets of flow 3, an interval later; flow 20 is new.
    for _ in 0..<5 { bed.add(Self.frame(3), at: 3) }
    for _ in 0..<2 { bed.add(Self.frame(20), at: 3) }
    bed.run(now: 3)
    // Asking does not shorten the interval unless that is said.
    for seconds in [4.0, 5.0] {
      let flows = asker.scan(rates, at: seconds)
      #expect(bed.scanPages[0].intervalNanoseconds == UInt64((seconds - 2) * 1e9))
      let moved = Dictionary(
        uniqueKeysWithValues: flows.map { (Self.number($0.record), $0.intervalPackets) })
      #expect(moved[3] == 5)
      #expect(moved[20] == 2)
      #expect(moved.values.reduce(0, +) == 7)
      let busy = try #require(flows.first { Self.number($0.record) == 3 })
      // To within 64 bytes.
      let bytes = busy.record.originator.bytes / 6 * 5
      #expect(busy.intervalBytes / 64 + 1 >= bytes / 64 && busy.intervalBytes <= bytes + 64)
    }
    #expect(asker.scan([.flows, .rates, .newInterval], at: 6).count == 11)
    #expect(asker.scan(rates, at: 7).allSatisfy { $0.intervalPackets == 0 })
    #expect(bed.scanPages[0].intervalNanoseconds == 1_000_000_000)
  }

  /// An interval whose scan was given up has not begun: no flow is measured from two points.
  @Test func aScanThatIsGivenUpBeginsNoInterval() {
    let bed = bed(flows: 3 * ScanPage.flowSlots)
    let asker = ScanAsker(bed)
    _ = asker.scan([.flows, .rates, .newInterval], at: 2)
    asker.ask([.flows, .rates, .newInterval])
    for _ in 0..<1000 { bed.workers[0].housekeep(now: 3_000_000_000) }
    asker.ask([])
    bed.workers[0].housekeep(now: 3_000_000_000)
    let flows = asker.scan([.flows, .rates], at: 4)
    #expect(bed.scanPages[0].intervalNanoseconds == 2_000_000_000)
    #expect(flows.allSatisfy { $0.intervalPackets == 0 })
  }

  // MARK: Ends

  @Test func aKilledFlowLeavesWithItsRecord() throws {
    let bed = bed(flows: 100)
    let asker = ScanAsker(bed)
    let chosen = asker.scan(at: 2).filter { Self.number($0.record) % 10 == 0 }
    #expect(asker.kill(chosen, at: 2.5) == 10)
    let records = bed.takeRecords()
    #expect(records.map { Self.number($0) }.sorted() == stride(from: 0, to: 100, by: 10).map { $0 })
    #expect(records.allSatisfy { $0.endReason == FlowEndReason.operatorEnd })
    #expect(records.allSatisfy { $0.kind == FlowRecordKind.flow && $0.exportTime == 2_500_000_000 })
    #expect(bed.total(.endedForced) == 10)
    // The rest lives, and the wheel has each of them and none of the killed.
    bed.advance(to: 500)
    #expect(bed.takeRecords().count == 90)
    #expect(bed.total(.endedIdle) == 90)
    #expect(bed.unaccounted == [0])
  }

  @Test func anEntryThatIsAnotherFlowsByNowIsLeftAlone() {
    let bed = bed(flows: 50)
    let asker = ScanAsker(bed)
    let before = asker.scan(at: 2)
    #expect(asker.kill(before, at: 2) == 50)
    #expect(asker.kill(before, at: 2) == 0, "they are free")
    for flow in 100..<150 { bed.add(Self.frame(flow), at: 3) }
    bed.run(now: 3)
    #expect(Set(asker.scan(at: 3).map(\.entry)) == Set(before.map(\.entry)), "used again")
    #expect(asker.kill(before, at: 3) == 0)
    // The same five numbers, but begun later.
    #expect(bed.finish().count == 100)
  }

  @Test func aKillWaitsForRoomInTheRecordRing() {
    let bed = bed(flows: 100, recordSlots: 64)
    let asker = ScanAsker(bed)
    let flows = asker.scan(at: 2)
    #expect(asker.kill(flows, at: 2) == 64)
    #expect(bed.takeRecords().count == 64)
    #expect(asker.kill([], at: 2) == 36)
    #expect(bed.takeRecords().count == 36)
    #expect(bed.total(.recordsDropped) == 0)
  }

  /// Random traffic, scans and kills: every packet is in one record, each flow is in the wheel until it
  /// ends, and what a scan gave is what the table held.
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func nothingIsLostAmongTrafficAndKills(_ seed: UInt64) {
    var random = SplitMix(state: seed)
    let bed = WorkerBed(
      capacity: 256, timeouts: FlowTimeouts(active: 3), recordSlots: 16_384, burst: 16)
    bed.start(at: 1)
    let asker = ScanAsker(bed)
    var time = 1.0
    var records: [FlowRecord] = []
    var killed: UInt64 = 0
    var added = 0
    for _ in 0..<400 {
      time += Double.random(in: 0..<0.5, using: &random)
      for _ in 0..<Int.random(in: 0..<30, using: &random) {
        let flow = Int.random(in: 0..<400, using: &random)
        bed.add(Self.frame(flow, fromA: Bool.random(using: &random)), at: time)
        added += 1
      }
      bed.run(now: time)
      bed.workers[0].housekeep(now: Int64(time * 1e9), packets: 16)
      switch Int.random(in: 0..<6, using: &random) {
      case 0:
        let flows = asker.scan([.flows, .rates, .newInterval], at: time)
        bed.workers[0].publishCounters()
        #expect(UInt64(flows.count) == bed.total(.flowsLive))
        let chosen = flows.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
        // Some end by themselves first.
        time += Double.random(in: 0..<40, using: &random)
        killed += asker.kill(Array(chosen.prefix(ScanPage.killSlots)), at: time)
      case 1: asker.ask([.flows])
      case 2: asker.ask([])
      default: break
      }
      _ = asker.take()
      records += bed.takeRecords()
      #expect(bed.unaccounted == [0])
    }
    #expect(killed > 0)
    #expect(bed.total(.endedForced) == killed)
    // All that is left ends by its timer: none is out of the wheel.
    bed.advance(to: time + 1000)
    records += bed.takeRecords()
    bed.workers[0].publishCounters()
    #expect(bed.total(.flowsLive) == 0)
    let ends = records.filter { $0.kind == FlowRecordKind.flow }
    #expect(UInt64(ends.count) == bed.total(.flowsCreated))
    #expect(ends.reduce(0) { $0 + $1.hot.sideA.packets + $1.hot.sideB.packets } == UInt64(added))
    #expect(UInt64(ends.count { $0.endReason == FlowEndReason.operatorEnd }) == killed)
  }
}
