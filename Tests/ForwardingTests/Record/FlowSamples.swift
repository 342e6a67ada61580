import FlowEngine
import Foundation
import Records

/// Records made by hand, and what the sensor's encoders write for them.
enum FlowSamples {
  static let seconds: Int64 = 1_795_239_360  // 2026-11-21T05:36:00Z

  static let context: RecordContext = {
    var context = RecordContext(
      sensorName: "edge\"1\\", startEpochNanoseconds: 1_795_239_000_123_456_789,
      portNames: ["tap0", "tap\u{1}é"])
    context.tags = TagNames(["scanner", "lab"])
    return context
  }()

  /// As `martlet read --publish` writes: without a sequence.
  static let readContext: RecordContext = {
    var context = FlowSamples.context
    context.includesSequence = false
    return context
  }()

  /// A record of any shape: protocols, versions, directions, states, tunnels, tags, sampling and
  /// troubles by chance. Every field is filled by the generator, so values reach their ends.
  static func random(_ generator: inout some RandomNumberGenerator) -> FlowRecord {
    var record = zeroed(FlowRecord.self)
    withUnsafeMutableBytes(of: &record) { bytes in
      for index in bytes.indices {
        bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
      }
    }
    let proto =
      [IPProtocol.tcp, .init(17), .init(1), .init(58), .init(132), .init(50)]
      .randomElement(using: &generator) ?? IPProtocol.tcp
    record.hot.key.proto = proto
    let isV6 = Bool.random(using: &generator)
    record.hot.key.flags = isV6 ? FlowKey.Flags.ipv6 : 0
    if !isV6 {
      record.hot.key.addressA = IPAddress(v4: .random(in: 0 ... .max, using: &generator))
      record.hot.key.addressB = IPAddress(v4: .random(in: 0 ... .max, using: &generator))
    }
    if record.tunnel.ipVersion == 4 {
      record.tunnel.source = IPAddress(v4: .random(in: 0 ... .max, using: &generator))
      record.tunnel.destination = IPAddress(v4: .random(in: 0 ... .max, using: &generator))
    }
    // Two of TCP's states, of the seven that there are.
    let states =
      UInt8.random(in: 0...6, using: &generator) | .random(in: 0...6, using: &generator) << 4
    record.cold.kind = (states, states, record.cold.kind.2)
    // A flow has a key.
    if record.parts & FlowRecord.Parts.flow != 0 { record.parts |= FlowRecord.Parts.key }
    // Only bits that have a name.
    record.cold.marks = FlowMarks(rawValue: record.cold.marks.rawValue & 0xf003)
    record.kind =
      [FlowRecordKind.flow, FlowRecordKind.flowUpdate].randomElement(using: &generator)
      ?? FlowRecordKind.flow
    record.hot.state = .random(in: 0...2, using: &generator)
    record.endReason = .random(in: 0...FlowEndReason.operatorEnd, using: &generator)
    record.cold.firstSeen = seconds * 1_000_000_000 + .random(in: 0..<1 << 40, using: &generator)
    record.hot.lastSeen = record.cold.firstSeen + .random(in: 0..<1 << 40, using: &generator)
    record.cold.firstReply =
      Bool.random(using: &generator) ? 0 : record.cold.firstSeen + 250_000
    record.exportTime = record.hot.lastSeen + 62_000_000_000
    record.cold.portIndex = .random(in: 0...2, using: &generator)
    record.cold.vlanOuter = Bool.random(using: &generator) ? 0xffff : 100
    record.cold.vlanInner =
      record.cold.vlanOuter == 0xffff || Bool.random(using: &generator) ? 0xffff : 4000
    record.cold.historyLength = .random(in: 0...16, using: &generator)
    withUnsafeMutableBytes(of: &record.cold.historyText) { bytes in
      for index in bytes.indices { bytes[index] = UInt8(ascii: "A") + bytes[index] & 15 }
    }
    return record
  }

  /// Every number at its largest.
  static func extreme() -> FlowRecord {
    var record = zeroed(FlowRecord.self)
    withUnsafeMutableBytes(of: &record) { bytes in
      for index in bytes.indices { bytes[index] = 0xff }
    }
    record.hot.key.proto = IPProtocol.tcp
    record.hot.key.flags = FlowKey.Flags.ipv6
    record.hot.state = FlowState.established
    record.cold.kind = (0x66, 0x66, 0xff)
    record.cold.marks = FlowMarks(rawValue: 3)
    record.kind = FlowRecordKind.flowUpdate
    record.endReason = FlowEndReason.lackOfResources
    record.cold.historyLength = 0
    return record
  }

  static func stats() -> StatsRecord {
    var stats = StatsRecord(timestampNanoseconds: seconds * 1_000_000_000)
    stats.uptimeSeconds = 360
    stats.receivedPackets = 1000
    stats.discarded = [.init("truncated_ipv4", 7), .init("handoff_ring_full", 0)]
    stats.notIP = [.init("arp", 60)]
    stats.ports = [StatsRecord.Port(name: "tap \"0\"")]
    stats.sinks = [StatsRecord.Sink(name: "redis")]
    stats.workers = [StatsRecord.Worker(index: 0)]
    return stats
  }

  /// A value whose every byte is zero, as the flow table makes new entries.
  static func zeroed<Value: BitwiseCopyable>(_ type: Value.Type) -> Value {
    withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { buffer in
      UnsafeMutableRawBufferPointer(buffer).initializeMemory(as: UInt8.self, repeating: 0)
      return buffer[0]
    }
  }

  // MARK: What the sensor writes

  static func eve(_ record: FlowRecord, context: RecordContext = context) -> [UInt8] {
    encoded(record, .eve, context)
  }

  static func eve(_ stats: StatsRecord, context: RecordContext = context) -> [UInt8] {
    var encoder = RecordEncoder(context: context, format: .eve)
    var batch = RecordBatch(format: .eve)
    encoder.encode(stats, into: &batch)
    return batch.bytes
  }

  static func flat(_ record: FlowRecord, context: RecordContext = context)
    -> [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)]
  {
    bulkPairs(encoded(record, .fields, context))
  }

  static func flat(_ stats: StatsRecord) -> [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] {
    var encoder = RecordEncoder(context: context, format: .fields)
    var batch = RecordBatch(format: .fields)
    encoder.encode(stats, into: &batch)
    return bulkPairs(batch.bytes)
  }

  private static func encoded(
    _ record: FlowRecord, _ format: RecordFormat, _ context: RecordContext
  ) -> [UInt8] {
    var encoder = RecordEncoder(context: context, format: format)
    var batch = RecordBatch(format: format)
    withUnsafePointer(to: record) { encoder.encode($0, into: &batch) }
    return batch.bytes
  }

  /// Names and values of RESP bulk strings.
  static func bulkPairs(_ bytes: [UInt8])
    -> [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)]
  {
    var strings: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\r")) {
      let length = Int(String(decoding: rest[..<end].dropFirst(), as: UTF8.self)) ?? 0
      strings.append(rest[(end + 2)..<(end + 2 + length)])
      rest = rest[(end + 4 + length)...]
    }
    return stride(from: 0, to: strings.count - 1, by: 2).map { (strings[$0], strings[$0 + 1]) }
  }
}
