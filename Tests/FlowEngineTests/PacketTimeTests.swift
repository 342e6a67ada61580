import FlowEngine
import Foundation
import Synchronization
import Testing

/// On the packets' own time, flows depend on the packets and their order and on nothing else.
@Suite struct PacketTimeTests {
  /// What must not depend on anything: everything of a record but its place in the ring.
  struct Outcome: Equatable, CustomStringConvertible {
    var key: FlowKey
    var packets: [UInt64]
    var bytes: [UInt64]
    var times: [Int64]
    var ordinal: UInt64
    var history: String
    var reason: UInt8
    var kind: UInt8
    var update: UInt32
    var state: UInt8

    init(_ record: FlowRecord) {
      key = record.hot.key
      packets = [record.hot.sideA.packets, record.hot.sideB.packets]
      bytes = [
        record.hot.sideA.bytes, record.hot.sideB.bytes, record.hot.sideA.ipBytes,
        record.hot.sideB.ipBytes, record.originator.bytesDelta, record.responder.bytesDelta,
      ]
      times = [
        record.cold.firstSeen, record.hot.lastSeen, record.cold.firstReply, record.exportTime,
      ]
      ordinal = record.cold.ordinal
      history = record.history
      reason = record.endReason
      kind = record.kind
      update = record.updateOrdinal
      state = record.hot.state
    }

    var description: String { "\(ordinal) \(packets) \(times) \(history) \(reason) \(update)" }
  }

