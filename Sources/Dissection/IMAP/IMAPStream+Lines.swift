internal import FlowEngine
internal import Records

extension IMAPStream {
  // MARK: Commands

  static func takeCommand(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ line: Bytes, hasLiteral: Bool
  ) {
    // What follows a literal is the rest of its command, and lines of a login are nobody's business.
    if s.pointee.has(Flags.clientGoesOn) || s.pointee.authenticating > 0 {
      let latest = s.pointee.pending[Int(s.pointee.latest & 7)].command
      if s.pointee.authenticating > 0 || latest == IMAPCommand.login.rawValue {
        s.pointee.secret.remember(line)
      }
      return
    }
    s.pointee.set(Flags.wantsLiteral, false)
    let (tag, rest) = TextLine.split(line)
    guard !tag.isEmpty, tag.count <= 20, tag.isPrintable, !rest.isEmpty else {
      // RFC 2177: the end of IDLE is a word alone, too.
      if !line.equals(lowercase: "done") { s.pointee.secret.remember(line) }
      return
    }
    var (word, arguments) = TextLine.split(rest)
    var w = d.event()
    var isKnown = IMAPCommands.isKnown(word)
    if isKnown, word.equals(lowercase: "uid") {
      let (second, others) = TextLine.split(arguments)
      isKnown = IMAPCommands.isKnown(second)
      // `UID FETCH` as it stands in the line.
      word = rest.prefix(second.base - rest.base &+ second.count)
      arguments = others
    }
    guard isKnown else {
      // A password where a command should be, or a command that is mistyped and has one.
      w.text(IMAPFields.command, "UNKNOWN")
      s.pointee.secret.remember(line)
      return push(d, s, .unknown, tag, w)
    }
    w.string(IMAPFields.tag, tag)
    w.string(IMAPFields.command, word)
    let command = command(word)
    switch command {
    case .login:
      if let name = string(arguments, isFollowed: true) { w.string(IMAPFields.user, name) }
      // Of a literal here stands its length alone.
      if !hasLiteral { s.pointee.secret.remember(arguments) }
    case .authenticate:
      let (mechanism, initial) = TextLine.split(arguments)
      let shown = LoginMechanism.shown(mechanism)
      w.string(IMAPFields.authMechanism, shown)
      if !initial.isEmpty || shown.equals(Redactor.mask) {
        s.pointee.secret.remember(arguments)
      }
      s.pointee.authenticating &+= 1
    case .mailbox, .append:
      if let name = string(arguments, isFollowed: false) { w.string(IMAPFields.mailbox, name) }
    case .startTLS: s.pointee.set(Flags.asksTLS)
    case .other, .unknown: break
    }
    push(d, s, command, tag, w)
    // The first argument itself is the literal.
    if hasLiteral, command == .login || command.hasMailbox, arguments.u8(0) == 0x7b {
      s.pointee.set(Flags.wantsLiteral)
    }
  }

  /// The literal that was waited for.
  static func argument(_ d: Delivery, _ s: UnsafeMutablePointer<State>, _ text: Bytes) {
    s.pointee.set(Flags.wantsLiteral, false)
    let place = Int(s.pointee.latest & 7)
    guard !s.pointee.pending[place].tag.isEmpty else { return }
    let isLogin = s.pointee.pending[place].command == IMAPCommand.login.rawValue
    var w = d.event()
    w.string(isLogin ? IMAPFields.user : IMAPFields.mailbox, text)
    d.keep(w, in: &s.pointee.pending[place].draft)
  }

  private static func command(_ word: Bytes) -> IMAPCommand {
    if word.equals(lowercase: "login") { return .login }
    if word.equals(lowercase: "authenticate") { return .authenticate }
    if word.equals(lowercase: "starttls") { return .startTLS }
    if word.equals(lowercase: "select") || word.equals(lowercase: "examine")
      || word.equals(lowercase: "create") || word.equals(lowercase: "delete")
      || word.equals(lowercase: "rename") || word.equals(lowercase: "subscribe")
      || word.equals(lowercase: "unsubscribe") || word.equals(lowercase: "status")
    {
      return .mailbox
    }
    if word.equals(lowercase: "append") { return .append }
    return .other
  }

  /// An argument that is an atom or stands in quotes; nil where it is a literal or its quotes do not end.
  /// `isFollowed`: only if another argument stands behind it; a name alone may be a password.
  private static func string(_ arguments: Bytes, isFollowed: Bool) -> Bytes? {
    guard let first = arguments.u8(0), first != 0x7b else { return nil }
    var place = first == 0x22 ? 1 : 0
    if first == 0x22 {
      while let byte = arguments.u8(place), byte != 0x22 { place &+= byte == 0x5c ? 2 : 1 }
      guard arguments.u8(place) == 0x22 else { return nil }
      place &+= 1
    } else {
      while let byte = arguments.u8(place), byte > 0x20 { place &+= 1 }
    }
    if isFollowed, arguments.dropFirst(place).trimmed.isEmpty { return nil }
    let text = arguments.prefix(place)
    return first == 0x22 ? text.dropFirst(1).prefix(place &- 2) : text
  }

