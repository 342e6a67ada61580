import Glibc

/// Keys as a raw terminal sends them.
enum Keyboard {
  enum Key: Equatable, Sendable {
    case character(Character)
    case enter
    case escape
    case tab
    /// Shift and Tab.
    case backTab
    case backspace
    case delete
    case left
    case right
    case up
    case down
    case home
    case end
    case pageUp
    case pageDown
    /// With a letter, in lower case; Ctrl-C and Ctrl-Z have names of their own.
    case control(Character)
    /// Ctrl-C
    case interrupt
    /// Ctrl-Z
    case suspend
    /// Function keys and the like.
    case other
  }

  static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  /// The keys in what one read gave: several where a person types fast or pastes. An escape sequence
  /// comes in one read as a whole.
  static func keys(in bytes: [UInt8]) -> [Key] {
    var keys: [Key] = []
    var rest = bytes[...]
    while let first = rest.first {
      if first == 0x1b {
        keys.append(escapeSequence(&rest))
      } else if first >= 0x80 {
        keys += nonASCII(&rest).map { .character($0) }
      } else {
        rest.removeFirst()
        keys.append(single(first))
      }
    }
    return keys
  }

  private static func single(_ byte: UInt8) -> Key {
    switch byte {
    case 3: .interrupt
    case 26: .suspend
    case 8, 0x7f: .backspace
    case 9: .tab
    case 10, 13: .enter
    case 1...26: .control(Character(Unicode.Scalar(byte + 0x60)))
    case 0x20..<0x7f: .character(Character(Unicode.Scalar(byte)))
    default: .other
    }
  }

  /// As xterm, and all that follow it, send them (ECMA-48 CSI, and SS3 in application mode).
  private static func escapeSequence(_ rest: inout ArraySlice<UInt8>) -> Key {
    rest.removeFirst()
    guard let kind = rest.first, kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else {
      // Escape by itself, or Alt with a key, which means nothing here.
      if !rest.isEmpty { rest.removeFirst() } else { return .escape }
      return .other
    }
    rest.removeFirst()
    let parameters = rest.prefix { (0x20..<0x40).contains($0) }
    rest.removeFirst(parameters.count)
    guard let final = rest.popFirst() else { return .other }
    switch final {
    case UInt8(ascii: "A"): return .up
    case UInt8(ascii: "B"): return .down
    case UInt8(ascii: "C"): return .right
    case UInt8(ascii: "D"): return .left
    case UInt8(ascii: "F"): return .end
    case UInt8(ascii: "H"): return .home
    case UInt8(ascii: "Z"): return .backTab
    case UInt8(ascii: "~"):
      switch parameters.first {
      case UInt8(ascii: "1"), UInt8(ascii: "7"): return parameters.count == 1 ? .home : .other
      case UInt8(ascii: "3"): return .delete
      case UInt8(ascii: "4"), UInt8(ascii: "8"): return .end
      case UInt8(ascii: "5"): return .pageUp
      case UInt8(ascii: "6"): return .pageDown
      default: return .other
      }
    default: return .other
    }
  }

  /// What stands before the next byte of ASCII.
  private static func nonASCII(_ rest: inout ArraySlice<UInt8>) -> [Character] {
    let part = rest.prefix { $0 >= 0x80 }
    rest.removeFirst(part.count)
    return Array(String(decoding: part, as: UTF8.self))
  }
}
