import Foundation
import Glibc

/// A real terminal with a program in it, made by tmux: typed into and looked at as a person would.
final class TmuxTerminal {
  static let isPossible = ["/usr/bin/tmux", "/usr/local/bin/tmux", "/bin/tmux"].contains {
    FileManager.default.isExecutableFile(atPath: $0)
  }
  static let skipped =
    "SKIPPED: martlet top is not tried in a terminal, because tmux is not installed"

  private let directory: TestDirectory
  private var server: String { "\(directory.path)/tmux" }

  /// - Parameter command: For the shell.
  init(_ command: String, width: Int, height: Int) throws {
    directory = try TestDirectory()
    try tmux(
      "-u", "-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", "\(width)", "-y", "\(height)",
      command, ";", "set", "-g", "status", "off", ";", "set", "-g", "escape-time", "0", ";", "set",
      "-g", "remain-on-exit", "on", ";", "resize-window", "-x", "\(width)", "-y", "\(height)")
  }

  deinit { _ = try? tmux("kill-server") }

  /// What a person sees, a line each, without blanks at the ends.
  func screen() throws -> [String] {
    try tmux("capture-pane", "-p", "-t", "t").split(
      separator: "\n", omittingEmptySubsequences: false
    )
    .map { String($0.replacing(/[ ]+$/, with: "")) }
  }

  /// The same with colours, as escape sequences.
  func colours() throws -> String { try tmux("capture-pane", "-p", "-e", "-t", "t") }

  /// tmux's names: `Enter`, `Escape`, `C-c`, `BTab` …
  func press(_ keys: String...) throws { try tmux(["send-keys", "-t", "t"] + keys) }

  func type(_ text: String) throws { try tmux("send-keys", "-t", "t", "-l", text) }

  func resize(width: Int, height: Int) throws {
    try tmux("resize-window", "-t", "t", "-x", "\(width)", "-y", "\(height)")
  }

  /// A format of tmux: `#{alternate_on}`, `#{cursor_flag}`, `#{pane_pid}` …
  func ask(_ format: String) throws -> String {
    try tmux("display-message", "-p", "-t", "t", format).trimmingCharacters(in: .newlines)
  }

  /// Looks until `condition` holds; ten seconds are more than any machine needs.
  ///
  /// - Throws: ``TestFailure`` with what is on the screen.
  @discardableResult
  func wait(
    for what: String, _ condition: ([String]) throws -> Bool
  ) throws -> [String] {
    var lines: [String] = []
    for _ in 0..<200 {
      lines = try screen()
      if try condition(lines) { return lines }
      usleep(50_000)
    }
    throw TestFailure("\(what) did not come; the screen:\n\(lines.joined(separator: "\n"))")
  }

  @discardableResult
  func wait(forText text: String) throws -> [String] {
    try wait(for: "\"\(text)\"") { $0.contains { $0.contains(text) } }
  }

  @discardableResult
  private func tmux(_ arguments: String...) throws -> String { try tmux(arguments) }

  @discardableResult
  private func tmux(_ arguments: [String]) throws -> String {
    let outcome = try ChildProcess.run(
      "tmux", ["-S", server] + arguments,
      environment: ["PATH=/usr/bin:/bin:/usr/local/bin", "LC_ALL=C.UTF-8", "SHELL=/bin/sh"])
    if outcome.status != 0 { throw TestFailure("tmux \(arguments): \(outcome.error)") }
    return outcome.output
  }
}
