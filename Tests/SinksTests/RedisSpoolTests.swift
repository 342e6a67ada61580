import Foundation
import Records
import Sinks
import Testing

/// The Redis sink with a spool, against a server that is away, slow, older than it was, or written to
/// by others. Whatever happens, each record is in the stream once, or counted.
@Suite(.enabled(if: RedisServer.isInstalled), .serialized)
struct RedisSpoolTests {
  private let key = "martlet:{s}:flow"
  private static let durable = ["--appendonly", "yes", "--appendfsync", "always"]

  private func settings(
    _ server: RedisServer, _ folder: TemporaryFolder, queueBytes: Int = 1 << 20,
    spool: String = "spool"
  ) -> RedisSinkSettings {
    RedisSinkSettings(
      url: server.url, sensor: "s", queueBytes: queueBytes, batchRecords: 64,
      lingerMilliseconds: 5, connectTimeoutSeconds: 0.5, replyTimeoutSeconds: 0.5,
      spoolDirectory: folder.file(spool), spoolBytes: 64 << 20)
  }

  /// Offers records as fast as they are taken.
  private func offer(_ numbers: Range<Int>, to sink: RedisSink) throws {
    for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 20) {
      try until("there is room") { sink.hasRoom }
      #expect(sink.offer(batch(start..<min(start + 20, numbers.upperBound))))
    }
  }

  private func expectEachOnce(_ numbers: Range<Int>, at server: RedisServer) throws {
    let found = try server.entries(key)
    let expected = numbers.map { ["eve", "{\"n\":\($0)}"] }
    #expect(found.count == expected.count)
    #expect(found == expected)
  }

  @Test func recordsWaitOnDiskWhileRedisIsAway() throws {
    let server = try RedisServer(Self.durable)
    let folder = try TemporaryFolder()
    let sink = try RedisSink(settings: settings(server, folder, queueBytes: 300_000))
    try sink.start()
    try offer(0..<1000, to: sink)
    try until("the first are there") { sink.counters.delivered > 500 }
    server.killAndWait()
    // Ten times what the queue holds.
    try offer(1000..<30_000, to: sink)
    try until("all wait on disk") { sink.counters.spooled == sink.counters.backlog }
    let away = sink.counters
    #expect(away.backlog >= 29_000 && away.spooledBytes > 1 << 20 && away.lagSeconds > 0)
    #expect(away.droppedQueueFull == 0 && away.droppedSpoolFull == 0)
    expectBalanced(away)
    try server.launch()
    try until("all is there", seconds: 60) { sink.counters.delivered == 30_000 }
    try until("the spool is empty again") { sink.counters.spooledBytes == 0 }
    // Straight on, then.
    try offer(30_000..<30_100, to: sink)
    sink.finish(withinSeconds: 10)
    expectBalanced(sink.counters)
    #expect(sink.counters.reordered == 0 && sink.counters.lostByRedis == 0)
    try expectEachOnce(0..<30_100, at: server)
    #expect(try folder.names("spool/s") == ["lock"])
  }

  @Test func whatIsLeftAtTheEndIsTheNextStartsToDeliver() throws {
    let server = try RedisServer(Self.durable)
    let folder = try TemporaryFolder()
    let first = try RedisSink(settings: settings(server, folder))
    try first.start()
    try offer(0..<200, to: first)
    try until("they are there") { first.counters.delivered == 200 }
    server.killAndWait()
    try offer(200..<5000, to: first)
    first.finish(withinSeconds: 5)
    let left = first.counters
    #expect(left.droppedError == 0 && left.backlog == 4800 && left.spooled == 4800)
    expectBalanced(left)

    try server.launch()
    // The dead sensor's lease is its own: the same host, and no such process any more, but that
    // this test's is alive. It expires.
    _ = try server.connect().command(["DEL", "martlet:{s}:writer"])
    let second = try RedisSink(settings: settings(server, folder))
    try second.start()
    try offer(5000..<5100, to: second)
    second.finish(withinSeconds: 20)
    #expect(second.counters.recovered == 4800 && second.counters.delivered == 4900)
    expectBalanced(second.counters)
    try expectEachOnce(0..<5100, at: server)
  }

  /// A crash: from this moment on, nothing of the writer's is executed, and this is what its spool
  /// holds. The next sink goes on from there.
  private func crash(
    _ sink: RedisSink, at server: RedisServer, _ folder: TemporaryFolder, from: String, to: String
  ) throws {
    let lease = "martlet:{s}:writer"
    _ = try server.connect().command(["SET", lease, "usurper:2:x", "PX", "60000"])
    try folder.copy(of: from, as: to)
    sink.finish(withinSeconds: 0)
    _ = try server.connect().command(["DEL", lease])
  }

  /// One crash after the other while the spool is emptied: what was on disk arrives once.
  @Test(arguments: [0, 500]) func crashesWhileDrainingDoubleNothing(_ maxStreamLength: Int) throws {
    let server = try RedisServer(Self.durable)
    let folder = try TemporaryFolder()
    var settings = settings(server, folder)
    settings.maxStreamLength = maxStreamLength
    server.killAndWait()
    var sink = try RedisSink(settings: settings)
    try sink.start()
    try offer(0..<20_000, to: sink)
    try until("all wait on disk") { sink.counters.spooled == 20_000 }
    try server.launch()
    for round in 1...3 {
      try until("some are there") { sink.counters.delivered > 2000 }
      try crash(
        sink, at: server, folder, from: round == 1 ? "spool" : "crash\(round - 1)",
        to: "crash\(round)")
      settings.spoolDirectory = folder.file("crash\(round)")
      sink = try RedisSink(settings: settings)
      try sink.start()
      #expect(sink.counters.recovered > 0)
    }
    try until("all is settled") { sink.counters.backlog == 0 }
    sink.finish(withinSeconds: 5)
    #expect(sink.counters.reordered == 0 && sink.counters.lost == 0)
    if maxStreamLength == 0 {
      try expectEachOnce(0..<20_000, at: server)
    } else {
      let found = try server.entries(key)
      #expect(found.count < 1000)
      #expect(found == (20_000 - found.count..<20_000).map { ["eve", "{\"n\":\($0)}"] })
      // Each was added once, trimmed or not.
      let state = try server.connect().command(["XINFO", "STREAM", key]).elements ?? []
      let added = state.firstIndex(of: .string("entries-added")).map { state[$0 + 1] }
      #expect(added == .integer(20_000))
    }
  }

  /// The same where the crash comes first, and what was on disk had not been sent.
  @Test func aCrashBeforeAnythingWasSentLosesNothing() throws {
    let server = try RedisServer(Self.durable)
    let folder = try TemporaryFolder()
    var settings = settings(server, folder)
    server.killAndWait()
    let sink = try RedisSink(settings: settings)
    try sink.start()
    try offer(0..<3000, to: sink)
    try until("all wait on disk") { sink.counters.spooled == 3000 }
    try folder.copy(of: "spool", as: "crash")
    sink.finish(withinSeconds: 0)
    try server.launch()
    settings.spoolDirectory = folder.file("crash")
    let next = try RedisSink(settings: settings)
    try next.start()
    next.finish(withinSeconds: 20)
    #expect(next.counters.delivered == 3000)
    try expectEachOnce(0..<3000, at: server)
  }

  @Test func aStoppedRedisIsWaitedForOnDisk() throws {
    let server = try RedisServer(Self.durable)
    let folder = try TemporaryFolder()
    let sink = try RedisSink(settings: settings(server, folder, queueBytes: 100_000))
    try sink.start()
    server.signal(SIGSTOP)
    try offer(0..<20_000, to: sink)
    // Also those whose answer is waited for.
    try until("all wait on disk") { sink.counters.spooled == 20_000 }
    #expect(sink.counters.droppedQueueFull == 0)
    server.signal(SIGCONT)
    try until("all is there") { sink.counters.delivered == 20_000 }
    sink.finish(withinSeconds: 5)
    try expectEachOnce(0..<20_000, at: server)
  }

  @Test func aStrangersEntryReordersWhatWaitsAndDoublesNothing() throws {
    let server = try RedisServer(Self.durable)
    let folder = try TemporaryFolder()
    var settings = settings(server, folder)
    let sink = try RedisSink(settings: settings)
    try sink.start()
    server.killAndWait()
    try offer(0..<5000, to: sink)
    try until("all wait on disk") { sink.counters.spooled == 5000 }
    // Where the sink does not find it.
    try server.launch(socket: server.socket + "2")
    _ = try server.connect(server.socket + "2").command(
      ["XADD", key, "99999999999999-0", "eve", "stranger"])
    server.killAndWait()
    try server.launch()
    try until("some are there") { sink.counters.delivered > 1000 }
    // A crash in the middle of it: the next one finds what was sent under its new IDs.
    try crash(sink, at: server, folder, from: "spool", to: "crash")
    #expect(sink.counters.reordered > 1000)
    settings.spoolDirectory = folder.file("crash")
    let next = try RedisSink(settings: settings)
    try next.start()
    try until("all is settled") { next.counters.backlog == 0 }
    next.finish(withinSeconds: 5)
    #expect(next.counters.recovered == 5000)
    let expected = [["eve", "stranger"]] + (0..<5000).map { ["eve", "{\"n\":\($0)}"] }
    let found = try server.entries(key)
    let wrong = zip(found, expected).enumerated().first { $1.0 != $1.1 }
    #expect(
      found.count == 5001 && wrong == nil,
      "\(found.count) entries; the first that is wrong: \(String(describing: wrong))")
  }

  /// A clock that is behind gives IDs that the stream has had: what was never sent under them is
  /// not taken for what is there, trimmed or not.
  @Test(arguments: [0, 100]) func aClockThatIsBehindLosesNothing(_ maxStreamLength: Int) throws {
    let server = try RedisServer(Self.durable)
    let folder = try TemporaryFolder()
    var settings = settings(server, folder)
    settings.maxStreamLength = maxStreamLength
    let client = try server.connect()
    // As if an hour ahead of now.
    let ahead = UInt64(Date().timeIntervalSince1970 + 3600) * 1000
    for number in 0..<500 {
      _ = try client.command(["XADD", key, "\(ahead + UInt64(number))-0", "eve", "earlier"])
    }
    if maxStreamLength > 0 {
      _ = try client.command(["XTRIM", key, "MAXLEN", "\(maxStreamLength)"])
    }
    server.killAndWait()
    let sink = try RedisSink(settings: settings)
    try sink.start()
    try offer(0..<50, to: sink)
    try until("all wait on disk") { sink.counters.spooled == 50 }
    try server.launch()
    try until("all is there") { sink.counters.delivered == 50 }
    sink.finish(withinSeconds: 5)
    #expect(sink.counters.reordered == 50)
    let found = try server.entries(key).filter { $0[1] != "earlier" }
    #expect(found == (0..<50).map { ["eve", "{\"n\":\($0)}"] })
  }

  @Test func whatWasToBeSentAgainAndCannotBeIsCountedAsLost() throws {
    let server = try RedisServer()
    let sink = try RedisSink(settings: settings(server, try TemporaryFolder()))
    try sink.start()
    try offer(0..<5000, to: sink)
    try until("they are there") { sink.counters.delivered == 5000 }
    server.killAndWait()
    try server.launch()
    try until("some have been sent again") { sink.counters.retransmitted > 0 }
    server.signal(SIGSTOP)
    sink.finish(withinSeconds: 1)
    server.signal(SIGCONT)
    let counters = sink.counters
    expectBalanced(counters)
    let found = try server.entries(key).count
    #expect(found < 5000, "Redis was stopped too late to show anything")
    #expect(found + Int(counters.lostByRedis) >= 5000)
    #expect(counters.retransmitted + counters.lostByRedis == 5000)
  }

  // MARK: A Redis that is older than it was

  @Test func whatRedisHadAcknowledgedAndLostIsSentAgain() throws {
    let server = try RedisServer()
    let sink = try RedisSink(settings: settings(server, try TemporaryFolder()))
    try sink.start()
    try offer(0..<1000, to: sink)
    try until("they are there") { sink.counters.delivered == 1000 }
    _ = try server.connect().command(["SAVE"])
    try offer(1000..<3000, to: sink)
    try until("they are there") { sink.counters.delivered == 3000 }
    let before = try server.connect().command(["XRANGE", key, "-", "+"])
    server.killAndWait()
    try server.launch()
    try until("they are sent again") { sink.counters.retransmitted == 2000 }
    #expect(sink.counters.lastError?.contains("2000 records are sent again") == true)
    sink.finish(withinSeconds: 5)
    // Under the same IDs.
    #expect(try server.connect().command(["XRANGE", key, "-", "+"]) == before)
    #expect(sink.counters.lostByRedis == 0 && sink.counters.delivered == 3000)
    expectBalanced(sink.counters)
  }

  @Test func whatHasLeftTheWindowIsCountedAsLost() throws {
    let server = try RedisServer()
    var settings = settings(server, try TemporaryFolder())
    settings.retransmitBytes = 100_000
    let sink = try RedisSink(settings: settings)
    try sink.start()
    try offer(0..<500, to: sink)
    try until("they are there") { sink.counters.delivered == 500 }
    _ = try server.connect().command(["SAVE"])
    try offer(500..<10_000, to: sink)
    try until("they are there") { sink.counters.delivered == 10_000 }
    server.killAndWait()
    try server.launch()
    try until("the window is sent again") { sink.counters.retransmitted > 0 }
    try offer(10_000..<10_100, to: sink)
    sink.finish(withinSeconds: 5)
    let counters = sink.counters
    #expect(counters.lostByRedis > 0)
    #expect(counters.retransmitted + counters.lostByRedis == 9500)
    let again = Int(counters.retransmitted)
    let found = try server.entries(key)
    let expected = (0..<500).map { $0 } + (10_000 - again..<10_100).map { $0 }
    #expect(found == expected.map { ["eve", "{\"n\":\($0)}"] })
  }

  // MARK: Limits

  @Test func onlyAFullSpoolDropsAndByName() throws {
    let server = try RedisServer(Self.durable)
    let folder = try TemporaryFolder()
    var settings = settings(server, folder, queueBytes: 100_000)
    settings.spoolBytes = 1 << 20
    let sink = try RedisSink(settings: settings)
    try sink.start()
    server.killAndWait()
    var accepted = 0
    var refused = 0
    while refused < 200 {
      if sink.offer(batch(accepted..<accepted + 10)) {
        accepted += 10
      } else if sink.counters.droppedSpoolFull > 0 {
        refused += 10
      } else {
        usleep(1000)
      }
    }
    let full = sink.counters
    #expect(full.droppedSpoolFull >= 200 && full.spooledBytes <= 1 << 20)
    #expect(full.lastError?.contains("spool") == true)
    expectBalanced(full)
    try server.launch()
    try until("all that was accepted is there") {
      sink.counters.delivered == UInt64(accepted)
    }
    sink.finish(withinSeconds: 5)
    try expectEachOnce(0..<accepted, at: server)
  }

  @Test(.enabled(if: SmallDisk.isPossible)) func aFullDiskIsWaitedForInMemory() throws {
    let server = try RedisServer(Self.durable)
    let disk = try SmallDisk(megabytes: 1)
    var settings = settings(server, try TemporaryFolder(), queueBytes: 300_000)
    settings.spoolDirectory = disk.path
    let sink = try RedisSink(settings: settings)
    try sink.start()
    server.killAndWait()
    var accepted = 0
    while sink.counters.droppedSpoolFull == 0 {
      if sink.offer(batch(accepted..<accepted + 10)) { accepted += 10 } else { usleep(1000) }
    }
    #expect(sink.counters.lastError?.contains("No space left on device") == true)
    expectBalanced(sink.counters)
    try server.launch()
    try until("all that was accepted is there") {
      sink.counters.delivered == UInt64(accepted)
    }
    try offer(accepted..<accepted + 100, to: sink)
    sink.finish(withinSeconds: 5)
    try expectEachOnce(0..<accepted + 100, at: server)
  }

  @Test func aFolderThatCannotBeWrittenIsSaidAtStart() throws {
    let server = try RedisServer()
    var settings = settings(server, try TemporaryFolder())
    settings.spoolDirectory = "/dev/null/spool"
    let error = #expect(throws: SinkError.self) { try RedisSink(settings: settings).start() }
    #expect(error?.description.contains("/dev/null") == true)
  }
}

/// A file system of a given size.
final class SmallDisk {
  let path = "/tmp/mrtl-disk-\(UInt32.random(in: .min ... .max))"

  static let isPossible: Bool = {
    guard geteuid() == 0, let disk = try? SmallDisk(megabytes: 1) else {
      FileHandle.standardError.write(
        Data("\n*** no root: A FULL DISK BEHIND THE SPOOL IS NOT TESTED ***\n\n".utf8))
      return false
    }
    return !disk.path.isEmpty
  }()

  init(megabytes: Int) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
      throw TimedOut(description: "mount: errno \(errno)")
    }
  }

  deinit {
    umount2(path, Int32(MNT_DETACH))
    try? FileManager.default.removeItem(atPath: path)
  }
}
