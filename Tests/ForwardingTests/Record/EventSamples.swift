import FlowEngine
import Records

/// Protocol records made by hand, and what the sensor's encoders write for them.
enum EventSamples {
  /// A schema as dissectors declare it: one object for DNS, several for mail.
  static let schema = EventSchema([
    EventGroup(
      number: 1, type: .dns, key: "dns",
      fields: [
        EventFieldDefinition(field(1, 1), "rrname", .string, "Suricata", ""),
        EventFieldDefinition(field(1, 2), "answers", .array, "Suricata", ""),
        EventFieldDefinition(field(1, 3), "ttl", .integer, "Suricata", ""),
        EventFieldDefinition(field(1, 4), "aa", .boolean, "Suricata", ""),
      ]),
    EventGroup(
      number: 2, type: .smtp, key: "",
      fields: [
        EventFieldDefinition(field(2, 1), "smtp", .object, "Suricata", ""),
        EventFieldDefinition(field(2, 2), "helo", .string, "Suricata", ""),
        EventFieldDefinition(field(2, 3), "email", .object, "Suricata", ""),
        EventFieldDefinition(field(2, 4), "subject", .string, "Suricata", ""),
      ]),
  ])

  static func field(_ group: UInt8, _ index: UInt8) -> EventField {
    EventField(group: group, index: index)
  }

  enum Token {
    case string(EventField, String)
    case integer(EventField, UInt64)
    case boolean(EventField, Bool)
    case object(EventField)
    case array(EventField)
    case end
  }

  static let dns: [Token] = [
    .string(field(1, 1), "ex\"ample\u{1}.org"), .boolean(field(1, 4), true),
    .array(field(1, 2)), .object(field(1, 2)), .integer(field(1, 3), 300), .end,
    .object(field(1, 2)), .integer(field(1, 3), .max), .end, .end,
  ]
  static let smtp: [Token] = [
    .object(field(2, 1)), .string(field(2, 2), "mail"), .end,
    .object(field(2, 3)), .string(field(2, 4), "é, \\"), .end,
  ]

  static func message(_ type: EventType, _ tokens: [Token], _ change: (inout EventHead) -> Void)
    -> [UInt8]
  {
    var key = FlowSamples.zeroed(FlowKey.self)
    key.proto = .init(17)
    key.addressA = IPAddress(v4: 0x0a00_0001)
    key.addressB = IPAddress(v4: 0xc000_0201)
    key.portA = 40_000
    key.portB = 53
    var head = EventHead(key: key)
    head.type = type.place
    head.time = FlowSamples.seconds * 1_000_000_000
    head.firstSeen = head.time
    change(&head)
    var bytes = withUnsafeBytes(of: head) { Array($0) }
    for token in tokens { append(token, to: &bytes) }
    return bytes
  }

  private static func append(_ token: Token, to bytes: inout [UInt8]) {
    func number(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
    func begin(_ field: EventField, _ kind: EventToken.Kind) {
      number(field.rawValue)
      bytes.append(kind.rawValue)
    }
    switch token {
    case .string(let field, let text):
      begin(field, .string)
      number(UInt16(text.utf8.count))
      bytes += text.utf8
    case .integer(let field, let value):
      begin(field, .unsigned)
      number(value)
    case .boolean(let field, let value):
      begin(field, .boolean)
      number(UInt64(value ? 1 : 0))
    case .object(let field): begin(field, .object)
    case .array(let field): begin(field, .array)
    case .end: begin(EventField(rawValue: 0), .end)
    }
  }

  static func encoded(_ message: [UInt8], _ format: RecordFormat, _ context: RecordContext)
    -> [UInt8]
  {
    var context = context
    context.events = schema
    var encoder = RecordEncoder(context: context, format: format)
    var batch = RecordBatch(format: format)
    message.withUnsafeBytes { bytes in
      if let record = EventRecord(bytes) { encoder.encode(record, into: &batch) }
    }
    return batch.bytes
  }
}
