internal import FlowEngine
internal import Records

/// The record of a mail's part as a file: attachments for everybody, the other parts for Zeek's log.
enum MailFile {
  static func tell(_ m: MailView, _ part: inout MIMEReader, isComplete: Bool) {
    var w = m.d.event()
    writeTransaction(m, &w)
    w.beginObject(FileFields.email)
    w.text(SMTPFields.status, part.status)
    m.writeHeader(&w)
    w.end()
    w.beginObject(FileFields.fileinfo)
    if !m.d.settings.isHeaderOnly {
      part.name.with { if !$0.isEmpty { m.d.redacted(&w, FileFields.filename, $0) } }
    }
    // The record of what brought it comes behind its files, and takes the next number.
    var file = FileRecord(
      source: source(m), isFromClient: m.isToServer, began: part.began,
      transaction: m.d.flow.pointee.transactions, isWhole: isComplete, hasGaps: part.missing > 0,
      size: part.size)
    file.missing = part.missing
    file.magic = part.magic
    file.isStored = part.isAttachment
    let hashes = part.hashes(m)
    withUnsafeMutablePointer(to: &part.digest) {
      if hashes { file.digest = $0 }
      file.write(m.d, &w)
    }
    if m.d.settings.wantsHiddenRecords {
      w.integer(FileFields.depth, part.entities)
      w.integer(FileFields.fileNumber, part.parts &- 1)
    }
    w.end()
    w.incomplete(m.d)
    m.d.emit(.fileinfo, w, toServer: m.isToServer, isHidden: !part.isAttachment)
  }

  private static func source(_ m: MailView) -> StaticString {
    switch m.source {
    case .smtp: "SMTP"
    case .imap: "IMAP"
    case .pop3: "POP3"
    }
  }

  /// The protocol, and its object: what is known so far of the transaction that brings the mail.
  private static func writeTransaction(_ m: MailView, _ w: inout EventWriter) {
    switch m.source {
    case .smtp:
      w.text(FileFields.appProto, "smtp")
      w.beginObject(FileFields.smtp)
      SMTPStream.writeEnvelope(m.d, m.state.assumingMemoryBound(to: SMTPState.self), &w)
      w.end()
    case .imap:
      w.text(FileFields.appProto, "imap")
      let command = IMAPStream.commandOfMail(m)
      guard !command.isEmpty else { return }
      w.beginObject(FileFields.imap)
      w.fields(of: command, m.d)
      w.end()
    case .pop3:
      w.text(FileFields.appProto, "pop3")
      let state = m.state.assumingMemoryBound(to: POP3State.self)
      guard let command = state.pointee.pending.first?.draft, !command.isEmpty else { return }
      w.beginObject(FileFields.pop3)
      w.fields(of: command, m.d)
      w.end()
    }
  }
}
