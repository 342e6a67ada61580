import FlowEngine

// Protocol records as EVE JSON and as flat fields, from their tokens: what they consist of is declared
// where they are made (``EventSchema``).

extension RecordEncoder {
  /// Appends a protocol record, unless it is for other forms only.
  package mutating func encode(_ record: EventRecord, into batch: inout RecordBatch) {
    precondition(batch.format == format, "the batch is of another format than the encoder")
    if record.isHidden { return }
    reserve(Self.longest(record, fixed))
    var writer = ByteWriter(scratchStart)
    var fieldCount = 0
    switch format {
    case .eve: writeEVE(record, to: &writer)
    case .fields: fieldCount = writeFields(record, to: &writer)
    }
    append(writer, type: record.type, fieldCount, to: &batch)
  }

  /// Bytes that a record's text is sure not to exceed: a token of three bytes gives at the most a name and
  /// its punctuation, a byte of text at the most six, as `\u0000`.
  private static func longest(_ record: EventRecord, _ fixed: FixedText) -> Int {
    2048 + TagNames.longestList + ByteWriter.slack + fixed.eveTail.count
      + (fixed.evePorts.map(\.count).max() ?? 0) + record.tokens.count * 32
  }

  // MARK: EVE

  private mutating func writeEVE(_ record: EventRecord, to writer: inout ByteWriter) {
    let head = record.head
    writer.literal("{\"timestamp\":\"")
    timestampText.write(nanoseconds: head.time, to: &writer)
    writer.literal("\",\"flow_id\":")
    writer.decimal(record.flowID(identity))
    let port = Int(head.portIndex)
    if port < fixed.evePorts.count { writer.bytes(fixed.evePorts[port]) }
    writer.literal(",\"event_type\":\"")
    writer.text(record.type.rawValue)
    writer.literal("\"")
    if !context.includesSequence {
      writer.literal(",\"pcap_cnt\":")
      writer.decimal(head.ordinal &+ 1)
    }
    if head.vlanOuter != FlowView.noVLAN {
      writer.literal(",\"vlan\":[")
      writer.vlans(record.vlans)
      writer.literal("]")
    }
    writeAddresses(record, to: &writer)
    if head.transaction != .max {
      writer.literal(",\"tx_id\":")
      writer.decimal(head.transaction)
    }
    if head.tags != 0 {
      writer.literal(",\"tags\":[")
      for (index, tag) in context.tags.names(of: FlowMarks(rawValue: head.tags)).enumerated() {
        if index > 0 { writer.literal(",") }
        writer.literal("\"")
        writer.text(tag)
        writer.literal("\"")
      }
      writer.literal("]")
    }
    writeMembers(record, to: &writer)
    if record.isTruncated { writer.literal(",\"truncated\":true") }
    writer.bytes(fixed.eveTail)
    if context.includesSequence {
      writer.decimal(head.worker)
      writer.literal(",\"seq\":")
      writer.decimal(head.sequence)
    }
    writer.literal("}")
  }

  private func writeAddresses(_ record: EventRecord, to writer: inout ByteWriter) {
    let key = record.head.key
    let version = key.ipVersion
    writer.literal(",\"src_ip\":\"")
    writer.address(record.source, version: version)
    writer.literal("\",\"src_port\":")
    writer.decimal(record.sourcePort)
    writer.literal(",\"dest_ip\":\"")
    writer.address(record.destination, version: version)
    writer.literal("\",\"dest_port\":")
    writer.decimal(record.destinationPort)
    writer.literal(",\"proto\":\"")
    writer.proto(key.proto)
    writer.literal("\",\"ip_v\":")
    writer.decimal(version)
    writer.literal(",\"community_id\":\"")
    CommunityID.write(key, seed: context.communityIDSeed, to: &writer)
    writer.literal("\"")
  }

  /// The record's own object, or its members where it has several.
  private mutating func writeMembers(_ record: EventRecord, to writer: inout ByteWriter) {
    guard let group = context.events.group(at: record.head.type) else { return }
    if group.key.isEmpty {
      writer.literal(",")
      let before = writer.cursor
      writeTokens(record, to: &writer)
      // An empty record has nothing behind its comma.
      if writer.cursor == before { writer.cursor -= 1 }
      return
    }
    writer.literal(",\"")
    writer.bytes(group.key)
    writer.literal("\":{")
    writeTokens(record, to: &writer)
    writer.literal("}")
  }

  /// Tokens as members of an object that is open, without its braces.
  private mutating func writeTokens(_ record: EventRecord, to writer: inout ByteWriter) {
    var reader = record.makeReader()
    writeValues(&reader, isArray: false, depth: 0, to: &writer)
  }

  /// Values up to the end of the object or array they are in.
  mutating func writeValues(
    _ reader: inout EventReader, isArray: Bool, depth: Int, to writer: inout ByteWriter
  ) {
    var isFirst = true
    while let (field, value) = reader.next() {
      if case .end = value { return }
      let key = context.events.key(field)
      if !isArray && key.isEmpty {
        // Hidden, with all that is in it.
        skip(value, &reader)
        continue
      }
      if !isFirst { writer.byte(UInt8(ascii: ",")) }
      isFirst = false
      if !isArray { context.events.write(key, to: &writer) }
      write(value, &reader, depth, to: &writer)
    }
  }

  private func skip(_ value: EventReader.Value, _ reader: inout EventReader) {
    var depth = 0
    switch value {
    case .object, .array: depth = 1
    default: return
    }
    while depth > 0, let (_, value) = reader.next() {
      switch value {
      case .object, .array: depth += 1
      case .end: depth -= 1
      default: break
      }
    }
  }

