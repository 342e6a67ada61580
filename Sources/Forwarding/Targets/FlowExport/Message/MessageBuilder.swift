/// Puts records into sets, and sets into messages of a bounded length.
///
///     NetFlow v9 (RFC 3954 section 5)            IPFIX (RFC 7011 section 3)
///     version 9 | records                        version 10 | bytes
///     uptime                                     export time
///     export time                                sequence: data records before
///     sequence: messages before                  observation domain
///     source id                                  set number | bytes, records, padding
///     set number | bytes, records, padding …     …
struct MessageBuilder {
  private let exportProtocol: FlowExportProtocol
  private let domain: UInt32
  private let limit: Int
  private(set) var messages: [ExportMessage] = []
  private var current: ExportMessage
  /// Where the set that is being filled begins, and its number.
  private var set: (start: Int, id: UInt16)?

  init(_ exportProtocol: FlowExportProtocol, domain: UInt32, limit: Int) {
    self.exportProtocol = exportProtocol
    self.domain = domain
    self.limit = limit
    current = Self.empty(exportProtocol, domain, limit)
  }

  /// Adds a template, or a template of options, to its set.
  mutating func add(template: [UInt8], isOfOptions: Bool) {
    place(
      template, in: isOfOptions ? exportProtocol.optionsTemplateSet : exportProtocol.templateSet)
    current.templates += 1
  }

  /// Adds a data record to the set of its template.
  mutating func add(record: [UInt8], template: UInt16, isOfFlow: Bool) {
    place(record, in: template)
    current.dataRecords += 1
    if isOfFlow { current.flowRecords += 1 }
  }

  /// The messages, the last one too.
  mutating func finish() -> [ExportMessage] {
    endMessage()
    return messages
  }

  private mutating func place(_ record: [UInt8], in id: UInt16) {
    // A set's header, and three bytes of padding behind its last record. Each record of a kind fits
    // the shortest message (see FlowRecordWriter.longestText), so this cannot go on for ever.
    let setHeader = set?.id == id ? 0 : 4
    if current.bytes.count + padding + setHeader + record.count + 3 > limit
      && current.bytes.count > exportProtocol.headerBytes
    {
      endMessage()
    }
    if set?.id != id {
      endSet()
      set = (current.bytes.count, id)
      current.bytes.append(network: id)
      current.bytes.append(network: UInt16(0))
    }
    current.bytes += record
  }

  /// Bytes to the next multiple of four, to which sets are padded. Fewer than any record has, so
  /// that no reader takes them for one.
  private var padding: Int { -current.bytes.count & 3 }

  private mutating func endSet() {
    guard let set else { return }
    current.bytes += repeatElement(0, count: padding)
    current.bytes.put(network: UInt16(current.bytes.count - set.start), at: set.start + 2)
    self.set = nil
  }

  private mutating func endMessage() {
    endSet()
    guard current.bytes.count > exportProtocol.headerBytes else { return }
    let size =
      exportProtocol == .ipfix ? current.bytes.count : current.dataRecords + current.templates
    current.bytes.put(network: UInt16(size), at: 2)
    messages.append(current)
    current = Self.empty(exportProtocol, domain, limit)
  }

  private static func empty(_ exportProtocol: FlowExportProtocol, _ domain: UInt32, _ limit: Int)
    -> ExportMessage
  {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(limit)
    bytes.append(network: exportProtocol.version)
    bytes += repeatElement(0, count: exportProtocol.headerBytes - 6)
    bytes.append(network: domain)
    return ExportMessage(bytes: bytes)
  }
}
