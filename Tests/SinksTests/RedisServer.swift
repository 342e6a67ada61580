import Foundation
import Records
import Sinks
import Testing

/// A redis-server of the test's own, on a UNIX socket in a directory that goes with it.
final class RedisServer: @unchecked Sendable {
  let directory: String
  let socket: String
  private let options: [String]
  private let port: Int
  private let wrapper: [String]
  private var process: Process?
  /// Asked at each connection of the test's own.
  var password: () -> String? = { nil }

  static let program: String? = ["/usr/bin", "/usr/local/bin", "/bin"]
    .map { "\($0)/redis-server" }.first { FileManager.default.isExecutableFile(atPath: $0) }

  /// For `.enabled(if:)`: says loudly what is not tested.
  static let isInstalled: Bool = {
    if program == nil {
      FileHandle.standardError.write(
        Data("\n*** redis-server is not installed: THE REDIS SINK IS NOT TESTED ***\n\n".utf8))
    }
    return program != nil
  }()

  /// - Parameters:
  ///   - port: of TCP; 0: none.
  ///   - wrapper: a program and its arguments that redis-server is started by.
  init(_ options: [String] = [], port: Int = 0, wrapper: [String] = []) throws {
    // A socket's path has at most 107 bytes, so it stands in /tmp itself.
    directory = "/tmp/mrtl-\(UInt32.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    socket = "\(directory)/s"
    self.options = options
    self.port = port
    self.wrapper = wrapper
    try launch()
  }

  deinit {
    if let process, process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(atPath: directory)
  }

  var url: String { "unix:\(socket)" }

  /// - Parameter socket: another than its own: nobody finds it there but ``connect(_:)``.
  func launch(socket: String? = nil, waitsForData: Bool = true, options more: [String] = []) throws
  {
    let socket = socket ?? self.socket
    let process = Process()
    let requirement = password().map { ["--requirepass", $0] } ?? []
    let command =
      wrapper + [
        Self.program ?? "", "--port", "\(port)", "--unixsocket", socket, "--dir", directory,
      ]
      + ["--save", ""] + requirement + options + more
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/null")
    try process.run()
    self.process = process
    try until("redis-server answers") {
      (try? self.connect(socket).command(["PING"])).map { reply in
        if case .error(let text) = reply { return !waitsForData || !text.hasPrefix("LOADING") }
        return true
      } ?? false
    }
  }

  func connect(_ socket: String? = nil) throws -> RedisClient {
    var url = try RedisURL("unix:\(socket ?? self.socket)")
    url.password = password()
    return try RedisClient(url, timeoutSeconds: 2)
  }

  @discardableResult func command(_ words: String...) throws -> RedisReply {
    let reply = try connect().command(words)
    if case .error(let text) = reply { throw TimedOut(description: "Redis: \(text)") }
    return reply
  }

  func signal(_ number: Int32) { kill(process?.processIdentifier ?? 0, number) }

  func killAndWait() {
    signal(SIGKILL)
    process?.waitUntilExit()
  }

  /// The entries of a stream from the first on, each as its fields and values.
  func entries(_ key: String) throws -> [[String]] {
    let reply = try connect().command(["XRANGE", key, "-", "+"])
    return (reply.elements ?? []).map { entry in
      (entry.elements?.last?.elements ?? []).map { $0.text ?? "" }
    }
  }
}

struct TimedOut: Error, CustomStringConvertible {
  var description: String
}

/// Asks again and again until it is so; throws when that takes longer than the deadline.
func until(_ what: String, seconds: Double = 20, _ condition: () throws -> Bool) throws {
  let deadline = Date().addingTimeInterval(seconds)
  while try !condition() {
    if Date() > deadline { throw TimedOut(description: "not within \(seconds) s: \(what)") }
    usleep(2_000)
  }
}

/// Batches of numbered records, `{"n":0}`, `{"n":1}` …
func batch(_ numbers: Range<Int>, type: EventType = .flow, padding: Int = 0) -> RecordBatch {
  var result = RecordBatch(format: .eve)
  let tail = padding == 0 ? "" : ",\"p\":\"\(String(repeating: "x", count: padding))\""
  for number in numbers {
    let text = Array("{\"n\":\(number)\(tail)}".utf8)
    result.entries.append(
      RecordBatch.Entry(type: type, offset: result.bytes.count, length: text.count))
    result.bytes += text
  }
  return result
}

func expectBalanced(
  _ counters: SinkCounters, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    counters.accepted == counters.delivered + counters.droppedError + counters.backlog,
    sourceLocation: sourceLocation)
}