  private mutating func write(
    _ value: EventReader.Value, _ reader: inout EventReader, _ depth: Int,
    to writer: inout ByteWriter
  ) {
    switch value {
    case .object:
      writer.byte(UInt8(ascii: "{"))
      if depth < 32 { writeValues(&reader, isArray: false, depth: depth + 1, to: &writer) }
      writer.byte(UInt8(ascii: "}"))
    case .array:
      writer.byte(UInt8(ascii: "["))
      if depth < 32 { writeValues(&reader, isArray: true, depth: depth + 1, to: &writer) }
      writer.byte(UInt8(ascii: "]"))
    case .unsigned(let value): writer.decimal(value)
    case .signed(let value):
      if value < 0 { writer.byte(UInt8(ascii: "-")) }
      writer.decimal(value.magnitude)
    case .boolean(let value):
      if value { writer.literal("true") } else { writer.literal("false") }
    case .seconds(let value): writer.seconds(nanoseconds: value)
    case .string(let bytes):
      writer.byte(UInt8(ascii: "\""))
      writer.escaped(bytes)
      writer.byte(UInt8(ascii: "\""))
    default:
      writer.byte(UInt8(ascii: "\""))
      writeText(value, to: &writer)
      writer.byte(UInt8(ascii: "\""))
    }
  }

  /// A value that JSON has between quotes, without them.
  mutating func writeText(_ value: EventReader.Value, to writer: inout ByteWriter) {
    switch value {
    case .hex(let bytes, let colons): writer.hex(bytes, colons: colons)
    case .time(let value): eventTimeText.write(nanoseconds: value, to: &writer)
    case .dateTime(let value): writer.dateTime(seconds: value)
    case .address(let address, let version): writer.address(address, version: version)
    default: break
    }
  }

  // MARK: Fields

  /// Head fields under their short names, then what was said as one JSON object under the type's name:
  /// always the same fields in the same order, empty where the record has none. Returns their number.
  private mutating func writeFields(_ record: EventRecord, to writer: inout ByteWriter) -> Int {
    let head = record.head
    let version = head.key.ipVersion
    writer.literal("$2\r\nts\r\n")
    writer.bulk { timestampText.write(nanoseconds: head.time, to: &$0) }
    writer.literal("$7\r\nflow_id\r\n")
    writer.bulk { $0.decimal(record.flowID(identity)) }
    writer.literal("$5\r\niface\r\n")
    let port = Int(head.portIndex)
    if port < fixed.ports.count {
      writer.bytes(fixed.ports[port])
    } else {
      writer.literal("$0\r\n\r\n")
    }
    writer.literal("$5\r\nevent\r\n")
    writer.bytes(fixed.types[Int(record.type.place)])
    writer.literal("$8\r\npcap_cnt\r\n")
    writer.bulk { if !context.includesSequence { $0.decimal(head.ordinal &+ 1) } }
    writer.literal("$4\r\nvlan\r\n")
    writer.bulk { if head.vlanOuter != FlowView.noVLAN { $0.vlans(record.vlans) } }
    writer.literal("$6\r\nsrc_ip\r\n")
    writer.bulk { $0.address(record.source, version: version) }
    writer.literal("$8\r\nsrc_port\r\n")
    writer.bulk { $0.decimal(record.sourcePort) }
    writer.literal("$7\r\ndest_ip\r\n")
    writer.bulk { $0.address(record.destination, version: version) }
    writer.literal("$9\r\ndest_port\r\n")
    writer.bulk { $0.decimal(record.destinationPort) }
    writer.literal("$5\r\nproto\r\n")
    writer.bulk { $0.proto(head.key.proto) }
    writer.literal("$4\r\nip_v\r\n")
    writer.bulk { $0.decimal(version) }
    writer.literal("$3\r\ncid\r\n")
    writer.bulk { CommunityID.write(head.key, seed: context.communityIDSeed, to: &$0) }
    writer.literal("$5\r\ntx_id\r\n")
    writer.bulk { if head.transaction != .max { $0.decimal(head.transaction) } }
    writer.literal("$4\r\ntags\r\n")
    if head.tags == 0 {
      writer.literal("$0\r\n\r\n")
    } else {
      let tags = context.tags.names(of: FlowMarks(rawValue: head.tags)).joined(separator: ",")
      writer.bytes(FixedText.bulk(Array(tags.utf8)))
    }
    writer.bytes(fixed.types[Int(record.type.place)])
    writeObject(record, to: &writer)
    writer.literal("$9\r\ntruncated\r\n")
    writer.bulk { if record.isTruncated { $0.literal("true") } }
    writer.literal("$6\r\nsensor\r\n")
    writer.bytes(fixed.sensor)
    writer.literal("$5\r\nepoch\r\n")
    writer.bytes(fixed.startEpoch)
    writer.literal("$6\r\nworker\r\n")
    writer.bulk { if context.includesSequence { $0.decimal(head.worker) } }
    writer.literal("$3\r\nseq\r\n")
    writer.bulk { if context.includesSequence { $0.decimal(head.sequence) } }
    return EventHeadField.allCases.count
  }

  /// What was said, as a RESP bulk string of any length: its head is written when the length is known.
  private mutating func writeObject(_ record: EventRecord, to writer: inout ByteWriter) {
    let head = writer.cursor
    // `$`, at the most eight digits, CR LF.
    let room = 11
    writer.cursor += room
    let start = writer.cursor
    writer.literal("{")
    writeTokens(record, to: &writer)
    writer.literal("}")
    let length = writer.cursor - start
    writer.cursor = head
    writer.literal("$")
    writer.decimal(UInt32(length))
    writer.literal("\r\n")
    // It moves towards the front: `memmove` is what this is.
    UnsafeMutableRawPointer(writer.cursor).copyMemory(from: start, byteCount: length)
    writer.cursor += length
    writer.literal("\r\n")
  }
}
