internal import FlowEngine
internal import Records

/// Reads lines off a text: a line ends with LF, or CR LF.
struct SIPLines: BitwiseCopyable {
  private(set) var rest: Bytes

  init(_ bytes: Bytes) { rest = bytes }

  /// The next line without its end; nil at the end of the text. What has no end is a line, too.
  mutating func next() -> Bytes? {
    if rest.isEmpty { return nil }
    guard let end = rest.firstIndex(of: 0x0a) else {
      let line = rest
      rest = .empty
      return line
    }
    let line = rest.prefix(end).withoutCR
    rest = rest.dropFirst(end &+ 1)
    return line
  }
}

enum SIPText {
  /// What a field of a record shows of a header.
  static var longest: Int { 1000 }

  /// The method that a request begins with (RFC 3261, 7.1 and what was added later), with its space.
  static func method(_ place: Int) -> StaticString? {
    switch place {
    case 0: "INVITE "
    case 1: "ACK "
    case 2: "BYE "
    case 3: "CANCEL "
    case 4: "REGISTER "
    case 5: "OPTIONS "
    case 6: "PRACK "
    case 7: "SUBSCRIBE "
    case 8: "NOTIFY "
    case 9: "PUBLISH "
    case 10: "INFO "
    case 11: "REFER "
    case 12: "MESSAGE "
    case 13: "UPDATE "
    default: nil
    }
  }

  /// Whether a message begins here: its version, or a method and a scheme of SIP's.
  static func probe(_ bytes: Bytes) -> Probe {
    let response = Signatures.startsOrMay(bytes, "SIP/2.0 ")
    if case .no = response {} else { return response }
    var place = 0
    while let method = method(place) {
      place &+= 1
      switch Signatures.startsOrMay(bytes, method) {
      case .no: continue
      case .maybe: return .maybe
      case .yes: return scheme(bytes.dropFirst(method.utf8CodeUnitCount))
      }
    }
    return .no
  }

  /// Whether a stream begins with a message, as far as its first line tells: HTTP's has a version, too, and who
  /// looks for that must not be told another answer by a part of the line.
  static func probeStream(_ bytes: Bytes) -> Probe {
    let begun = probe(bytes)
    guard Signatures.isYes(begun), !bytes.starts(with: "SIP/2.0 ") else { return begun }
    guard let end = bytes.prefix(longestLine).firstIndex(of: 0x0a) else {
      return bytes.count < longestLine ? .maybe : .no
    }
    let line = bytes.prefix(end).withoutCR
    return line.dropFirst(line.count &- 8).equals(lowercase: " sip/2.0") ? .yes : .no
  }

  /// Bytes of a request's first line.
  private static let longestLine = 1024

  private static func scheme(_ bytes: Bytes) -> Probe {
    var isOpen = false
    for place in 0..<3 {
      let text: StaticString = place == 0 ? "sip:" : place == 1 ? "sips:" : "tel:"
      if bytes.starts(withLowercase: text) { return .yes }
      guard bytes.count < text.utf8CodeUnitCount else { continue }
      var isPrefix = true
      for i in 0..<bytes.count {
        // Shorter than the text, which was just asked.
        if Bytes.lowercase(bytes.u8(i) ?? 0) != text.utf8Start[i] { isPrefix = false }
      }
      isOpen = isOpen || isPrefix
    }
    return isOpen ? .maybe : .no
  }

  /// Whether the bytes are a message's beginning and nothing else.
  static func begins(_ bytes: Bytes) -> Bool { Signatures.isYes(probe(bytes)) }
}