  /// A few hosts that talk TCP, UDP and in fragments, with pauses of all lengths and packets that are
  /// late.
  static func traffic(seed: UInt64, count: Int = 2000) -> [(frame: [UInt8], time: Double)] {
    var random = SplitMix(state: seed)
    var time = 1000.0
    return (0..<count).map { _ in
      let pause = [0, 0.0001, 0.01, 0.3, 1, 4, 12, 40].randomElement(using: &random)!
      time += pause * Double.random(in: 0...1, using: &random)
      let late = Bool.random(using: &random) ? 0 : Double.random(in: 0...0.9, using: &random)
      let flip = Bool.random(using: &random)
      let a = UInt32(0x0a00_0001 + Int.random(in: 0..<3, using: &random))
      let b = UInt32(0x0a00_0101)
      let (src, dst) = flip ? (a, b) : (b, a)
      let port = Int.random(in: 1024..<1028, using: &random)
      let (sport, dport) = flip ? (port, 80) : (80, port)
      let payload = [UInt8](repeating: 1, count: Int.random(in: 0..<40, using: &random))
      let packet: [UInt8]
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let flags = [
          TCPFlags.syn, TCPFlags.syn | TCPFlags.ack, TCPFlags.ack, TCPFlags.ack,
          TCPFlags.ack | TCPFlags.fin, TCPFlags.rst,
        ].randomElement(using: &random)!
        packet = Frames.ipv4(
          6, Frames.tcp(sport, dport, flags: flags, payload: payload), src: src, dst: dst)
      case 5..<8:
        packet = Frames.ipv4(17, Frames.udp(sport, dport, payload: payload), src: src, dst: dst)
      default:
        let id = Int.random(in: 1..<4, using: &random)
        let isFirst = Bool.random(using: &random)
        packet = Frames.ipv4(
          17, isFirst ? Frames.udp(sport, dport, payload: payload) : payload, src: src, dst: dst,
          id: id, fragment: isFirst ? 0x2000 : 0x0005)
      }
      return (Frames.ethernet(0x0800, packet), time - late)
    }
  }

  static func run(
    _ traffic: [(frame: [UInt8], time: Double)], burst: Int, timeouts: FlowTimeouts,
    recordSlots: Int = 8192
  ) -> [Outcome] {
    let bed = WorkerBed(
      capacity: 1024, timeouts: timeouts, recordSlots: recordSlots, packetTime: true,
      burst: burst)
    for packet in traffic { bed.add(packet.frame, at: packet.time) }
    bed.run()
    let records = bed.finish()
    #expect(bed.unaccounted == [0])
    return records.map(Outcome.init).sorted {
      ($0.ordinal, $1.kind, $0.update) < ($1.ordinal, $0.kind, $1.update)
    }
  }

  @Test(arguments: [0.0, 20.0])
  func burstsMakeNoDifference(_ active: Double) {
    for seed in 1...8 as ClosedRange<UInt64> {
      let traffic = Self.traffic(seed: seed)
      let timeouts = FlowTimeouts(active: active)
      let whole = Self.run(traffic, burst: 64, timeouts: timeouts)
      #expect(whole.count > 50)
      for burst in [1, 2, 7, 33] {
        #expect(Self.run(traffic, burst: burst, timeouts: timeouts) == whole, "burst \(burst)")
      }
    }
  }

  @Test func aFlowEndsExactlyAtItsTimeout() {
    for (pause, flows) in [(29.999, 1), (30.0, 2), (31.0, 2)] {
      let bed = WorkerBed(packetTime: true)
      let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)))
      bed.add(frame, at: 1000)
      bed.add(frame, at: 1000 + pause)
      bed.run()
      #expect(bed.finish().count == flows, "after \(pause) s")
    }
  }

  @Test func withoutTimeoutsNothingEnds() {
    let bed = WorkerBed(timeouts: .never, packetTime: true)
    let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)))
    for year in 0..<4 { bed.add(frame, at: Double(year) * 31_536_000 + 1) }
    bed.run()
    let records = bed.finish()
    #expect(records.count == 1)
    #expect(records.first?.endReason == FlowEndReason.forcedEnd)
  }

  /// What is over by the last packet's time ends as that, however the wheel stands.
  @Test func theEndTellsIdleFromCutOff() {
    let bed = WorkerBed(packetTime: true)
    bed.add(Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2))), at: 1000)
    bed.add(Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(3, 4))), at: 1031)
    bed.run()
    let reasons = bed.finish().sorted { $0.cold.ordinal < $1.cold.ordinal }.map(\.endReason)
    #expect(reasons == [FlowEndReason.idleTimeout, FlowEndReason.forcedEnd])
  }

  /// A deadline within the tick of the last packet, whenever the wheel was looked at.
  @Test func theEndIsExactWithinATick() {
    for burst in [1, 3, 64] {
      let bed = WorkerBed(packetTime: true, burst: burst)
      for port in 0..<40 {
        let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1000 + port, 53)))
        bed.add(frame, at: 1000 + Double(port) * 0.01)
      }
      // 30 s after the twentieth.
      bed.add(Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2))), at: 1030.195)
      bed.run()
      let reasons = bed.finish().map(\.endReason)
      #expect(reasons.count { $0 == FlowEndReason.idleTimeout } == 20, "bursts of \(burst)")
    }
  }

  /// Fifty years at a stride: each flow is looked at once or twice and not once a turn of the wheel.
  @Test(.timeLimit(.minutes(1)))
  func aLeapOfYearsIsOneStep() {
    let bed = WorkerBed(
      capacity: 65_536, timeouts: .never, recordSlots: 65_536, packetTime: true)
    for port in 0..<5000 {
      bed.add(
        Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1000 + port, 53))), at: 1000)
    }
    for second in 0..<3 {
      let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)))
      bed.add(frame, at: 1_700_000_000 + Double(second))
    }
    bed.run()
    #expect(bed.finish().count == 5001)
  }

  @Test func aTimeOfZeroIsATime() {
    let bed = WorkerBed(packetTime: true)
    let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)))
    bed.add(Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(3, 4))), at: 500)
    bed.run()
    bed.add(frame, at: 0)
    bed.run()
    #expect(bed.finish().first { $0.cold.ordinal == 1 }?.cold.firstSeen == 0)
  }

  @Test func aFlowOfFragmentsSaysSo() {
    let bed = WorkerBed(packetTime: true)
    let whole = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(3, 4)))
    let first = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2), fragment: 0x2000))
    bed.add(whole, at: 1)
    bed.add(first, at: 2)
    bed.run()
    let flags = bed.finish().sorted { $0.cold.ordinal < $1.cold.ordinal }.map {
      $0.hot.flags & FlowFlags.fragmented != 0
    }
    #expect(flags == [false, true])
  }

  @Test func recordsAreStampedByTheirLatestPacket() {
    let bed = WorkerBed(packetTime: true)
    let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)))
    bed.add(frame, at: 1000)
    bed.add(frame, at: 1005)
    bed.add(Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(3, 4))), at: 2000)
    bed.run()
    #expect(bed.takeRecords().first?.exportTime == 1_005_000_000_000)
  }

  /// The clock goes back: what had ended has ended, what begins then lives on as ever.
  @Test func theClockCanBePutBack() {
    let bed = WorkerBed(packetTime: true)
    let one = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(1, 2)))
    let two = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(3, 4)))
    bed.add(one, at: 5000)
    bed.tell(reached: 5010, now: 1000)
    bed.add(two, at: 1000)
    bed.add(two, at: 1020)
    bed.add(two, at: 1060)
    bed.run()
    let records = bed.finish().sorted { $0.cold.ordinal < $1.cold.ordinal }
    // The first flow was not over when the clock went back, and is when it comes there again: never.
    #expect(records.map(\.cold.ordinal) == [0, 1, 3])
    #expect(records[1].hot.sideA.packets == 2)
  }

  /// A ring of 64 records, emptied by another thread at its leisure: the worker waits for it.
  @Test func nothingIsLostForWantOfRoom() {
    let traffic = Self.traffic(seed: 3)
    let roomy = Self.run(traffic, burst: 64, timeouts: FlowTimeouts(active: 0))
    #expect(roomy.count > 200)
    let bed = WorkerBed(
      timeouts: FlowTimeouts(active: 0), recordSlots: 64, packetTime: true, burst: 64)
    for packet in traffic { bed.add(packet.frame, at: packet.time) }
    let taken = Mutex<[FlowRecord]>([])
    let isOver = Atomic<Bool>(false)
    let ring = bed.records[0]
    let done = DispatchSemaphore(value: 0)
    Thread {
      while true {
        let last = isOver.load(ordering: .acquiring)
        let count = ring.available(limit: 16)
        taken.withLock { for i in 0..<count { $0.append(ring.peek(i).pointee) } }
        ring.release(count)
        if count == 0 && last { break }
        usleep(100)
      }
      done.signal()
    }.start()
    bed.run()
    bed.workers[0].giveUpFragments()
    var cursor = 0
    while !bed.workers[0].drain(now: bed.workers[0].packetClock, cursor: &cursor) { usleep(100) }
    isOver.store(true, ordering: .releasing)
    done.wait()
    let outcomes = taken.withLock { $0.filter { $0.kind == FlowRecordKind.flow } }
      .map(Outcome.init).sorted { $0.ordinal < $1.ordinal }
    #expect(outcomes == roomy)
    #expect(bed.total(.recordsDropped) == 0)
  }

  @Test func theMapTellsEveryPacketsFlow() {
    let traffic = Self.traffic(seed: 5)
    let words = UnsafeMutablePointer<UInt64>.allocate(capacity: traffic.count)
    words.initialize(repeating: 0, count: traffic.count)
    defer { words.deallocate() }
    let map = PacketMap(words: words, count: UInt64(traffic.count))
    let bed = WorkerBed(
      timeouts: FlowTimeouts(active: 0), recordSlots: 8192, packetTime: true, packetMap: map)
    for packet in traffic { bed.add(packet.frame, at: packet.time) }
    bed.run()
    var ofFlow: [UInt64: UInt64] = [:]
    for ordinal in 0..<UInt64(traffic.count) {
      #expect(map.passed(ordinal))
      if let flow = map.flow(of: ordinal) { ofFlow[flow, default: 0] += 1 }
    }
    for record in bed.finish() {
      let packets = record.hot.sideA.packets + record.hot.sideB.packets
      #expect(ofFlow.removeValue(forKey: record.cold.ordinal) == packets)
    }
    #expect(ofFlow.isEmpty)
  }
}
