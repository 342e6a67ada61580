internal import CCrypto
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
    if part.magic != .unknown { w.text(FileFields.mimeType, part.magic.mimeType) }
    w.boolean(FileFields.gaps, part.missing > 0)
    w.text(FileFields.state, isComplete ? "CLOSED" : "TRUNCATED")
    if part.hashes(d) {
      var digest: InlineArray<32, UInt8> = InlineArray(repeating: 0)
      withUnsafeMutableBytes(of: &digest) { digest in
        guard let start = digest.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        ccrypto_sha256_end(&part.digest, start)
        w.hex(FileFields.sha256, Bytes(start, 32))
      }
    }
    w.boolean(FileFields.stored, d.settings.keepsFiles && part.isAttachment)
    w.integer(FileFields.size, part.size)
    // The message's own record comes behind its files, and takes the next number.
    w.integer(FileFields.transaction, d.flow.pointee.transactions)
    if part.missing > 0 { w.integer(FileFields.missingBytes, part.missing) }
    if d.settings.wantsHiddenRecords {
      w.time(FileFields.began, nanoseconds: part.began)
      w.text(FileFields.source, "SMTP")
      w.boolean(FileFields.isOrig, true)
      w.seconds(FileFields.duration, nanoseconds: max(d.time &- part.began, 0))
      w.integer(FileFields.depth, part.entities)
      w.integer(FileFields.fileNumber, part.parts &- 1)
    }
    w.end()
    w.incomplete(d)
    d.emit(.fileinfo, w, isHidden: !part.isAttachment)
  }
}
