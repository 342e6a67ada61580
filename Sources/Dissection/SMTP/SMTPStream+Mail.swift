internal import FlowEngine
internal import Records

// A message: the bytes behind DATA or BDAT given to a reader of MIME, and its record.

extension SMTPStream {
  /// What a chunk may leave of a line or a header field for the next one.
  private static let longestStash = 16 << 10

  // MARK: Beginning and end

  /// MAIL FROM: a message that nobody has answered yet is told of as it is.
  static func beginMail(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    if s.pointee.has(Flags.mail) { tell(d, s) }
    clearMail(d, s)
    s.pointee.set(Flags.mail)
  }

  static func openMail(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    closeReader(d, s)
    s.pointee.set(Flags.mail)
    s.pointee.set(Flags.complete, false)
    guard let size = BlockPool.size(for: MemoryLayout<MIMEReader>.size) else { return }
    let block = d.core.pointee.blocks.take(size)
    guard block != 0 else { return d.core.pointee.counters.add(.dissectionNoMemory) }
    s.pointee.mime = block
    s.pointee.mimeSize = size
    d.core.pointee.blocks.at(block).initializeMemory(as: MIMEReader.self, to: MIMEReader())
  }

  static func reader(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>
  ) -> UnsafeMutablePointer<MIMEReader>? {
    guard s.pointee.mime != 0 else { return nil }
    return d.core.pointee.blocks.at(s.pointee.mime).assumingMemoryBound(to: MIMEReader.self)
  }

  static func closeReader(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    d.core.pointee.blocks.giveBack(s.pointee.mime, s.pointee.mimeSize)
    s.pointee.mime = 0
    d.core.pointee.blocks.giveBack(s.pointee.stash, s.pointee.stashSize)
    s.pointee.stash = 0
    s.pointee.stashCount = 0
  }

  /// Nothing of a message is left.
  static func clearMail(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    closeReader(d, s)
    d.drop(&s.pointee.recipients)
    d.drop(&s.pointee.header)
    d.drop(&s.pointee.received)
    d.drop(&s.pointee.attachments)
    d.drop(&s.pointee.links)
    s.pointee.sender.set(.empty)
    s.pointee.recipientCount = 0
    s.pointee.receivedCount = 0
    s.pointee.seen = 0
    s.pointee.set(Flags.mail | Flags.complete | Flags.gap | Flags.begun | Flags.reset, false)
  }

  static func endMail(_ d: Delivery, _ s: UnsafeMutablePointer<State>, isComplete: Bool) {
    reader(d, s)?.pointee.finish(d, s, isComplete: isComplete && !s.pointee.has(Flags.gap))
    s.pointee.phase = .commands
    s.pointee.set(Flags.complete)
  }

  // MARK: DATA

