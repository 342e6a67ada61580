internal import Records

/// While Redis lags: what comes goes to disk, and from there to Redis, in the order in which it came.
///
///     in order:  lanes' pending ──▶ spool (unread) ──▶ tail, where the disk is full ──▶ queue
///
/// Every record that is not settled after the linger and another 100 ms is written down, wherever
/// it is: those under way stay in memory as well, the others come back from the spool when it is
/// their turn.
extension RedisSink {
  /// Bytes of records that are read from the spool before they are due.
  static let readAheadBytes = 4 << 20
  private static let chunkBytes = 1 << 20
  /// Beyond the linger.
  private static let patienceNanoseconds: UInt64 = 100_000_000
  private static let retryNanoseconds: UInt64 = 500_000_000

  func openSpool() throws(SinkError) {
    guard books.spool == nil, let directory = settings.spoolDirectory else { return }
    do throws(SpoolFault) {
      let spool = try Spool(
        directory: "\(directory)/\(settings.sensor)", maxBytes: settings.spoolBytes,
        synchronizes: settings.spoolFsync)
      books.spool = spool
      queue.adopt(spool.recovered)
      queue.set(\.spoolLimitBytes, settings.spoolBytes)
      queue.count(\.spoolTorn, spool.torn + spool.damaged)
      if spool.torn + spool.damaged > 0 {
        queue.report(
          healthy: false,
          error:
            "spool \(spool.directory): \(spool.torn) torn ends were cut off (\(spool.tornBytes)"
            + " bytes), \(spool.damaged) frames were damaged")
      }
      isSpooling = spool.unread > 0
    } catch {
      throw SinkError("sink redis: \(error.description)")
    }
  }

  func closeSpool() {
    if let spool = books.spool {
      queue.report(spooledBytes: spool.bytes, oldestNanoseconds: oldestNanoseconds)
    }
    books.spool = nil
  }

  /// Every record that is not settled is on disk.
  var hasParkedEverything: Bool {
    tail.isEmpty
      && lanes.allSatisfy { lane in
        (0..<lane.pending.count).allSatisfy {
          lane.pending[$0].position != nil || lane.pending[$0].isRetransmission
        }
      }
  }

  /// Takes what has come, brings to disk what has waited too long, and reads from there what is
  /// next. Called in each turn, and whenever the thread waits for Redis.
  func serve() {
    // Once the books are closed, what is left counts as lost: it must not turn up later.
    if queue.isSealed { return }
    var budget = settings.queueBytes / 4
    while budget > 0, let batch = queue.take(untilNanoseconds: 0) {
      budget -= batch.bytes.count
      distribute(batch)
    }
    if books.spool != nil {
      beginSpoolingIfDue()
      writeTail()
      readAhead()
    }
    queue.report(spooledBytes: books.spool?.bytes ?? 0, oldestNanoseconds: oldestNanoseconds)
  }

  private var oldestNanoseconds: UInt64? {
    let heads = lanes.compactMap { $0.pending.first?.arrivedNanoseconds }
    return (heads + [tail.oldestNanoseconds].compactMap { $0 }).min()
  }

  private func beginSpoolingIfDue() {
    let now = monotonicNanoseconds()
    guard !isSpooling, now >= spoolRetryNanoseconds else { return }
    // Out of time: what Redis does not take within a second is for the next start.
    let isEnding = queue.isFinishing && queue.finishNanoseconds < now + 1_000_000_000
    let patience = isEnding ? 0 : lingerNanoseconds + Self.patienceNanoseconds
    let isDue = lanes.contains { lane in
      // In a lane, what is on disk comes before what is not.
      lane.pending.last.map { $0.position == nil && !$0.isRetransmission } ?? false
        && firstUnparked(lane).map { now >= $0.arrivedNanoseconds + patience } ?? false
    }
    if isDue { beginSpooling() }
  }

  private func firstUnparked(_ lane: RedisLane) -> PublishedRecord? {
    (0..<lane.pending.count).lazy.map { lane.pending[$0] }
      .first { $0.position == nil && !$0.isRetransmission }
  }

  private func beginSpooling() {
    for lane in lanes { park(sentOf: lane) }
    isSpooling = true
    for lane in lanes {
      // What is on disk already stays, and what stands before it.
      let last = (lane.underWay..<lane.pending.count).last {
        lane.pending[$0].position != nil || lane.pending[$0].isRetransmission
          || lane.pending[$0].mayBeSent
      }
      let stays = last.map { $0 + 1 } ?? lane.underWay
      for record in lane.pending.removeLast(lane.pending.count - stays) {
        tail.append(record, lane)
      }
    }
  }

