internal import FlowEngine
internal import Records

/// One message, over whatever it came: its records, in version 2 of EVE's form.
struct DNSMessage {
  let d: Delivery
  let message: Bytes
  let header: DNSHeader
  let layout: DNSLayout
  /// Bytes at its end that were not seen.
  let missing: Int
  let space: DNSWorkspace
  let isMulticast: Bool
  private var writer: DNSRecordWriter

  /// A record is made of each question, as Suricata does, but of no more than these.
  static let mostQuestions = 64

  private init(_ d: Delivery, _ message: Bytes, _ header: DNSHeader, missing: Int) {
    self.d = d
    self.message = message
    self.header = header
    self.missing = missing
    layout = DNSLayout(message, header)
    space = DNSWorkspace(d)
    isMulticast = d.flow.pointee.proto == AppProtocol.mdns.rawValue
    writer = DNSRecordWriter(message, space, isMulticast: isMulticast)
  }

  /// Makes the records of a message. False where there is nothing in it that could be told.
  @discardableResult
  static func take(
    _ d: Delivery, _ open: UnsafeMutablePointer<DNSOpenQueries>, _ bytes: Bytes, missing: Int
  ) -> Bool {
    guard let header = DNSHeader(bytes) else {
      if missing == 0 { d.note(.appMalformed) }
      return false
    }
    var message = DNSMessage(d, bytes, header, missing: missing)
    let layout = message.layout
    if !layout.isComplete && missing == 0 && !header.isTruncated { d.note(.appMalformed) }
    let isBareError = header.isResponse && layout.isComplete && header.rcode != 0
    guard layout.hasContent || isBareError else { return false }
    if header.isResponse {
      message.answer(open)
    } else {
      message.query(open)
    }
    if message.writer.isLoop { d.note(.appCompressionLoop) }
    if message.writer.isMalformed { d.note(.appMalformed) }
    return true
  }

  /// Suricata shows the asker as the source, of answers, too: it turns a flow round that begins
  /// with an
  /// answer. What is sent to a group has nobody who asked.
  private var showsClientFirst: Bool {
    d.flow.pointee.proto != AppProtocol.dns.rawValue || d.isToServer != header.isResponse
  }

  // MARK: Queries

  private mutating func query(_ open: UnsafeMutablePointer<DNSOpenQueries>) {
    guard layout.questions > 0 else { return }
    let transaction = d.nextTransaction()
    var offset = DNSHeader.byteCount
    let count = min(layout.questions, Self.mostQuestions)
    if count < layout.questions { d.note(.appTooManyTransactions) }
    for _ in 0..<count {
      guard let question = DNSQuestion(message, at: offset) else { break }
      var w = DNSWorkspace.event(d)
      w.text(DNSFields.type, "query")
      w.integer(DNSFields.id, header.id)
      ask(&w, question)
      w.integer(DNSFields.txID, transaction)
      if header.z { w.boolean(DNSFields.z, true) }
      w.integer(DNSFields.opcode, header.opcode)
      extensions(&w)
      w.incomplete(missing: missing)
      d.emit(.dns, w, toServer: showsClientFirst, transaction: transaction)
      offset = question.next
    }
    // What is asked of a group is answered elsewhere: nothing waits for it but Zeek's log.
    if isMulticast && !d.settings.wantsHiddenRecords { return }
    var entry = DNSOpenQuery()
    entry.time = d.time
    entry.id = header.id
    entry.isToServer = d.isToServer
    if d.settings.wantsHiddenRecords && DNSPair.isTracked(header) {
      DNSPair.begin(&entry.draft, self)
    }
    if let lost = open.pointee.put(entry) {
      d.note(.appTooManyTransactions)
      DNSPair.unanswered(d, lost)
    }
  }

  private mutating func ask(_ w: inout EventWriter, _ question: DNSQuestion) {
    writer.name(
      &w, DNSFields.rrname, at: question.name, truncated: DNSFields.rrnameTruncated)
    writer.type(&w, DNSFields.rrtype, question.type)
    writer.recordClass(&w, question.recordClass, topBit: DNSFields.unicastResponse)
  }

  // MARK: Answers

