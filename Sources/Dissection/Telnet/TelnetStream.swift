internal import FlowEngine
internal import Records

/// Telnet (RFC 854) up to the login: the names that were typed, never the passwords. A record for each
/// attempt to log in, one for a connection without any.
enum TelnetStream: StreamDissector {
  enum Phase: UInt8, BitwiseCopyable {
    /// No prompt has been seen.
    case before = 0
    case name
    /// A name has been typed: whatever is typed now is no name.
    case named
    case password
    /// A password has been typed; what the server says now tells.
    case verdict
  }

  struct State: BitwiseCopyable {
    var phaseValue: UInt8 = 0
    var attempts: UInt8 = 0
    /// The first line is known, or will not be: what comes later may be what was typed.
    var hasBanner = false
    /// Something was not seen: what is typed may be the answer to another prompt than the last one seen.
    var hasGap = false
    /// What was typed behind the name, before anybody asked for the password: 1 something, 2 a line.
    var ahead: UInt8 = 0
    /// Text of the server's since the password.
    var verdictBytes: UInt16 = 0
    /// Bytes looked at so far, both ways.
    var seen: UInt32 = 0
    var banner = ShortText<160>()
    var user = ShortText<64>()
    /// The line that each side is at.
    var clientLine = ShortText<64>()
    var serverLine = ShortText<160>()

    var phase: Phase {
      get { Phase(rawValue: phaseValue) ?? .before }
      set { phaseValue = newValue.rawValue }
    }
  }

