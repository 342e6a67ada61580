import FlowEngine
import Glibc
import Records
import Runtime

/// Records in the order of their flows' beginnings, whatever order they come in: what is too much for
/// memory goes to a temporary file in sorted runs, which are merged at the end.
///
/// In memory and in the file a record is a message of whole words: its length in bytes and kind (one
/// word), a ``FlowRecord`` or a protocol record's head and tokens, and zeros up to the word's end.
final class SortedOutput: RecordOutput {
  /// Where a record stands, and what it is sorted by: the flow's first packet by time and by number in the
  /// input, which no two flows share, then the order in which the flow's worker made the records.
  private struct Entry {
    var firstSeen: Int64
    var flowOrdinal: UInt64
    var sequence: UInt64
    /// Word of the message in `words`.
    var place: Int

    func isBefore(_ other: Entry) -> Bool {
      if firstSeen != other.firstSeen { return firstSeen < other.firstSeen }
      if flowOrdinal != other.flowOrdinal { return flowOrdinal < other.flowOrdinal }
      return sequence < other.sequence
    }
  }

  private let inner: any RecordOutput
  private var entries: [Entry] = []
  private var words: [UInt64] = []
  private let runBytes: Int
  /// Unlinked as soon as it is made; -1 until it is needed.
  private var descriptor: Int32 = -1
  /// Words of each run in the file, one behind the other.
  private var runs: [Int] = []
  private var ownError: OutputError?

  private static let flowBytes = MemoryLayout<FlowRecord>.stride
  private static let eventFlag: UInt64 = 1 << 63

  /// `runBytes`: of records sorted in memory at a time, and what they are sorted by.
  init(_ inner: any RecordOutput, runBytes: Int = 112 << 20) {
    self.inner = inner
    self.runBytes = runBytes
  }

  /// Bytes of all that was kept to be sorted.
  private(set) var bytesKept: UInt64 = 0

  deinit { if descriptor >= 0 { close(descriptor) } }

  var error: OutputError? { ownError ?? inner.error }
  var isUnwanted: Bool { inner.isUnwanted }

  func wants(_ record: UnsafePointer<FlowRecord>) -> Bool { inner.wants(record) }
  func wants(_ event: EventRecord) -> Bool { inner.wants(event) }

  func take(_ record: UnsafePointer<FlowRecord>) {
    guard inner.wants(record) else { return }
    append(
      UnsafeRawBufferPointer(start: record, count: Self.flowBytes), flag: 0,
      Entry(
        firstSeen: record.pointee.cold.firstSeen, flowOrdinal: record.pointee.cold.ordinal,
        sequence: record.pointee.sequence, place: words.count))
  }

  func take(_ event: EventRecord) {
    guard inner.wants(event) else { return }
    append(
      event.message, flag: Self.eventFlag,
      Entry(
        firstSeen: event.head.firstSeen, flowOrdinal: event.head.flowOrdinal,
        sequence: event.head.sequence, place: words.count))
  }

