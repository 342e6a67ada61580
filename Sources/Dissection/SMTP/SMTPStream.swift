internal import FlowEngine
internal import Records

/// SMTP (RFC 5321), with pipelining (RFC 2920), chunks (RFC 3030) and the change to TLS (RFC 3207).
///
/// A record a message, made when the server has answered its end, or when the message is given up; one for
/// a connection that had none.
enum SMTPStream: StreamDissector {
  typealias State = SMTPState
  typealias Flags = SMTPState.Flags

  /// A line of commands or replies; what is longer is cut.
  static let longestLine = 2048

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    context.isToServer ? probeClient(bytes, context) : probeServer(bytes, context)
  }

  private static func isMailPort(_ context: ProbeContext) -> Bool {
    switch context.serverPort {
    case 25, 587, 2525: true
    default: false
    }
  }

  private static func probeClient(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    if bytes.starts(withLowercase: "ehlo ") || bytes.starts(withLowercase: "helo ")
      || bytes.starts(withLowercase: "lhlo ") || bytes.starts(withLowercase: "mail from:")
      || bytes.starts(withLowercase: "rcpt to:")
    {
      return .yes
    }
    if bytes.isPrefix(lowercase: "ehlo ") || bytes.isPrefix(lowercase: "helo ")
      || bytes.isPrefix(lowercase: "lhlo ") || bytes.isPrefix(lowercase: "mail from:")
      || bytes.isPrefix(lowercase: "rcpt to:")
    {
      return .maybe
    }
    guard isMailPort(context) else { return .no }
    if let end = bytes.prefix(512).firstIndex(of: 0x0a) {
      let (word, _) = TextLine.split(bytes.prefix(end).withoutCR)
      return SMTPStream.kind(word) != nil ? .yes : .no
    }
    for place in 0..<min(bytes.count, 10) {
      guard let byte = bytes.u8(place), byte &- 0x20 < 0x5f || byte == 0x0d else { return .no }
    }
    return bytes.count < 512 ? .maybe : .no
  }

  private static func probeServer(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    let known = isMailPort(context)
    guard bytes.count >= 4 else {
      if bytes.isPrefix(of: "220") { return .maybe }
      return known && isCode(bytes) ? .maybe : .no
    }
    guard let separator = bytes.u8(3), isCode(bytes.prefix(3)),
      separator == 0x20 || separator == 0x2d
    else { return .no }
    guard bytes.starts(with: "220") else { return known ? .yes : .no }
    guard let end = bytes.prefix(1024).firstIndex(of: 0x0a) else {
      return bytes.count < 1024 ? .maybe : .no
    }
    let first = bytes.prefix(end)
    if first.contains(lowercase: "smtp") { return .yes }
    if first.contains(lowercase: "ftp") { return .no }
    if known { return .yes }
    return context.serverPort == 21 ? .no : .maybe
  }

  /// The beginning of a reply's three digits: 2 to 5, 0 to 5, any.
  private static func isCode(_ bytes: Bytes) -> Bool {
    guard let first = bytes.u8(0), first &- 0x32 < 4 else { return false }
    if let second = bytes.u8(1), second &- 0x30 > 5 { return false }
    if let third = bytes.u8(2), third &- 0x30 > 9 { return false }
    return true
  }

  // MARK: Bytes

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    if !d.isToServer { return takeReplies(d, state, bytes) }
    switch state.pointee.phase {
    case .commands: return takeCommand(d, state, bytes)
    case .data: return takeData(d, state, bytes)
    case .chunk: return takeChunk(d, state, bytes)
    }
  }

  // MARK: Holes and ends

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    let s = state
    // Nobody knows what was asked or answered meanwhile.
    s.pointee.queue.clear()
    s.pointee.set(Flags.greeted)
    if !d.isToServer {
      s.pointee.set(Flags.dropServerLine)
      return .resume
    }
    s.pointee.set(Flags.secretLine, false)
    switch s.pointee.phase {
    case .commands: s.pointee.set(Flags.dropClientLine)
    case .data:
      s.pointee.set(Flags.gap)
      view(d, s).miss(rest, missing)
    case .chunk:
      s.pointee.set(Flags.gap)
      let left = s.pointee.chunkLeft
      let lost = min(left, missing &+ UInt64(rest.count))
      view(d, s).miss(rest.prefix(Int(min(left, UInt64(rest.count)))), missing)
      s.pointee.chunkLeft = left &- lost
      if s.pointee.chunkLeft == 0 {
        endChunk(d, s)
        s.pointee.set(Flags.dropClientLine)
      }
    }
    return .resume
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    guard d.isToServer else { return }
    // Of a message that breaks off there may be a last line.
    if state.pointee.phase != .commands { view(d, state).breakOff(rest) }
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    let s = state
    if s.pointee.has(Flags.mail) || s.pointee.mail.reader != 0 {
      tell(d, s)
    } else if !s.pointee.has(Flags.told) && !s.pointee.helo.isEmpty {
      tell(d, s)
    }
    clearMail(d, s)
  }
}

extension Bytes {
  /// It is the beginning of a longer text, or all of it, ASCII letters being the same in either case.
  func isPrefix(lowercase text: StaticString) -> Bool {
    guard count <= text.utf8CodeUnitCount else { return false }
    for i in 0..<count where Self.lowercase(base[i]) != text.utf8Start[i] { return false }
    return true
  }
}
