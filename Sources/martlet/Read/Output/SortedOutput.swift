import FlowEngine
import Glibc

/// Records in the order of their flows' beginnings, whatever order they come in: what is too much for
/// memory goes to a temporary file in sorted runs, which are merged at the end.
final class SortedOutput: RecordOutput {
  private let inner: any RecordOutput
  private var records: [FlowRecord] = []
  private let runLength: Int
  /// Unlinked as soon as it is made; -1 until it is needed.
  private var descriptor: Int32 = -1
  /// Records of each run in the file, one behind the other.
  private var runs: [Int] = []
  private var ownError: OutputError?

  private static let recordBytes = MemoryLayout<FlowRecord>.stride

  /// `runLength`: records sorted in memory at a time, 408 bytes each.
  init(_ inner: any RecordOutput, runLength: Int = 262_144) {
    self.inner = inner
    self.runLength = runLength
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  var error: OutputError? { ownError ?? inner.error }
  var isUnwanted: Bool { inner.isUnwanted }

  func take(_ record: UnsafePointer<FlowRecord>) {
    records.append(record.pointee)
    if records.count == runLength { spill() }
  }

  /// Nothing is in order before everything is there.
  func flush() {}

  func finish() {
    if ownError == nil {
      if runs.isEmpty {
        records.sort(by: Self.isBefore)
        records.withUnsafeBufferPointer { sorted in
          for place in sorted.indices { inner.take(sorted.baseAddress! + place) }
        }
      } else {
        spill()
        merge()
      }
      records = []
    }
    inner.finish()
  }

  /// By the first packet's time; of one time by the packet's number in the input, which no two flows
  /// share; then what was odd about the flow, packet by packet, its updates in their order, and its end.
  private static func isBefore(_ a: FlowRecord, _ b: FlowRecord) -> Bool {
    if a.cold.firstSeen != b.cold.firstSeen { return a.cold.firstSeen < b.cold.firstSeen }
    if a.cold.ordinal != b.cold.ordinal { return a.cold.ordinal < b.cold.ordinal }
    if a.kind != b.kind { return a.kind > b.kind }
    guard a.kind == FlowRecordKind.anomaly else { return a.updateOrdinal < b.updateOrdinal }
    return a.packetOrdinal != b.packetOrdinal
      ? a.packetOrdinal < b.packetOrdinal : a.event < b.event
  }

  private func spill() {
    guard ownError == nil, !records.isEmpty else { return }
    if descriptor < 0 {
      do throws(OutputError) {
        descriptor = try TemporaryFile.open()
      } catch {
        ownError = error
        return
      }
    }
    records.sort(by: Self.isBefore)
    records.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        if count < 0 && errno == EINTR { continue }
        if count < 0 {
          ownError = OutputError("the temporary file for sorting", errno)
          return
        }
        done += count
      }
    }
    runs.append(records.count)
    records.removeAll(keepingCapacity: true)
  }

  // MARK: Merging

  private struct Run {
    var offset: Int
    var left: Int
    var buffer: [FlowRecord] = []
    var next = 0
  }

  private func merge() {
    guard ownError == nil else { return }
    var offset = 0
    var open = runs.map { count in
      defer { offset += count * Self.recordBytes }
      return Run(offset: offset, left: count)
    }
    // 32 MiB of buffers, whatever the number of runs.
    let share = max(16, (32 << 20) / Self.recordBytes / max(open.count, 1))
    for place in open.indices { guard refill(&open[place], share) else { return } }
    // A binary heap of runs, the one with the earliest record first.
    var heap: [Int] = []
    func isEarlier(_ a: Int, _ b: Int) -> Bool {
      Self.isBefore(open[a].buffer[open[a].next], open[b].buffer[open[b].next])
    }
    func sink(_ start: Int) {
      var place = start
      while true {
        var least = place
        for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
          if isEarlier(heap[child], heap[least]) { least = child }
        }
        if least == place { return }
        heap.swapAt(place, least)
        place = least
      }
    }
    heap = Array(open.indices)
    for place in stride(from: heap.count / 2, through: 0, by: -1) { sink(place) }
    while let run = heap.first {
      open[run].buffer.withUnsafeBufferPointer { inner.take($0.baseAddress! + open[run].next) }
      open[run].next += 1
      if open[run].next == open[run].buffer.count {
        guard refill(&open[run], share) else { return }
        if open[run].buffer.isEmpty {
          heap[0] = heap[heap.count - 1]
          heap.removeLast()
        }
      }
      sink(0)
    }
  }

  private func refill(_ run: inout Run, _ share: Int) -> Bool {
    let count = min(share, run.left)
    var failed = false
    run.buffer = [FlowRecord](unsafeUninitializedCapacity: count) { memory, filled in
      let wanted = count * Self.recordBytes
      var done = 0
      while done < wanted {
        let got = pread(
          descriptor, UnsafeMutableRawPointer(memory.baseAddress!) + done, wanted - done,
          off_t(run.offset + done))
        if got < 0 && errno == EINTR { continue }
        if got <= 0 {
          failed = true
          ownError = OutputError("the temporary file for sorting", got == 0 ? EIO : errno)
          break
        }
        done += got
      }
      filled = failed ? 0 : count
    }
    run.offset += count * Self.recordBytes
    run.left -= count
    run.next = 0
    return !failed
  }
}

/// Files that are gone as soon as nobody has them open.
enum TemporaryFile {
  static var folder: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp" }

  static func open() throws(OutputError) -> Int32 {
    var template = Array("\(folder)/martlet-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw OutputError("a temporary file in \(folder)", errno) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(template)
    return descriptor
  }
}
