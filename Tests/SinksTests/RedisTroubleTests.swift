import Foundation
import Records
import Sinks
import Testing

/// The Redis sink against a server that dies, hangs, or says no. Whatever happens, the books
/// balance, and each record that counts as delivered is in the stream once.
@Suite(.enabled(if: RedisServer.isInstalled), .serialized)
struct RedisTroubleTests {
  private let key = "martlet:{s}:flow"

  private func settings(_ server: RedisServer, queueBytes: Int = 64 << 20) -> RedisSinkSettings {
    RedisSinkSettings(
      url: server.url, sensor: "s", queueBytes: queueBytes, batchRecords: 64,
      lingerMilliseconds: 5, connectTimeoutSeconds: 0.5, replyTimeoutSeconds: 0.5)
  }

  private func expectEachOnce(_ count: Int, at server: RedisServer) throws {
    #expect(try server.entries(key) == (0..<count).map { ["eve", "{\"n\":\($0)}"] })
  }

  @Test func redisKilledAndStartedAgainLosesAndDoublesNothing() throws {
    let server = try RedisServer(["--appendonly", "yes", "--appendfsync", "always"])
    let sink = try RedisSink(settings: settings(server))
    try sink.start()
    var next = 0
    for round in 1...5 {
      for _ in 0..<100 {
        #expect(sink.offer(batch(next..<next + 20)))
        next += 20
      }
      // In the middle of the round's batches, wherever that may be.
      let middle = UInt64(next - 1500)
      try until("some of round \(round) is there") { sink.counters.delivered > middle }
      server.killAndWait()
      expectBalanced(sink.counters)
      try server.launch()
    }
    try until("all is there") { sink.counters.delivered == UInt64(next) }
    sink.finish(withinSeconds: 10)
    #expect(sink.counters.reconnects >= 5 && sink.counters.droppedError == 0)
    try expectEachOnce(next, at: server)
  }

  @Test func connectionsKilledDuringBatchesLoseAndDoubleNothing() throws {
    let server = try RedisServer()
    let client = try server.connect()
    let sink = try RedisSink(settings: settings(server))
    try sink.start()
    var next = 0
    for _ in 0..<40 {
      for _ in 0..<25 {
        #expect(sink.offer(batch(next..<next + 20)))
        next += 20
      }
      _ = try client.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
    }
    try until("all is there", seconds: 40) { sink.counters.delivered == UInt64(next) }
    sink.finish(withinSeconds: 10)
    #expect(sink.counters.reconnects > 0)
    try expectEachOnce(next, at: server)
  }

  @Test func aStoppedRedisBlocksNobodyAndGetsEachRecordOnce() throws {
    let server = try RedisServer()
    let sink = try RedisSink(settings: settings(server, queueBytes: 200_000))
    try sink.start()
    server.signal(SIGSTOP)
    var slowest = 0.0
    var accepted = 0
    // The accepted batches are numbered without gaps, so that the stream shows what is missing.
    for _ in 0..<2000 {
      let records = batch(accepted..<accepted + 10)
      let begin = Date()
      if sink.offer(records) { accepted += 10 }
      slowest = max(slowest, Date().timeIntervalSince(begin))
      expectBalanced(sink.counters)
    }
    let full = sink.counters
    #expect(full.droppedQueueFull > 0 && full.accepted + full.droppedQueueFull == 20_000)
    #expect(slowest < 0.25, "offer took \(slowest) s")
    // Until its answer has been waited for in vain, and new connections as well.
    try until("the timeout is noticed") { !sink.counters.isHealthy }
    #expect(sink.counters.lastError?.isEmpty == false)
    server.signal(SIGCONT)
    try until("all is there") { sink.counters.delivered == UInt64(accepted) }
    sink.finish(withinSeconds: 5)
    try expectEachOnce(accepted, at: server)
  }

  @Test func finishKeepsItsDeadlineWhenRedisHangs() throws {
    let server = try RedisServer()
    var settings = settings(server)
    settings.replyTimeoutSeconds = 30
    let sink = try RedisSink(settings: settings)
    try sink.start()
    server.signal(SIGSTOP)
    sink.offer(batch(0..<1000))
    let begin = Date()
    sink.finish(withinSeconds: 0.3)
    #expect(Date().timeIntervalSince(begin) < 3)
    let counters = sink.counters
    #expect(counters.droppedError + counters.delivered == 1000 && counters.backlog == 0)
    expectBalanced(counters)
    #expect(!sink.offer(batch(0..<1)))
    expectBalanced(sink.counters)
    server.signal(SIGCONT)
  }

