internal import Records

/// A record on its way into a stream, in the batch that it came in.
struct PublishedRecord {
  var bytes: [UInt8]
  var offset: Int
  var length: Int
  var fieldCount: Int
  var format: RecordFormat
  /// Once it has one: 0-0 is no entry's.
  var id = StreamID()
  /// Where it stands on disk, if it does.
  var position: SpoolPosition?
  /// When it came, in monotonic nanoseconds.
  var arrivedNanoseconds: UInt64
  /// It may have been sent under its ID, by this process or an earlier one.
  var mayBeSent = false
  /// Redis had acknowledged it, and has lost it: it is in nobody's books any more.
  var isRetransmission = false

  var hasID: Bool { id != StreamID() }

  /// Counts itself in what is to be settled.
  func add(to share: inout SinkQueue.Share) {
    if isRetransmission { return }
    if position != nil {
      share.parked += 1
    } else {
      share.records += 1
      share.bytes += length
    }
  }
}

/// Records in the order in which they are to be published; cheap at both ends, whatever its length.
struct RecordQueue {
  private var records: [PublishedRecord] = []
  private var head = 0
  /// Sum of the records' lengths.
  private(set) var bytes = 0

  var count: Int { records.count - head }
  var isEmpty: Bool { head == records.count }
  var first: PublishedRecord? { isEmpty ? nil : records[head] }
  var last: PublishedRecord? { isEmpty ? nil : records.last }

  /// In place: a record is not copied to be looked at.
  subscript(index: Int) -> PublishedRecord {
    _read { yield records[head + index] }
    _modify { yield &records[head + index] }
  }

  mutating func append(_ record: PublishedRecord) {
    records.append(record)
    bytes += record.length
  }

  mutating func prepend(_ front: [PublishedRecord]) {
    records.replaceSubrange(0..<head, with: front)
    head = 0
    bytes += front.reduce(0) { $0 + $1.length }
  }

  /// Takes records off the front.
  mutating func removeFirst(_ count: Int) -> [PublishedRecord] {
    let taken = Array(records[head..<head + count])
    dropFirst(count)
    return taken
  }

  mutating func dropFirst(_ count: Int) {
    for index in head..<head + count {
      bytes -= records[index].length
      // Its place stays for a while, its bytes need not.
      records[index].bytes = []
    }
    head += count
    if head == records.count {
      records.removeAll(keepingCapacity: head <= 65_536)
      head = 0
    } else if head >= 1024 && head * 2 >= records.count {
      records.removeFirst(head)
      head = 0
    }
  }

  /// Takes records off the end; they come in their order.
  mutating func removeLast(_ count: Int) -> [PublishedRecord] {
    let taken = Array(records.suffix(count))
    bytes -= taken.reduce(0) { $0 + $1.length }
    records.removeLast(count)
    return taken
  }

  /// Keeps of the first `count` records only those for which `isKept` says so; returns the others.
  mutating func filterFirst(_ count: Int, keeping isKept: (Int) -> Bool) -> [PublishedRecord] {
    var kept: [PublishedRecord] = []
    var removed: [PublishedRecord] = []
    for (index, record) in removeFirst(count).enumerated() {
      if isKept(index) { kept.append(record) } else { removed.append(record) }
    }
    if !kept.isEmpty { prepend(kept) }
    return removed
  }
}
