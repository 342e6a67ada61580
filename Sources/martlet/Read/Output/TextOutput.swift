import FlowEngine
import Records

/// Lines of text, gathered into large pieces. A subclass writes the lines.
class TextOutput: RecordOutput {
  private let file: OutputFile
  private var text: [UInt8] = []
  private var isBegun = false

  init(file: OutputFile) {
    self.file = file
    text.reserveCapacity(OutputFile.pieceBytes + 8192)
  }

  /// Appends what stands in front of all records; nil where there is none at all.
  func begin(_ first: UnsafePointer<FlowRecord>?, _ text: inout [UInt8]) {}
  /// Appends a record's line.
  func encode(_ record: UnsafePointer<FlowRecord>, _ text: inout [UInt8]) {}
  /// Appends what stands behind all records.
  func end(_ text: inout [UInt8]) {}

  /// Whether a record is one that has a line; those of anomalies have none but in a log of their own.
  func wants(_ record: UnsafePointer<FlowRecord>) -> Bool {
    record.pointee.kind != FlowRecordKind.anomaly
  }

  final func take(_ record: UnsafePointer<FlowRecord>) {
    guard wants(record) else { return }
    if !isBegun {
      isBegun = true
      begin(record, &text)
    }
    encode(record, &text)
    if text.count >= OutputFile.pieceBytes { flush() }
  }

  final func flush() {
    file.write(text)
    text.removeAll(keepingCapacity: true)
  }

  final func finish() {
    if !isBegun { begin(nil, &text) }
    end(&text)
    flush()
    file.finish()
  }

  final var error: OutputError? { file.error }
  final var isUnwanted: Bool { file.isUnwanted }
}

/// Rows that a person reads.
final class TableOutput: TextOutput {
  private var printer: FlowRowPrinter

  init(file: OutputFile, width: Int?, style: Style, communityIDSeed: UInt16) {
    printer = FlowRowPrinter(width: width, style: style, communityIDSeed: communityIDSeed)
    super.init(file: file)
  }

  override func begin(_ first: UnsafePointer<FlowRecord>?, _ text: inout [UInt8]) {
    if first != nil { printer.writeHead(into: &text) }
  }

  override func encode(_ record: UnsafePointer<FlowRecord>, _ text: inout [UInt8]) {
    printer.write(record, into: &text)
  }
}

/// Comma-separated values with a headline.
final class CSVOutput: TextOutput {
  private var encoder: CSVFlowEncoder

  init(context: RecordContext, file: OutputFile) {
    encoder = CSVFlowEncoder(context: context)
    super.init(file: file)
  }

  override func begin(_ first: UnsafePointer<FlowRecord>?, _ text: inout [UInt8]) {
    text += encoder.header()
  }

  override func encode(_ record: UnsafePointer<FlowRecord>, _ text: inout [UInt8]) {
    encoder.encode(record, into: &text)
  }
}

/// Zeek's conn.log. It is opened and closed by the flows' own time, so that the same captures give the
/// same file.
final class ZeekOutput: TextOutput {
  private var encoder: ZeekConnEncoder
  private var latest: Int64 = 0

  init(context: RecordContext, file: OutputFile) {
    encoder = ZeekConnEncoder(context: context)
    super.init(file: file)
  }

  override func begin(_ first: UnsafePointer<FlowRecord>?, _ text: inout [UInt8]) {
    text += encoder.header(openedNanoseconds: first?.pointee.cold.firstSeen ?? 0)
  }

  override func encode(_ record: UnsafePointer<FlowRecord>, _ text: inout [UInt8]) {
    latest = max(latest, record.pointee.hot.lastSeen)
    encoder.encode(record, into: &text)
  }

  override func end(_ text: inout [UInt8]) {
    text += encoder.footer(closedNanoseconds: latest)
  }
}

/// Zeek's weird.log, for what conn.log says nothing of.
final class ZeekWeirdOutput: TextOutput {
  private let encoder: ZeekWeirdEncoder
  private var latest: Int64 = 0

  init(context: RecordContext, file: OutputFile) {
    encoder = ZeekWeirdEncoder(context: context)
    super.init(file: file)
  }

  override func wants(_ record: UnsafePointer<FlowRecord>) -> Bool {
    record.pointee.kind == FlowRecordKind.anomaly
  }

  override func begin(_ first: UnsafePointer<FlowRecord>?, _ text: inout [UInt8]) {
    text += encoder.header(openedNanoseconds: first?.pointee.exportTime ?? 0)
  }

  override func encode(_ record: UnsafePointer<FlowRecord>, _ text: inout [UInt8]) {
    latest = max(latest, record.pointee.exportTime)
    encoder.encode(record, into: &text)
  }

  override func end(_ text: inout [UInt8]) {
    text += encoder.footer(closedNanoseconds: latest)
  }
}

/// `--summary`: adds up, and is printed at the end.
final class SummaryOutput: RecordOutput {
  var summary = ReadSummary()

  func take(_ record: UnsafePointer<FlowRecord>) { summary.add(record) }
  func take(_ event: EventRecord) { summary.add(event) }
  func flush() {}
  func finish() {}
  var error: OutputError? { nil }
  var isUnwanted: Bool { false }
}