  @Test func redisAwayAtStartIsNoErrorUnlessItIsRequired() throws {
    let server = try RedisServer()
    server.killAndWait()
    var settings = settings(server)
    settings.requireAtStart = true
    let strict = try RedisSink(settings: settings)
    let error = #expect(throws: SinkError.self) { try strict.start() }
    #expect(error?.description.contains(server.socket) == true)
    settings.requireAtStart = false
    let sink = try RedisSink(settings: settings)
    try sink.start()
    #expect(sink.offer(batch(0..<10)) && !sink.counters.isHealthy)
    try server.launch()
    try until("the ten are there") { sink.counters.delivered == 10 }
    sink.finish(withinSeconds: 5)
    try expectEachOnce(10, at: server)
  }

  // MARK: What Redis may answer

  @Test func wrongPasswordIsSaidAtStart() throws {
    let server = try RedisServer(["--requirepass", "right"])
    var settings = settings(server)
    for password in [nil, "wrong"] {
      settings.password = password
      let error = #expect(throws: SinkError.self) { try RedisSink(settings: settings).start() }
      #expect(error?.description.contains("password") == true)
      #expect(error?.description.contains("wrong\"") == false, "no secret in an error")
    }
    settings.password = "right"
    let sink = try RedisSink(settings: settings)
    try sink.start()
    sink.offer(batch(0..<3))
    sink.finish(withinSeconds: 5)
    #expect(sink.counters.delivered == 3)
  }

  @Test func anACLUserNeedsWhatTheErrorSays() throws {
    let server = try RedisServer([
      "--user", "m", "on", ">pw", "~martlet:*", "+xadd", "+xinfo", "+xrange", "+get", "+set",
      "+del",
      "+pttl", "+watch", "+multi", "+exec", "+select",
    ])
    var settings = settings(server)
    settings.username = "m"
    settings.password = "pw"
    let error = #expect(throws: SinkError.self) { try RedisSink(settings: settings).start() }
    #expect(error?.description.contains("+pexpire") == true)
    _ = try server.connect().command(["ACL", "SETUSER", "m", "+pexpire"])
    // The start that failed has left no lease behind.
    let sink = try RedisSink(settings: settings)
    try sink.start()
    sink.offer(batch(0..<3))
    sink.finish(withinSeconds: 5)
    #expect(sink.counters.delivered == 3)
  }

  @Test func aKeyOfAnotherTypeDropsItsRecordsAndNoOthers() throws {
    let server = try RedisServer()
    _ = try server.connect().command(["SET", key, "something else"])
    let sink = try RedisSink(settings: settings(server))
    try sink.start()
    sink.offer(batch(0..<100))
    sink.offer(batch(0..<5, type: .stats))
    sink.finish(withinSeconds: 5)
    let counters = sink.counters
    #expect(counters.droppedError == 100 && counters.delivered == 5)
    #expect(counters.lastError?.contains("rename or delete") == true, "\(counters)")
    expectBalanced(counters)
  }

  @Test func outOfMemoryWaitsInTheQueueUntilThereIsSome() throws {
    let server = try RedisServer(["--maxmemory-policy", "noeviction"])
    let client = try server.connect()
    let sink = try RedisSink(settings: settings(server))
    try sink.start()
    _ = try client.command(["CONFIG", "SET", "maxmemory", "1"])
    sink.offer(batch(0..<500))
    try until("it has been refused") { sink.counters.lastError?.contains("maxmemory") == true }
    #expect(sink.counters.backlog == 500 && !sink.counters.isHealthy)
    _ = try client.command(["CONFIG", "SET", "maxmemory", "0"])
    try until("all is there") { sink.counters.delivered == 500 }
    sink.finish(withinSeconds: 5)
    #expect(sink.counters.reconnects == 0)
    try expectEachOnce(500, at: server)
  }

  @Test func aReplicaIsNamedAndWaitedFor() throws {
    let server = try RedisServer()
    let client = try server.connect()
    let sink = try RedisSink(settings: settings(server))
    try sink.start()
    _ = try client.command(["REPLICAOF", "127.0.0.1", "1"])
    sink.offer(batch(0..<50))
    try until("it has been refused") { sink.counters.lastError?.contains("replica") == true }
    _ = try client.command(["REPLICAOF", "NO", "ONE"])
    try until("all is there") { sink.counters.delivered == 50 }
    sink.finish(withinSeconds: 5)
    try expectEachOnce(50, at: server)
  }

  @Test func aStrangersEntryMakesTheIDsRiseAboveIt() throws {
    let server = try RedisServer()
    let client = try server.connect()
    let sink = try RedisSink(settings: settings(server))
    try sink.start()
    _ = try client.command(["XADD", key, "99999999999999-0", "eve", "stranger"])
    sink.offer(batch(0..<100))
    try until("all is there") { sink.counters.delivered == 100 }
    sink.finish(withinSeconds: 5)
    #expect(sink.counters.lastError?.contains("somebody else") == true)
    let entries = try server.entries(key)
    #expect(
      entries == [["eve", "stranger"]] + (0..<100).map { ["eve", "{\"n\":\($0)}"] })
  }
}
