import FlowEngine
import Glibc
import Records

/// `index.json` of a folder: an EVE record a line, with an object more in it.
final class ExtractIndex {
  static let name = "index.json"

  private let file: OutputFile
  private var encoder: RecordEncoder
  private var batch = RecordBatch(format: .eve)
  private var lines: [UInt8] = []

  init(folder: String, context: RecordContext) throws(OutputError) {
    file = try OutputFile(path: "\(folder)/\(Self.name)")
    encoder = RecordEncoder(context: context, format: .eve)
  }

  var error: OutputError? { file.error }

  /// A flow's record, and in it `name` with the JSON that is given.
  func add(_ record: UnsafePointer<FlowRecord>, _ name: String, _ json: String) {
    encoder.encode(record, into: &batch)
    close(name, json)
  }

  func add(_ event: EventRecord, _ name: String, _ json: String) {
    encoder.encode(event, into: &batch)
    close(name, json)
  }

  private func close(_ name: String, _ json: String) {
    defer {
      batch.bytes.removeAll(keepingCapacity: true)
      batch.entries.removeAll(keepingCapacity: true)
    }
    guard batch.bytes.last == UInt8(ascii: "}") else { return }
    lines += batch.bytes.dropLast()
    lines += ",\"\(name)\":\(json)}\n".utf8
    if lines.count >= OutputFile.pieceBytes { flush() }
  }

  private func flush() {
    file.write(lines)
    lines.removeAll(keepingCapacity: true)
  }

  func finish() {
    flush()
    file.finish()
  }
}
