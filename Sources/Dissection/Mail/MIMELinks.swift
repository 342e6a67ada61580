internal import FlowEngine

/// Finds addresses of the web in a text as its bytes come, wherever they were cut: `http://`, `https://`,
/// `ftp://` and what follows up to a blank, a quotation mark or a bracket.
struct MIMELinks: BitwiseCopyable {
  /// The longest address; what is longer is cut, and left out where the cut is in its authority: a password
  /// may stand there that the `@` behind it would have told.
  static let longest = 512
  /// Addresses of a mail that are told of.
  static let most: UInt8 = 32

  /// The scheme at hand, with as many of its bytes as have been there.
  private enum Scheme: UInt8, BitwiseCopyable {
    case none, http, https, ftp

    var text: StaticString {
      switch self {
      case .none: ""
      case .http: "http://"
      case .https: "https://"
      case .ftp: "ftp://"
      }
    }
  }

  private var schemeValue: UInt8 = 0
  private var matched: UInt8 = 0
  private(set) var count: UInt16 = 0
  private var told: UInt8 = 0
  private var text: InlineArray<512, UInt8> = InlineArray(repeating: 0)

  private var scheme: Scheme {
    get { Scheme(rawValue: schemeValue) ?? .none }
    set { schemeValue = newValue.rawValue }
  }

  /// The address at hand lacks nothing of its scheme.
  private var isWithin: Bool { count > 0 }

  mutating func take(_ bytes: Bytes, _ found: (Bytes) -> Void) {
    for place in 0..<bytes.count {
      let byte = bytes.base[place]
      if isWithin {
        if Self.ends(byte) { finish(found) } else { put(byte) }
      } else {
        match(Bytes.lowercase(byte))
      }
    }
  }

  /// What follows is another text: the address at hand ends here.
  mutating func finish(_ found: (Bytes) -> Void) {
    defer {
      count = 0
      matched = 0
      scheme = .none
    }
    let shortest = UInt16(scheme.text.utf8CodeUnitCount)
    // A sentence's end is none of an address.
    while count > shortest, Self.isPunctuation(text[Int(count) &- 1]) { count &-= 1 }
    guard count > shortest, told < Self.most else { return }
    if Int(count) == Self.longest && !hasAuthority(from: Int(shortest)) { return }
    told &+= 1
    let length = Int(count)
    withUnsafeBytes(of: &text) { text in
      guard let base = text.baseAddress else { return }
      found(Bytes(base.assumingMemoryBound(to: UInt8.self), length))
    }
  }

  /// What stands in front of the path, the query or the fragment is there to its end.
  private func hasAuthority(from start: Int) -> Bool {
    for place in start..<Self.longest {
      switch text[place] {
      case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"): return true
      default: continue
      }
    }
    return false
  }

  private mutating func match(_ byte: UInt8) {
    let isNext = matched > 0 && Int(matched) < scheme.text.utf8CodeUnitCount
    if isNext, byte == scheme.text.utf8Start[Int(matched)] {
      matched &+= 1
      if Int(matched) == scheme.text.utf8CodeUnitCount { begin() }
    } else if scheme == .http, matched == 4, byte == UInt8(ascii: "s") {
      scheme = .https
      matched = 5
    } else {
      scheme = byte == UInt8(ascii: "h") ? .http : byte == UInt8(ascii: "f") ? .ftp : .none
      matched = scheme == .none ? 0 : 1
    }
  }

  private mutating func begin() {
    for place in 0..<scheme.text.utf8CodeUnitCount { put(scheme.text.utf8Start[place]) }
  }

  private mutating func put(_ byte: UInt8) {
    guard Int(count) < Self.longest else { return }
    text[Int(count)] = byte
    count &+= 1
  }

  private static func ends(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...0x20, 0x22, 0x27, 0x3c, 0x3e, 0x5b, 0x5d, 0x7f: true
    default: false
    }
  }

  private static func isPunctuation(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x21, 0x29, 0x2c, 0x2e, 0x3a, 0x3b, 0x3f: true
    default: false
    }
  }
}
