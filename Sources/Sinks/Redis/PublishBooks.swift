internal import Records

/// Where records are settled: in the queue that accepted them, and in the spool where they stand
/// on disk.
///
/// Belongs to the sink's thread.
final class PublishBooks {
  let queue: SinkQueue
  var spool: Spool?

  init(queue: SinkQueue) { self.queue = queue }

  /// Redis has them.
  func deliver(_ records: some Sequence<PublishedRecord>) {
    let (share, again) = settle(records)
    queue.settle(delivered: share)
    if again > 0 { queue.count(\.retransmitted, again) }
  }

  /// Redis has the first ones of a queue.
  func deliver(_ records: borrowing RecordQueue, _ count: Int) {
    var share = SinkQueue.Share()
    var again = 0
    for index in 0..<count {
      records[index].add(to: &share)
      if records[index].isRetransmission { again += 1 }
      if let position = records[index].position { spool?.settle(position) }
    }
    queue.settle(delivered: share)
    if again > 0 { queue.count(\.retransmitted, again) }
  }

  /// They are given up on.
  func drop(_ records: some Sequence<PublishedRecord>, because reason: String) {
    let (share, again) = settle(records)
    queue.settle(dropped: share, because: reason)
    // They were delivered once, and are not there any more.
    if again > 0 { queue.count(\.lostByRedis, again) }
  }

  private func settle(_ records: some Sequence<PublishedRecord>)
    -> (share: SinkQueue.Share, retransmissions: Int)
  {
    var share = SinkQueue.Share()
    var again = 0
    for record in records {
      record.add(to: &share)
      if record.isRetransmission { again += 1 }
      if let position = record.position { spool?.settle(position) }
    }
    return (share, again)
  }
}
