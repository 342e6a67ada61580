internal import FlowEngine
internal import Records

/// POP3 (RFC 1939, RFC 2449, RFC 2595, RFC 5034): a record for the greeting and for each command with its
/// answer. Messages are passed over, but for their attachments where these are hashed.
enum POP3Stream: StreamDissector {
  typealias State = POP3State
  typealias Flags = POP3State.Flags

  static let longestLine = 1024
  private static let mostLines: UInt8 = 64
  private static let mostBytes: UInt32 = 4096

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    let known = context.serverPort == 110
    guard let end = bytes.firstIndex(of: 0x0a) else {
      guard bytes.count < 512 else { return .no }
      if context.isToServer {
        if known && isCommandsBeginning(bytes) { return .maybe }
        return mayBeCommand(bytes) ? .maybe : .no
      }
      if known && (bytes.isPrefix(of: "-ERR") || bytes.starts(with: "-ERR")) { return .maybe }
      return bytes.isPrefix(of: "+OK") || bytes.starts(with: "+OK") ? .maybe : .no
    }
    let line = bytes.prefix(end).withoutCR
    if context.isToServer {
      let (word, rest) = TextLine.split(line)
      if line.equals(lowercase: "capa") || line.equals(lowercase: "stls") { return .yes }
      if word.equals(lowercase: "apop") { return rest.isEmpty ? .no : .yes }
      if known { return isCommand(word) ? .yes : .no }
      // FTP has it, too: the server will tell.
      return word.equals(lowercase: "user") && !rest.isEmpty && bytes.count < 512 ? .maybe : .no
    }
    guard line.starts(with: "+OK") else {
      return known && line.starts(with: "-ERR") ? .yes : .no
    }
    if known || line.contains(lowercase: "pop3") { return .yes }
    // Others say `+OK`, too, and nothing else.
    guard line.u8(3) == 0x20, line.count > 4 else { return .no }
    if line.firstIndex(of: 0x3c) != nil && line.firstIndex(of: 0x40) != nil { return .yes }
    let next = bytes.dropFirst(end &+ 1)
    if next.starts(with: "+OK") || next.starts(with: "-ERR") { return .yes }
    return next.isEmpty || next.isPrefix(of: "+OK") || next.isPrefix(of: "-ERR") ? .maybe : .no
  }

  private static func mayBeCommand(_ bytes: Bytes) -> Bool {
    bytes.isPrefix(lowercase: "capa\r") || bytes.isPrefix(lowercase: "stls\r")
      || bytes.isPrefix(lowercase: "apop ") || bytes.isPrefix(lowercase: "user ")
      || bytes.isPrefix(lowercase: "auth ") || bytes.starts(withLowercase: "apop ")
      || bytes.starts(withLowercase: "user ") || bytes.starts(withLowercase: "auth ")
  }

  /// What has come of a line may be a command with its arguments.
  private static func isCommandsBeginning(_ bytes: Bytes) -> Bool {
    for place in 0..<min(bytes.count, 5) {
      guard let byte = bytes.u8(place) else { return false }
      if Bytes.lowercase(byte) &- 0x61 < 26 && place < 4 { continue }
      return place > 2 && (byte == 0x20 || byte == 0x0d)
    }
    return true
  }

  // MARK: Bytes

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    let reader = LineReader(d, state)
    if let progress = reader.before(bytes, mayBeTLS: state.pointee.has(Flags.asksTLS)) {
      return progress
    }
    if !d.isToServer && state.pointee.has(Flags.withinData) { return takeData(d, state, bytes) }
    guard let line = reader.line(bytes, limit: longestLine) else {
      return .needs(bytes.count &+ 1)
    }
    if d.isToServer {
      takeCommand(d, state, line.text)
      return .consumed(line.length)
    }
    return takeAnswer(d, state, line)
  }

  // MARK: Commands

  private static func takeCommand(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ line: Bytes
  ) {
    var w = d.event()
    w.beginObject(POP3Fields.request)
    if s.pointee.has(Flags.sasl) {
      s.pointee.set(Flags.sasl, false)
      s.pointee.secret.remember(line)
      w.text(POP3Fields.command, "<SASL DATA>")
      w.end()
      return push(d, s, .sasl, w)
    }
    let (word, rest) = TextLine.split(line)
    // What begins with a space is answered, too.
    guard !line.isEmpty else { return }
    var command = POP3Command.other
    if word.equals(lowercase: "pass") {
      w.uppercase(POP3Fields.command, word)
      secretArgument(s, &w, .empty, rest)
    } else if word.equals(lowercase: "apop") {
      w.uppercase(POP3Fields.command, word)
      let (name, digest) = TextLine.split(rest)
      secretArgument(s, &w, digest.isEmpty ? .empty : name, rest)
    } else if word.equals(lowercase: "auth") {
      // Behind the mechanism may stand the login itself (RFC 5034, section 4).
      w.uppercase(POP3Fields.command, word)
      let mechanism = TextLine.split(rest).word
      if !rest.isEmpty { secretArgument(s, &w, LoginMechanism.shown(mechanism), rest) }
      command = rest.isEmpty ? .list : .auth
    } else if isOpen(word) {
      w.uppercase(POP3Fields.command, word)
      arguments(s, &w, word, rest)
      command = kind(word, rest)
    } else {
      // What is mistyped may be a command with a password, or the password.
      w.text(POP3Fields.command, "UNKNOWN")
      if !rest.isEmpty { secretArgument(s, &w, .empty, rest) }
      s.pointee.secret.remember(line)
      command = .unknown
    }
    w.end()
    if command == .startTLS { s.pointee.set(Flags.asksTLS) }
    push(d, s, command, w)
  }

  private static func kind(_ word: Bytes, _ rest: Bytes) -> POP3Command {
    if word.equals(lowercase: "retr") { return .message }
    if word.equals(lowercase: "top") { return .top }
    if word.equals(lowercase: "capa") { return .list }
    if word.equals(lowercase: "list") || word.equals(lowercase: "uidl") {
      return rest.isEmpty ? .list : .other
    }
    return word.equals(lowercase: "stls") ? .startTLS : .other
  }

  private static func isCommand(_ word: Bytes) -> Bool {
    isOpen(word) || word.equals(lowercase: "pass") || word.equals(lowercase: "apop")
      || word.equals(lowercase: "auth")
  }

  /// A command whose arguments are no secret.
  private static func isOpen(_ word: Bytes) -> Bool {
    word.equals(lowercase: "user") || word.equals(lowercase: "stat")
      || word.equals(lowercase: "list") || word.equals(lowercase: "retr")
      || word.equals(lowercase: "dele") || word.equals(lowercase: "noop")
      || word.equals(lowercase: "rset") || word.equals(lowercase: "top")
      || word.equals(lowercase: "uidl") || word.equals(lowercase: "capa")
      || word.equals(lowercase: "stls") || word.equals(lowercase: "quit")
      || word.equals(lowercase: "utf8") || word.equals(lowercase: "lang")
  }

  /// A name that may be shown, and the mask for what stands behind it.
  private static func secretArgument(
    _ s: UnsafeMutablePointer<State>, _ w: inout EventWriter, _ name: Bytes, _ rest: Bytes
  ) {
    w.beginArray(POP3Fields.arguments)
    if !name.isEmpty { w.string(POP3Fields.arguments, name) }
    if !name.equals(rest), !name.equals(Redactor.mask) {
      w.text(POP3Fields.arguments, Redactor.mask)
    }
    w.end()
    // A mechanism alone, or APOP's name, is none.
    if !name.equals(rest) { s.pointee.secret.remember(rest) }
  }

  /// Numbers, and USER's name: all that these commands have (RFC 1939). What else is there may be a password.
  private static func arguments(
    _ s: UnsafeMutablePointer<State>, _ w: inout EventWriter, _ word: Bytes, _ rest: Bytes
  ) {
    guard !rest.isEmpty else { return }
    var isName = word.equals(lowercase: "user")
    w.beginArray(POP3Fields.arguments)
    var (argument, left) = TextLine.split(rest)
    for _ in 0..<8 {
      if isName || argument.decimal != nil {
        w.string(POP3Fields.arguments, argument)
      } else if !argument.isEmpty {
        w.text(POP3Fields.arguments, Redactor.mask)
        s.pointee.secret.remember(argument)
      }
      isName = false
      if left.isEmpty { break }
      (argument, left) = TextLine.split(left)
    }
    w.end()
  }

  private static func push(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ command: POP3Command, _ w: EventWriter
  ) {
    var pending = POP3Pending()
    pending.command = command.rawValue
    d.keep(w, in: &pending.draft)
    if s.pointee.pending.isFull {
      d.note(.appTooManyTransactions)
      tell(d, s)
    }
    s.pointee.pending.push(pending)
  }

  // MARK: Answers

  private static func takeAnswer(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ line: TextLine
  ) -> Progress {
    let text = line.text
    // A server greets before anybody asks: where it answers first, its greeting was not seen.
    let isGreeting =
      !s.pointee.has(Flags.greeted) && !d.isMidstream && s.pointee.pending.isEmpty
    s.pointee.set(Flags.greeted)
    var command = POP3Command.other
    if !isGreeting, let first = s.pointee.pending.first {
      command = POP3Command(rawValue: first.command) ?? .other
    }
    guard text.u8(0) == 0x2b || text.starts(with: "-ERR") else { return .consumed(line.length) }
    let isSuccess = text.u8(0) == 0x2b
    let isContinuation = isSuccess && !text.starts(with: "+OK")
    if isContinuation && command != .auth && command != .sasl { return .consumed(line.length) }
    s.pointee.isSuccess = isSuccess
    var w = d.event()
    w.boolean(POP3Fields.success, isSuccess)
    w.text(POP3Fields.status, isSuccess ? "OK" : "ERR")
    // What the server asks in a login may be a secret of both, and it may repeat what it was told: what was
    // masked, what it did not understand, or what was not seen here.
    let rest = text.dropFirst(isSuccess ? 3 : 4)
    let isUnasked = !isGreeting && s.pointee.pending.isEmpty
    if command == .unknown || isUnasked || s.pointee.secret.isIn(rest) {
      w.text(POP3Fields.header, Redactor.mask)
    } else {
      w.string(POP3Fields.header, isContinuation ? .empty : rest.trimmed)
    }
    d.keep(w, in: &s.pointee.response)
    if isContinuation { s.pointee.set(Flags.sasl) }
    let isMessage = command == .message || command == .top
    if isSuccess && !isContinuation && (command == .list || isMessage) {
      s.pointee.set(Flags.withinData)
      s.pointee.set(Flags.withinLine, false)
      s.pointee.isMessage = isMessage
      s.pointee.isBeginning = command == .top
      if isMessage && d.settings.hashesFiles { view(d, s).open() }
      return .consumed(line.length)
    }
    tell(d, s, isGreeting: isGreeting)
    if command == .startTLS {
      if isSuccess { return Progress(consumed: line.length, next: .change(.tls)) }
      s.pointee.set(Flags.asksTLS, false)
    }
    return .consumed(line.length)
  }

  /// Lines up to the one with a dot alone (RFC 1939, section 3).
  private static func takeData(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Progress {
    let view = view(d, s)
    if let reader = view.reader { return takeMail(d, s, view, reader, bytes) }
    var place = 0
    while let line = TextLine.first(of: bytes.dropFirst(place), limit: longestLine) {
      place &+= line.length
      let goesOn = s.pointee.has(Flags.withinLine)
      s.pointee.set(Flags.withinLine, line.isCut)
      if !goesOn && line.text.equals(".") && !line.isCut {
        s.pointee.set(Flags.withinData, false)
        tell(d, s)
        return .consumed(place)
      }
      s.pointee.dataBytes &+= UInt64(line.length)
      if !s.pointee.isMessage && !goesOn { keepLine(d, s, line.text) }
    }
    return place > 0 ? .consumed(place) : .needs(bytes.count &+ 1)
  }

  // MARK: Messages

  private static func view(_ d: Delivery, _ s: UnsafeMutablePointer<State>) -> MailView {
    MailView(
      d: d, mail: withUnsafeMutablePointer(to: &s.pointee.mail) { $0 }, source: .pop3,
      isToServer: false, state: UnsafeMutableRawPointer(s))
  }

  private static func takeMail(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ view: MailView,
    _ reader: UnsafeMutablePointer<MIMEReader>, _ bytes: Bytes
  ) -> Progress {
    let (count, isEnd) = reader.pointee.take(view, bytes, hasDots: true)
    s.pointee.dataBytes &+= UInt64(count)
    guard isEnd else { return count > 0 ? .consumed(count) : .needs(bytes.count &+ 1) }
    // The dot's line is none of the message's.
    s.pointee.dataBytes &-= bytes.u8(count &- 2) == 0x0d ? 3 : 2
    s.pointee.set(Flags.withinData, false)
    // Of a message's beginning nobody knows where the last part would have ended.
    view.finish(isComplete: !s.pointee.isBeginning && !reader.pointee.hasGap)
    view.clear()
    tell(d, s)
    return .consumed(count)
  }

  /// No more of a message comes.
  private static func breakOff(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ rest: Bytes = .empty
  ) {
    let view = view(d, s)
    guard view.reader != nil else { return }
    view.breakOff(rest)
    view.clear()
  }

  private static func keepLine(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ text: Bytes
  ) {
    guard !d.settings.isHeaderOnly, s.pointee.lines < mostLines, s.pointee.keptBytes < mostBytes
    else { return }
    s.pointee.lines &+= 1
    // Below the limit, and a line on top.
    s.pointee.keptBytes &+= UInt32(truncatingIfNeeded: text.count)
    var w = d.event()
    w.string(POP3Fields.data, text)
    d.keep(w, in: &s.pointee.data)
  }

  /// The record of the oldest command, or of a greeting.
  private static func tell(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, isGreeting: Bool = false
  ) {
    var pending = POP3Pending()
    if !isGreeting { pending = s.pointee.pending.pop() ?? pending }
    var w = d.event()
    if !s.pointee.response.isEmpty {
      w.beginObject(POP3Fields.response)
      w.fields(of: s.pointee.response, d)
      w.array(POP3Fields.data, of: s.pointee.data, d)
      if s.pointee.dataBytes > 0 { w.integer(POP3Fields.dataBytes, s.pointee.dataBytes) }
      w.end()
    }
    w.incomplete(d)
    d.emit(.pop3, &pending.draft, w, transaction: d.nextTransaction())
    d.drop(&s.pointee.response)
    d.drop(&s.pointee.data)
    s.pointee.dataBytes = 0
    s.pointee.lines = 0
    s.pointee.keptBytes = 0
  }

  // MARK: Holes and ends

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    state.pointee.set(Flags.greeted)
    if !d.isToServer && state.pointee.has(Flags.withinData) && state.pointee.isMessage {
      // A message goes on behind the hole, up to its dot.
      state.pointee.set(Flags.withinLine)
      view(d, state).miss(rest, missing)
      state.pointee.dataBytes &+= missing &+ UInt64(rest.count)
      return .resume
    }
    flush(d, state)
    LineReader(d, state).loseLine()
    return .resume
  }

  private static func flush(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    breakOff(d, s)
    if s.pointee.pending.isEmpty && !s.pointee.response.isEmpty { tell(d, s) }
    while !s.pointee.pending.isEmpty { tell(d, s) }
    s.pointee.set(Flags.withinData | Flags.sasl, false)
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    if !d.isToServer { breakOff(d, state, rest) }
    guard !state.pointee.has(Flags.withinData), let line = LineReader(d, state).last(rest) else {
      return
    }
    if d.isToServer {
      takeCommand(d, state, line.text)
    } else {
      _ = takeAnswer(d, state, line)
    }
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) { flush(d, state) }
}
