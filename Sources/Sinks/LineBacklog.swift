internal import Records

/// Records as lines, in the order in which they are to be written, and how far that has come.
///
/// Belongs to a sink's thread. A record is settled when the whole of its line has been written.
struct LineBacklog {
  /// Of all lines; from `written` on they are still to be written.
  private(set) var bytes: [UInt8] = []
  private(set) var written = 0
  /// Where each line ends in `bytes`, from `settled` on not yet settled.
  private var ends: [Int] = []
  private var settled = 0

  var isEmpty: Bool { settled == ends.count }

  /// Bytes of whole lines that may be written without passing `limit`; at least one line.
  func chunk(atMost limit: Int) -> Int {
    var end = written
    for index in settled..<ends.count {
      if end > written && ends[index] - written > limit { break }
      end = ends[index]
    }
    return end - written
  }

  mutating func append(_ batch: RecordBatch) {
    bytes.reserveCapacity(
      bytes.count + batch.entries.reduce(0) { $0 + $1.length + 1 })
    for entry in batch.entries {
      bytes += batch.bytes[entry.offset..<entry.offset + entry.length]
      bytes.append(UInt8(ascii: "\n"))
      ends.append(bytes.count)
    }
  }

  /// Counts bytes as written; returns the records whose lines are whole now, and their bytes.
  mutating func advance(by count: Int) -> (records: Int, bytes: Int) {
    written += count
    let before = settled == 0 ? 0 : ends[settled - 1]
    let first = settled
    while settled < ends.count && ends[settled] <= written { settled += 1 }
    let records = settled - first
    // The line ends are ours, not the records'.
    let settledBytes = records == 0 ? 0 : ends[settled - 1] - before - records
    if isEmpty { self.removeAll() }
    return (records, settledBytes)
  }

  /// How much of the line that is being written has been written.
  var tornBytes: Int { written - (settled == 0 ? 0 : ends[settled - 1]) }

  /// Starts the line that is being written over again.
  mutating func rewindTornLine() { written -= tornBytes }

  /// Gives up on everything; returns what that was.
  mutating func dropAll() -> (records: Int, bytes: Int) {
    let start = settled == 0 ? 0 : ends[settled - 1]
    let records = ends.count - settled
    let dropped = bytes.count - start - records
    removeAll()
    return (records, dropped)
  }

  private mutating func removeAll() {
    bytes.removeAll(keepingCapacity: bytes.count <= 4 << 20)
    ends.removeAll(keepingCapacity: ends.count <= 65_536)
    written = 0
    settled = 0
  }
}
