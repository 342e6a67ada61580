/// The parts of records that are the same for all of a run, and the sizes that follow from them.
struct FixedText: Sendable {
  /// `eve`: what stands behind `history`: sensor and, where wanted, start epoch and `,"worker":`.
  let eveTail: [UInt8]
  /// `eve`: `,"in_iface":"…"` of each port.
  let evePorts: [[UInt8]]
  /// `fields`: the fields of flows that have a name.
  let flowFields: [FieldHead]
  /// `fields`: `$5\r\nedge1\r\n`, and of each port its name likewise.
  let sensor: [UInt8]
  let ports: [[UInt8]]
  /// `fields`: the value of `epoch`.
  let startEpoch: [UInt8]
  /// `fields`: the name of each ``EventType``, `$3\r\ndns\r\n`, by its place.
  let types: [[UInt8]]
  /// The sensor's name in JSON, without quotes.
  let escapedSensor: [UInt8]

  init(_ context: RecordContext) {
    escapedSensor = JSONText.escaped(context.sensorName)
    var tail = Array(",\"sensor\":\"".utf8) + escapedSensor + Array("\"".utf8)
    if context.includesSequence {
      tail += ",\"start_epoch\":\(context.startEpochMicroseconds),\"worker\":".utf8
    }
    eveTail = tail
    evePorts = context.portNames.map {
      Array(",\"in_iface\":\"".utf8) + JSONText.escaped($0) + Array("\"".utf8)
    }
    flowFields = FlowField.allCases.compactMap { field in
      field.definition.name.map { FieldHead(field, Self.bulk(Array($0.utf8))) }
    }
    sensor = Self.bulk(Array(context.sensorName.utf8))
    types = EventType.allCases.map { Self.bulk(Array($0.rawValue.utf8)) }
    ports = context.portNames.map { Self.bulk(Array($0.utf8)) }
    startEpoch =
      context.includesSequence
      ? Self.bulk(Array("\(context.startEpochMicroseconds)".utf8)) : Self.bulk([])
  }

  /// A RESP bulk string.
  static func bulk(_ bytes: [UInt8]) -> [UInt8] {
    Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
  }

  // MARK: Sizes

  /// All keys and punctuation of a `flow_update` (about 1,250 bytes) and its values at their
  /// longest (70 numbers of at most 20 digits, addresses of 39): 3,800 bytes, rounded up. A test
  /// makes the longest record there can be.
  var longestEVEFlow: Int {
    6144 + TagNames.longestList + ByteWriter.slack + eveTail.count
      + (evePorts.map(\.count).max() ?? 0)
  }

  /// Each head, and a value of at most 99 bytes with its own head and end.
  var longestFieldsFlow: Int {
    flowFields.count * (FieldHead.capacity + 107) + TagNames.longestList + ByteWriter.slack
      + sensor.count
      + (ports.map(\.count).max() ?? 0)
  }

  /// The keys and single numbers of a `stats` record, and every list entry with its name escaped.
  func longestStats(_ stats: StatsRecord) -> Int {
    4096 + ByteWriter.slack + eveTail.count + sensor.count + stats.longestLists
  }
}

/// A field of the flat form: `$6\r\nsrc_ip\r\n`, ready to be copied at one go.
struct FieldHead: Sendable {
  /// Room for a name with what stands around it.
  static let capacity = 32

  let field: FlowField
  let length: Int
  let text: SIMD32<UInt8>

  init(_ field: FlowField, _ head: [UInt8]) {
    precondition(head.count <= Self.capacity, "a flat field's name is too long")
    self.field = field
    length = head.count
    text = SIMD32(head + [UInt8](repeating: 0, count: Self.capacity - head.count))
  }
}
