import FlowEngine
import Glibc
import Records

/// `index.json` of a folder: an EVE record a line, with an object more in it.
final class ExtractIndex {
  private let file: OutputFile
  private var encoder: RecordEncoder
  private var batch = RecordBatch(format: .eve)
  private var lines: [UInt8] = []

  init(folder: String, context: RecordContext) throws(OutputError) {
    file = try OutputFile(path: "\(folder)/index.json")
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

/// The folder that a run writes into: new, or empty.
enum ExtractFolder {
  static func make(_ path: String) throws(OutputError) -> String {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    if mkdir(path, 0o755) == 0 { return path }
    guard errno == EEXIST else { throw OutputError(path, errno) }
    guard let folder = opendir(path) else { throw OutputError(path, errno) }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." {
        throw OutputError(path, "is not empty; name a folder that is, or a new one")
      }
    }
    return path
  }
}
