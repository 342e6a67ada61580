internal import FlowEngine
internal import Records

extension FTPStream {
  /// Lines and bytes of one reply that are written down.
  private static let mostLines: UInt8 = 64
  private static let mostBytes: UInt32 = 8192

  // MARK: Commands that wait

  static func push(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ command: FTPCommand, _ w: EventWriter
  ) {
    var pending = FTPPending(command: command.rawValue)
    d.keep(w, in: &pending.draft)
    if s.pointee.pending.isFull {
      // A client that does not wait for any reply: the oldest has none.
      d.note(.appTooManyTransactions)
      tell(d, s, isReplied: false)
    }
    s.pointee.pending.push(pending)
  }

  static func flush(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    if s.pointee.pending.isEmpty && !s.pointee.codes.isEmpty { tell(d, s, isReplied: true) }
    while !s.pointee.pending.isEmpty {
      tell(d, s, isReplied: !s.pointee.codes.isEmpty)
    }
    d.drop(&s.pointee.codes)
    d.drop(&s.pointee.replies)
    s.pointee.set(Flags.withinReply, false)
  }

  // MARK: Replies

  static func takeReply(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ line: TextLine
  ) -> Progress {
    let text = line.text
    let code = text.count >= 3 ? text.prefix(3).decimal : nil
    if s.pointee.pending.isEmpty && s.pointee.has(Flags.greeted)
      && !s.pointee.has(Flags.withinReply) && code == nil
    {
      return .consumed(line.length)
    }
    keepLine(d, s, text, code)
    if line.isCut { s.pointee.set(Flags.replyTruncated) }
    if s.pointee.has(Flags.withinReply) {
      // It ends with the line that has its code and a blank (RFC 959, section 4.2).
      guard let code, UInt16(truncatingIfNeeded: code) == s.pointee.code, text.u8(3) != 0x2d else {
        return .consumed(line.length)
      }
      s.pointee.set(Flags.withinReply, false)
    } else {
      guard let code else { return .consumed(line.length) }
      if text.u8(3) == 0x2d {
        s.pointee.set(Flags.withinReply)
        s.pointee.code = UInt16(truncatingIfNeeded: code)
        return .consumed(line.length)
      }
    }
    return finish(d, s, code ?? 0, text, line.length)
  }

  private static func keepLine(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ text: Bytes, _ code: UInt64?
  ) {
    guard s.pointee.lines < mostLines,
      s.pointee.replyBytes &+ UInt32(truncatingIfNeeded: text.count) <= mostBytes
    else { return s.pointee.set(Flags.replyTruncated) }
    s.pointee.lines &+= 1
    // No more than the limit and a line.
    s.pointee.replyBytes &+= UInt32(truncatingIfNeeded: text.count)
    if code != nil {
      var w = d.event()
      w.string(FTPFields.completionCode, text.prefix(3))
      d.keep(w, in: &s.pointee.codes)
    }
    if d.settings.isHeaderOnly { return }
    var w = d.event()
    if isSecret(d, s, text, code) {
      w.text(FTPFields.reply, Redactor.mask)
    } else {
      d.redacted(&w, FTPFields.reply, code != nil ? text.dropFirst(4) : text)
    }
    d.keep(w, in: &s.pointee.replies)
  }

  /// A reply may repeat what was said in confidence, what was not understood, or what was not seen here.
  private static func isSecret(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ text: Bytes, _ code: UInt64?
  ) -> Bool {
    if s.pointee.secret.isIn(text) { return true }
    if let first = s.pointee.pending.first { return first.command == FTPCommand.unknown.rawValue }
    guard s.pointee.has(Flags.greeted) || d.isMidstream else { return false }
    return (s.pointee.has(Flags.withinReply) ? UInt64(s.pointee.code) : code ?? 0) >= 400
  }

  /// A reply is there to its end.
  private static func finish(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ code: UInt64, _ text: Bytes, _ length: Int
  ) -> Progress {
    guard s.pointee.has(Flags.greeted) || d.isMidstream else {
      s.pointee.set(Flags.greeted)
      // 120: the greeting itself is still to come.
      if code / 100 != 1 { tell(d, s, isReplied: true, isGreeting: true) }
      return .consumed(length)
    }
    s.pointee.set(Flags.greeted)
    guard let first = s.pointee.pending.first else {
      // Nobody has asked: a timeout, or a command that was not seen.
      tell(d, s, isReplied: true, isGreeting: true)
      return .consumed(length)
    }
    // The transfer begins, and there is more to come.
    if code / 100 == 1 { return .consumed(length) }
    let command = FTPCommand(rawValue: first.command)
    switch command {
    case .passive where code == 227:
      announce(d, s, port(text.dropFirst(4)), isServers: true)
    case .extendedPassive where code == 229:
      announce(d, s, extendedPort(text.dropFirst(4)), isServers: true)
    default: break
    }
    tell(d, s, isReplied: true)
    if command == .auth {
      if code == 234 { return Progress(consumed: length, next: .change(.tls)) }
      s.pointee.set(Flags.asksTLS, false)
    }
    return .consumed(length)
  }

  /// The record of the oldest command with what there is of its reply, or of a greeting.
  private static func tell(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, isReplied: Bool, isGreeting: Bool = false
  ) {
    var pending = FTPPending()
    if !isGreeting { pending = s.pointee.pending.pop() ?? pending }
    var w = d.event()
    if isReplied {
      w.array(FTPFields.completionCode, of: s.pointee.codes, d)
      w.array(FTPFields.reply, of: s.pointee.replies, d)
    }
    if pending.port != 0 { w.integer(FTPFields.dynamicPort, pending.port) }
    switch FTPCommand(rawValue: pending.command) {
    case .port, .extendedPort: w.text(FTPFields.mode, "active")
    case .passive, .extendedPassive: w.text(FTPFields.mode, "passive")
    default: break
    }
    w.text(FTPFields.replyReceived, isReplied ? "yes" : "no")
    w.boolean(FTPFields.replyTruncated, isReplied && s.pointee.has(Flags.replyTruncated))
    if !s.pointee.user.isEmpty { s.pointee.user.with { w.string(FTPFields.user, $0) } }
    w.incomplete(d)
    d.emit(.ftp, &pending.draft, w, transaction: d.nextTransaction())
    guard isReplied else { return }
    d.drop(&s.pointee.codes)
    d.drop(&s.pointee.replies)
    s.pointee.lines = 0
    s.pointee.replyBytes = 0
    s.pointee.set(Flags.replyTruncated, false)
  }
}
