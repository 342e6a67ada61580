internal import FlowEngine
internal import Records

/// IMAP (RFC 3501, RFC 9051): a record for the greeting and for each command with its tagged answer.
/// Messages and other literals are passed over by their lengths; messages not where attachments are hashed.
enum IMAPStream: StreamDissector {
  typealias State = IMAPState
  typealias Flags = IMAPState.Flags

  static let longestLine = 8192
  /// A literal that may be a name; any other is passed over.
  static let longestName: UInt64 = 256

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    if !context.isToServer {
      if bytes.starts(with: "* OK") || bytes.starts(with: "* PREAUTH")
        || bytes.starts(with: "* BYE")
      {
        return .yes
      }
      return bytes.isPrefix(of: "* OK") || bytes.isPrefix(of: "* PREAUTH")
        || bytes.isPrefix(of: "* BYE") ? .maybe : .no
    }
    // A tag with a digit in it, and a command with which a client begins.
    guard let space = bytes.prefix(32).firstIndex(of: 0x20) else {
      return isTag(bytes) ? .maybe : .no
    }
    let tag = bytes.prefix(space)
    guard isTag(tag), context.serverPort == 143 || hasDigit(tag) else { return .no }
    let rest = bytes.dropFirst(space &+ 1)
    if rest.starts(withLowercase: "capability") || rest.starts(withLowercase: "login ")
      || rest.starts(withLowercase: "authenticate ") || rest.starts(withLowercase: "starttls")
      || (context.serverPort == 143
        && (rest.starts(withLowercase: "id ") || rest.starts(withLowercase: "noop")))
    {
      return .yes
    }
    return rest.isPrefix(lowercase: "capability") || rest.isPrefix(lowercase: "login ")
      || rest.isPrefix(lowercase: "authenticate ") || rest.isPrefix(lowercase: "starttls")
      || (context.serverPort == 143
        && (rest.isPrefix(lowercase: "id ") || rest.isPrefix(lowercase: "noop")))
      ? .maybe : .no
  }

  private static func isTag(_ tag: Bytes) -> Bool {
    guard !tag.isEmpty, tag.count <= 20 else { return false }
    for place in 0..<tag.count {
      guard let byte = tag.u8(place),
        Bytes.lowercase(byte) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x2e || byte == 0x2d
          || byte == 0x5f
      else { return false }
    }
    return true
  }

  private static func hasDigit(_ tag: Bytes) -> Bool {
    for place in 0..<tag.count {
      if let byte = tag.u8(place), byte &- 0x30 < 10 { return true }
    }
    return false
  }

  // MARK: Bytes

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    let s = state
    if mail(s, toServer: d.isToServer).pointee.left > 0 { return takeMail(d, s, bytes) }
    let reader = LineReader(d, s)
    if let progress = reader.before(bytes, mayBeTLS: s.pointee.has(Flags.asksTLS)) {
      return progress
    }
    if d.isToServer && s.pointee.literal > 0 {
      let count = Int(s.pointee.literal)
      guard let text = bytes.slice(0, count) else { return .needs(count) }
      s.pointee.literal = 0
      argument(d, s, text)
      return .consumed(count)
    }
    guard let line = reader.line(bytes, limit: longestLine) else {
      return .needs(bytes.count &+ 1)
    }
    let length = line.isCut ? nil : literal(line.text)
    if d.isToServer {
      takeCommand(d, s, line.text, hasLiteral: length != nil)
      s.pointee.set(Flags.clientGoesOn, length != nil)
    } else {
      if !s.pointee.has(Flags.serverGoesOn) { s.pointee.fetching = fetched(line.text) }
      let progress = takeAnswer(d, s, line)
      s.pointee.set(Flags.serverGoesOn, length != nil)
      if case .change = progress.next { return progress }
    }
    guard let length, length > 0 else { return .consumed(line.length) }
    if d.isToServer, s.pointee.has(Flags.wantsLiteral), length <= longestName {
      s.pointee.literal = UInt32(truncatingIfNeeded: length)
      return .consumed(line.length)
    }
    s.pointee.dataBytes &+= length
    if beginMail(d, s, line.text, length) { return .consumed(line.length) }
    if d.isToServer {
      let latest = Int(s.pointee.latest & 7)
      if s.pointee.pending[latest].command == IMAPCommand.login.rawValue {
        s.pointee.pending[latest].hasSecret = true
      }
    }
    return .skip(length, after: line.length)
  }

  /// `{310}`, `{310+}` or `~{310}` at a line's end: so many bytes follow (RFC 3501, section 4.3).
  private static func literal(_ line: Bytes) -> UInt64? {
    guard line.u8(line.count &- 1) == 0x7d else { return nil }
    var start = line.count &- 1
    while start > 0, line.count &- start <= 16, line.u8(start) != 0x7b { start &-= 1 }
    guard line.u8(start) == 0x7b else { return nil }
    var digits = line.prefix(line.count &- 1).dropFirst(start &+ 1)
    if digits.u8(digits.count &- 1) == 0x2b { digits = digits.prefix(digits.count &- 1) }
    guard let length = digits.decimal, length < 1 << 32 else { return nil }
    return length
  }

  // MARK: Holes and ends

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    let s = state
    if mail(s, toServer: d.isToServer).pointee.left > 0, missMail(d, s, rest, missing) {
      return .resume
    }
    s.pointee.set(Flags.greeted)
    s.pointee.literal = 0
    s.pointee.set(Flags.wantsLiteral, false)
    s.pointee.set(d.isToServer ? Flags.clientGoesOn : Flags.serverGoesOn, false)
    LineReader(d, s).loseLine()
    // It may have hidden the answers to all logins.
    if !d.isToServer { for place in 0..<State.mostPending { forgetLogin(s, place) } }
    return .resume
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    if mail(state, toServer: d.isToServer).pointee.left > 0 {
      return endMails(d, state, toServer: d.isToServer, rest)
    }
    guard state.pointee.literal == 0 || !d.isToServer,
      let line = LineReader(d, state).last(rest)
    else { return }
    if d.isToServer {
      takeCommand(d, state, line.text, hasLiteral: false)
    } else {
      _ = takeAnswer(d, state, line)
    }
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    endMails(d, state, toServer: true)
    endMails(d, state, toServer: false)
    for place in 0..<State.mostPending where !state.pointee.pending[place].tag.isEmpty {
      tell(d, state, place, .empty, .empty)
    }
    d.drop(&state.pointee.capabilities)
  }
}
