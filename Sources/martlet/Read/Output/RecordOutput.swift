import FlowEngine
import Records
import Runtime

/// Records on their way into text, one after the other, on one thread.
protocol RecordOutput: AnyObject {
  func take(_ record: UnsafePointer<FlowRecord>)
  /// Hands on what is gathered.
  func flush()
  /// Everything has been taken.
  func finish()
  /// What went wrong; nothing is written after it.
  var error: OutputError? { get }
  /// Nobody reads any more.
  var isUnwanted: Bool { get }
}

/// EVE: a JSON object a line; all event types in one file, or each in its own.
final class EVEOutput: RecordOutput {
  private struct Part {
    var file: OutputFile
    var batch = RecordBatch(format: .eve)
  }

  private var encoder: RecordEncoder
  private var flows: Part
  private var updates: Part?
  private var anomalies: Part?

  /// `updates`: where `flow_update` goes, where that is another file; `anomalies` likewise.
  init(
    context: RecordContext, flows: OutputFile, updates: OutputFile? = nil,
    anomalies: OutputFile? = nil
  ) {
    encoder = RecordEncoder(context: context, format: .eve)
    self.flows = Part(file: flows)
    self.updates = updates.map { Part(file: $0) }
    self.anomalies = anomalies.map { Part(file: $0) }
    self.flows.batch.bytes.reserveCapacity(OutputFile.pieceBytes + 8192)
  }

  func take(_ record: UnsafePointer<FlowRecord>) {
    if updates != nil && record.pointee.kind == FlowRecordKind.flowUpdate {
      append(record, &updates!)
    } else if anomalies != nil && record.pointee.kind == FlowRecordKind.anomaly {
      append(record, &anomalies!)
    } else {
      append(record, &flows)
    }
  }

  private func append(_ record: UnsafePointer<FlowRecord>, _ part: inout Part) {
    encoder.encode(record, into: &part.batch)
    part.batch.entries.removeAll(keepingCapacity: true)
    part.batch.bytes.append(UInt8(ascii: "\n"))
    if part.batch.bytes.count >= OutputFile.pieceBytes { write(&part) }
  }

  private func write(_ part: inout Part) {
    part.file.write(part.batch.bytes)
    part.batch.bytes.removeAll(keepingCapacity: true)
  }

  func flush() {
    write(&flows)
    if updates != nil { write(&updates!) }
    if anomalies != nil { write(&anomalies!) }
  }

  func finish() {
    flush()
    flows.file.finish()
    updates?.file.finish()
    anomalies?.file.finish()
  }

  var error: OutputError? { flows.file.error ?? updates?.file.error ?? anomalies?.file.error }
  var isUnwanted: Bool { flows.file.isUnwanted }
}

/// The flat form as text: `name=value` pairs with short names, always the same in the same order.
final class FieldsOutput: TextOutput {
  private var encoder: RecordEncoder
  private var batch = RecordBatch(format: .fields)

  init(context: RecordContext, file: OutputFile) {
    encoder = RecordEncoder(context: context, format: .fields)
    super.init(file: file)
  }

  override func encode(_ record: UnsafePointer<FlowRecord>, _ text: inout [UInt8]) {
    encoder.encode(record, into: &batch)
    let pairs = batch.entries[0].fieldCount
    batch.bytes.withUnsafeBufferPointer { bytes in
      var at = 0
      for number in 0..<pairs {
        if number > 0 { text.append(UInt8(ascii: " ")) }
        text.append(contentsOf: Self.next(bytes, &at))
        text.append(UInt8(ascii: "="))
        // No value of these fields holds a space or a quote.
        text.append(contentsOf: Self.next(bytes, &at))
      }
    }
    text.append(UInt8(ascii: "\n"))
    batch.bytes.removeAll(keepingCapacity: true)
    batch.entries.removeAll(keepingCapacity: true)
  }

  /// A bulk string, `$6\r\nsrc_ip\r\n`, and the place behind it.
  private static func next(_ bytes: UnsafeBufferPointer<UInt8>, _ at: inout Int)
    -> Slice<UnsafeBufferPointer<UInt8>>
  {
    var length = 0
    at += 1
    while bytes[at] != UInt8(ascii: "\r") {
      length = length * 10 + Int(bytes[at] - UInt8(ascii: "0"))
      at += 1
    }
    let start = at + 2
    at = start + length + 2
    return bytes[start..<start + length]
  }
}
