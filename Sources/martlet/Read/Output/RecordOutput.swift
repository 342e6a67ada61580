import FlowEngine
import Records
import Runtime

/// Records on their way into text, one after the other, on one thread.
protocol RecordOutput: AnyObject {
  func take(_ record: UnsafePointer<FlowRecord>)
  /// A flow that `--where` leaves out.
  func leaveOut(_ record: UnsafePointer<FlowRecord>)
  /// A protocol record; most forms are of flows alone.
  func take(_ event: EventRecord)
  /// Whether ``take(_:)`` does anything with it: nobody has to keep what nobody wants.
  func wants(_ record: UnsafePointer<FlowRecord>) -> Bool
  func wants(_ event: EventRecord) -> Bool
  /// Hands on what is gathered.
  func flush()
  /// Everything has been taken.
  func finish()
  /// What went wrong; nothing is written after it.
  var error: OutputError? { get }
  /// Nobody reads any more.
  var isUnwanted: Bool { get }
}

extension RecordOutput {
  func take(_ event: EventRecord) {}
  func wants(_ record: UnsafePointer<FlowRecord>) -> Bool { true }
  func wants(_ event: EventRecord) -> Bool { false }
  func leaveOut(_ record: UnsafePointer<FlowRecord>) {}
}

/// EVE: a JSON object a line; all event types in one file, or each in its own.
final class EVEOutput: RecordOutput {
  private struct Part {
    var file: OutputFile
    var batch = RecordBatch(format: .eve)
  }

  private var encoder: RecordEncoder
  /// Index of the file of each ``EventType``, by its place; -1 where it has none yet.
  private var byType = [Int](repeating: -1, count: EventType.allCases.count)
  private var parts: [Part] = []
  private let folder: OutputFolder?
  private var ownError: OutputError?

  /// All types in one file.
  init(context: RecordContext, file: OutputFile) {
    encoder = RecordEncoder(context: context, format: .eve)
    folder = nil
    parts = [Part(file: file)]
    byType = byType.map { _ in 0 }
  }

  /// Each type in a file of its own: those of `always` from the start on, others when they have their
  /// first record.
  init(
    context: RecordContext, always: [EventType], folder: OutputFolder
  ) throws(OutputError) {
    encoder = RecordEncoder(context: context, format: .eve)
    self.folder = folder
    for type in always {
      byType[Int(type.place)] = parts.count
      parts.append(Part(file: try folder.file(Self.fileName(type))))
    }
  }

  static func fileName(_ type: EventType) -> String { "\(type.rawValue).json" }

  func take(_ record: UnsafePointer<FlowRecord>) {
    let type: EventType =
      switch record.pointee.kind {
      case FlowRecordKind.flow: .flow
      case FlowRecordKind.flowUpdate: .flowUpdate
      default: .anomaly
      }
    guard let part = part(type.place) else { return }
    encoder.encode(record, into: &parts[part].batch)
    finishLine(part)
  }

  func wants(_ event: EventRecord) -> Bool { !event.isHidden }

  func take(_ event: EventRecord) {
    if event.isHidden { return }
    guard let part = part(event.head.type) else { return }
    encoder.encode(event, into: &parts[part].batch)
    finishLine(part)
  }

  private func part(_ place: UInt8) -> Int? {
    let known = byType[Int(place)]
    if known >= 0 { return known }
    guard let folder, ownError == nil else { return nil }
    do throws(OutputError) {
      let name = Self.fileName(EventType.allCases[Int(place)])
      parts.append(Part(file: try folder.file(name)))
      byType[Int(place)] = parts.count - 1
      return parts.count - 1
    } catch {
      ownError = error
      return nil
    }
  }

  private func finishLine(_ part: Int) {
    parts[part].batch.entries.removeAll(keepingCapacity: true)
    parts[part].batch.bytes.append(UInt8(ascii: "\n"))
    if parts[part].batch.bytes.count >= OutputFile.pieceBytes { write(part) }
  }

  private func write(_ part: Int) {
    parts[part].file.write(parts[part].batch.bytes)
    parts[part].batch.bytes.removeAll(keepingCapacity: true)
  }

  func flush() {
    for part in parts.indices { write(part) }
  }

  func finish() {
    flush()
    for part in parts.indices { parts[part].file.finish() }
  }

  var error: OutputError? { ownError ?? parts.lazy.compactMap(\.file.error).first }
  /// One that is read no more ends the run only where it is the only one.
  var isUnwanted: Bool { folder == nil && parts[0].file.isUnwanted }
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
