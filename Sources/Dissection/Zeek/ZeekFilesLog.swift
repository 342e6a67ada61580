internal import FlowEngine
package import Records

/// files.log: a line for each body, attachment or transferred file.
package struct ZeekFilesLog: EventLog {
  package static let type = EventType.fileinfo
  package static let path = "files"

  package static let columns = [
    ZeekColumnHead("ts", "time"), ZeekColumnHead("fuid", "string"), ZeekColumnHead("uid", "string"),
    ZeekColumnHead("id.orig_h", "addr"), ZeekColumnHead("id.orig_p", "port"),
    ZeekColumnHead("id.resp_h", "addr"), ZeekColumnHead("id.resp_p", "port"),
    ZeekColumnHead("source", "string"), ZeekColumnHead("depth", "count"),
    ZeekColumnHead("analyzers", "set[string]"), ZeekColumnHead("mime_type", "string"),
    ZeekColumnHead("filename", "string"), ZeekColumnHead("duration", "interval"),
    ZeekColumnHead("local_orig", "bool"), ZeekColumnHead("is_orig", "bool"),
    ZeekColumnHead("seen_bytes", "count"), ZeekColumnHead("total_bytes", "count"),
    ZeekColumnHead("missing_bytes", "count"), ZeekColumnHead("overflow_bytes", "count"),
    ZeekColumnHead("timedout", "bool"), ZeekColumnHead("parent_fuid", "string"),
    ZeekColumnHead("sha256", "string"),
  ]

  private let schema: EventSchema
  private let fileinfo: EventField?

  package init(_ context: RecordContext) {
    schema = context.events
    fileinfo = schema.field(.fileinfo, "fileinfo")
    func fields(_ names: String...) -> [EventField] {
      names.compactMap { context.events.field(.fileinfo, $0) }
    }
    time = fields("zeek_ts", "ts")
    source = fields("zeek_source", "source")
    depth = fields("zeek_depth", "depth")
    mimeType = fields("zeek_mime_type", "mimetype")
    fileName = fields("zeek_filename", "filename")
    duration = fields("zeek_duration", "duration")
    isOriginators = fields("zeek_is_orig", "is_orig")
    seen = fields("zeek_seen_bytes", "size")
    total = fields("zeek_total_bytes", "total_bytes")
    missing = fields("zeek_missing_bytes", "missing_bytes")
    number = fields("zeek_file", "file_number")
    hash = fields("sha256")
    transaction = fields("tx_id")
  }

  private let time, source, depth, mimeType, fileName, duration, isOriginators: [EventField]
  private let seen, total, missing, number, hash, transaction: [EventField]

  package mutating func take(
    _ record: EventRecord, _ tree: EventTree, to line: inout ZeekLines
  ) {
    let object = tree.find(fileinfo)
    func find(_ fields: [EventField]) -> Int? {
      for field in fields {
        if let place = tree.find(field) ?? object.flatMap({ tree.find(field, in: $0) }) {
          return place
        }
      }
      return nil
    }
    func value(_ fields: [EventField]) -> EventReader.Value? {
      find(fields).map { tree.nodes[$0].value }
    }
    func integer(_ fields: [EventField]) -> UInt64? {
      value(fields)?.count
    }
    let isOrig: Bool
    if case .boolean(let value)? = value(isOriginators) {
      isOrig = value
    } else {
      isOrig = record.source == record.head.originator
    }
    let local = record.head.localEnds
    line.next()
    if case .time(let began)? = value(time) {
      line.time(began)
    } else {
      line.time(record.head.time)
    }
    line.next()
    // As the transaction's own log has it.
    var head = record.head
    if let transaction = integer(transaction) {
      head.transaction = UInt32(truncatingIfNeeded: transaction)
    }
    line.fuid(head, toServer: isOrig, number: integer(number) ?? 0)
    line.next()
    line.uid(record.head)
    line.endpoints(record.head)
    text(&line, value(source), else: "-")
    count(&line, integer(depth), else: "0")
    text(&line, nil, else: integer(hash) == nil && value(hash) != nil ? "SHA256" : "(empty)")
    text(&line, value(mimeType), else: "-")
    text(&line, name(value(fileName)), else: "-")
    line.next()
    if case .seconds(let span)? = value(duration) {
      line.interval(span)
    } else {
      line.interval(0)
    }
    line.next()
    line.boolean(isOrig ? local.originator : local.responder)
    line.next()
    line.boolean(isOrig)
    count(&line, integer(seen), else: "0")
    count(&line, integer(total), else: "-")
    count(&line, integer(missing), else: "0")
    count(&line, nil, else: "0")
    line.next()
    line.boolean(false)
    count(&line, nil, else: "-")
    text(&line, value(hash), else: "-")
    line.end()
  }

  private func text(_ line: inout ZeekLines, _ value: EventReader.Value?, else absent: String) {
    line.next()
    switch value {
    case .string(let text): line.string(text)
    case .hex(let bytes, _): line.hex(bytes)
    default: line.plain(absent)
    }
  }

  /// A path of a request or a command is no name that a file was given.
  private func name(_ value: EventReader.Value?) -> EventReader.Value? {
    if case .string(let text)? = value, text.first == UInt8(ascii: "/") { return nil }
    return value
  }

  private func count(_ line: inout ZeekLines, _ value: UInt64?, else absent: String) {
    line.next()
    if let value { line.count(value) } else { line.plain(absent) }
  }
}
