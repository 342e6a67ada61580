extension RecordEncoder {
  /// A `stats` record as EVE JSON: the fields in their order, nested as their paths say.
  mutating func writeEVE(_ stats: StatsRecord, to writer: inout ByteWriter) {
    var open: [Substring] = []
    var isFirst = true
    writer.literal("{")
    for field in StatsField.allCases {
      let trimmed = field.definition.path.filter { !"[]{}".contains($0) }
      let path = trimmed.split(separator: ".")
      let parents = path.dropLast()
      let common = zip(open, parents).prefix { $0 == $1 }.count
      for _ in common..<open.count { writer.literal("}") }
      if open.count > common { isFirst = false }
      open.removeLast(open.count - common)
      for parent in parents.dropFirst(common) {
        writer.key(parent, isFirst: &isFirst)
        writer.literal("{")
        open.append(parent)
        isFirst = true
      }
      writer.key(path[path.count - 1], isFirst: &isFirst)
      let isText = field.definition.kind == .string || field.definition.kind == .timestamp
      if isText { writer.literal("\"") }
      writeValue(of: field, stats, sensor: fixed.escapedSensor, to: &writer)
      if isText { writer.literal("\"") }
    }
    for _ in open { writer.literal("}") }
    writer.literal("}")
  }

  /// A `stats` record as RESP bulk strings; the value of a list is its JSON. Returns the number of
  /// fields.
  mutating func writeFields(_ stats: StatsRecord, to writer: inout ByteWriter) -> Int {
    var count = 0
    for field in StatsField.allCases {
      guard let name = field.definition.name else { continue }
      writer.bytes(FixedText.bulk(Array(name.utf8)))
      // Once for its length, then again behind it: the place is needed anyway.
      let start = writer.cursor
      writeValue(of: field, stats, sensor: Array(context.sensorName.utf8), to: &writer)
      let value = Array(UnsafeBufferPointer(start: start, count: writer.cursor - start))
      writer.cursor = start
      writer.bytes(FixedText.bulk(value))
      count += 1
    }
    return count
  }

  private mutating func writeValue(
    of field: StatsField, _ stats: StatsRecord, sensor: [UInt8], to writer: inout ByteWriter
  ) {
    switch field {
    case .timestamp:
      timestampText.write(nanoseconds: stats.timestampNanoseconds, to: &writer)
    case .eventType: writer.literal("stats")
    case .notIP: writer.counts(stats.notIP)
    case .discarded: writer.counts(stats.discarded)
    case .anomalies: writer.counts(stats.anomalies)
    case .dissection: writer.counts(stats.dissection)
    case .ports: writer.list(stats.ports) { $0.port($1) }
    case .sinks: writer.list(stats.sinks) { $0.sink($1) }
    case .workers: writer.list(stats.workers) { $0.worker($1) }
    case .sensor: writer.bytes(sensor)
    case .startEpoch: writer.decimal(context.startEpochMicroseconds)
    default: writer.decimal(stats.number(field))
    }
  }
}

extension StatsRecord {
  /// The value of a field that is a single number.
  fileprivate func number(_ field: StatsField) -> UInt64 {
    switch field {
    case .uptime: uptimeSeconds
    case .capturePackets: Self.sum(ports.map(\.packets))
    case .captureBytes: Self.sum(ports.map(\.bytes))
    case .captureErrors: Self.sum(ports.flatMap { [$0.missed, $0.noBuffer, $0.errors] })
    case .missed: Self.sum(ports.map(\.missed))
    case .noBuffers: Self.sum(ports.map(\.noBuffer))
    case .inputErrors: Self.sum(ports.map(\.errors))
    case .decodedPackets: receivedPackets
    case .decodedBytes: receivedBytes
    case .packetsInFlows: packetsInFlows
    case .filtered: filteredPackets
    case .notIPTotal: Self.sum(notIP.map(\.count))
    case .discardedTotal: Self.sum(discarded.map(\.count))
    case .held: heldPackets
    case .flowsActive: flowsLive
    case .flowsTotal: flowsCreated
    case .flowsEvicted: flowsEvicted
    case .flowsExported: flowsExported
    case .flowUpdates: flowUpdates
    case .recordsMade: recordsMade
    case .recordsDropped: recordsDropped
    default: preconditionFailure("\(field) is no single number")
    }
  }

  private static func sum(_ numbers: [UInt64]) -> UInt64 {
    // Wrapping: what a driver reports must not end the engine.
    numbers.reduce(0, &+)
  }
}

extension ByteWriter {
  /// `"name":`, with a comma in front unless it is its object's first.
  fileprivate mutating func key(_ name: some StringProtocol, isFirst: inout Bool) {
    if !isFirst { literal(",") }
    isFirst = false
    literal("\"")
    bytes(JSONText.escaped(String(name)))
    literal("\":")
  }

  /// `{"name":count,…}`
  fileprivate mutating func counts(_ counts: [StatsRecord.Count]) {
    literal("{")
    var isFirst = true
    for count in counts {
      key(count.name, isFirst: &isFirst)
      decimal(count.count)
    }
    literal("}")
  }

  /// `[…,…]`
  fileprivate mutating func list<Element>(
    _ elements: [Element], _ write: (inout ByteWriter, Element) -> Void
  ) {
    literal("[")
    for (index, element) in elements.enumerated() {
      if index > 0 { literal(",") }
      write(&self, element)
    }
    literal("]")
  }

  fileprivate mutating func port(_ port: StatsRecord.Port) {
    named(
      port.name,
      [
        ("packets", port.packets), ("bytes", port.bytes), ("imissed", port.missed),
        ("no_mbufs", port.noBuffer), ("ierrors", port.errors),
      ])
  }

  fileprivate mutating func sink(_ sink: StatsRecord.Sink) {
    named(
      sink.name,
      [
        ("accepted", sink.accepted), ("delivered", sink.delivered),
        ("dropped_queue_full", sink.droppedQueueFull),
        ("dropped_spool_full", sink.droppedSpoolFull),
        ("dropped_refused", sink.droppedRefused), ("dropped_shutdown", sink.droppedAtShutdown),
        ("lost_by_redis", sink.lostByRedis), ("backlog", sink.backlog),
        ("lag_msec", sink.lagMilliseconds), ("spooled", sink.spooled),
        ("spooled_bytes", sink.spooledBytes), ("retries", sink.retries),
        ("reconnects", sink.reconnects), ("reordered", sink.reordered),
        ("retransmitted", sink.retransmitted), ("recovered", sink.recovered),
        ("spool_torn", sink.spoolTorn),
      ])
  }

  private mutating func named(_ name: String, _ numbers: [(StaticString, UInt64)]) {
    literal("{\"name\":\"")
    bytes(JSONText.escaped(name))
    literal("\"")
    for (key, number) in numbers {
      literal(",\"")
      literal(key)
      literal("\":")
      decimal(number)
    }
    literal("}")
  }

  fileprivate mutating func worker(_ worker: StatsRecord.Worker) {
    literal("{\"worker\":")
    decimal(worker.index)
    literal(",\"packets\":")
    decimal(worker.packets)
    literal(",\"flows\":")
    decimal(worker.flows)
    literal(",\"sampling_interval\":")
    decimal(worker.samplingInterval)
    literal("}")
  }
}
