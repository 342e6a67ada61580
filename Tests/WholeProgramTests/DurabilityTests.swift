import ControlAPI
import Foundation
import Testing

/// What becomes of records when martletd or Redis dies.
@Suite(.enabled(if: Requirements.redis, "needs redis-server"))
struct DurabilityTests {
  private static let player =
    "  - name: p0\n    player: {capture: \(Captures.demo), passes: [\"max*100000\"]}"

  private func sinks(_ redis: RedisServer, _ spool: String) -> String {
    "  - {type: redis, url: \"\(redis.url)\", lingerMilliseconds: 20, spoolDirectory: \(spool),"
      + " types: [flow], maxStreamLength: 0}"
  }

  /// Of the records of one start of one worker: which numbers are there, each how often.
  private func sequences(_ redis: RedisServer) throws -> [Int: [Int]] {
    var found: [Int: [Int]] = [:]
    for record in try redis.connect().records(sensor: EngineRun.sensor) {
      let epoch = try #require(record["start_epoch"] as? Int)
      found[epoch, default: []].append(try #require(record["seq"] as? Int))
    }
    return found
  }

  /// Killed while records wait on disk: the next start takes the dead one's lease at once, and
  /// every record that was on disk arrives, once.
  @Test func killedWhileSpoolingWhatIsOnDiskArrivesOnce() throws {
    let redis = try RedisServer(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
    let folder = try TemporaryFolder()
    let run = try EngineRun(
      ports: Self.player, sinks: sinks(redis, folder.file("spool")))
    #expect(eventually(within: 30) { ((try? run.stats().sinks[0].delivered) ?? 0) > 1000 })
    redis.hang()
    #expect(eventually(within: 30) { ((try? run.stats().sinks[0].spooled) ?? 0) > 20_000 })
    let before = try run.stats().sinks[0]
    run.process.signal(SIGKILL)
    try run.process.wait(seconds: 10)
    redis.wake()

    let next = try EngineRun(
      ports: "  - {name: p0, device: \"net_ring0\"}", sinks: sinks(redis, folder.file("spool")))
    #expect(
      eventually(within: 60) {
        guard let sink = try? next.stats().sinks[0] else { return false }
        return sink.recovered > 0 && sink.backlog == 0
      })
    let after = try next.stats().sinks[0]
    #expect(after.recovered >= before.spooled && after.lost == 0)
    #expect(try next.process.terminate(seconds: 60) == .exited(0))
    let found = try sequences(redis)
    #expect(found.count == 1, "the second run made no flow records")
    let numbers = try #require(found.values.first)
    // Each once, in their order (there are gaps: anomalies and what the ring had no room for are
    // counted along), and as many as had been delivered or were on disk.
    #expect(Set(numbers).count == numbers.count && numbers == numbers.sorted())
    #expect(numbers.count >= Int(before.delivered + before.spooled))
    print(
      "killed with \(before.spooled) records on disk and \(before.backlog - before.spooled) in"
        + " memory: \(numbers.count) in Redis, none twice")
  }

  /// Redis is killed and started again while a sensor publishes: nobody notices but the log.
  @Test func redisKilledUnderASensor() throws {
    let redis = try RedisServer(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
    let folder = try TemporaryFolder()
    let run = try EngineRun(
      ports: Self.player, sinks: sinks(redis, folder.file("spool")))
    for _ in 0..<3 {
      let delivered = try run.stats().sinks[0].delivered
      #expect(
        eventually(within: 60) { ((try? run.stats().sinks[0].delivered) ?? 0) > delivered + 2000 })
      try redis.kill()
      #expect(eventually(within: 30) { ((try? run.stats().sinks[0].spooled) ?? 0) > 2000 })
      #expect(
        eventually(within: 30) { run.process.standardError.contains("sink redis: ") })
      try redis.start()
    }
    #expect(
      eventually(within: 30) { run.process.standardError.contains("sink redis: delivers again") })
    let sink = try run.stats().sinks[0]
    #expect(sink.lost == 0 && sink.reordered == 0)
    #expect(try run.process.terminate(seconds: 120) == .exited(0))
    let numbers = try #require(try sequences(redis).values.first)
    #expect(Set(numbers).count == numbers.count && numbers == numbers.sorted())
    #expect(numbers.count >= Int(sink.delivered))
    let left = try FileManager.default.contentsOfDirectory(
      atPath: folder.file("spool/\(EngineRun.sensor)"))
    #expect(
      left == ["lock"] || run.process.standardOutput.contains("left in the spool"),
      "\(left) \(run.process.standardOutput)")
  }
}
