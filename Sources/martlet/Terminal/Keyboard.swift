import Glibc

/// Keys as a raw terminal sends them.
enum Keyboard {
  enum Key: Equatable, Sendable {
    case character(Character)
    /// Ctrl-C
    case interrupt
    /// Ctrl-Z
    case suspend
    /// Arrows, function keys and the like.
    case other
  }

  static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  /// The first key in what one read gave; nil for nothing.
  static func firstKey(in bytes: [UInt8]) -> Key? {
    guard let first = bytes.first else { return nil }
    switch first {
    case 3: return .interrupt
    case 26: return .suspend
    case 0x20..<0x7f: return .character(Character(Unicode.Scalar(first)))
    default: return .other  // an escape sequence comes in one read, and is one key
    }
  }
}
