import Foundation
import Synchronization

/// A child process: started at once, its output in files, waited for with a deadline, and killed
/// when the last reference goes, so that a failing test leaves nothing behind.
///
/// posix_spawn and not Foundation's Process: that one needs a run loop to notice the end, and
/// answers with an exception where a program is missing.
final class Subprocess: Sendable {
  /// How a process ended.
  enum Status: Hashable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    var description: String {
      switch self {
      case .exited(let code): "exit \(code)"
      case .signalled(let signal): "signal \(signal)"
      }
    }
  }

  let name: String
  let pid: pid_t
  let standardOutputPath: String
  let standardErrorPath: String
  /// Holds the output files where the caller gave no place for them.
  private let folder: TemporaryFolder?
  private let ended = Mutex<Status?>(nil)

  /// Starts `program` (a path, or a name to be found on PATH).
  ///
  /// - Parameters:
  ///   - environment: added to this process's own; nil removes a variable.
  ///   - standardInputPath: what it reads; nothing by default.
  ///   - standardOutputPath: where its output goes instead of a file in a temporary folder.
  init(
    _ program: String, _ arguments: [String] = [], environment: [String: String?] = [:],
    standardInputPath: String = "/dev/null", standardOutputPath: String? = nil
  ) throws {
    guard let executable = Requirements.path(of: program) else {
      throw SupportError("\(program) is not installed (config/install-dependencies test)")
    }
    let folder = try TemporaryFolder()
    self.folder = folder
    name = (executable as NSString).lastPathComponent
    self.standardOutputPath = standardOutputPath ?? folder.file("stdout")
    standardErrorPath = folder.file("stderr")

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let write = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 0, standardInputPath, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, self.standardOutputPath, write, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, standardErrorPath, write, 0o600)

    // A test runner may block or ignore signals; the child starts with none of that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))

    var variables = ProcessInfo.processInfo.environment
    for (key, value) in environment { variables[key] = value }
    var argumentPointers: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map {
      strdup($0)
    }
    var variablePointers: [UnsafeMutablePointer<CChar>?] = variables.map {
      strdup("\($0.key)=\($0.value)")
    }
    argumentPointers.append(nil)
    variablePointers.append(nil)
    defer { for pointer in argumentPointers + variablePointers { free(pointer) } }

    var child: pid_t = 0
    let failure = posix_spawn(
      &child, executable, &actions, &attributes, argumentPointers, variablePointers)
    guard failure == 0 else {
      throw SupportError("cannot start \(executable): \(String(cString: strerror(failure)))")
    }
    pid = child
  }

  deinit {
    if poll() == nil {
      kill(pid, SIGKILL)
      var ignored: Int32 = 0
      waitpid(pid, &ignored, 0)
    }
  }

  var isRunning: Bool { poll() == nil }

  /// Sends a signal; does nothing once the process has ended (its pid may be somebody else's).
  func signal(_ number: Int32) {
    ended.withLock { status in
      if status == nil { kill(pid, number) }
    }
  }

  /// How it ended; nil while it runs.
  func poll() -> Status? {
    ended.withLock { status in
      if status != nil { return status }
      var raw: Int32 = 0
      guard waitpid(pid, &raw, WNOHANG) == pid else { return nil }
      let signal = raw & 0x7f
      status = signal == 0 ? .exited((raw >> 8) & 0xff) : .signalled(signal)
      return status
    }
  }

  /// Waits for the end; past the deadline the process is killed and the wait fails.
  @discardableResult
  func wait(seconds: Double = 60) throws -> Status {
    if eventually(within: seconds, { self.poll() != nil }), let status = poll() { return status }
    signal(SIGKILL)
    _ = eventually(within: 5, { self.poll() != nil })
    throw SupportError(
      "\(name) had not ended after \(seconds) s and was killed\n\(standardError.suffix(2000))")
  }

  /// SIGTERM, then the wait.
  @discardableResult
  func terminate(seconds: Double = 20) throws -> Status {
    signal(SIGTERM)
    return try wait(seconds: seconds)
  }

  /// What it has written so far.
  var standardOutput: String { Self.text(of: standardOutputPath) }
  var standardError: String { Self.text(of: standardErrorPath) }

  private static func text(of path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }

  /// Runs a program to its end and returns its output; anything but exit 0 is an error.
  static func output(
    _ program: String, _ arguments: [String] = [], environment: [String: String?] = [:],
    seconds: Double = 60
  ) throws -> String {
    let process = try Subprocess(program, arguments, environment: environment)
    let status = try process.wait(seconds: seconds)
    guard status == .exited(0) else {
      let errors = process.standardError.suffix(2000)
      throw SupportError("\(program) \(arguments.joined(separator: " ")): \(status)\n\(errors)")
    }
    return process.standardOutput
  }
}

/// Asks until the answer is yes or the time is over; false then. For what happens in other processes.
func eventually(within seconds: Double, _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = ContinuousClock.now.advanced(by: .seconds(seconds))
  while true {
    if try condition() { return true }
    if ContinuousClock.now >= deadline { return false }
    usleep(5000)
  }
}
