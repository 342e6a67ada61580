import Foundation
import Records
import Sinks
import Testing

/// A directory that is gone after the test.
private final class Directory {
  let path = "/tmp/mrtl-files-\(UInt32.random(in: .min ... .max))"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func lines(_ name: String) throws -> [String] {
    let text = try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    #expect(text.isEmpty || text.hasSuffix("\n"))
    return text.split(separator: "\n").map(String.init)
  }
}

@Suite struct FileSinkTests {
  @Test func rotatesBySizeAndKeepsTheYoungest() throws {
    let directory = try Directory()
    let sink = FileSink(
      settings: FileSinkSettings(path: "\(directory.path)/eve.json", rotateBytes: 100, keepFiles: 2)
    )
    try sink.start()
    sink.offer(batch(0..<40))
    sink.offer(batch(40..<60))
    sink.finish(withinSeconds: 5)
    #expect(sink.counters.delivered == 60 && sink.counters.backlog == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
    #expect(names == ["eve.json", "eve.json.1", "eve.json.2"])
    var kept: [String] = []
    for name in names.reversed() {
      let lines = try directory.lines(name)
      #expect(lines.reduce(0) { $0 + $1.utf8.count + 1 } <= 100)
      kept += lines
    }
    #expect(kept == (60 - kept.count..<60).map { "{\"n\":\($0)}" })
  }

  @Test func rotatesByTimeEvenWithoutRecords() throws {
    let directory = try Directory()
    let sink = FileSink(
      settings: FileSinkSettings(path: "\(directory.path)/eve.json", rotateSeconds: 1))
    try sink.start()
    sink.offer(batch(0..<1))
    try until("it is rotated") {
      FileManager.default.fileExists(atPath: "\(directory.path)/eve.json.1")
    }
    sink.offer(batch(1..<2))
    sink.finish(withinSeconds: 5)
    #expect(try directory.lines("eve.json.1") == ["{\"n\":0}"])
  }

  @Test func truncatesWhatACrashLeftOfALine() throws {
    let directory = try Directory()
    let path = "\(directory.path)/eve.json"
    try "{\"n\":0}\n{\"n".write(toFile: path, atomically: true, encoding: .utf8)
    let sink = FileSink(settings: FileSinkSettings(path: path))
    try sink.start()
    sink.offer(batch(1..<3))
    sink.finish(withinSeconds: 5)
    #expect(try directory.lines("eve.json") == ["{\"n\":0}", "{\"n\":1}", "{\"n\":2}"])
  }

  @Test func aFullDeviceIsWaitedForAndThenCounted() throws {
    let sink = FileSink(settings: FileSinkSettings(path: "/dev/full", queueBytes: 10_000))
    try sink.start()
    for start in 0..<200 { sink.offer(batch(start..<start + 1)) }
    try until("it is noticed") { !sink.counters.isHealthy }
    #expect(sink.counters.lastError?.contains("until there is room") == true)
    #expect(sink.counters.droppedQueueFull > 0)
    expectBalanced(sink.counters)
    sink.finish(withinSeconds: 0.2)
    #expect(sink.counters.droppedError == sink.counters.accepted)
    expectBalanced(sink.counters)
  }

  /// To fill a file system takes root, so the disk is a symbolic link, which leads to /dev/full
  /// first and to a file later.
  @Test func goesOnWhereThereIsRoomAgain() throws {
    let directory = try Directory()
    let path = "\(directory.path)/eve.json"
    try FileManager.default.createSymbolicLink(
      atPath: path, withDestinationPath: "/dev/full")
    let sink = FileSink(settings: FileSinkSettings(path: path))
    try sink.start()
    sink.offer(batch(0..<2))
    try until("it is noticed") { !sink.counters.isHealthy }
    try FileManager.default.removeItem(atPath: path)
    try until("both are written") { sink.counters.delivered == 2 }
    #expect(sink.counters.isHealthy && sink.counters.droppedError == 0)
    sink.finish(withinSeconds: 5)
    #expect(try directory.lines("eve.json") == ["{\"n\":0}", "{\"n\":1}"])
  }

  /// Of the files of all types most would stay empty.
  @Test func oneOfManyIsMadeWithItsFirstRecord() throws {
    let directory = try Directory()
    var settings = FileSinkSettings(
      path: "\(directory.path)/eve-dns.json", types: [.dns], rotateSeconds: 1)
    settings.opensWithFirstRecord = true
    let sink = FileSink(settings: settings)
    #expect(sink.name == "file dns")
    try sink.start()
    usleep(50_000)
    #expect(!FileManager.default.fileExists(atPath: settings.path))
    #expect(sink.counters.isHealthy)
    sink.offer(batch(0..<1, type: .dns))
    try until("it is written") { sink.counters.delivered == 1 }
    sink.finish(withinSeconds: 5)
    #expect(try directory.lines("eve-dns.json") == ["{\"n\":0}"])

    settings.path = "\(directory.path)/nowhere/eve-dns.json"
    let lost = FileSink(settings: settings)
    let error = #expect(throws: SinkError.self) { try lost.start() }
    #expect(error?.description.contains("directory must exist") == true)
  }

