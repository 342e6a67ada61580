internal import Foundation
package import Records

/// Files of NDJSON or CSV, rotated by size and time, compressed by batch.
///
/// A file is `NAME.part` while it is written and gets its name, in one step, when it is finished: who
/// takes finished files away never meets half of one. Each delivery appends whole lines, or whole
/// frames of compressed ones, or nothing.
package final class FileTarget: ForwardTarget {
  private let settings: FileTargetSettings
  private let pattern: FileNamePattern
  private let csv: CSVColumns?
  /// The wall clock, in seconds since 1970.
  private let now: () -> Int

  /// What time a file belongs to; it is finished when another has come.
  private enum Period: Equatable {
    case always
    /// This multiple of the time between rotations.
    case multiple(Int)
    /// As long as the pattern makes this path of the time.
    case path(String)
  }

  private struct Open {
    var file: OutputFile
    let stream: StreamName
    let period: Period
    var hasHeader = false
    var lastUse = 0
  }

  /// By stream where the pattern tells them apart, else one.
  private var files: [String: Open] = [:]
  private var uses = 0
  private var recovered: Set<String> = []
  /// What was found of an earlier run, for the log.
  package private(set) var notes: [String] = []

  package func takeNotes() -> [String] {
    defer { notes = [] }
    return notes
  }

  /// Files that are open at one time; the one that was used least lately is finished for another.
  private static let maximumOpen = 256

  package let name = "file"
  package var destination: String { settings.pattern }
  package let limits = BatchLimits(records: 4096, bytes: 4 << 20)

  /// A fault is one of the settings.
  ///
  /// - Parameter events: what fields the protocols' records have, for the names of columns.
  package init(
    _ settings: FileTargetSettings, events: EventSchema = .none,
    now: @escaping () -> Int = { Int(Date().timeIntervalSince1970) }
  ) throws(TargetFault) {
    self.settings = settings
    self.now = now
    pattern = try FileNamePattern(settings.pattern)
    if case .csv(let columns) = settings.format {
      csv = try CSVColumns(columns, events: events)
    } else {
      csv = nil
    }
    if let bytes = settings.rotateBytes, bytes < 1 {
      throw TargetFault("files of \(bytes) bytes cannot be", isFinal: true)
    }
    if let seconds = settings.rotateSeconds, seconds < 1 {
      throw TargetFault("files of \(seconds) seconds cannot be", isFinal: true)
    }
  }

  deinit { close() }

  package func open() throws(TargetFault) {
    if pattern.hasSeconds, settings.rotateSeconds == nil, settings.rotateBytes == nil {
      notes.append(
        "the file is finished at the end only: a time to the second says when it began, and neither"
          + " --rotate-seconds nor --rotate-bytes when it is to end")
    }
    // Where the folder is the same for all streams, what a crash has left there is finished now;
    // else when the first file is begun in it.
    let folder = (path(of: StreamName(sensor: "", type: "")) as NSString).deletingLastPathComponent
    if !settings.pattern.split(separator: "/").dropLast().contains(where: { $0.contains("{") }) {
      try recover(folder)
    }
  }

  package func deliver(_ batch: [ForwardRecord], interruption: Interruption)
    throws(TargetFault) -> [DeliveryOutcome]
  {
    var outcomes = [DeliveryOutcome](repeating: .delivered, count: batch.count)
    var groups: [String: (stream: StreamName, records: [Int])] = [:]
    var order: [String] = []
    for (index, record) in batch.enumerated() {
      if csv?.isForFlowsOnly == true, !["flow", "flow_update"].contains(record.stream.type) {
        outcomes[index] = .refused(
          "CSV has columns for flow records only; --columns chooses others")
        continue
      }
      let key = key(of: record.stream)
      if groups[key] == nil { order.append(key) }
      groups[key, default: (record.stream, [])].records.append(index)
    }
    var fault: TargetFault?
    var hasArrived = outcomes.contains { $0 != .delivered }
    for key in order {
      guard let (stream, records) = groups[key] else { continue }
      do throws(TargetFault) {
        try write(records.map { batch[$0].document }, key, stream)
        hasArrived = true
      } catch {
        fault = fault ?? error
        for index in records { outcomes[index] = .again(error.description) }
      }
    }
    // Where nothing can be written it is the target that is away, and not some of the records.
    if let fault, !hasArrived { throw fault }
    return outcomes
  }

  package func tick() throws(TargetFault) {
    guard settings.rotateSeconds != nil || pattern.endsFiles else { return }
    let time = now()
    for (key, open) in files where open.period != period(of: open.stream, at: time) {
      try finish(key)
    }
  }

  package func close() {
    for key in files.keys {
      do throws(TargetFault) { try finish(key) } catch { notes.append(error.description) }
    }
  }

  // MARK: Writing

  private func write(_ documents: [EVEDocument], _ key: String, _ stream: StreamName)
    throws(TargetFault)
  {
    var open = try file(key, stream)
    var lines: [UInt8] = []
    if let csv {
      if !open.hasHeader { lines += csv.header() }
      for document in documents { csv.append(document, to: &lines) }
    } else {
      for document in documents { Self.append(document, to: &lines) }
    }
    guard let data = FrameCompressor.compress(lines, settings.compression) else {
      throw TargetFault("\(open.file.path): compressing has failed")
    }
    try open.file.append(data)
    open.hasHeader = true
    uses += 1
    open.lastUse = uses
    files[key] = open
    if settings.syncs { try open.file.sync() }
    if let bytes = settings.rotateBytes, open.file.bytes >= bytes { try finish(key) }
  }

  /// JSON on one line: between its values there may be line ends.
  private static func append(_ document: EVEDocument, to lines: inout [UInt8]) {
    let start = lines.count
    lines.append(contentsOf: document.bytes)
    // Within strings JSON has none.
    if document.bytes.contains(where: { $0 == 0x0a || $0 == 0x0d }) {
      for index in start..<lines.count where lines[index] == 0x0a || lines[index] == 0x0d {
        lines[index] = 0x20
      }
    }
    lines.append(UInt8(ascii: "\n"))
  }

  private func file(_ key: String, _ stream: StreamName) throws(TargetFault) -> Open {
    let time = now()
    let period = period(of: stream, at: time)
    if let open = files[key] {
      if open.period == period { return open }
      try finish(key)
    }
    if files.count >= Self.maximumOpen,
      let oldest = files.min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      try finish(oldest.key)
    }
    let path = path(of: stream, at: time)
    try recover((path as NSString).deletingLastPathComponent)
    let open = Open(file: try OutputFile(path: path), stream: stream, period: period)
    files[key] = open
    return open
  }

  private func period(of stream: StreamName, at time: Int) -> Period {
    if let seconds = settings.rotateSeconds { return .multiple(time / seconds) }
    return pattern.endsFiles ? .path(pattern.path(of: stream, at: time)) : .always
  }

  private func finish(_ key: String) throws(TargetFault) {
    guard let open = files[key] else { return }
    try open.file.finish()
    files[key] = nil
  }

  private func recover(_ folder: String) throws(TargetFault) {
    let folder = folder.isEmpty ? "." : folder
    guard recovered.insert(folder).inserted else { return }
    notes += try OutputFile.recover(folder, settings.compression)
  }

  // MARK: Names

  private func path(of stream: StreamName, at seconds: Int? = nil) -> String {
    let path = pattern.path(of: stream, at: seconds ?? now())
    let suffix = settings.compression.suffix
    return path.hasSuffix(suffix) ? path : path + suffix
  }

  /// Streams that go to one file have one key.
  private func key(of stream: StreamName) -> String {
    pattern.path(of: stream, at: 0)
  }
}
