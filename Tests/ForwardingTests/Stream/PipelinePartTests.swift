import Sinks
import Testing

@testable import Forwarding

/// The parts that need no Redis.
struct PipelinePartTests {
  @Test func streamNamesAreReadFromKeys() {
    #expect(StreamName(key: "martlet:{edge1}:flow") == StreamName(sensor: "edge1", type: "flow"))
    let replay = StreamName(key: "martlet:{a}:replay:siem")
    #expect(replay == .replay(sensor: "a", group: "siem") && replay?.isReplay == true)
    for key in ["", "martlet:{", "martlet:{}:", "martlet:{a}:", "martlet:{}:flow", "other:{a}:b"] {
      #expect(StreamName(key: key) == nil, "\(key)")
    }
  }

  @Test func waitsGrowAndAreBounded() {
    var backoff = Backoff(firstSeconds: 1, limitSeconds: 8)
    let waits = (0..<10).map { _ in backoff.next() }
    for (wait, full) in zip(waits, [1.0, 2, 4, 8, 8, 8, 8, 8, 8, 8]) {
      #expect(wait >= full / 2 && wait <= full)
    }
    #expect(Set(waits).count > 5)
    #expect(backoff.next(askedSeconds: 20) == 20)
    #expect(backoff.next(askedSeconds: .infinity) <= 8)
    #expect(backoff.next(askedSeconds: 1e9) == 3600)
    backoff.reset()
    #expect(backoff.next() <= 1)
  }

  @Test func faultsAreSaidOnceAndEachMinute() {
    var report = FaultReport("it")
    #expect(report.worked(now: 0) == nil)
    #expect(report.failed("away", now: 10) == "it: away; trying again")
    #expect(report.failed("away", now: 20) == nil)
    #expect(report.failed("away", now: 70) == "it: for 60 s now: away")
    #expect(report.failed("away", now: 80) == nil)
    #expect(report.failed("closed", now: 90) == "it: for 80 s now: closed")
    #expect(report.worked(now: 200) == "it: works again after 3 min 10 s")
  }

  private func sight(
    length: UInt64, first: UInt64?, added: UInt64?, delivered: UInt64, read: UInt64?
  ) -> TrimWatch.Sight {
    TrimWatch.Sight(
      length: length, first: first.map { StreamID(milliseconds: $0) },
      lastGenerated: StreamID(milliseconds: 1000), entriesAdded: added,
      lastDelivered: StreamID(milliseconds: delivered), entriesRead: read)
  }

  @Test func gapsAreCounted() {
    var watch = TrimWatch()
    // Not begun; within the stream; directly before the first entry.
    #expect(
      watch.look(sight(length: 10, first: 90, added: 100, delivered: 0, read: nil)) == .nothing)
    #expect(
      watch.look(sight(length: 50, first: 50, added: 100, delivered: 60, read: 61)) == .nothing)
    #expect(
      watch.look(sight(length: 40, first: 61, added: 100, delivered: 60, read: 60)) == .nothing)
    #expect(
      watch.look(sight(length: 30, first: 71, added: 100, delivered: 60, read: 60))
        == .trimmed(10))
    // Redis 7.0 goes on from 60, and the gap is not counted a second time.
    watch.read(before: 60, after: 65, handedOut: 5)
    #expect(
      watch.look(sight(length: 20, first: 81, added: 100, delivered: 75, read: 65))
        == .trimmed(5))
    // A later one sets its count to the entry's place.
    watch.read(before: 65, after: 85, handedOut: 5)
    #expect(
      watch.look(sight(length: 10, first: 91, added: 100, delivered: 85, read: 85))
        == .trimmed(5))
  }

  @Test func oldRedisCannotCountAGap() {
    var watch = TrimWatch()
    let old = sight(length: 10, first: 90, added: nil, delivered: 60, read: nil)
    #expect(watch.look(old) == .possible)
    #expect(watch.look(old) == .nothing)
  }

  @Test func namesOfMembersAreHeldAndFreed() throws {
    let redis = "redis://test/\(UInt64.random(in: .min ... .max))"
    let first = try ConsumerName(nil, group: "siem", redis: redis)
    let second = try ConsumerName(nil, group: "siem", redis: redis)
    #expect(first.name.hasSuffix("-1") && second.name.hasSuffix("-2"))
    #expect(throws: TargetFault.self) {
      _ = try ConsumerName(first.name, group: "siem", redis: redis)
    }
    let elsewhere = try ConsumerName(nil, group: "other", redis: redis)
    #expect(elsewhere.name == first.name)
    var name: ConsumerName? = try ConsumerName("own", group: "siem", redis: redis)
    #expect(name != nil)
    name = nil
    #expect(try ConsumerName("own", group: "siem", redis: redis).name == "own")
  }
}
