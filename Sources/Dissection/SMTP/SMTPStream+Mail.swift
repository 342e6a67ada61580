internal import FlowEngine
internal import Records

// A message: the bytes behind DATA or BDAT given to a reader of MIME, and its record.

extension SMTPStream {
  static func view(_ d: Delivery, _ s: UnsafeMutablePointer<State>) -> MailView {
    MailView(
      d: d, mail: withUnsafeMutablePointer(to: &s.pointee.mail) { $0 }, source: .smtp,
      isToServer: true, state: UnsafeMutableRawPointer(s))
  }

  // MARK: Beginning and end

  /// MAIL FROM: a message that nobody has answered yet is told of as it is.
  static func beginMail(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    if s.pointee.has(Flags.mail) { tell(d, s) }
    clearMail(d, s)
    s.pointee.set(Flags.mail)
  }

  static func openMail(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    s.pointee.set(Flags.mail)
    s.pointee.set(Flags.complete, false)
    view(d, s).open()
  }

  /// Nothing of a message is left.
  static func clearMail(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    view(d, s).clear()
    d.drop(&s.pointee.recipients)
    s.pointee.sender.set(.empty)
    s.pointee.recipientCount = 0
    s.pointee.set(Flags.mail | Flags.complete | Flags.gap | Flags.begun | Flags.reset, false)
  }

  static func endMail(_ d: Delivery, _ s: UnsafeMutablePointer<State>, isComplete: Bool) {
    view(d, s).finish(isComplete: isComplete && !s.pointee.has(Flags.gap))
    s.pointee.phase = .commands
    s.pointee.set(Flags.complete)
  }

  // MARK: DATA

  static func takeData(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Progress {
    s.pointee.set(Flags.begun)
    let view = view(d, s)
    guard let reader = view.reader else { return takeUnread(d, s, bytes) }
    let (consumed, isEnd) = reader.pointee.take(view, bytes, hasDots: true)
    if isEnd {
      s.pointee.ask(.endOfData)
      endMail(d, s, isComplete: true)
    } else if consumed == 0 {
      return .needs(bytes.count &+ 1)
    }
    return .consumed(consumed)
  }

  /// There was no memory for a reader: the end is looked for, and nothing else.
  private static func takeUnread(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Progress {
    guard let line = TextLine.first(of: bytes, limit: longestLine) else {
      return .needs(bytes.count &+ 1)
    }
    if line.text.equals("."), !line.isCut {
      s.pointee.ask(.endOfData)
      endMail(d, s, isComplete: true)
    }
    return .consumed(line.length)
  }

  // MARK: BDAT

  static func takeChunk(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Progress {
    s.pointee.set(Flags.begun)
    let progress = view(d, s).take(bytes, &s.pointee.chunkLeft)
    if s.pointee.chunkLeft == 0 { endChunk(d, s) }
    return progress
  }

  static func endChunk(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    s.pointee.phase = .commands
    guard s.pointee.has(Flags.lastChunk) else { return }
    endMail(d, s, isComplete: true)
  }

  // MARK: The record

  /// Makes the record of the message under way, or of a connection without one.
  static func tell(_ d: Delivery, _ s: UnsafeMutablePointer<State>, isTLS: Bool = false) {
    var w = d.event()
    let view = view(d, s)
    let status = view.reader?.pointee.status
    w.beginObject(SMTPFields.smtp)
    writeEnvelope(d, s, &w)
    w.end()
    if let status {
      w.beginObject(SMTPFields.email)
      w.text(SMTPFields.status, status)
      view.writeHeader(&w)
      writeLinks(d, s, &w)
      w.end()
    }
    if d.settings.wantsHiddenRecords {
      w.integer(SMTPFields.depth, s.pointee.messages &+ 1)
      s.pointee.lastReply.with { if !$0.isEmpty { w.string(SMTPFields.lastReply, $0) } }
      w.boolean(SMTPFields.tls, isTLS)
      if let parts = view.reader?.pointee.parts, parts > 0 { w.integer(SMTPFields.files, parts) }
    }
    w.incomplete(d)
    if s.pointee.messages < .max { s.pointee.messages &+= 1 }
    s.pointee.set(Flags.told)
    d.emit(.smtp, w, transaction: d.nextTransaction())
    clearMail(d, s)
  }

  /// Suricata has the last address first.
  private static func writeLinks(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ w: inout EventWriter
  ) {
    let links = s.pointee.mail.links
    guard !links.isEmpty else { return }
    let tokens = UnsafeRawBufferPointer(
      start: UnsafeRawPointer(d.core.pointee.blocks.at(links.block)), count: Int(links.count))
    var left = 0
    var counter = EventReader(tokens)
    while counter.next() != nil { left &+= 1 }
    w.beginArray(SMTPFields.url)
    while left > 0 {
      left &-= 1
      // At the most `MIMELinks.most` of them: each is looked up from the front.
      var reader = EventReader(tokens)
      for _ in 0..<left { _ = reader.next() }
      guard let (_, value) = reader.next(), case .string(let text) = value,
        let base = text.baseAddress
      else { continue }
      w.string(
        SMTPFields.url, Bytes(base.assumingMemoryBound(to: UInt8.self), text.count))
    }
    w.end()
  }

  static func writeEnvelope(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ w: inout EventWriter
  ) {
    s.pointee.helo.with { if !$0.isEmpty { d.redacted(&w, SMTPFields.helo, $0) } }
    s.pointee.sender.with { if !$0.isEmpty { d.redacted(&w, SMTPFields.mailFrom, $0) } }
    w.array(SMTPFields.recipients, of: s.pointee.recipients, d)
    s.pointee.mechanism.with { if !$0.isEmpty { w.string(SMTPFields.authMechanism, $0) } }
  }
}
