internal import FlowEngine
internal import Records

extension SMTPStream {
  /// Recipients of one message that are written down.
  static let mostRecipients = 256

  /// What a command's first word says; nil for what is none.
  static func kind(_ word: Bytes) -> SMTPCommand? {
    switch word.count {
    case 4:
      if word.equals(lowercase: "ehlo") || word.equals(lowercase: "helo")
        || word.equals(lowercase: "lhlo")
      {
        return .hello
      }
      if word.equals(lowercase: "mail") { return .mail }
      if word.equals(lowercase: "rcpt") { return .recipient }
      if word.equals(lowercase: "data") { return .data }
      if word.equals(lowercase: "bdat") { return .chunk }
      if word.equals(lowercase: "rset") { return .reset }
      if word.equals(lowercase: "auth") { return .auth }
      if word.equals(lowercase: "quit") { return .quit }
      if word.equals(lowercase: "noop") || word.equals(lowercase: "vrfy")
        || word.equals(lowercase: "expn") || word.equals(lowercase: "help")
        || word.equals(lowercase: "etrn") || word.equals(lowercase: "turn")
      {
        return .other
      }
      return nil
    case 8: return word.equals(lowercase: "starttls") ? .startTLS : nil
    case 7: return word.equals(lowercase: "xclient") ? .other : nil
    case 9: return word.equals(lowercase: "xforward") ? .other : nil
    default: return nil
    }
  }

  /// One line of the client's.
  static func takeCommand(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Progress {
    let reader = LineReader(d, s)
    if let progress = reader.before(bytes, mayBeTLS: s.pointee.has(Flags.asksTLS)) {
      if case .change = progress.next { tellTLS(d, s) }
      return progress
    }
    guard let line = reader.line(bytes, limit: longestLine) else {
      return .needs(bytes.count &+ 1)
    }
    if s.pointee.has(Flags.secretLine) {
      s.pointee.set(Flags.secretLine, false)
      return .consumed(line.length)
    }
    command(d, s, line.text)
    return .consumed(line.length)
  }

  private static func command(_ d: Delivery, _ s: UnsafeMutablePointer<State>, _ line: Bytes) {
    let (word, rest) = TextLine.split(line)
    let kind = kind(word) ?? .other
    s.pointee.set(Flags.asksTLS, kind == .startTLS)
    var queued = kind
    switch kind {
    case .hello:
      // With a message under way it begins anew only where the server says yes.
      if !s.pointee.has(Flags.mail) || s.pointee.helo.isEmpty { s.pointee.helo.set(rest) }
      giveUpIfOpen(s)
    case .reset: giveUpIfOpen(s)
    case .mail:
      guard rest.starts(withLowercase: "from:") else { break }
      beginMail(d, s)
      s.pointee.sender.set(path(rest.dropFirst(5)))
    case .recipient:
      guard rest.starts(withLowercase: "to:") else { break }
      recipient(d, s, path(rest.dropFirst(3)))
    case .data:
      s.pointee.phase = .data
      s.pointee.set(Flags.begun, false)
      openMail(d, s)
    case .chunk:
      queued = chunk(d, s, rest)
    case .auth:
      let (mechanism, _) = TextLine.split(rest)
      s.pointee.mechanism.set(LoginMechanism.shown(mechanism))
    default: break
    }
    if !s.pointee.ask(queued) { d.note(.appTooManyTransactions) }
  }

  private static func giveUpIfOpen(_ s: UnsafeMutablePointer<State>) {
    if s.pointee.has(Flags.mail) && !s.pointee.has(Flags.complete) {
      s.pointee.set(Flags.reset)
    }
  }

  /// What stands behind `FROM:` or `TO:`, up to the parameters.
  private static func path(_ rest: Bytes) -> Bytes {
    let text = rest.trimmed
    // A quoted local part may have spaces in it.
    if text.u8(0) == 0x3c, let end = text.firstIndex(of: 0x3e) { return text.prefix(end &+ 1) }
    return TextLine.split(text).word
  }

  private static func recipient(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ address: Bytes
  ) {
    guard Int(s.pointee.recipientCount) < mostRecipients else {
      s.pointee.recipients.isTruncated = true
      return d.note(.appTooManyTransactions)
    }
    s.pointee.recipientCount &+= 1
    s.pointee.set(Flags.mail)
    var w = d.event()
    d.redacted(&w, SMTPFields.recipients, address)
    d.keep(w, in: &s.pointee.recipients)
  }

  /// BDAT's length (RFC 3030, section 2).
  private static func chunk(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ rest: Bytes
  ) -> SMTPCommand {
    let (size, last) = TextLine.split(rest)
    guard let length = size.decimal, length < 1 << 40,
      last.isEmpty || last.equals(lowercase: "last")
    else {
      d.note(.appMalformed)
      return .other
    }
    if s.pointee.mail.reader == 0 { openMail(d, s) }
    s.pointee.phase = .chunk
    s.pointee.chunkLeft = length
    s.pointee.set(Flags.begun, false)
    s.pointee.set(Flags.lastChunk, !last.isEmpty)
    if length == 0 { endChunk(d, s) }
    return last.isEmpty ? .chunk : .lastChunk
  }
}