  /// A login is over within so many bytes, and so many attempts.
  private static let mostBytes: UInt32 = 64 << 10
  private static let mostAttempts: UInt8 = 32
  private static let longestOption = 512

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    let known = context.serverPort == 23
    var commands = 0
    var place = 0
    while let first = bytes.u8(place) {
      guard first == 0xff else { break }
      guard let command = bytes.u8(place &+ 1) else { return .maybe }
      // WILL, WON'T, DO, DON'T and an option that is known (IANA's registry).
      guard command >= 0xfb, command <= 0xfe else { return .no }
      guard let option = bytes.u8(place &+ 2) else { return .maybe }
      guard option <= 49 || (option >= 138 && option <= 140) || option == 255 else { return .no }
      commands &+= 1
      place &+= 3
      if commands == 2 || known { return .yes }
    }
    if commands == 1 { return place == bytes.count ? .maybe : .no }
    guard known, !context.isToServer else { return .no }
    // A prompt, and nothing but text in front of it.
    let start = bytes.prefix(512)
    let text = start.prefix(textCount(start))
    if text.contains(lowercase: "login:") || text.contains(lowercase: "username:") { return .yes }
    return bytes.count < 512 && text.count == bytes.count ? .maybe : .no
  }

  /// How many bytes there are in front of the first one that is none of a text.
  private static func textCount(_ bytes: Bytes) -> Int {
    for place in 0..<bytes.count {
      guard let byte = bytes.u8(place), byte >= 0x20 || byte &- 7 < 7 || byte == 0x1b || byte == 0
      else { return place }
    }
    return bytes.count
  }

  // MARK: Bytes

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    var place = 0
    while let byte = bytes.u8(place) {
      if byte == 0xff {
        guard let length = command(bytes.dropFirst(place)) else {
          // Not whole yet.
          return place > 0 ? .consumed(place) : .needs(bytes.count &+ 1)
        }
        place &+= length
        continue
      }
      place &+= 1
      let isOver = d.isToServer ? typed(d, state, byte) : shown(d, state, byte)
      if isOver { return .done(place) }
    }
    state.pointee.seen &+= UInt32(truncatingIfNeeded: min(bytes.count, 1 << 20))
    return state.pointee.seen > mostBytes ? .done(place) : .consumed(place)
  }

  /// Length of the command that `bytes` begins with; nil where it is not there as a whole.
  private static func command(_ bytes: Bytes) -> Int? {
    guard let command = bytes.u8(1) else { return nil }
    switch command {
    case 0xfb...0xfe: return bytes.count >= 3 ? 3 : nil
    case 0xfa:
      // Up to IAC SE; what is longer than any option is none.
      var place = 2
      while let next = bytes.firstIndex(of: 0xff, from: place), next < longestOption {
        guard let end = bytes.u8(next &+ 1) else { return nil }
        if end == 0xf0 { return next &+ 2 }
        place = next &+ 2
      }
      return bytes.count >= longestOption ? 2 : nil
    default: return 2
    }
  }

  /// One character of the server's. True where nothing more is wanted.
  private static func shown(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ byte: UInt8
  ) -> Bool {
    if byte == 0x0a || byte == 0x0d {
      endServerLine(d, s)
      return s.pointee.attempts >= mostAttempts
    }
    guard byte >= 0x20 else { return false }
    s.pointee.serverLine.append(byte)
    if byte == 0x3a { look(d, s) }
    guard s.pointee.phase == .verdict else { return s.pointee.attempts >= mostAttempts }
    s.pointee.verdictBytes &+= 1
    // Neither refused nor asked again: it went on.
    guard s.pointee.verdictBytes >= 400 || isShell(s, byte) else { return false }
    tell(d, s, success: true)
    return true
  }

  /// The sign with which a shell asks.
  private static func isShell(_ s: UnsafeMutablePointer<State>, _ byte: UInt8) -> Bool {
    guard byte == 0x23 || byte == 0x24 || byte == 0x3e || byte == 0x25 else { return false }
    return s.pointee.serverLine.count < 60
  }

  /// Whether the line so far, behind a colon, is a prompt.
  private static func look(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    enum Kind { case none, name, password }
    let kind: Kind = s.pointee.serverLine.with { line in
      let text = line.trimmed
      // Each colon is looked at once: what has none at its end was looked at before, or is too long.
      guard text.count < 100 else { return .none }
      if text.ends(withLowercase: "password:") || text.ends(withLowercase: "passcode:") {
        return .password
      }
      if text.ends(withLowercase: "last login:") { return .none }
      return text.ends(withLowercase: "login:") || text.ends(withLowercase: "username:")
        || text.ends(withLowercase: "user name:") ? .name : .none
    }
    switch kind {
    case .none: return
    case .name:
      if s.pointee.phase == .name { return }
      if s.pointee.phase == .verdict || s.pointee.phase == .named { tell(d, s, success: false) }
      s.pointee.phase = .name
      s.pointee.user.set(.empty)
    case .password:
      if s.pointee.phase == .password { return }
      if s.pointee.phase == .verdict { tell(d, s, success: false) }
      s.pointee.phase = s.pointee.ahead == 2 ? .verdict : .password
      s.pointee.verdictBytes = 0
    }
    s.pointee.ahead = 0
    s.pointee.clientLine.set(.empty)
  }

  private static func endServerLine(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    let line = s.pointee.serverLine
    s.pointee.serverLine.set(.empty)
    guard !line.isEmpty else { return }
    var text = line
    // A line that went on behind its colon did not ask.
    if s.pointee.phase == .name, s.pointee.clientLine.isEmpty,
      !text.with({ $0.trimmed.ends(withLowercase: ":") })
    {
      s.pointee.phase = .before
    }
    if !s.pointee.hasBanner && !d.isMidstream {
      text.with { if !$0.trimmed.isEmpty { s.pointee.banner.set($0.trimmed) } }
      s.pointee.hasBanner = !s.pointee.banner.isEmpty
    }
    guard s.pointee.phase == .verdict else { return }
    let isRefusal = text.with {
      $0.contains(lowercase: "incorrect") || $0.contains(lowercase: "fail")
        || $0.contains(lowercase: "denied") || $0.contains(lowercase: "invalid")
        || $0.contains(lowercase: "bad password")
    }
    if isRefusal { tell(d, s, success: false) }
  }

  /// One character of the client's.
  private static func typed(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ byte: UInt8
  ) -> Bool {
    s.pointee.hasBanner = true
    switch s.pointee.phase {
    case .before, .verdict: return false
    case .named:
      if byte >= 0x20 {
        s.pointee.ahead = 1
      } else if s.pointee.ahead == 1, byte == 0x0d || byte == 0x0a {
        s.pointee.ahead = 2
      }
    case .name:
      if byte == 0x0d || byte == 0x0a {
        if s.pointee.clientLine.isEmpty { return false }
        if !s.pointee.hasGap && !d.isMidstream { s.pointee.user = s.pointee.clientLine }
        s.pointee.clientLine.set(.empty)
        s.pointee.phase = .named
      } else if byte == 0x08 || byte == 0x7f {
        s.pointee.clientLine.dropLast()
      } else if byte >= 0x20 {
        s.pointee.clientLine.append(byte)
      }
    case .password:
      // Nothing of it is kept.
      if byte == 0x0d || byte == 0x0a {
        s.pointee.phase = .verdict
        s.pointee.verdictBytes = 0
      }
    }
    return false
  }

  /// The record of an attempt.
  private static func tell(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, success: Bool?
  ) {
    var w = d.event()
    s.pointee.banner.with { if !$0.isEmpty { w.string(TelnetFields.banner, $0) } }
    s.pointee.user.with { if !$0.isEmpty { w.string(TelnetFields.user, $0) } }
    if s.pointee.phase == .verdict { w.text(TelnetFields.password, "***") }
    if let success { w.boolean(TelnetFields.success, success) }
    w.incomplete(d)
    d.emit(.telnet, w, transaction: d.nextTransaction())
    s.pointee.attempts &+= 1
    if s.pointee.attempts == mostAttempts { d.note(.appTooManyTransactions) }
    s.pointee.phase = .before
    s.pointee.ahead = 0
    s.pointee.user.set(.empty)
  }

  // MARK: Holes and ends

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    // What was being typed is not known, and a password may stand where a name was expected.
    state.pointee.hasGap = true
    if d.isToServer {
      state.pointee.clientLine.set(.empty)
      if state.pointee.phase == .name { state.pointee.phase = .before }
    } else {
      state.pointee.hasBanner = true
      state.pointee.serverLine.set(.empty)
      if state.pointee.phase != .verdict { state.pointee.phase = .before }
    }
    return .resume
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    if state.pointee.phase == .verdict || !state.pointee.user.isEmpty {
      tell(d, state, success: nil)
    } else if state.pointee.attempts == 0 {
      tell(d, state, success: nil)
    }
  }
}
