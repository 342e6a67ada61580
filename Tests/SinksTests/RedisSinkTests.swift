import Foundation
import Records
import Sinks
import Testing

/// The Redis sink against a server that does what it should.
@Suite(.enabled(if: RedisServer.isInstalled))
struct RedisSinkTests {
  @Test func deliversInOrderAndOnceToAStreamAType() throws {
    let server = try RedisServer()
    let sink = try RedisSink(settings: RedisSinkSettings(url: server.url, sensor: "edge1"))
    #expect(sink.target == server.url)
    try sink.start()
    for start in stride(from: 0, to: 5000, by: 100) {
      #expect(sink.offer(batch(start..<start + 100)))
      #expect(sink.offer(batch(start..<start + 1, type: .stats)))
      expectBalanced(sink.counters)
    }
    sink.finish(withinSeconds: 10)

    let counters = sink.counters
    #expect(counters.delivered == 5050 && counters.droppedError == 0 && counters.backlog == 0)
    #expect(
      try server.entries("martlet:{edge1}:flow") == (0..<5000).map { ["eve", "{\"n\":\($0)}"] })
    #expect(try server.entries("martlet:{edge1}:stats").count == 50)
    let client = try server.connect()
    #expect(try client.command(["EXISTS", "martlet:{edge1}:writer"]) == .integer(0))
    #expect(try client.command(["EXISTS", "martlet:{edge1}:flow_update"]) == .integer(0))
  }

  /// A lone record waits for others as long as the linger, and then for nothing.
  @Test func aLoneRecordWaitsForTheLinger() throws {
    let server = try RedisServer()
    /// Of the record that waited least.
    func seconds(lingerMilliseconds: Int) throws -> Double {
      let sink = try RedisSink(
        settings: RedisSinkSettings(
          url: server.url, sensor: "s\(lingerMilliseconds)",
          lingerMilliseconds: lingerMilliseconds))
      try sink.start()
      defer { sink.finish(withinSeconds: 5) }
      var least = Double.infinity
      for count in 1...10 {
        let began = ContinuousClock.now
        sink.offer(batch(count..<count + 1))
        try until("the record is there") { sink.counters.delivered == UInt64(count) }
        let waited = began.duration(to: .now)
        least = min(least, waited / .seconds(1))
      }
      return least
    }
    let patient = try seconds(lingerMilliseconds: 100)
    let hasty = try seconds(lingerMilliseconds: 0)
    // However slow the machine is, it is not early; and of ten one is not late.
    #expect(patient >= 0.099 && hasty < 0.099, "\(patient) s, \(hasty) s")
  }

  @Test func fieldsArriveAsPairs() throws {
    let server = try RedisServer()
    let sink = try RedisSink(
      settings: RedisSinkSettings(url: server.url, sensor: "s", format: .fields))
    try sink.start()
    let pairs = Array("$6\r\nsrc_ip\r\n$8\r\n10.0.0.1\r\n$1\r\nn\r\n$1\r\n7\r\n".utf8)
    var records = RecordBatch(format: .fields, bytes: pairs)
    records.entries = [.init(type: .flow, offset: 0, length: pairs.count, fieldCount: 2)]
    #expect(sink.offer(records))
    #expect(!sink.offer(batch(0..<1)), "eve is not fields")
    sink.finish(withinSeconds: 5)
    #expect(try server.entries("martlet:{s}:flow") == [["src_ip", "10.0.0.1", "n", "7"]])
    #expect(sink.counters.delivered == 1 && sink.counters.droppedError == 1)
    expectBalanced(sink.counters)
  }

  @Test func trimsAndKeepsToTheTypesWanted() throws {
    let server = try RedisServer()
    let sink = try RedisSink(
      settings: RedisSinkSettings(
        url: server.url, sensor: "s", types: [.flow], maxStreamLength: 100))
    try sink.start()
    #expect(sink.offer(batch(0..<5, type: .stats)))
    sink.offer(batch(0..<3000))
    sink.finish(withinSeconds: 5)
    let entries = try server.entries("martlet:{s}:flow")
    // `~` trims whole nodes of a hundred entries.
    #expect((100...300).contains(entries.count) && entries.last == ["eve", "{\"n\":2999}"])
    #expect(sink.counters.accepted == 3000 && sink.counters.delivered == 3000)
  }

  @Test func goesOnAboveAnIDFromTheFuture() throws {
    let server = try RedisServer()
    let client = try server.connect()
    _ = try client.command(["XADD", "martlet:{s}:flow", "99999999999999-5", "a", "b"])
    let sink = try RedisSink(settings: RedisSinkSettings(url: server.url, sensor: "s"))
    try sink.start()
    sink.offer(batch(0..<2))
    sink.finish(withinSeconds: 5)
    let reply = try client.command(["XRANGE", "martlet:{s}:flow", "-", "+"])
    #expect(
      reply.elements?.compactMap { $0.elements?.first?.text } == [
        "99999999999999-5", "99999999999999-6", "99999999999999-7",
      ])
  }

  // MARK: The lease

  @Test func aSecondWriterIsRefusedByName() throws {
    let server = try RedisServer()
    let settings = RedisSinkSettings(url: server.url, sensor: "s")
    let first = try RedisSink(settings: settings)
    try first.start()
    let second = try RedisSink(settings: settings)
    let error = #expect(throws: SinkError.self) { try second.start() }
    let holder = try #require(
      try server.connect().command(["GET", "martlet:{s}:writer"]).text)
    #expect(holder.split(separator: ":").count == 4)
    #expect(error?.description.contains(holder) == true)
    first.finish(withinSeconds: 5)
    try second.start()
    second.finish(withinSeconds: 5)
  }

  @Test func anIdleWriterRenewsAndALeaseThatExpiredIsTakenOver() throws {
    let server = try RedisServer()
    let client = try server.connect()
    let key = "martlet:{s}:writer"
    _ = try client.command(["SET", key, "elsewhere:1:dead", "PX", "400"])
    let settings = RedisSinkSettings(url: server.url, sensor: "s", leaseMilliseconds: 300)
    let sink = try RedisSink(settings: settings)
    let error = #expect(throws: SinkError.self) { try sink.start() }
    #expect(error?.description.contains("elsewhere:1:dead") == true)
    try until("the dead writer's lease expires") { (try? sink.start()) != nil }
    // Three lifetimes of a lease that nothing is written under.
    let end = Date().addingTimeInterval(0.9)
    try until("time passes") {
      let exists = try client.command(["EXISTS", key])
      #expect(exists == .integer(1))
      return Date() > end
    }
    #expect(sink.counters.isHealthy)
    sink.finish(withinSeconds: 5)
  }

  @Test func aWriterThatLostItsLeaseWritesNothing() throws {
    let server = try RedisServer()
    let client = try server.connect()
    let sink = try RedisSink(settings: RedisSinkSettings(url: server.url, sensor: "s"))
    try sink.start()
    sink.offer(batch(0..<10))
    try until("the first are there") { sink.counters.delivered == 10 }
    _ = try client.command(["SET", "martlet:{s}:writer", "usurper:2:x", "PX", "1000"])
    sink.offer(batch(10..<20))
    try until("it has noticed") { !sink.counters.isHealthy }
    #expect(try client.command(["XLEN", "martlet:{s}:flow"]) == .integer(10))
    #expect(sink.counters.lastError?.contains("martlet:{s}:writer") == true)
    try until("the usurper's lease expires, and the rest is written") {
      sink.counters.delivered == 20
    }
    sink.finish(withinSeconds: 5)
    #expect(
      try server.entries("martlet:{s}:flow") == (0..<20).map { ["eve", "{\"n\":\($0)}"] })
  }
}
