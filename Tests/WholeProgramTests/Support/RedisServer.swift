import Foundation

/// A Redis of the test's own: on a Unix socket in a temporary folder, no port, nothing kept.
final class RedisServer {
  private let folder: TemporaryFolder
  private let arguments: [String]
  private var process: Subprocess?

  let socketPath: String
  /// As martletd's configuration takes it.
  var url: String { "unix://\(socketPath)" }

  /// Starts it and waits until it answers.
  init(arguments: [String] = []) throws {
    folder = try TemporaryFolder()
    socketPath = folder.file("redis.sock")
    self.arguments = arguments
    try start()
  }

  /// Starts it again after ``stop()`` or ``kill()``: same socket, empty unless it was told to keep.
  func start() throws {
    let process = try Subprocess(
      "redis-server",
      ["--port", "0", "--unixsocket", socketPath, "--save", "", "--dir", folder.path] + arguments)
    self.process = process
    let answers = eventually(within: 10) {
      guard process.isRunning, let connection = try? connect() else { return !process.isRunning }
      return (try? connection.command("PING")) == .text("PONG")
    }
    guard answers, process.isRunning else {
      throw SupportError("redis-server did not come up: \(process.standardOutput.suffix(1000))")
    }
  }

  /// SIGTERM: as an operator would.
  func stop() throws {
    try process?.terminate()
    process = nil
  }

  /// SIGKILL: as a crash would.
  func kill() throws {
    process?.signal(SIGKILL)
    try process?.wait(seconds: 10)
    process = nil
  }

  /// SIGSTOP: there, but answering nothing. It is killed with the rest.
  func hang() { process?.signal(SIGSTOP) }

  /// SIGCONT: answering again.
  func wake() { process?.signal(SIGCONT) }

  func connect() throws -> RedisConnection { try RedisConnection(socketPath: socketPath) }

  @discardableResult
  func command(_ words: String...) throws -> RedisValue { try connect().command(words) }
}
