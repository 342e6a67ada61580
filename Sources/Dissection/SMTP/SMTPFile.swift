internal import FlowEngine
internal import Records

/// The record of a message's part as a file: attachments for everybody, the other parts for Zeek's log.
enum SMTPFile {
  static func tell(
    _ d: Delivery, _ s: UnsafeMutablePointer<SMTPState>, _ part: inout MIMEReader,
    isComplete: Bool
  ) {
    var w = d.event()
    w.text(FileFields.appProto, "smtp")
    w.beginObject(FileFields.smtp)
    SMTPStream.writeEnvelope(d, s, &w)
    w.end()
    w.beginObject(FileFields.email)
    w.text(SMTPFields.status, part.status)
    SMTPStream.writeHeader(d, s, &w)
    w.end()
    w.beginObject(FileFields.fileinfo)
    if !d.settings.isHeaderOnly {
      part.name.with { if !$0.isEmpty { d.redacted(&w, FileFields.filename, $0) } }
    }
    // The message's own record comes behind its files, and takes the next number.
    var file = FileRecord(
      source: "SMTP", isFromClient: true, began: part.began,
      transaction: d.flow.pointee.transactions, isWhole: isComplete, hasGaps: part.missing > 0,
      size: part.size)
    file.missing = part.missing
    file.magic = part.magic
    file.isStored = part.isAttachment
    let hashes = part.hashes(d)
    withUnsafeMutablePointer(to: &part.digest) {
      if hashes { file.digest = $0 }
      file.write(d, &w)
    }
    if d.settings.wantsHiddenRecords {
      w.integer(FileFields.depth, part.entities)
      w.integer(FileFields.fileNumber, part.parts &- 1)
    }
    w.end()
    w.incomplete(d)
    d.emit(.fileinfo, w, isHidden: !part.isAttachment)
  }
}
