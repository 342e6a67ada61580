internal import Foundation

/// A file's path with places for time, sensor and event type.
struct FileNamePattern: Sendable {
  private enum Part: Sendable {
    /// As it is, or for strftime.
    case text(String)
    case sensor, type
  }

  private let parts: [Part]
  /// A time to the second is in it.
  let hasSeconds: Bool
  /// A time is in it that holds for a minute or longer: with the next one begins the next file.
  let endsFiles: Bool

  init(_ pattern: String) throws(TargetFault) {
    var parts: [Part] = []
    var rest = pattern[...]
    while let brace = rest.firstIndex(of: "{") {
      parts.append(.text(String(rest[..<brace])))
      rest = rest[brace...]
      if rest.hasPrefix("{sensor}") {
        parts.append(.sensor)
      } else if rest.hasPrefix("{type}") {
        parts.append(.type)
      } else {
        throw TargetFault(
          "\"\(pattern)\": in braces there may stand {sensor} or {type}", isFinal: true)
      }
      rest = rest[rest.index(after: rest.firstIndex(of: "}") ?? brace)...]
    }
    parts.append(.text(String(rest)))
    guard let last = pattern.last, last != "/" else {
      throw TargetFault("\"\(pattern)\" is no file's path", isFinal: true)
    }
    guard !pattern.utf8.contains(0) else {
      throw TargetFault("a path has no NUL in it", isFinal: true)
    }
    self.parts = parts
    let conversions = Self.conversions(in: pattern)
    hasSeconds = !conversions.isDisjoint(with: "SsTrcX")
    endsFiles = !hasSeconds && !conversions.isEmpty
  }

  /// strftime's letters in a text that stand for a time.
  private static func conversions(in pattern: String) -> Set<Character> {
    var found: Set<Character> = []
    var rest = pattern[...]
    while let sign = rest.firstIndex(of: "%") {
      // Flags, width and modifier stand between sign and letter.
      rest = rest[rest.index(after: sign)...].drop { "_-0^#EO123456789+".contains($0) }
      guard let letter = rest.popFirst() else { break }
      if letter.isLetter, !"ntZz".contains(letter) { found.insert(letter) }
    }
    return found
  }

  /// The path of a file that begins at a time (seconds since 1970).
  func path(of stream: StreamName, at seconds: Int) -> String {
    parts.map { part in
      switch part {
      case .text(let text): Self.formatted(text, seconds)
      case .sensor: Self.plain(stream.sensor)
      case .type: Self.plain(stream.type)
      }
    }.joined()
  }

  /// Names come from a stream's key, which may hold anything: only what is harmless in a path.
  static func plain(_ name: String) -> String {
    let bytes = name.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."):
        byte
      default: UInt8(ascii: "_")
      }
    }
    let text = String(decoding: bytes.prefix(100), as: UTF8.self)
    return text.hasPrefix(".") || text.isEmpty ? "_" + text : text
  }

  private static func formatted(_ text: String, _ seconds: Int) -> String {
    guard text.contains("%") else { return text }
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    var buffer = [CChar](repeating: 0, count: 4096)
    // A text that comes out empty, or too long, stays as it is.
    let count = strftime(&buffer, buffer.count, text, &parts)
    return count > 0
      ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : text
  }
}
