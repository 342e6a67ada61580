import Foundation
import Sinks

/// A redis-server of the test's own, on a UNIX socket in a directory that goes with it.
final class StreamRedis: @unchecked Sendable {
  static let program: String? = ["/usr/bin", "/usr/local/bin", "/bin"]
    .map { "\($0)/redis-server" }.first { FileManager.default.isExecutableFile(atPath: $0) }

  /// For `.enabled(if:)`: says loudly what is not tested.
  static let isInstalled: Bool = {
    if program == nil {
      FileHandle.standardError.write(
        Data("\n*** redis-server is not installed: THE FORWARDER IS NOT TESTED ***\n\n".utf8))
    }
    return program != nil
  }()

  let directory: String
  private let options: [String]
  private var process: Process?

  init(_ options: [String] = []) throws {
    // A socket's path has at most 107 bytes, so it stands in /tmp itself.
    directory = "/tmp/mrtf-\(UInt32.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    self.options = options
    try launch()
  }

  deinit {
    killAndWait()
    try? FileManager.default.removeItem(atPath: directory)
  }

  var url: String { "unix:\(directory)/s" }

  func launch() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.program ?? "")
    process.arguments =
      ["--port", "0", "--unixsocket", "\(directory)/s", "--dir", directory, "--save", ""] + options
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/null")
    try process.run()
    self.process = process
    try eventually("redis-server answers") {
      guard let reply = try? self.connect().command(["PING"]) else { return false }
      return reply == .status("PONG")
    }
  }

  func killAndWait() {
    guard let process, process.isRunning else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  func connect() throws -> RedisClient { try RedisClient(RedisURL(url), timeoutSeconds: 5) }

  @discardableResult func command(_ words: String...) throws -> RedisReply {
    let reply = try connect().command(words)
    if case .error(let text) = reply { throw StreamTestError("\(words.prefix(3)): \(text)") }
    return reply
  }

  func length(_ key: String) throws -> Int { Int(try command("XLEN", key).integer ?? -1) }

  /// How many entries of a group are not acknowledged.
  func pending(_ key: String, _ group: String) throws -> Int {
    Int(try command("XPENDING", key, group).elements?.first?.integer ?? -1)
  }

  /// Entries with one `eve` field each, `{"n":0}`, `{"n":1}` …
  ///
  /// - Returns: the records' identifiers, in order.
  @discardableResult func publish(
    _ numbers: Range<Int>, sensor: String = "edge1", type: String = "flow", padding: Int = 0
  ) throws -> [String] {
    let client = try connect()
    let tail = padding == 0 ? "" : ",\"p\":\"\(String(repeating: "x", count: padding))\""
    var identifiers: [String] = []
    for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 1000) {
      var pipeline = RedisPipeline()
      for number in start..<min(start + 1000, numbers.upperBound) {
        pipeline.append(
          "XADD", "martlet:{\(sensor)}:\(type)", "*", "eve",
          "{\"event_type\":\"\(type)\",\"n\":\(number)\(tail)}")
      }
      for reply in try client.commands(pipeline) {
        guard let id = reply.text else { throw StreamTestError("XADD: \(reply)") }
        identifiers.append("\(sensor)-\(type)-\(id)")
      }
    }
    return identifiers
  }
}

struct StreamTestError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Asks again and again until it is so; throws when that takes longer than the deadline.
func eventually(
  _ what: @autoclosure () -> String, seconds: Double = 30, _ condition: () throws -> Bool
) throws {
  let deadline = Date().addingTimeInterval(seconds)
  while try !condition() {
    if Date() > deadline { throw StreamTestError("not within \(seconds) s: \(what())") }
    usleep(5_000)
  }
}
