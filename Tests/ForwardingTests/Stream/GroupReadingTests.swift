import ControlAPI
import Forwarding
import Foundation
import Sinks
import Synchronization
import Testing

/// What is published arrives, in order, and is acknowledged.
@Suite(.enabled(if: StreamRedis.isInstalled, "needs redis-server"))
struct GroupReadingTests {
  @Test func everythingArrivesOnceAndInOrder() throws {
    let redis = try StreamRedis()
    let expected = try redis.publish(0..<5000)
    let run = try ForwarderRun(redis) { $0.isOnce = true }
    let counters = try run.wait()
    #expect(run.target.notes.accepted == expected)
    #expect(run.target.notes.sizes.allSatisfy { $0 <= 500 })
    #expect(!run.target.notes.isOpen)
    #expect(counters.read == 5000 && counters.delivered == 5000 && counters.redelivered == 0)
    #expect(counters.inHand == 0)
    #expect(try redis.pending("martlet:{edge1}:flow", "siem") == 0)
  }

  @Test func newSensorsAndTypesAreFound() throws {
    let redis = try StreamRedis()
    let run = try ForwarderRun(redis)
    var expected = try Set(redis.publish(0..<10))
    try eventually("the first stream") { run.target.notes.accepted.count == 10 }
    try expected.formUnion(redis.publish(0..<10, type: "dns"))
    try expected.formUnion(redis.publish(0..<10, sensor: "edge2", type: "newer_type"))
    // Neither of these is a stream of records.
    try redis.command("SET", "martlet:{edge1}:writer", "x")
    try redis.command("XADD", "martlet:{edge1}:dead", "*", "eve", "{}")
    try redis.command("XADD", "martlet:{edge1}:replay:other", "*", "eve", "{}")
    try eventually("the new streams: \(run.current)") { run.target.notes.accepted.count == 30 }
    try run.stop()
    #expect(Set(run.target.notes.accepted) == expected)
  }

  @Test func chosenSensorsAndTypes() throws {
    let redis = try StreamRedis()
    var expected: [String] = []
    for sensor in ["a", "b", "c"] {
      for type in ["flow", "dns", "tls"] {
        let identifiers = try redis.publish(0..<3, sensor: sensor, type: type)
        if sensor != "c", type != "tls" { expected += identifiers }
      }
    }
    let both = try ForwarderRun(redis) {
      $0.isOnce = true
      $0.sensors = ["a", "b"]
      $0.types = ["flow", "dns"]
    }
    try both.wait()
    #expect(Set(both.target.notes.accepted) == Set(expected))
    let types = try ForwarderRun(redis, group: "another") {
      $0.isOnce = true
      $0.types = ["tls"]
    }
    try types.wait()
    #expect(types.target.notes.accepted.count == 9)
    #expect(types.target.notes.accepted.allSatisfy { $0.contains("-tls-") })
  }

  @Test func startingWithWhatIsNew() throws {
    let redis = try StreamRedis()
    try redis.publish(0..<10)
    let run = try ForwarderRun(redis) { $0.start = .new }
    try eventually("the group") { (try? redis.pending("martlet:{edge1}:flow", "siem")) == 0 }
    let expected = try redis.publish(10..<20)
    // A stream that comes later is new as a whole.
    let later = try redis.publish(0..<5, type: "dns")
    try eventually("what is new") { run.target.notes.accepted.count == 15 }
    try run.stop()
    #expect(Set(run.target.notes.accepted) == Set(expected + later))
  }

  @Test func aGroupIsSharedByItsMembers() throws {
    let redis = try StreamRedis()
    // Nobody's first batch is taken before everybody has one: a member that finds the stream a
    // moment sooner has no more than it may hold, and the rest is the other's.
    let waiting = Mutex(2)
    let together: ObedientTarget.Order = { batch, call throws(TargetFault) in
      if call == 1 { waiting.withLock { $0 -= 1 } }
      do {
        try eventually("each has read") { waiting.withLock { $0 } <= 0 }
      } catch {
        throw TargetFault("\(error)")
      }
      return Array(repeating: .delivered, count: batch.count)
    }
    let runs = try (1...2).map { index in
      try ForwarderRun(
        redis, target: ObedientTarget(limits: BatchLimits(records: 50, bytes: 1 << 20), together),
        consumer: "host-\(index)"
      ) {
        $0.readRecords = 50
        $0.inHandRecords = 200
      }
    }
    let expected = try redis.publish(0..<5000)
    try eventually("all", seconds: 60) {
      runs.reduce(0) { $0 + $1.target.notes.accepted.count } >= 5000
    }
    for run in runs { try run.stop() }
    let accepted = runs.map(\.target.notes.accepted)
    #expect(Set(accepted[0] + accepted[1]) == Set(expected))
    #expect(accepted.allSatisfy { !$0.isEmpty }, "\(accepted.map(\.count))")
    #expect(accepted[0].count + accepted[1].count == 5000)
  }

  @Test func conditionsAreAppliedAndTheRestIsAcknowledged() throws {
    struct Even: RecordTransform {
      func apply(_ record: inout ForwardRecord) throws(EVEDocumentError) -> Bool {
        guard case .number(let digits)? = record.document.value(EVEPath("n")),
          let number = Int(digits)
        else { throw EVEDocumentError("no number") }
        return number % 2 == 0
      }
    }
    let redis = try StreamRedis()
    try redis.publish(0..<1000)
    try redis.command("XADD", "martlet:{edge1}:flow", "*", "eve", "{\"m\":1}")
    let run = try ForwarderRun(redis, transform: Even()) { $0.isOnce = true }
    let counters = try run.wait()
    #expect(counters.read == 1001 && counters.matched == 500 && counters.filtered == 500)
    #expect(counters.delivered == 500 && counters.refused == 1)
    #expect(try redis.pending("martlet:{edge1}:flow", "siem") == 0)
  }

  @Test func theLagIsShown() throws {
    let redis = try StreamRedis()
    try redis.publish(0..<3000)
    let target = ObedientTarget { _, _ throws(TargetFault) in throw TargetFault("away") }
    let run = try ForwarderRun(redis, target: target) {
      $0.readRecords = 100
      $0.inHandRecords = 1000
    }
    try eventually("the lag: \(run.current.lag)") {
      run.current.lag.entries == 3000 && run.current.lag.seconds > 0.2
    }
    #expect(run.current.inHand >= 100 && run.current.inHand <= 1000)
    try run.stop()
    let after = try ForwarderRun(redis)
    try eventually("no lag: \(after.current.lag)") {
      after.current.delivered == 3000 && after.current.lag.entries == 0
        && after.current.lag.seconds == 0
    }
    try after.stop()
  }
}
