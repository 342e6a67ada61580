import Foundation

/// Colours and weights, where the output takes them.
struct Style: Sendable {
  enum Look: String, Sendable {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case inverse = "7"
    case red = "1;31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  var isOn: Bool

  /// Off where standard output is no terminal, or `NO_COLOR` is set to anything (no-color.org).
  static func ofStandardOutput() -> Style {
    let environment = ProcessInfo.processInfo.environment
    let isForbidden = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    return Style(isOn: Output.isTerminal && !isForbidden)
  }

  func apply(_ look: Look, _ text: String) -> String {
    isOn && look != .plain && !text.isEmpty ? "\u{1b}[\(look.rawValue)m\(text)\u{1b}[0m" : text
  }

  func bold(_ text: String) -> String { apply(.bold, text) }
  func dim(_ text: String) -> String { apply(.dim, text) }
}

/// A piece of a line in one look.
struct Span: Sendable {
  var text: String
  var look: Style.Look

  init(_ text: String, _ look: Style.Look = .plain) {
    self.text = printable(text)
    self.look = look
  }
}

/// A line of several looks.
struct StyledLine: Sendable {
  var spans: [Span]

  init(_ spans: Span...) { self.spans = spans }
  init(_ spans: [Span]) { self.spans = spans }

  var width: Int { spans.reduce(0) { $0 + $1.text.count } }

  /// Cut to `width` with an ellipsis.
  func text(width: Int, style: Style) -> String {
    var left = width
    let isCut = self.width > width
    var result = ""
    for span in spans where left > 0 {
      let text = isCut ? cut(span.text, to: left, always: span.text.count >= left) : span.text
      result += style.apply(span.look, text)
      left -= text.count
    }
    return result
  }
}

/// `text` in at most `width` characters, the last an ellipsis where something is missing.
func cut(_ text: String, to width: Int, always: Bool = false) -> String {
  if text.count <= width && !(always && text.count == width) { return text }
  return width > 0 ? text.prefix(width - 1) + "…" : ""
}

/// The same with the ellipsis at two thirds, so that the end stays.
func cutMiddle(_ text: String, to width: Int) -> String {
  if text.count <= width { return text }
  let tail = max(0, width - 1) / 3
  return text.prefix(max(0, width - 1 - tail)) + "…" + text.suffix(tail)
}

/// An end point, `192.0.2.1:443` or `[2001:db8::1]:443`, cut within its address: its port stays whole,
/// or goes with all the rest.
func cutEndpoint(_ text: String, to width: Int) -> String {
  if text.count <= width { return text }
  let cut = EndpointCut(portLength: portLength(text), width: width)
  return width > 0 ? text.prefix(cut.head) + "…" + text.suffix(cut.tail) : ""
}

/// What of an end point that is too long stands before the ellipsis, and what behind it.
struct EndpointCut {
  let head: Int
  let tail: Int

  /// - Parameters:
  ///   - portLength: of `:443` or `]:443` at its end, 0 where there is none.
  ///   - width: less than the text is long.
  init(portLength: Int, width: Int) {
    let room = width - 1 - portLength
    if room >= 0 {
      // A little of the address before the port, too: networks begin alike.
      tail = portLength + room / 3
      head = room - room / 3
    } else {
      // Less than a port would be another port.
      head = 0
      tail = 0
    }
  }
}

/// Of `]:443` or `:443` at the end of an end point; 0 of an address alone.
private func portLength(_ text: String) -> Int {
  if text.hasPrefix("[") {
    return text.lastIndex(of: "]").map { text.distance(from: $0, to: text.endIndex) } ?? 0
  }
  guard let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") else { return 0 }
  return text.distance(from: colon, to: text.endIndex)
}

/// `text` without control characters: what a daemon or a packet says must not steer the terminal.
func printable(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isControl) else { return text }
  return String(
    String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "\u{fffd}" : $0 }))
}

/// The same of a message that may have several lines: they stay.
func printableLines(_ text: String) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
    .joined(separator: "\n")
}

/// The first of a message's lines, for where there is room for one.
func firstLine(_ text: String) -> String {
  text.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? text
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator: true
  default: false
  }
}
