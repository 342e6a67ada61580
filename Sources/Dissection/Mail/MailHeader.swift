internal import FlowEngine
internal import Records

/// The fields of a message's header that its record has.
enum MailHeader {
  /// Received fields that are written down, and addresses of one field.
  private static let mostReceived: UInt16 = 32
  private static let mostAddresses = 256

  /// One field: the first one of a name counts, but every Received.
  static func take(
    _ m: MailView, _ name: Bytes, _ value: Bytes
  ) {
    switch name.count {
    case 2:
      if name.equals(lowercase: "to") { addresses(m, 0, SMTPFields.to, value) }
      if name.equals(lowercase: "cc") { addresses(m, 1, SMTPFields.cc, value) }
    case 3: if name.equals(lowercase: "bcc") { addresses(m, 2, SMTPFields.bcc, value) }
    case 4:
      if name.equals(lowercase: "from") { text(m, 3, SMTPFields.from, value) }
      if name.equals(lowercase: "date") { text(m, 4, SMTPFields.date, value) }
    case 7: if name.equals(lowercase: "subject") { subject(m, value) }
    case 8:
      if name.equals(lowercase: "reply-to") { text(m, 6, SMTPFields.replyTo, value) }
      if name.equals(lowercase: "x-mailer") { text(m, 7, SMTPFields.mailer, value) }
      if name.equals(lowercase: "received") { received(m, value) }
    case 10:
      if name.equals(lowercase: "message-id") { text(m, 8, SMTPFields.messageID, value) }
      if name.equals(lowercase: "user-agent") { text(m, 9, SMTPFields.userAgent, value) }
    case 11:
      if name.equals(lowercase: "in-reply-to") { text(m, 10, SMTPFields.inReplyTo, value) }
    case 12:
      if name.equals(lowercase: "x-user-agent") { text(m, 9, SMTPFields.userAgent, value) }
    case 16:
      if name.equals(lowercase: "x-originating-ip") {
        text(m, 11, SMTPFields.originatingIP, value)
      }
    default: break
    }
  }

  private static func isFirst(_ m: MailView, _ bit: UInt32) -> Bool {
    defer { m.mail.pointee.seen |= 1 << bit }
    return m.mail.pointee.seen >> bit & 1 == 0
  }

  private static func text(
    _ m: MailView, _ bit: UInt32, _ field: EventField,
    _ value: Bytes
  ) {
    guard isFirst(m, bit) else { return }
    MIMEText.unfolded(m.d, value) { text in
      var w = m.d.event()
      m.d.redacted(&w, field, text)
      m.d.keep(w, in: &m.mail.pointee.header)
    }
  }

  private static func subject(
    _ m: MailView, _ value: Bytes
  ) {
    guard isFirst(m, 5), !m.d.settings.isHeaderOnly else { return }
    MIMEText.unfolded(m.d, value) { text in
      var w = m.d.event()
      if text.firstIndex(of: "=?") == nil {
        m.d.redacted(&w, SMTPFields.subject, text)
      } else {
        // A character of an encoded word may become two bytes.
        m.d.withText(room: text.count &* 2) { output in
          MIMEText.decodeWords(text, &output)
          m.d.redacted(&w, SMTPFields.subject, output.bytes)
        }
        if m.d.settings.wantsHiddenRecords { m.d.redacted(&w, SMTPFields.rawSubject, text) }
      }
      m.d.keep(w, in: &m.mail.pointee.header)
    }
  }

  private static func received(
    _ m: MailView, _ value: Bytes
  ) {
    guard m.mail.pointee.receivedCount < mostReceived else { return }
    m.mail.pointee.receivedCount &+= 1
    MIMEText.unfolded(m.d, value) { text in
      var w = m.d.event()
      m.d.redacted(&w, SMTPFields.received, text)
      m.d.keep(w, in: &m.mail.pointee.received)
    }
  }

  /// A list of addresses, cut at the commas that stand outside of quotes, comments and brackets.
  private static func addresses(
    _ m: MailView, _ bit: UInt32, _ field: EventField,
    _ value: Bytes
  ) {
    guard isFirst(m, bit) else { return }
    MIMEText.unfolded(m.d, value) { text in
      var w = m.d.event()
      w.beginArray(field)
      var (start, place, count) = (0, 0, 0)
      var (isQuoted, comments, isBracketed) = (false, 0, false)
      while let byte = text.u8(place), count < mostAddresses {
        switch byte {
        case 0x5c where isQuoted: place &+= 1
        case 0x22: isQuoted.toggle()
        case 0x28 where !isQuoted: comments &+= 1
        case 0x29 where !isQuoted && comments > 0: comments &-= 1
        case 0x3c where !isQuoted: isBracketed = true
        case 0x3e where !isQuoted: isBracketed = false
        case 0x2c where !isQuoted && comments == 0 && !isBracketed:
          put(m.d, &w, field, text.prefix(place).dropFirst(start), &count)
          start = place &+ 1
        default: break
        }
        place &+= 1
      }
      if count < mostAddresses { put(m.d, &w, field, text.dropFirst(start), &count) }
      w.end()
      if count > 0 { m.d.keep(w, in: &m.mail.pointee.header) }
    }
  }

  private static func put(
    _ d: Delivery, _ w: inout EventWriter, _ field: EventField, _ text: Bytes, _ count: inout Int
  ) {
    let text = text.trimmed
    guard !text.isEmpty else { return }
    d.redacted(&w, field, text)
    count &+= 1
  }
}
