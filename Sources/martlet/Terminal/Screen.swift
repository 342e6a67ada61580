import ControlAPI
import Glibc

/// Where signals are noted: the handler may do no more than write a byte.
private nonisolated(unsafe) var signalPipeEnd: CInt = -1

/// The whole terminal: alternate screen, raw keys, hidden cursor. Left as it was found.
final class Screen {
  enum Event: Equatable {
    case keys([Keyboard.Key])
    case resized
    /// Back from Ctrl-Z: draw everything anew.
    case resumed
    /// The process has been told to end.
    case ended(signal: CInt)
    /// Another thread has news.
    case woken
    case timeout
  }

  private var found = termios()
  private var isEntered = false
  private var pipeEnds: [CInt] = [-1, -1]
  private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  init() throws {
    guard tcgetattr(STDIN_FILENO, &found) == 0, pipe(&pipeEnds) == 0 else {
      throw ControlClientError(.badAnswer, "cannot take over the terminal; try --once")
    }
    for end in pipeEnds { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
    signalPipeEnd = pipeEnds[1]
    for number in Self.ending + [SIGWINCH, SIGCONT] {
      signal(number) { number in
        let before = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = Glibc.write(signalPipeEnd, &byte, 1)
        errno = before
      }
    }
    enter()
  }

  func enter() {
    if isEntered { return }
    isEntered = true
    var raw = found
    cfmakeraw(&raw)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
    Output.write("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[2J")
  }

  func leave() {
    if !isEntered { return }
    isEntered = false
    Output.write("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l")
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &found)
  }

  /// Ctrl-Z: gives the terminal back, and stops until the shell says to go on.
  func suspend() {
    leave()
    raise(SIGSTOP)
    enter()
  }

  /// Ends the process by the signal that asked for it, so that its parent sees why.
  static func end(with number: CInt) -> Never {
    signal(number, SIG_DFL)
    raise(number)
    exit(128 + number)
  }

  /// Shows `lines` from the top; the rest of the screen is empty. One write, so that nothing
  /// flickers.
  func draw(_ lines: [String]) {
    // A line is erased before it is written: behind a full one the cursor still stands on its last
    // character. For the same reason what is below is left alone where the screen is full.
    let below = lines.count < Output.size().height ? "\r\n\u{1b}[J" : ""
    // ?2026: a terminal that knows synchronised output shows the whole at once.
    Output.write(
      "\u{1b}[?2026h\u{1b}[H\u{1b}[K" + Output.shown(lines.joined(separator: "\r\n\u{1b}[K"))
        + below
        + "\u{1b}[?2026l")
  }

  /// Ends a ``wait(seconds:)``; from any thread.
  static func wake() {
    var byte: UInt8 = 0
    _ = Glibc.write(signalPipeEnd, &byte, 1)
  }

  func wait(seconds: Double) -> Event {
    var requests = [
      pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
      pollfd(fd: pipeEnds[0], events: Int16(POLLIN), revents: 0),
    ]
    let ready = poll(&requests, 2, CInt((min(seconds, 3600) * 1000).rounded(.up)))
    if ready == 0 { return .timeout }
    // Room for an expression that is pasted.
    var buffer = [UInt8](repeating: 0, count: 4096)
    let noted = read(pipeEnds[0], &buffer, buffer.count)
    if noted > 0 {
      let numbers = buffer[..<noted].map { CInt($0) }
      if let number = numbers.first(where: Self.ending.contains) { return .ended(signal: number) }
      if numbers.contains(SIGCONT) { return .resumed }
      return numbers.contains(SIGWINCH) ? .resized : .woken
    }
    guard ready > 0, requests[0].revents != 0 else { return .resized }
    let count = read(STDIN_FILENO, &buffer, buffer.count)
    // The terminal is gone.
    if count <= 0 { return count < 0 && errno == EINTR ? .resized : .ended(signal: SIGHUP) }
    return .keys(Keyboard.keys(in: Array(buffer[..<count])))
  }
}