  private mutating func answer(_ open: UnsafeMutablePointer<DNSOpenQueries>) {
    let transaction = d.nextTransaction()
    var query = open.pointee.take(id: header.id, toServer: d.isToServer)
    var w = DNSWorkspace.event(d)
    w.integer(DNSFields.version, 2)
    w.text(DNSFields.type, "answer")
    w.integer(DNSFields.id, header.id)
    flags(&w)
    w.integer(DNSFields.opcode, header.opcode)
    if layout.questions > 0, let question = DNSQuestion(message, at: DNSHeader.byteCount) {
      ask(&w, question)
    }
    if let name = DNSRcode.name(UInt16(header.rcode)) {
      w.text(DNSFields.rcode, name)
    } else {
      var text = BoundedText(space)
      text.decimal(header.rcode)
      w.string(DNSFields.rcode, text.bytes)
    }
    if let query, d.time >= query.time {
      w.seconds(DNSFields.rtt, nanoseconds: d.time &- query.time)
    }
    extensions(&w)
    w.incomplete(missing: missing)
    if layout.answers > 0 {
      section(&w, DNSFields.answers, at: layout.answersAt, layout.answers)
      grouped(&w)
    }
    if layout.authorities > 0 {
      section(&w, DNSFields.authorities, at: layout.authoritiesAt, layout.authorities)
    }
    if layout.additionals > (layout.extensionAt > 0 ? 1 : 0) {
      section(&w, DNSFields.additionals, at: layout.additionalsAt, layout.additionals)
    }
    d.emit(.dns, w, toServer: showsClientFirst, transaction: transaction)
    DNSPair.complete(&query, self)
  }

  private mutating func flags(_ w: inout EventWriter) {
    var text = BoundedText(space)
    // As `%x` writes it: the first digit is never 0, the highest bit says that it is an answer.
    withUnsafeBytes(of: header.flags.bigEndian) { raw in
      if let base = raw.baseAddress {
        text.hex(Bytes(base.assumingMemoryBound(to: UInt8.self), raw.count))
      }
    }
    w.string(DNSFields.flags, text.bytes)
    w.boolean(DNSFields.qr, true)
    if header.isAuthoritative { w.boolean(DNSFields.aa, true) }
    if header.isTruncated { w.boolean(DNSFields.tc, true) }
    if header.wantsRecursion { w.boolean(DNSFields.rd, true) }
    if header.offersRecursion { w.boolean(DNSFields.ra, true) }
    if header.z { w.boolean(DNSFields.z, true) }
  }

  private mutating func section(
    _ w: inout EventWriter, _ field: EventField, at start: Int, _ count: Int
  ) {
    w.beginArray(field)
    var offset = start
    for _ in 0..<count {
      guard !w.isTruncated, let record = DNSRecord(message, at: offset) else { break }
      if record.type != DNSType.opt { writer.element(&w, record) }
      offset = record.next
    }
    w.end()
  }

  /// The answers' data by type: two types that stand among each other make two rounds.
  private mutating func grouped(_ w: inout EventWriter) {
    var present: UInt32 = 0
    var offset = layout.answersAt
    for _ in 0..<layout.answers {
      guard let record = DNSRecord(message, at: offset) else { break }
      offset = record.next
      var place = 0
      while let type = DNSType.grouped(place) {
        if type == record.type { present |= 1 << UInt32(place) }
        place &+= 1
      }
    }
    w.beginObject(DNSFields.grouped)
    var place = 0
    while let type = DNSType.grouped(place) {
      defer { place &+= 1 }
      guard present >> UInt32(place) & 1 != 0, let field = DNSFields.grouped(type) else {
        continue
      }
      w.beginArray(field)
      offset = layout.answersAt
      for _ in 0..<layout.answers {
        guard !w.isTruncated, let record = DNSRecord(message, at: offset) else { break }
        offset = record.next
        if record.type == type { writer.grouped(&w, field, record) }
      }
      w.end()
    }
    w.end()
  }

  // MARK: Both

  private mutating func extensions(_ w: inout EventWriter) {
    guard layout.extensionAt > 0, let record = DNSRecord(message, at: layout.extensionAt) else {
      return
    }
    if !DNSExtension.write(&w, record, message, space, rcode: header.rcode) {
      d.note(.appMalformed)
    }
  }
}
