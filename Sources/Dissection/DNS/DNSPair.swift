internal import FlowEngine
internal import Records

/// A query and its answer as one record, which is what Zeek's dns.log has: of queries that nobody
/// answers and
/// of answers that nobody asked for, too. Nothing of it is in EVE.
enum DNSPair {
  /// Zeek logs queries, notifies and updates.
  static func isTracked(_ header: DNSHeader) -> Bool {
    header.opcode == 0 || header.opcode == 4 || header.opcode == 5
  }

  /// What the query says.
  static func begin(_ draft: inout EventDraft, _ query: DNSMessage) {
    var w = DNSWorkspace.event(query.d)
    start(&w, query)
    let header = query.header
    w.boolean(DNSFields.zeekTC, header.isTruncated)
    w.boolean(DNSFields.zeekRD, header.wantsRecursion)
    w.integer(DNSFields.zeekZ, header.reserved)
    if header.opcode != 5, let question = DNSQuestion(query.message, at: DNSHeader.byteCount) {
      name(&w, query, at: question.name)
      w.integer(DNSFields.zeekClass, question.recordClass)
      w.integer(DNSFields.zeekType, question.type)
    }
    query.d.keep(w, in: &draft)
  }

  private static func start(_ w: inout EventWriter, _ message: DNSMessage) {
    w.time(DNSFields.zeekTime, nanoseconds: message.d.time)
    w.integer(DNSFields.zeekID, message.header.id)
    w.integer(DNSFields.zeekOpcode, message.header.opcode)
  }

  private static func name(_ w: inout EventWriter, _ message: DNSMessage, at offset: Int) {
    var text = BoundedText(message.space)
    _ = lowercaseName(&text, message, at: offset)
    w.string(DNSFields.zeekQuery, text.bytes)
  }

  /// Zeek's names are in lower case, and the root is nothing.
  static func lowercaseName(_ text: inout BoundedText, _ message: DNSMessage, at offset: Int) -> Int
  {
    let name = DNSName.read(message.message, at: offset, into: message.space.name)
    for i in 0..<name.count { message.space.name[i] = Bytes.lowercase(message.space.name[i]) }
    text.bytes(Bytes(message.space.name, name.count))
    return name.next
  }

  /// The answer is there, with or without its query.
  static func complete(_ query: inout DNSOpenQuery?, _ answer: DNSMessage) {
    let d = answer.d
    let time = query?.time
    var draft = query?.draft ?? EventDraft()
    query = nil
    guard d.settings.wantsHiddenRecords, isTracked(answer.header) else { return d.drop(&draft) }
    var w = DNSWorkspace.event(d)
    if draft.isEmpty { start(&w, answer) }
    let header = answer.header
    let layout = answer.layout
    w.integer(DNSFields.zeekRcode, header.rcode)
    let isEmpty = header.records == 0 && header.questions > 0
    if isEmpty || header.rcode != 0 && header.questions == 0 {
      w.boolean(DNSFields.zeekRejected, true)
    }
    let isUpdate = header.opcode == 5
    let count = isUpdate ? layout.answers &+ layout.authorities : layout.answers
    if isTold(answer, count) {
      w.boolean(DNSFields.zeekAA, header.isAuthoritative)
      w.boolean(DNSFields.zeekRA, header.offersRecursion)
      if let time, d.time > time {
        w.seconds(DNSFields.zeekRTT, nanoseconds: d.time &- time)
      }
      if draft.isEmpty || isUpdate, let first = DNSRecord(answer.message, at: layout.answersAt) {
        name(&w, answer, at: first.name)
      }
      answers(&w, answer, count)
    }
    d.emit(.dns, &draft, w, isHidden: true)
  }

  private static func isTold(_ answer: DNSMessage, _ count: Int) -> Bool {
    var offset = answer.layout.answersAt
    for _ in 0..<count {
      guard let record = DNSRecord(answer.message, at: offset) else { return false }
      if DNSZeekText.isTold(record.type) { return true }
      offset = record.next
    }
    return false
  }

  private static func answers(_ w: inout EventWriter, _ answer: DNSMessage, _ count: Int) {
    w.beginArray(DNSFields.zeekAnswers)
    var offset = answer.layout.answersAt
    for place in 0..<count {
      guard !w.isTruncated, let record = DNSRecord(answer.message, at: offset) else { break }
      offset = record.next
      if !DNSZeekText.isTold(record.type) { continue }
      if answer.header.opcode == 5 {
        DNSZeekText.update(&w, record, answer, isPrerequisite: place < answer.layout.answers)
      } else {
        DNSZeekText.answer(&w, record, answer)
      }
    }
    w.end()
    w.beginArray(DNSFields.zeekTTLs)
    offset = answer.layout.answersAt
    for _ in 0..<count {
      guard !w.isTruncated, let record = DNSRecord(answer.message, at: offset) else { break }
      offset = record.next
      if DNSZeekText.isTold(record.type) { w.integer(DNSFields.zeekTTLs, record.ttl) }
    }
    w.end()
  }

  /// A query that nobody will answer any more.
  static func unanswered(_ d: Delivery, _ query: DNSOpenQuery) {
    var draft = query.draft
    guard !draft.isEmpty else { return d.drop(&draft) }
    d.emit(.dns, &draft, d.event(), isHidden: true)
  }

  /// The flow is over.
  static func end(_ d: Delivery, _ open: UnsafeMutablePointer<DNSOpenQueries>) {
    while let query = open.pointee.takeAny() { unanswered(d, query) }
  }
}
