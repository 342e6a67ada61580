import Dissection
import FlowEngine
import Foundation
import Records
import Synchronization

/// `--extract-streams` and `--extract-files`: a thread of its own takes payloads from the workers' rings to
/// files. Workers wait where a ring is full, so nothing is lost where the disk is slow; after an error what
/// comes is thrown away, so that the run can end.
///
/// A flow's record comes by another way, over the publisher, and may be here before the flow's last bytes.
/// It is looked at when everything is that lay in its worker's ring when it came.
final class Extractor: RecordOutput, @unchecked Sendable {
  private struct End {
    var record: FlowRecord
    var isWanted: Bool
    /// What its worker had produced.
    var position: UInt64
  }

  /// The writing thread's own, until it has ended.
  private var streams: StreamExtractor?
  private var files: FileExtractor?
  private let options: Read
  private var rings: [ByteRing] = []
  private let ends = Mutex<[End]>([])
  private let failure = Mutex<OutputError?>(nil)
  private let isEnding = Atomic<Bool>(false)
  private let ended = DispatchSemaphore(value: 0)
  private var isStarted = false

  /// Ends of flows that may wait; beyond that the publisher does.
  private static let mostEnds = 16_384
  /// Messages taken from one ring before the next one's turn.
  private static let turn = 512

  /// Refuses a folder that has something in it. Nothing is made before ``start(_:)``.
  init(_ options: Read) throws(OutputError) {
    self.options = options
    if let folder = options.extractStreams { try ExtractFolder.check(folder) }
    if let folder = options.extractFiles { try ExtractFolder.check(folder) }
  }

  /// Makes the folders; before the workers start.
  func start(_ rings: [ByteRing]) throws(OutputError) {
    if let folder = options.extractStreams {
      streams = try StreamExtractor(folder, context: options.context, policy: options.overlap)
    }
    do throws(OutputError) {
      if let folder = options.extractFiles {
        files = try FileExtractor(
          folder, context: options.context, isChoosy: options.where != nil)
      }
    } catch {
      streams?.finish()
      streams?.remove()
      throw error
    }
    self.rings = rings
    isStarted = true
    let thread = Thread { [self] in
      run()
      ended.signal()
    }
    thread.name = "extractor"
    thread.start()
  }

  /// What should have come never began: the folders are as they were.
  func abandon() {
    finish()
    streams?.remove()
    files?.remove()
  }

  // MARK: The publisher's side

  func take(_ record: UnsafePointer<FlowRecord>) { put(record, isWanted: true) }
  func leaveOut(_ record: UnsafePointer<FlowRecord>) { put(record, isWanted: false) }

  private func put(_ record: UnsafePointer<FlowRecord>, isWanted: Bool) {
    guard record.pointee.kind == FlowRecordKind.flow, Int(record.pointee.worker) < rings.count
    else { return }
    // The worker had put the flow's last bytes there before it made the record.
    let end = End(
      record: record.pointee, isWanted: isWanted,
      position: rings[Int(record.pointee.worker)].produced)
    while true {
      let isTaken = ends.withLock { ends in
        if ends.count >= Self.mostEnds { return false }
        ends.append(end)
        return true
      }
      if isTaken { return }
      usleep(500)
    }
  }

  func flush() {}
  var isUnwanted: Bool { false }
  var error: OutputError? { failure.withLock { $0 } }

  /// All workers and the publisher have ended.
  func finish() {
    guard isStarted else { return }
    isStarted = false
    isEnding.store(true, ordering: .releasing)
    ended.wait()
  }

  // MARK: The writer's side

  private var writeError: OutputError? { streams?.error ?? files?.error }

  private func run() {
    var due = [[End]](repeating: [], count: rings.count)
    var next = [Int](repeating: 0, count: rings.count)
    while true {
      let ending = isEnding.load(ordering: .acquiring)
      var taken = 0
      let waiting = rings.indices.reduce(0) { $0 + due[$1].count - next[$1] }
      if waiting < Self.mostEnds {
        let new = ends.withLock { ends in
          defer { ends.removeAll(keepingCapacity: true) }
          return ends
        }
        for end in new { due[Int(end.record.worker)].append(end) }
        taken += new.count
      }
      for worker in rings.indices {
        taken += drain(rings[worker])
        let consumed = rings[worker].consumed
        while next[worker] < due[worker].count, due[worker][next[worker]].position <= consumed {
          close(due[worker][next[worker]])
          next[worker] += 1
          taken += 1
        }
        if next[worker] == due[worker].count || next[worker] >= Self.mostEnds {
          due[worker].removeFirst(next[worker])
          next[worker] = 0
        }
      }
      if let error = writeError { failure.withLock { if $0 == nil { $0 = error } } }
      if taken == 0 {
        if ending { break }
        usleep(200)
      }
    }
    streams?.finish()
    files?.finish()
    if let error = writeError { failure.withLock { if $0 == nil { $0 = error } } }
  }

  private func drain(_ ring: ByteRing) -> Int {
    var taken = 0
    let headBytes = MemoryLayout<PayloadHead>.stride
    let hasFailed = writeError != nil
    while taken < Self.turn, let message = ring.peek() {
      if !hasFailed, message.count >= headBytes {
        let head = message.loadUnaligned(as: PayloadHead.self)
        let rest = UnsafeRawBufferPointer(rebasing: message[headBytes...])
        switch head.kind {
        case .segment, .datagram: streams?.take(head, rest)
        default: files?.take(head, rest)
        }
      }
      ring.release(message)
      taken += 1
    }
    return taken
  }

  private func close(_ end: End) {
    withUnsafePointer(to: end.record) {
      streams?.end($0, isWanted: end.isWanted)
      files?.end($0, isWanted: end.isWanted)
    }
  }

  // MARK: What is said

  /// After ``finish()``: a line for each folder.
  func outcome() -> [String] {
    var lines: [String] = []
    func holes(_ count: UInt64, _ missing: UInt64) -> String {
      count == 0
        ? "no holes" : "\(Units.grouped(count)) holes (\(Units.grouped(missing)) bytes missing)"
    }
    func cut(_ count: UInt64) -> String { count == 0 ? "" : ", \(Units.grouped(count)) cut" }
    if let folder = options.extractStreams, let streams {
      lines.append(
        "\(Units.grouped(streams.conversationCount)) conversations in"
          + " \(Units.grouped(streams.fileCount)) files written to \(folder),"
          + " \(Units.grouped(streams.bytes)) bytes, \(holes(streams.holes, streams.missing))"
          + cut(streams.cut))
    }
    if let folder = options.extractFiles, let files {
      lines.append(
        "\(Units.grouped(files.occurrences)) bodies and attachments in"
          + " \(Units.grouped(files.fileCount)) files written to \(folder),"
          + " \(Units.grouped(files.bytes)) bytes, \(Units.grouped(files.incomplete)) incomplete,"
          + " \(holes(files.holes, files.missing))\(cut(files.cut))")
    }
    return lines
  }

  /// After ``finish()``: files that could not be as large as they should.
  var problems: [String] {
    [(options.extractStreams, streams?.full), (options.extractFiles, files?.full)]
      .compactMap { folder, count in
        guard let folder, let count, count > 0 else { return nil }
        return "\(folder): no file can be larger there; \(Units.grouped(count))"
          + " \(count == 1 ? "is" : "are") cut, as index.json says"
      }
  }
}
