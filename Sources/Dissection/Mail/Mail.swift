internal import FlowEngine
internal import Records

/// A mail while it is read, whatever brings it (SMTP, IMAP, POP3): part of a dissector's state; all zeros is
/// none.
struct Mail: BitwiseCopyable {
  /// ``MIMEReader``, in a block of the pool; 0: there is none.
  var reader: UInt32 = 0
  /// What the end of a piece has left of a line.
  var stash: UInt32 = 0
  var stashCount: UInt32 = 0
  /// Header fields seen, a bit for each that is recorded.
  var seen: UInt32 = 0
  var receivedCount: UInt16 = 0
  /// Of ``reader``'s and ``stash``'s block.
  var readerSize: UInt8 = 0
  var stashSize: UInt8 = 0
  var header = EventDraft()
  var received = EventDraft()
  var attachments = EventDraft()
  var links = EventDraft()
}

/// A call's view of a mail: what is kept of it, and the connection that brings it.
struct MailView: BitwiseCopyable {
  enum Source: UInt8, BitwiseCopyable {
    case smtp, imap, pop3
  }

  let d: Delivery
  let mail: UnsafeMutablePointer<Mail>
  let source: Source
  /// The client sends it.
  let isToServer: Bool
  /// The state of the dissector that brings it: of ``source``.
  let state: UnsafeMutableRawPointer

  /// All parts have a record, for Zeek's files.log; else attachments alone.
  var tellsAllParts: Bool { source == .smtp && d.settings.wantsHiddenRecords }
  var tellsLinks: Bool { source == .smtp }

  /// What a piece may leave of a line or a header field for the next one.
  private static var longestStash: Int { 16 << 10 }

  var reader: UnsafeMutablePointer<MIMEReader>? {
    guard mail.pointee.reader != 0 else { return nil }
    return d.core.pointee.blocks.at(mail.pointee.reader).assumingMemoryBound(to: MIMEReader.self)
  }

  // MARK: Beginning and end

  /// A mail begins; without memory for its reader none is read.
  func open() {
    close()
    guard let size = BlockPool.size(for: MemoryLayout<MIMEReader>.size) else { return }
    let block = d.core.pointee.blocks.take(size)
    guard block != 0 else { return d.core.pointee.counters.add(.dissectionNoMemory) }
    mail.pointee.reader = block
    mail.pointee.readerSize = size
    d.core.pointee.blocks.at(block).initializeMemory(as: MIMEReader.self, to: MIMEReader())
  }

  func close() {
    d.core.pointee.blocks.giveBack(mail.pointee.reader, mail.pointee.readerSize)
    mail.pointee.reader = 0
    giveBackStash()
  }

  /// Nothing of a mail is left.
  func clear() {
    close()
    d.drop(&mail.pointee.header)
    d.drop(&mail.pointee.received)
    d.drop(&mail.pointee.attachments)
    d.drop(&mail.pointee.links)
    mail.pointee.receivedCount = 0
    mail.pointee.seen = 0
  }

  /// The mail is over. `isComplete`: to its end.
  func finish(isComplete: Bool) {
    flushStash()
    reader?.pointee.finish(self, isComplete: isComplete)
  }

  // MARK: Pieces

  /// Bytes of a piece of which `left` are still to come; it may end within a line, which the next one goes on
  /// with. With the last byte `left` is 0.
  func take(_ bytes: Bytes, _ left: inout UInt64) -> Progress {
    guard let reader else {
      let rest = left
      left = 0
      return .skip(rest, after: 0)
    }
    let piece = bytes.prefix(Int(min(left, UInt64(bytes.count))))
    if mail.pointee.stashCount > 0 {
      // What the piece before left of a line has to become whole first.
      let consumed = takeStash(reader, piece.prefix(1024))
      left &-= min(UInt64(consumed), left)
      if consumed > 0 || mail.pointee.stashCount > 0 { return .consumed(consumed) }
    }
    let (consumed, _) = reader.pointee.take(self, piece, hasDots: false)
    guard UInt64(piece.count) == left else {
      left &-= UInt64(consumed)
      return consumed > 0 ? .consumed(consumed) : .needs(piece.count &+ 1)
    }
    // It is all there, and it may end within a line.
    stash(reader, piece.dropFirst(consumed))
    left = 0
    return .consumed(piece.count)
  }

  /// Keeps what is not whole for the next piece.
  private func stash(_ reader: UnsafeMutablePointer<MIMEReader>, _ rest: Bytes) {
    guard !rest.isEmpty else { return }
    guard rest.count <= Self.longestStash, let size = BlockPool.size(for: Self.longestStash) else {
      return reader.pointee.takeRest(self, rest)
    }
    let block = d.core.pointee.blocks.take(size)
    guard block != 0 else {
      d.core.pointee.counters.add(.dissectionNoMemory)
      return reader.pointee.takeRest(self, rest)
    }
    d.core.pointee.blocks.at(block).copyMemory(from: rest.base, byteCount: rest.count)
    mail.pointee.stash = block
    mail.pointee.stashSize = size
    mail.pointee.stashCount = UInt32(truncatingIfNeeded: rest.count)
  }

  /// Puts bytes behind the stash and reads from its front; returns how many of `bytes` it has done with.
  private func takeStash(_ reader: UnsafeMutablePointer<MIMEReader>, _ bytes: Bytes) -> Int {
    let old = Int(mail.pointee.stashCount)
    let step = bytes.prefix(Self.longestStash &- old)
    let memory = d.core.pointee.blocks.at(mail.pointee.stash)
    (memory + old).copyMemory(from: step.base, byteCount: step.count)
    let whole = Bytes(
      UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)), old &+ step.count)
    var (consumed, _) = reader.pointee.take(self, whole, hasDots: false)
    if consumed < old, whole.count == Self.longestStash {
      // Longer than anything that makes sense.
      reader.pointee.takeRest(self, whole.dropFirst(consumed))
      consumed = whole.count
    }
    if consumed >= old {
      giveBackStash()
      return consumed &- old
    }
    // All of it is in the stash now, less what was read.
    let left = whole.count &- consumed
    memory.copyMemory(from: whole.base + consumed, byteCount: left)
    mail.pointee.stashCount = UInt32(truncatingIfNeeded: left)
    return step.count
  }

  private func flushStash() {
    guard mail.pointee.stashCount > 0, let reader else { return }
    let memory = d.core.pointee.blocks.at(mail.pointee.stash)
      .assumingMemoryBound(to: UInt8.self)
    reader.pointee.takeRest(self, Bytes(UnsafePointer(memory), Int(mail.pointee.stashCount)))
    giveBackStash()
  }

  private func giveBackStash() {
    d.core.pointee.blocks.giveBack(mail.pointee.stash, mail.pointee.stashSize)
    mail.pointee.stash = 0
    mail.pointee.stashCount = 0
  }

  // MARK: What is missing

  /// The last bytes of a mail that breaks off.
  func breakOff(_ rest: Bytes) {
    flushStash()
    if !rest.isEmpty { reader?.pointee.takeRest(self, rest) }
    reader?.pointee.finish(self, isComplete: false)
  }

  /// `missing` bytes of it behind `rest` were not seen.
  func miss(_ rest: Bytes, _ missing: UInt64) {
    flushStash()
    reader?.pointee.missed(self, rest, missing)
  }

  // MARK: Records

  /// The members of EVE's `email`.
  func writeHeader(_ w: inout EventWriter) {
    w.fields(of: mail.pointee.header, d)
    w.array(SMTPFields.received, of: mail.pointee.received, d)
    w.array(SMTPFields.attachments, of: mail.pointee.attachments, d)
  }
}