  static func takeData(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Progress {
    s.pointee.set(Flags.begun)
    guard let reader = reader(d, s) else { return takeUnread(d, s, bytes) }
    let (consumed, isEnd) = reader.pointee.take(d, s, bytes, hasDots: true)
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
    guard let reader = reader(d, s) else {
      let left = s.pointee.chunkLeft
      s.pointee.chunkLeft = 0
      endChunk(d, s)
      return .skip(left, after: 0)
    }
    let piece = bytes.prefix(Int(min(s.pointee.chunkLeft, UInt64(bytes.count))))
    let isWhole = UInt64(piece.count) == s.pointee.chunkLeft
    if s.pointee.stashCount > 0 {
      // What the chunk before left of a line has to become whole first.
      let step = piece.prefix(1024)
      let isLast = isWhole && step.count == piece.count
      let consumed = takeStash(d, s, reader, step)
      advance(d, s, consumed, isWhole: isLast && consumed == step.count)
      return .consumed(consumed)
    }
    let (consumed, _) = reader.pointee.take(d, s, piece, hasDots: false)
    guard isWhole else {
      s.pointee.chunkLeft &-= UInt64(consumed)
      return consumed > 0 ? .consumed(consumed) : .needs(piece.count &+ 1)
    }
    // The chunk is all there, and it may end within a line.
    stash(d, s, reader, piece.dropFirst(consumed))
    s.pointee.chunkLeft = 0
    endChunk(d, s)
    return .consumed(piece.count)
  }

  private static func advance(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ count: Int, isWhole: Bool
  ) {
    s.pointee.chunkLeft &-= min(UInt64(count), s.pointee.chunkLeft)
    if isWhole { endChunk(d, s) }
  }

  static func endChunk(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    s.pointee.phase = .commands
    guard s.pointee.has(Flags.lastChunk) else { return }
    flushStash(d, s)
    endMail(d, s, isComplete: true)
  }

  /// Keeps what is not whole for the next chunk.
  private static func stash(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ reader: UnsafeMutablePointer<MIMEReader>,
    _ rest: Bytes
  ) {
    guard !rest.isEmpty else { return }
    guard rest.count <= longestStash, let size = BlockPool.size(for: longestStash) else {
      return reader.pointee.takeRest(d, s, rest)
    }
    let block = d.core.pointee.blocks.take(size)
    guard block != 0 else {
      d.core.pointee.counters.add(.dissectionNoMemory)
      return reader.pointee.takeRest(d, s, rest)
    }
    d.core.pointee.blocks.at(block).copyMemory(from: rest.base, byteCount: rest.count)
    s.pointee.stash = block
    s.pointee.stashSize = size
    s.pointee.stashCount = UInt32(truncatingIfNeeded: rest.count)
  }

  /// Puts bytes behind the stash and reads from its front; returns how many of `bytes` it has done with.
  private static func takeStash(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ reader: UnsafeMutablePointer<MIMEReader>,
    _ bytes: Bytes
  ) -> Int {
    let old = Int(s.pointee.stashCount)
    let step = bytes.prefix(longestStash &- old)
    let memory = d.core.pointee.blocks.at(s.pointee.stash)
    (memory + old).copyMemory(from: step.base, byteCount: step.count)
    let whole = Bytes(
      UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)), old &+ step.count)
    var (consumed, _) = reader.pointee.take(d, s, whole, hasDots: false)
    if consumed < old, whole.count == longestStash {
      // Longer than anything that makes sense.
      reader.pointee.takeRest(d, s, whole.dropFirst(consumed))
      consumed = whole.count
    }
    if consumed >= old {
      d.core.pointee.blocks.giveBack(s.pointee.stash, s.pointee.stashSize)
      s.pointee.stash = 0
      s.pointee.stashCount = 0
      return consumed &- old
    }
    // All of it is in the stash now, less what was read.
    let left = whole.count &- consumed
    memory.copyMemory(from: whole.base + consumed, byteCount: left)
    s.pointee.stashCount = UInt32(truncatingIfNeeded: left)
    return step.count
  }

  private static func flushStash(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    guard s.pointee.stashCount > 0, let reader = reader(d, s) else { return }
    let memory = d.core.pointee.blocks.at(s.pointee.stash).assumingMemoryBound(to: UInt8.self)
    reader.pointee.takeRest(d, s, Bytes(UnsafePointer(memory), Int(s.pointee.stashCount)))
    d.core.pointee.blocks.giveBack(s.pointee.stash, s.pointee.stashSize)
    s.pointee.stash = 0
    s.pointee.stashCount = 0
  }

  // MARK: What is missing

  /// The last bytes of a message that breaks off.
  static func lastOfMail(_ d: Delivery, _ s: UnsafeMutablePointer<State>, _ rest: Bytes) {
    flushStash(d, s)
    if !rest.isEmpty { reader(d, s)?.pointee.takeRest(d, s, rest) }
    reader(d, s)?.pointee.finish(d, s, isComplete: false)
  }

  static func missedOfMail(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ rest: Bytes, _ missing: UInt64
  ) {
    flushStash(d, s)
    reader(d, s)?.pointee.missed(d, s, rest, missing)
  }

  // MARK: The record

  /// Makes the record of the message under way, or of a connection without one.
  static func tell(_ d: Delivery, _ s: UnsafeMutablePointer<State>, isTLS: Bool = false) {
    var w = d.event()
    let status = reader(d, s)?.pointee.status
    w.beginObject(SMTPFields.smtp)
    writeEnvelope(d, s, &w)
    w.end()
    if let status {
      w.beginObject(SMTPFields.email)
      w.text(SMTPFields.status, status)
      writeHeader(d, s, &w)
      writeLinks(d, s, &w)
      w.end()
    }
    if d.settings.wantsHiddenRecords {
      w.integer(SMTPFields.depth, s.pointee.messages &+ 1)
      s.pointee.lastReply.with { if !$0.isEmpty { w.string(SMTPFields.lastReply, $0) } }
      w.boolean(SMTPFields.tls, isTLS)
      if let parts = reader(d, s)?.pointee.parts, parts > 0 { w.integer(SMTPFields.files, parts) }
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
    let links = s.pointee.links
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
    if !s.pointee.recipients.isEmpty {
      w.beginArray(SMTPFields.recipients)
      w.fields(of: s.pointee.recipients, d)
      w.end()
    }
    s.pointee.mechanism.with { if !$0.isEmpty { w.string(SMTPFields.authMechanism, $0) } }
  }

  static func writeHeader(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ w: inout EventWriter
  ) {
    w.fields(of: s.pointee.header, d)
    if !s.pointee.received.isEmpty {
      w.beginArray(SMTPFields.received)
      w.fields(of: s.pointee.received, d)
      w.end()
    }
    if !s.pointee.attachments.isEmpty {
      w.beginArray(SMTPFields.attachments)
      w.fields(of: s.pointee.attachments, d)
      w.end()
    }
  }
}
