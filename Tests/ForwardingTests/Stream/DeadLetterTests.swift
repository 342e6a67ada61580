import Forwarding
import Sinks
import Testing

/// What cannot be delivered is kept with its reason, and can be delivered after all.
@Suite(.enabled(if: StreamRedis.isInstalled, "needs redis-server"))
struct DeadLetterTests {
  private let key = "martlet:{edge1}:flow"

  @Test func hostileEntriesAreBuriedAndNothingElseSuffers() throws {
    let redis = try StreamRedis()
    let hostile: [[String]] = [
      ["eve", "not JSON"], ["eve", "[1]"], ["eve", ""], ["eve", "{\"a\":"],
      ["eve", "{\"a\":\"\u{1}\"}"], ["unknown", "field"], ["", ""],
      ["eve", String(repeating: "[", count: 100_000)],
      ["eve", "{\"p\":\"" + String(repeating: "x", count: 300_000) + "\"}"],
    ]
    var expected = try redis.publish(0..<50)
    let client = try redis.connect()
    for fields in hostile { _ = try client.command(["XADD", key, "*"] + fields) }
    // Bytes that are no UTF-8, in name and value.
    var pipeline = RedisPipeline()
    pipeline.begin(argumentCount: 5)
    for word in ["XADD", key, "*"] { pipeline.argument(word) }
    pipeline.argument([0xff, 0x00, 0xfe][...])
    pipeline.argument([0x80, 0x0d, 0x0a, 0x24][...])
    _ = try client.commands(pipeline)
    expected += try redis.publish(50..<100)

    let run = try ForwarderRun(redis) {
      $0.isOnce = true
      $0.maxEntryBytes = 200_000
    }
    let counters = try run.wait()
    #expect(run.target.notes.accepted == expected)
    #expect(counters.refused == UInt64(hostile.count + 1), "\(counters)")
    #expect(try redis.pending(key, "siem") == 0)

    var letters: [DeadLetter] = []
    try DeadLetterBox(client).visit { found in
      letters.append(found.letter)
      return true
    }
    #expect(letters.count == hostile.count + 1)
    #expect(
      letters.allSatisfy {
        $0.group == "siem" && $0.target == "obedient" && !$0.reason.isEmpty
          && $0.stream == StreamName(sensor: "edge1", type: "flow")
      })
    #expect(letters.first?.reason.contains("JSON") == true)
    #expect(letters.compactMap(\.cutBytes).count == 1)
    // The bytes are kept as they came.
    guard case .fields(let fields)? = letters.last?.body else {
      Issue.record("no fields: \(letters.last as Any)")
      return
    }
    #expect(fields.map { Array($0.name) } == [[0xff, 0x00, 0xfe]])
    #expect(fields.map { Array($0.value) } == [[0x80, 0x0d, 0x0a, 0x24]])
  }

  @Test func aReplayGoesToItsGroupAloneUnderTheOldIdentifiers() throws {
    let redis = try StreamRedis()
    let expected = try redis.publish(0..<20)
    let refusing = ObedientTarget { batch, _ throws(TargetFault) in
      Array(repeating: .refused("closed"), count: batch.count)
    }
    try ForwarderRun(redis, target: refusing) { $0.isOnce = true }.wait()
    try ForwarderRun(redis, group: "other") { $0.isOnce = true }.wait()
    #expect(try redis.length("martlet:{edge1}:dead") == 20)
    let replayed = try DeadLetterBox(redis.connect()).replay()
    #expect(replayed.count == 20 && replayed.cut == 0)
    #expect(try redis.length("martlet:{edge1}:dead") == 0)

    let other = try ForwarderRun(redis, group: "other") { $0.isOnce = true }
    #expect(try other.wait().read == 0)
    // Refused once more, it is a dead letter of its first stream again.
    try ForwarderRun(redis, target: refusing) { $0.isOnce = true }.wait()
    #expect(try redis.length("martlet:{edge1}:dead") == 20)
    #expect(try DeadLetterBox(redis.connect()).replay(group: "siem").count == 20)
    let again = try ForwarderRun(redis) { $0.isOnce = true }
    try again.wait()
    #expect(again.target.notes.accepted == expected)
    #expect(try redis.length("martlet:{edge1}:replay:siem") == 0)
    #expect(try redis.length("martlet:{edge1}:dead") == 0)
  }

  @Test func theirNumberIsBounded() throws {
    let redis = try StreamRedis()
    try redis.publish(0..<3000)
    let refusing = ObedientTarget { batch, _ throws(TargetFault) in
      Array(repeating: .refused("closed"), count: batch.count)
    }
    let run = try ForwarderRun(redis, target: refusing) {
      $0.isOnce = true
      $0.deadLetterLimit = 500
    }
    #expect(try run.wait().refused == 3000)
    let length = try redis.length("martlet:{edge1}:dead")
    #expect(length >= 500 && length < 1000, "\(length)")
  }

  @Test func theSurveyShowsGroupsAndDeadLetters() throws {
    let redis = try StreamRedis()
    try redis.publish(0..<20)
    try redis.publish(0..<5, type: "dns")
    let refusing = ObedientTarget { batch, _ throws(TargetFault) in
      batch.map { $0.stream.type == "dns" ? .refused("closed") : .delivered }
    }
    try ForwarderRun(redis, target: refusing) { $0.isOnce = true }.wait()
    try redis.publish(20..<27)
    let survey = try GroupSurvey(redis.connect())
    let flow = survey.groups.first { $0.position.stream.type == "flow" }
    #expect(flow?.position.unread == 7 && flow?.position.pending == 0)
    #expect(flow?.position.oldest != nil)
    #expect(flow?.consumers.map(\.name) == ["host-1"])
    #expect(survey.deadLetters.map(\.count) == [5])
    #expect(survey.unread.isEmpty)
  }
}