  /// Writes down those that are under way, or were. They stay where they are, and are not read
  /// again: what is read from the disk later was never sent.
  private func park(sentOf lane: RedisLane) {
    guard let spool = books.spool else { return }
    let indices = (0..<lane.pending.count).filter {
      lane.pending[$0].position == nil && !lane.pending[$0].isRetransmission
        && lane.pending[$0].hasID && ($0 < lane.underWay || lane.pending[$0].mayBeSent)
    }
    if indices.isEmpty { return }
    do throws(SpoolFault) {
      let positions = try spool.append(indices.map { entry(lane.pending[$0], lane) })
      spool.skip(positions.count)
      var bytes = 0
      for (index, position) in zip(indices, positions) {
        lane.pending[index].position = position
        bytes += lane.pending[index].length
      }
      queue.park(positions.count, bytes: bytes)
      if let last = positions.last { try spool.markSent(last) }
    } catch {
      spoolFailed(error)
    }
  }

  private func writeTail() {
    guard let spool = books.spool else { return }
    while !tail.isEmpty, !queue.isSealed, monotonicNanoseconds() >= spoolRetryNanoseconds {
      let count = tail.first(bytes: Self.chunkBytes).count
      guard tail.assign(count, wallMilliseconds: wallMilliseconds()) else { break }
      let chunk = tail.first(bytes: Self.chunkBytes)
      do throws(SpoolFault) {
        _ = try spool.append(chunk.map { entry($0.record, $0.lane) })
        queue.park(count, bytes: chunk.reduce(0) { $0 + $1.record.length })
        queue.report(spoolIsFull: false)
        tail.removeFirst(count)
      } catch {
        spoolFailed(error)
      }
    }
  }

  private func spoolFailed(_ fault: SpoolFault) {
    spoolRetryNanoseconds = monotonicNanoseconds() + Self.retryNanoseconds
    queue.report(spoolIsFull: true)
    queue.report(healthy: client != nil, error: fault.description)
  }

  /// Fills the lanes from the spool; ends the detour when nothing is there any more.
  private func readAhead() {
    guard isSpooling, let spool = books.spool else { return }
    var bytes = lanes.reduce(0) { $0 + $1.pending.bytes }
    let now = monotonicNanoseconds()
    let wall = wallMilliseconds()
    while bytes < Self.readAheadBytes, let (entry, position) = spool.next() {
      let waited = wall > entry.id.milliseconds ? (wall - entry.id.milliseconds) * 1_000_000 : 0
      lane(for: entry.type).adopt(
        PublishedRecord(
          bytes: entry.bytes, offset: entry.offset, length: entry.length,
          fieldCount: entry.fieldCount, format: entry.format, id: entry.id, position: position,
          arrivedNanoseconds: now > waited ? now - waited : 0,
          mayBeSent: spool.mayHaveBeenSent(position)))
      bytes += entry.length
    }
    let missing = spool.takeMissing()
    if missing > 0 {
      queue.count(\.spoolTorn, missing)
      queue.settle(
        dropped: SinkQueue.Share(parked: missing),
        because: "spool \(spool.directory): \(missing) records cannot be read any more")
    }
    guard spool.unread == 0 else { return }
    if !tail.isEmpty {
      // Nothing is on disk before them, and they cannot get there: straight on, then.
      guard monotonicNanoseconds() < spoolRetryNanoseconds else { return }
      for (record, lane) in tail.first(bytes: .max) { lane.pending.append(record) }
      tail.removeFirst(tail.count)
    }
    isSpooling = false
  }

  private func entry(_ record: PublishedRecord, _ lane: RedisLane) -> SpoolEntry {
    SpoolEntry(
      type: lane.type, id: record.id, format: record.format, fieldCount: record.fieldCount,
      bytes: record.bytes, offset: record.offset, length: record.length)
  }

  /// Entries on disk are about to be sent: after a crash they are to be looked for.
  func markSent(_ lane: RedisLane, _ count: Int) {
    guard let spool = books.spool else { return }
    let last = (lane.underWay - count..<lane.underWay).compactMap { lane.pending[$0].position }
      .max()
    guard let last else { return }
    do throws(SpoolFault) {
      try spool.markSent(last)
    } catch {
      spoolFailed(error)
    }
  }

  /// Records that had been spooled go under other IDs: written down first. Where that fails, a crash
  /// just now would send them twice; to wait for the disk would be worse.
  func note(_ renumbered: [SpoolRenumbering]) {
    guard let spool = books.spool else { return }
    for renumbering in renumbered {
      do throws(SpoolFault) {
        try spool.renumber(renumbering.positions, first: renumbering.first)
      } catch {
        spoolFailed(error)
      }
    }
  }
}
