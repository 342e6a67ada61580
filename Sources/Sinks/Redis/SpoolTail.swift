/// Records on their way to the spool, each with its stream, in the order in which they came.
struct SpoolTail {
  private var records: [(record: PublishedRecord, lane: RedisLane)] = []
  private var head = 0

  var count: Int { records.count - head }
  var isEmpty: Bool { head == records.count }
  var oldestNanoseconds: UInt64? { isEmpty ? nil : records[head].record.arrivedNanoseconds }

  mutating func append(_ record: PublishedRecord, _ lane: RedisLane) {
    records.append((record, lane))
  }

  /// The first ones, of together about as many bytes.
  func first(bytes limit: Int) -> ArraySlice<(record: PublishedRecord, lane: RedisLane)> {
    var bytes = 0
    var end = head
    while end < records.count && bytes < limit {
      bytes += records[end].record.length
      end += 1
    }
    return records[head..<end]
  }

  /// Gives every one of the first `count` an ID, where it has none; false where there is none left.
  mutating func assign(_ count: Int, wallMilliseconds: UInt64) -> Bool {
    for index in head..<head + count where !records[index].record.hasID {
      let lane = records[index].lane
      guard lane.assign(&records[index].record, wallMilliseconds: wallMilliseconds) else {
        return false
      }
    }
    return true
  }

  mutating func removeFirst(_ count: Int) {
    head += count
    if head == records.count {
      records.removeAll(keepingCapacity: head <= 65_536)
      head = 0
    } else if head >= 1024 && head * 2 >= records.count {
      records.removeFirst(head)
      head = 0
    }
  }
}
