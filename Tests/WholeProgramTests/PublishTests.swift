import Foundation
import Testing

/// `martlet read --publish`: to a real Redis, as a sensor does.
@Suite(.enabled(if: Requirements.redis, "needs redis-server"))
struct PublishTests {
  func flows(_ redis: RedisServer, _ sensor: String) throws -> [[String: Any]] {
    try redis.connect().records(sensor: sensor)
  }

  @Test func everyFlowIsInTheStream() throws {
    let redis = try RedisServer()
    let run = try FileRead([
      Captures.demo, "--publish", redis.url, "--sensor", "analyst1", "--workers", "2",
    ])
    #expect(run.status == .exited(0), "\(run.errors)")
    let file = try FileRead([Captures.demo, "--format", "eve", "--quiet"])
    let published = try flows(redis, "analyst1")
    #expect(published.count == 696)
    #expect(
      try CompareFlows.totals(ofEVE: published) == CompareFlows.totals(ofEVE: file.records()))
    #expect(published.allSatisfy { $0["sensor"] as? String == "analyst1" && $0["seq"] != nil })
  }

  @Test func aRedisThatHangsForAWhileLosesNothing() throws {
    let redis = try RedisServer()
    let folder = try TemporaryFolder()
    let fifo = folder.file("pipe")
    #expect(mkfifo(fifo, 0o600) == 0)
    let process = try Subprocess(
      Programs.martlet, ["read", fifo, "--publish", redis.url, "--sensor", "analyst2"])
    let writer = try FileHandle(forWritingTo: URL(fileURLWithPath: fifo))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: Captures.demo))
    try writer.write(contentsOf: bytes.prefix(1_000_000))
    usleep(500_000)
    redis.hang()
    try writer.write(contentsOf: bytes.dropFirst(1_000_000))
    try writer.close()
    usleep(1_500_000)
    redis.wake()
    #expect(try process.wait() == .exited(0), "\(process.standardError)")
    #expect(try flows(redis, "analyst2").count == 696)
  }

  @Test func whatCannotBeIsSaid() throws {
    let nameless = try FileRead([Captures.demo, "--publish", "redis://127.0.0.1:1"])
    #expect(nameless.status == .exited(64))
    #expect(nameless.errors.contains("--sensor"), "\(nameless.errors)")
    let wrong = try FileRead([
      Captures.demo, "--publish", "http://127.0.0.1:1", "--sensor", "analyst3",
    ])
    #expect(wrong.status == .exited(64) && wrong.errors.contains("--publish"), "\(wrong.errors)")
    let away = try FileRead([
      Captures.demo, "--publish", "unix:/nonexistent/redis.sock", "--sensor", "analyst3",
    ])
    #expect(away.status == .exited(69), "\(away.status) \(away.errors)")
  }

  /// The streams of a sensor have one writer.
  @Test func aRunningSensorsNameIsRefused() throws {
    let run = try EngineRun(
      ports: """
          - name: p0
            player: {capture: \(Captures.demo), passes: [1000]}
        """)
    let second = try FileRead([
      Captures.demo, "--publish", run.redis.url, "--sensor", EngineRun.sensor,
    ])
    #expect(second.status == .exited(69), "\(second.errors)")
    #expect(second.errors.contains("writer"), "\(second.errors)")
    _ = try run.process.terminate()
  }
}
