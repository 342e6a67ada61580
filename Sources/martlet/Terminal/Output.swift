import ControlAPI
import Glibc

/// Standard output and standard error.
enum Output {
  struct Size: Equatable, Sendable {
    var width: Int
    var height: Int
  }

  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Of the terminal; 80 by 24 where it does not say.
  static func size() -> Size {
    var window = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0,
      window.ws_row > 0
    else { return Size(width: 80, height: 24) }
    return Size(width: Int(window.ws_col), height: Int(window.ws_row))
  }

  /// How wide tables may be: the terminal's width, and without one as wide as they come.
  static func width() -> Int { isTerminal ? size().width : 1000 }

  static func write(_ lines: [String], clearingScreen: Bool = false) {
    if lines.isEmpty { return }
    let text = shown(lines.joined(separator: "\n") + "\n")
    write(clearingScreen ? "\u{1b}[H\u{1b}[2J" + text : text)
  }

  /// As the terminal can show it; what is no terminal takes UTF-8.
  static func shown(_ text: String) -> String {
    isTerminal && !Glyphs.isUTF8 ? Glyphs.ascii(text) : text
  }

  /// JSON: indented on a terminal, on one line for programs.
  static func write(_ value: JSONValue) {
    write((isTerminal ? value.indentedText() : value.text) + "\n")
  }

  static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

  static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

  private static func write(_ text: String, to descriptor: CInt) {
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        // `written` is below `count`, so the pointer stays within the buffer.
        Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      // A reader that has gone away has seen enough.
      if count < 0 && errno == EPIPE { exit(ExitStatus.success.rawValue) }
      if count <= 0 { return }
      written += count
    }
  }
}

extension JSONValue {
  /// Two spaces a level.
  func indentedText(_ indentation: String = "", style: Style = Style(isOn: false)) -> String {
    let inner = indentation + "  "
    switch self {
    case .array(let elements) where !elements.isEmpty:
      let lines = elements.map { inner + $0.indentedText(inner, style: style) }
      return "[\n" + lines.joined(separator: ",\n") + "\n\(indentation)]"
    case .object(let members) where !members.isEmpty:
      let lines = members.map {
        inner + style.apply(.cyan, JSONValue.string($0.name).text) + ": "
          + $0.value.indentedText(inner, style: style)
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(indentation)}"
    default: return text
    }
  }
}
