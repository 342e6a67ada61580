import Forwarding
import Foundation
import Synchronization

/// Messages and figures on standard error: on a terminal one line that moves below the messages, else
/// a line from time to time.
final class ForwardConsole: Sendable {
  let isTerminal = isatty(STDERR_FILENO) == 1
  private let style: Style
  private let isLineShown = Mutex(false)

  init() {
    let environment = ProcessInfo.processInfo.environment
    let isForbidden = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    style = Style(isOn: isTerminal && !isForbidden)
  }

  func log(_ level: ForwardLog.Level, _ text: String) {
    let word = level == .info ? "" : "\(level.rawValue): "
    isLineShown.withLock { isLineShown in
      let clear = isLineShown ? "\r\u{1b}[K" : ""
      isLineShown = false
      Output.writeError("\(clear)martlet forward: \(word)\(printable(text))\n")
    }
  }

  /// Redraws the line of figures.
  func show(_ line: StyledLine) {
    let text = line.text(width: max(0, ProgressLine.width() - 1), style: style)
    isLineShown.withLock { isLineShown in
      isLineShown = true
      Output.writeError("\r\(text)\u{1b}[K")
    }
  }

  func clear() {
    isLineShown.withLock { isLineShown in
      if isLineShown { Output.writeError("\r\u{1b}[K") }
      isLineShown = false
    }
  }
}

extension StyledLine {
  var plainText: String { spans.map(\.text).joined() }
}
