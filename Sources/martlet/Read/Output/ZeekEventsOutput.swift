import Dissection
import FlowEngine
import Records

/// Zeek's logs of protocols, `dns.log`, `http.log` and the others: each is there once it has a line, as with
/// Zeek. They are opened and closed by the records' own time, so that the same captures give the same files.
final class ZeekEventsOutput: RecordOutput {
  private var logs: EventLogs
  private var files: [OutputFile?]
  private var latest: Int64 = 0
  /// By the place of an ``EventType``: whether a log is made of it.
  private let isLogged: [Bool]
  private let folder: OutputFolder
  private var ownError: OutputError?

  init(context: RecordContext, folder: OutputFolder) {
    logs = EventLogs(context)
    files = logs.logs.map { _ in nil }
    let types = logs.logs.map { type(of: $0).type }
    isLogged = EventType.allCases.map { types.contains($0) }
    self.folder = folder
  }

  func wants(_ record: UnsafePointer<FlowRecord>) -> Bool { false }
  func wants(_ event: EventRecord) -> Bool { isLogged[Int(event.type.place)] }

  func take(_ record: UnsafePointer<FlowRecord>) {}

  func take(_ event: EventRecord) {
    latest = max(latest, event.head.time)
    guard let number = logs.take(event) else { return }
    if logs.lines[number].bytes.count >= OutputFile.pieceBytes || files[number] == nil {
      write(number, openedNanoseconds: event.head.time)
    }
  }

  /// A log that has no line yet is not begun.
  private func write(_ number: Int, openedNanoseconds: Int64) {
    guard !logs.lines[number].bytes.isEmpty, ownError == nil else { return }
    do throws(OutputError) {
      let file: OutputFile
      if let begun = files[number] {
        file = begun
      } else {
        file = try folder.file(logs.logs[number].fileName)
        files[number] = file
        file.write(logs.logs[number].header(openedNanoseconds: openedNanoseconds))
      }
      file.write(logs.lines[number].bytes)
    } catch {
      ownError = error
    }
    logs.lines[number].clear()
  }

  func flush() {
    for number in files.indices { write(number, openedNanoseconds: latest) }
  }

  func finish() {
    logs.finish()
    flush()
    for number in files.indices {
      files[number]?.write(logs.logs[number].footer(closedNanoseconds: latest))
      files[number]?.finish()
    }
  }

  var error: OutputError? { ownError ?? files.lazy.compactMap { $0?.error }.first }
  var isUnwanted: Bool { false }
}