  @Test func aMissingDirectoryIsSaidAtStart() throws {
    let directory = try Directory()
    let sink = FileSink(settings: FileSinkSettings(path: "\(directory.path)/nowhere/eve.json"))
    let error = #expect(throws: SinkError.self) { try sink.start() }
    #expect(error?.description.contains("directory must exist") == true)
  }
}

@Suite struct StdoutSinkTests {
  @Test func writesLinesAndSurvivesItsReader() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let sink = StdoutSink(descriptor: ends[1])
    try sink.start()
    sink.offer(batch(0..<3))
    try until("the three are written") { sink.counters.delivered == 3 }
    var buffer = [UInt8](repeating: 0, count: 100)
    let count = read(ends[0], &buffer, buffer.count)
    #expect(
      String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        == "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n")
    close(ends[0])
    sink.offer(batch(3..<5))
    try until("the reader is missed") { sink.counters.droppedError == 2 }
    #expect(!sink.counters.isHealthy && sink.counters.lastError?.contains("reader") == true)
    sink.finish(withinSeconds: 1)
    expectBalanced(sink.counters)
    close(ends[1])
  }

  @Test func aReaderThatSleepsDoesNotHoldUpTheEnd() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let sink = StdoutSink(descriptor: ends[1])
    try sink.start()
    sink.offer(batch(0..<1000, padding: 1000))
    let begin = Date()
    sink.finish(withinSeconds: 0.2)
    #expect(Date().timeIntervalSince(begin) < 2)
    #expect(sink.counters.droppedError > 0)
    expectBalanced(sink.counters)
    close(ends[0])
    close(ends[1])
  }
}

@Suite struct SinkQueueTests {
  @Test func refusesWholeBatchesAndChargesUntilSettled() {
    let queue = SinkQueue(maxBytes: 2000, maxRecords: 10)
    #expect(queue.offer(batch(0..<8)))
    #expect(!queue.offer(batch(0..<3)), "eleven records are too many")
    #expect(!queue.offer(batch(0..<1, padding: 2000)), "so are two thousand bytes")
    let taken = queue.take(untilNanoseconds: 0)
    #expect(taken?.entries.count == 8 && !queue.offer(batch(0..<3)), "taken is not settled")
    queue.settle(delivered: 8, bytes: taken?.bytes.count ?? 0)
    #expect(queue.offer(batch(0..<3)))
    #expect(queue.counters.droppedQueueFull == 7 && queue.counters.backlog == 3)
    queue.seal()
    #expect(queue.counters.droppedError == 3 && queue.take(untilNanoseconds: nil) == nil)
    expectBalanced(queue.counters)
  }

  @Test func theNullSinkTakesEverythingWanted() throws {
    let sink = NullSink(types: [.flow])
    try sink.start()
    sink.offer(batch(0..<100))
    sink.offer(batch(0..<7, type: .stats))
    sink.finish(withinSeconds: 5)
    #expect(sink.counters.delivered == 100 && sink.counters.accepted == 100)
  }
}

@Suite struct RedisURLTests {
  @Test func readsWhatIsDocumented() throws {
    let full = try RedisURL("redis://me:p%40ss@[::1]:7000/3")
    #expect(full.endpoint == .tcp(host: "::1", port: 7000) && full.database == 3)
    #expect(full.username == "me" && full.password == "p@ss")
    #expect(full.target == "redis://[::1]:7000/3")
    let plain = try RedisURL("redis://host")
    #expect(plain.endpoint == .tcp(host: "host", port: 6379) && plain.password == nil)
    #expect(try RedisURL("redis+unix:///run/r.sock").target == "unix:/run/r.sock")
    #expect(try RedisURL("redis://:pw@h").username == nil)
  }

  @Test(arguments: [
    "", "http://h", "unix:relative", "redis://", "redis://h:0", "redis://h:x", "redis://h/-1",
    "redis://u:%zz@h",
  ])
  func refusesTheRest(_ text: String) {
    #expect(throws: SinkError.self) { try RedisURL(text) }
  }
}

@Suite struct SinkErrorTests {
  /// An error is as it is while it lasts; once it is over it says when that was.
  @Test func anErrorThatIsOverSaysWhen() {
    let queue = SinkQueue(maxBytes: 2000, maxRecords: 10)
    let time = /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/
    queue.report(healthy: false, error: "Connection refused")
    #expect(queue.counters.lastError == "Connection refused")
    for _ in 0..<3 { queue.report(healthy: true) }
    let over = queue.counters.lastError ?? ""
    #expect(over.hasPrefix("until ") && over.hasSuffix(": Connection refused"), "\(over)")
    #expect(over.matches(of: time).count == 1)
    queue.report(healthy: false, error: "Connection lost")
    #expect(queue.counters.lastError == "Connection lost")
    // What happens while all is well never lasts.
    queue.report(healthy: true, error: "came back without records")
    let happened = queue.counters.lastError ?? ""
    #expect(happened.hasPrefix("at ") && happened.hasSuffix(": came back without records"))
    queue.report(healthy: true)
    #expect(queue.counters.lastError == happened)
    queue.report(healthy: false, error: String(repeating: "x", count: 2000))
    #expect(queue.counters.lastError?.count ?? .max < 500)
    queue.seal()
  }
}
