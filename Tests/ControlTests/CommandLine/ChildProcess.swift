import Foundation
import Glibc

/// A program that is run to its end. Foundation's Process waits for the program's own children, too,
/// and tmux leaves its server behind.
enum ChildProcess {
  struct Outcome {
    /// What it ended with; 128 and more: by a signal.
    var status: Int32
    var output: String
    var error: String
    var lines: [String] { output.split(separator: "\n").map(String.init) }
  }

  static func run(_ path: String, _ arguments: [String], environment: [String]) throws -> Outcome {
    let directory = try TestDirectory()
    let (output, error) = ("\(directory.path)/out", "\(directory.path)/err")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let write = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, write, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, error, write, 0o600)
    // A thread of the tests' has most signals blocked, and tmux's server, which would inherit that, could
    // then not end.
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
    var pid: pid_t = 0
    let words = ([path] + arguments).map { strdup($0) }
    let variables = environment.map { strdup($0) }
    defer { for string in words + variables { free(string) } }
    let result = posix_spawnp(
      &pid, path, &actions, &attributes, words + [nil], variables + [nil])
    if result != 0 { throw TestFailure("cannot run \(path): \(String(cString: strerror(result)))") }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      if errno != EINTR { throw TestFailure("waitpid: \(errno)") }
    }
    let signal = status & 0x7f
    return Outcome(
      status: signal == 0 ? (status >> 8) & 0xff : 128 + signal,
      output: try String(contentsOfFile: output, encoding: .utf8),
      error: try String(contentsOfFile: error, encoding: .utf8))
  }
}