  private func append(_ bytes: UnsafeRawBufferPointer, flag: UInt64, _ entry: Entry) {
    // Room that nobody uses costs nothing, and growing would need it twice.
    if words.isEmpty && runs.isEmpty { words.reserveCapacity(runBytes / 8) }
    bytesKept += UInt64(bytes.count)
    entries.append(entry)
    words.append(UInt64(bytes.count) | flag)
    let whole = bytes.count / 8
    for word in 0..<whole {
      words.append(bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self))
    }
    if whole * 8 < bytes.count {
      var last: UInt64 = 0
      withUnsafeMutableBytes(of: &last) { $0.copyBytes(from: bytes[(whole * 8)...]) }
      words.append(last)
    }
    if words.count * 8 + entries.count * MemoryLayout<Entry>.stride >= runBytes { spill() }
  }

  /// Nothing is in order before everything is there.
  func flush() {}

  func finish() {
    if ownError == nil {
      if runs.isEmpty {
        entries.sort { $0.isBefore($1) }
        words.withUnsafeBytes { bytes in
          for entry in entries { _ = pass(bytes, entry.place) }
        }
      } else {
        spill()
        entries = []
        words = []
        merge()
      }
      entries = []
      words = []
    }
    inner.finish()
  }

  /// Words of a message whose first word is given, that one included.
  private static func length(_ head: UInt64) -> Int { 1 + Int((head & ~eventFlag) + 7) / 8 }

  /// Hands on the message at a word. Returns its words.
  private func pass(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> Int {
    let head = bytes.load(fromByteOffset: place * 8, as: UInt64.self)
    let count = Int(head & ~Self.eventFlag)
    let start = (place + 1) * 8
    let message = UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
    if head & Self.eventFlag != 0 {
      if let event = EventRecord(message) { inner.take(event) }
    } else if let base = message.baseAddress {
      inner.take(base.assumingMemoryBound(to: FlowRecord.self))
    }
    return Self.length(head)
  }

  // MARK: Runs

  private func spill() {
    guard ownError == nil, !entries.isEmpty else { return }
    if descriptor < 0 {
      do throws(OutputError) {
        descriptor = try TemporaryFile.forOutput()
      } catch {
        ownError = error
        return
      }
    }
    entries.sort { $0.isBefore($1) }
    var sorted: [UInt64] = []
    sorted.reserveCapacity(min(words.count, 1 << 17))
    for entry in entries {
      sorted += words[entry.place..<entry.place + Self.length(words[entry.place])]
      if sorted.count >= 1 << 16 {
        write(sorted)
        sorted.removeAll(keepingCapacity: true)
      }
    }
    write(sorted)
    runs.append(words.count)
    entries.removeAll(keepingCapacity: true)
    words.removeAll(keepingCapacity: true)
  }

  private func write(_ words: [UInt64]) {
    words.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count, ownError == nil {
        let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        if count < 0 && errno == EINTR { continue }
        if count < 0 {
          ownError = OutputError("the temporary file for sorting", errno)
        } else {
          done += count
        }
      }
    }
  }

  // MARK: Merging

  /// A run while it is merged: a window on the file that begins at a message.
  private struct Run {
    /// Word in the file behind the window.
    var next: Int
    /// Words of the run behind the window.
    var left: Int
    var window: [UInt64] = []
    /// Where the first message that is still to come stands in the window.
    var place = 0
    var entry = Entry(firstSeen: 0, flowOrdinal: 0, sequence: 0, place: 0)
  }

  private func merge() {
    guard ownError == nil else { return }
    var offset = 0
    var open = runs.map { count in
      defer { offset += count }
      return Run(next: offset, left: count)
    }
    // 32 MiB of windows, whatever the number of runs.
    let share = max(1024, (4 << 20) / max(open.count, 1))
    for place in open.indices { guard refill(&open[place], share) else { return } }
    // A binary heap of runs, the one with the earliest record first.
    var heap: [Int] = []
    func sink(_ start: Int) {
      var place = start
      while true {
        var least = place
        for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
          if open[heap[child]].entry.isBefore(open[heap[least]].entry) { least = child }
        }
        if least == place { return }
        heap.swapAt(place, least)
        place = least
      }
    }
    heap = Array(open.indices)
    for place in stride(from: heap.count / 2, through: 0, by: -1) { sink(place) }
    while let run = heap.first {
      open[run].place += open[run].window.withUnsafeBytes { pass($0, open[run].place) }
      guard refill(&open[run], share) else { return }
      if open[run].place == open[run].window.count {
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
      }
      sink(0)
    }
  }

  /// Sees to it that the run's next message is whole in its window, and reads what it is sorted by.
  private func refill(_ run: inout Run, _ share: Int) -> Bool {
    var ahead = run.window.count - run.place
    var needed = ahead > 0 ? Self.length(run.window[run.place]) : 1
    while ahead < needed && run.left > 0 {
      let count = min(max(share, needed - ahead), run.left)
      var window = Array(run.window[run.place...])
      window.append(contentsOf: [UInt64](repeating: 0, count: count))
      guard read(&window, from: ahead, count, at: run.next) else { return false }
      run.window = window
      run.place = 0
      run.next += count
      run.left -= count
      ahead = window.count
      needed = Self.length(window[0])
    }
    guard ahead > 0 else { return true }
    run.window.withUnsafeBytes { bytes in
      let head = bytes.load(fromByteOffset: run.place * 8, as: UInt64.self)
      let start = (run.place + 1) * 8
      let message = UnsafeRawBufferPointer(
        rebasing: bytes[start..<start + Int(head & ~Self.eventFlag)])
      if head & Self.eventFlag != 0 {
        guard let event = EventRecord(message) else { return }
        run.entry.firstSeen = event.head.firstSeen
        run.entry.flowOrdinal = event.head.flowOrdinal
        run.entry.sequence = event.head.sequence
      } else {
        let record = message.baseAddress!.assumingMemoryBound(to: FlowRecord.self)
        run.entry.firstSeen = record.pointee.cold.firstSeen
        run.entry.flowOrdinal = record.pointee.cold.ordinal
        run.entry.sequence = record.pointee.sequence
      }
    }
    return true
  }

  private func read(_ window: inout [UInt64], from: Int, _ count: Int, at word: Int) -> Bool {
    window.withUnsafeMutableBytes { bytes in
      var done = 0
      while done < count * 8 {
        let got = pread(
          descriptor, bytes.baseAddress! + from * 8 + done, count * 8 - done,
          off_t(word * 8 + done))
        if got < 0 && errno == EINTR { continue }
        if got <= 0 {
          ownError = OutputError("the temporary file for sorting", got == 0 ? EIO : errno)
          return false
        }
        done += got
      }
      return true
    }
  }
}

extension TemporaryFile {
  /// As an output's trouble where there is none to be had.
  static func forOutput() throws(OutputError) -> Int32 {
    do throws(Failure) {
      return try open()
    } catch {
      throw OutputError("a temporary file in \(error.folder)", error.code)
    }
  }
}
