/// What Redis has acknowledged of one stream lately, in case that it comes back without it.
///
/// The youngest records are kept whole; of older ones it is only known which IDs there were:
///
///     forgotten: [first ID … last ID, count] …      kept: [record][record][record]
struct RetransmitWindow {
  private struct Run {
    var first: StreamID
    var last: StreamID
    var count: Int
  }

  /// More than this are told apart no longer, and count as one where only a part of them is lost.
  private static let maximumRuns = 65_536

  private var kept = RecordQueue()
  private var forgotten: [Run] = []
  private var forgottenHead = 0

  /// What the kept records take up, their overhead included.
  var bytes: Int { kept.bytes + kept.count * Self.overheadBytes }

  /// A record's place in the queue, and the room that a growing array keeps free.
  private static let overheadBytes = 2 * MemoryLayout<PublishedRecord>.stride
  /// When the oldest kept record came: who has the oldest of all streams forgets first.
  var oldestNanoseconds: UInt64? { kept.first?.arrivedNanoseconds }

  mutating func append(_ record: PublishedRecord) {
    var record = record
    record.position = nil
    record.isRetransmission = true
    kept.append(record)
  }

  mutating func forgetOldest() {
    guard !kept.isEmpty else { return }
    let id = kept[0].id
    kept.dropFirst(1)
    if forgotten.count > forgottenHead, let last = forgotten.last,
      last.last.milliseconds == id.milliseconds, last.last.sequence &+ 1 == id.sequence
    {
      forgotten[forgotten.count - 1].last = id
      forgotten[forgotten.count - 1].count += 1
      return
    }
    forgotten.append(Run(first: id, last: id, count: 1))
    if forgotten.count - forgottenHead > Self.maximumRuns {
      let oldest = forgotten[forgottenHead]
      forgottenHead += 1
      forgotten[forgottenHead].first = oldest.first
      forgotten[forgottenHead].count += oldest.count
      if forgottenHead >= Self.maximumRuns {
        forgotten.removeFirst(forgottenHead)
        forgottenHead = 0
      }
    }
  }

  /// The stream ends with `id`, older than what has been acknowledged: takes out what is to be sent
  /// again, and says how many of those that are not here any more were behind it.
  mutating func rewind(behind id: StreamID) -> (again: [PublishedRecord], lost: Int) {
    var lost = 0
    while forgotten.count > forgottenHead, let run = forgotten.last, run.last > id {
      forgotten.removeLast()
      if run.first > id {
        lost += run.count
      } else if run.first.milliseconds == run.last.milliseconds,
        run.last.sequence &- run.first.sequence &+ 1 == UInt64(run.count)
      {
        let gone = Int(run.last.sequence - id.sequence)
        lost += gone
        forgotten.append(Run(first: run.first, last: id, count: run.count - gone))
        break
      } else {
        lost += run.count
      }
    }
    var stays = 0
    while stays < kept.count && kept[stays].id <= id { stays += 1 }
    var older = RecordQueue()
    for record in kept.removeFirst(stays) { older.append(record) }
    let again = Array(kept.removeFirst(kept.count))
    kept = older
    return (again, lost)
  }
}