  private static func push(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ command: IMAPCommand, _ tag: Bytes,
    _ w: EventWriter
  ) {
    var pending = IMAPPending()
    pending.command = command.rawValue
    pending.tag.set(tag)
    d.keep(w, in: &pending.draft)
    var place = 0
    while place < State.mostPending, !s.pointee.pending[place].tag.isEmpty { place &+= 1 }
    if place == State.mostPending {
      d.note(.appTooManyTransactions)
      place = Int(s.pointee.latest &+ 1) & 7
      tell(d, s, place, .empty, .empty)
    }
    s.pointee.pending[place] = pending
    s.pointee.latest = UInt8(place)
  }

  // MARK: Answers

  static func takeAnswer(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ line: TextLine
  ) -> Progress {
    if s.pointee.has(Flags.serverGoesOn) { return .consumed(line.length) }
    let (tag, rest) = TextLine.split(line.text)
    if tag.equals("+") { return .consumed(line.length) }
    let (status, text) = TextLine.split(rest)
    if tag.equals("*") {
      if status.equals(lowercase: "capability") { keepCapabilities(d, s, text) }
      if !s.pointee.has(Flags.greeted) && !d.isMidstream && isStatus(status) {
        greeting(d, status, text)
      }
      s.pointee.set(Flags.greeted)
      return .consumed(line.length)
    }
    s.pointee.set(Flags.greeted)
    guard isStatus(status) else { return .consumed(line.length) }
    for place in 0..<State.mostPending {
      let isIt = s.pointee.pending[place].tag.with { !$0.isEmpty && $0.equals(tag) }
      guard isIt else { continue }
      let command = IMAPCommand(rawValue: s.pointee.pending[place].command)
      tell(d, s, place, status, text)
      if command == .startTLS {
        if status.equals(lowercase: "ok") {
          return Progress(consumed: line.length, next: .change(.tls))
        }
        s.pointee.set(Flags.asksTLS, false)
      }
      break
    }
    return .consumed(line.length)
  }

  private static func isStatus(_ word: Bytes) -> Bool {
    word.equals(lowercase: "ok") || word.equals(lowercase: "no") || word.equals(lowercase: "bad")
      || word.equals(lowercase: "preauth") || word.equals(lowercase: "bye")
  }

  private static func keepCapabilities(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ text: Bytes
  ) {
    d.drop(&s.pointee.capabilities)
    var w = d.event()
    w.string(IMAPFields.capabilities, text.prefix(1024))
    d.keep(w, in: &s.pointee.capabilities)
  }

  private static func greeting(_ d: Delivery, _ status: Bytes, _ text: Bytes) {
    var w = d.event()
    w.string(IMAPFields.status, status)
    w.string(IMAPFields.reply, text.prefix(1024))
    w.incomplete(d)
    d.emit(.imap, w, transaction: d.nextTransaction())
  }

  /// Lines of the client's are commands again, as far as this command is concerned.
  static func forgetLogin(_ s: UnsafeMutablePointer<State>, _ place: Int) {
    guard s.pointee.pending[place].command == IMAPCommand.authenticate.rawValue else { return }
    s.pointee.pending[place].command = IMAPCommand.other.rawValue
    s.pointee.authenticating &-= min(s.pointee.authenticating, 1)
  }

  /// The record of a command with its answer.
  static func tell(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ place: Int, _ status: Bytes, _ text: Bytes
  ) {
    var w = d.event()
    if !status.isEmpty {
      w.string(IMAPFields.status, status)
      // A server may repeat what it did not understand or let in.
      let pending = s.pointee.pending[place]
      let command = IMAPCommand(rawValue: pending.command) ?? .unknown
      // Of a mailbox it may say why; what else was refused may have had a secret for an argument.
      let isSaid = command.hasMailbox || command == .startTLS || status.equals(lowercase: "ok")
      if !isSaid || command == .unknown || pending.hasSecret || s.pointee.secret.isIn(text) {
        w.text(IMAPFields.reply, Redactor.mask)
      } else {
        w.string(IMAPFields.reply, text.prefix(1024))
      }
    }
    w.fields(of: s.pointee.capabilities, d)
    if s.pointee.dataBytes > 0 { w.integer(IMAPFields.dataBytes, s.pointee.dataBytes) }
    w.incomplete(d)
    d.emit(.imap, &s.pointee.pending[place].draft, w, transaction: d.nextTransaction())
    forgetLogin(s, place)
    s.pointee.pending[place] = IMAPPending()
    d.drop(&s.pointee.capabilities)
    s.pointee.dataBytes = 0
  }
}
