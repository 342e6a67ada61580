internal import Records

/// How a lane learns what became of its transaction: from the answer, or from the stream itself.
extension RedisLane {
  /// Redis has executed the oldest transaction under way, and refused none of it.
  func settleExecuted(_ count: Int, _ books: PublishBooks) {
    guard count > 0 else { return }
    let last = pending[count - 1].id
    acknowledged = max(acknowledged, last)
    highest = max(highest, last)
    for index in 0..<count { window.append(pending[index]) }
    books.deliver(pending, count)
    pending.dropFirst(count)
    underWay -= count
  }

  /// Settles the oldest transaction under way by Redis's answer; throws where it is to be tried again.
  func settle(
    _ count: Int, _ answer: RedisTransactionAnswer, _ books: PublishBooks, lease: RedisLease
  ) throws(RedisFault) {
    switch answer.outcome {
    case .outOfStep, .fenced:
      // What has arrived all the same is looked up by its IDs when the connection is there again.
      try answer.requireExecuted(lease: lease)
    case .aborted(let error):
      let fault = RedisFault(answer: error, to: key)
      switch fault.kind {
      case .permission, .refused, .wrongType, .smallID:
        // The same records would be refused again, and hold up all that follow.
        books.drop(conclude(count), because: fault.description)
      default: throw fault
      }
    case .executed where answer.refusals.isEmpty: settleExecuted(count, books)
    case .executed: settle(count, refusals: answer.refusals, books)
    }
  }

  /// Sorts the records three ways: in the stream, refused for good, and to be sent under a new ID.
  private func settle(_ count: Int, refusals: [Int: String], _ books: PublishBooks) {
    var again: Set<Int> = []
    var dropped: [PublishedRecord] = []
    var delivered: [PublishedRecord] = []
    var reason = ""
    for index in 0..<count {
      guard let error = refusals[index] else {
        delivered.append(pending[index])
        continue
      }
      let fault = RedisFault(answer: error, to: key)
      if fault.kind == .smallID {
        again.insert(index)
        pending[index].id = StreamID()
        needsState = true
        books.queue.count(\.reordered)
        books.queue.report(healthy: true, error: fault.description)
      } else {
        dropped.append(pending[index])
        reason = fault.description
      }
    }
    _ = conclude(count) { !again.contains($0) }
    if !dropped.isEmpty { books.drop(dropped, because: reason) }
    note(acknowledged: delivered)
    books.deliver(delivered)
  }

  private func note(acknowledged records: [PublishedRecord]) {
    guard let last = records.last else { return }
    acknowledged = max(acknowledged, last.id)
    highest = max(highest, last.id)
    for record in records { window.append(record) }
  }

  /// Reads how the stream stands: after connecting, and after somebody else has written to it. What
  /// Redis had acknowledged and has lost goes before everything else, under its old IDs.
  ///
  /// Returns what is worth telling people.
  func reconcile(on client: RedisClient, _ books: PublishBooks) throws(RedisFault) -> String? {
    let found = try StreamState.read(key, on: client)
    rollBack()
    needsState = false
    guard let now = found else { return "\(key): no stream; its records will be dropped" }
    state = now
    var note: String?
    if now.last < acknowledged {
      let (again, all) = window.rewind(behind: now.last)
      pending.prepend(again)
      // What MAXLEN had trimmed before was not Redis's to lose; `~` leaves up to a node more, which
      // holds a hundred entries (stream-node-max-entries).
      let lost =
        maxStreamLength > 0 ? min(all, max(0, maxStreamLength + 100 - again.count)) : all
      if lost > 0 { books.queue.count(\.lostByRedis, lost) }
      note =
        "\(key): Redis came back with \(now.last) as the last ID, though it had acknowledged"
        + " \(acknowledged): \(again.count) records are sent again"
        + (lost > 0 ? ", \(lost) are not in the retransmit window any more and lost" : "")
        + "; appendfsync always would have kept them"
      acknowledged = now.last
    }
    highest = now.last
    uncertain = now.last
    return note
  }

  /// Of the next `limit` records, looks those up that may be in the stream already: what was sent
  /// and never answered for, and what an earlier process left in the spool.
  func lookUp(_ limit: Int, on client: RedisClient, _ books: PublishBooks) throws(RedisFault) {
    giveNewIDs(limit, books)
    while true {
      let count = min(limit, pending.count)
      guard let first = (0..<count).first(where: isUncertain) else { return }
      // A range of IDs that rise: those that were given anew are above what stands behind them.
      var last = first
      for index in first + 1..<max(count, first + 1) where isUncertain(index) {
        if pending[index].id < pending[last].id { break }
        last = index
      }
      // They must stay where they are while the answer is waited for.
      underWay = count
      defer { underWay = 0 }
      let present = try entries(from: pending[first].id, to: pending[last].id, on: client)
      var done: [PublishedRecord] = []
      var isDone: Set<Int> = []
      for index in first...last where isUncertain(index) {
        let id = pending[index].id
        let isThere = present[id].map { isSame($0, as: pending[index]) } ?? false
        let isTrimmed =
          present[id] == nil && state.mayHaveTrimmed(id, maxLength: maxStreamLength)
        if isThere || isTrimmed {
          isDone.insert(index)
          done.append(pending[index])
        } else {
          // Its ID has been overtaken, so it needs another.
          pending[index].id = StreamID()
          books.queue.count(\.reordered)
        }
      }
      _ = conclude(last + 1) { isDone.contains($0) }
      note(acknowledged: done)
      books.deliver(done)
      giveNewIDs(limit, books)
    }
  }

  /// What was never sent and whose ID has been overtaken needs another: it was given to it while
  /// nobody knew how the stream stands.
  private func giveNewIDs(_ limit: Int, _ books: PublishBooks) {
    var count = 0
    for index in 0..<min(limit, pending.count) where isOvertaken(index) {
      pending[index].id = StreamID()
      count += 1
    }
    if count > 0 { books.queue.count(\.reordered, count) }
  }

  private func isOvertaken(_ index: Int) -> Bool {
    pending[index].hasID && !pending[index].mayBeSent && pending[index].id <= uncertain
  }

  /// Whether an entry that Redis has is this record, and not another's under the same ID.
  private func isSame(_ fields: [RedisReply], as record: PublishedRecord) -> Bool {
    var bytes: [UInt8] = []
    switch record.format {
    case .eve:
      guard fields.count == 2, let text = fields[1].text else { return false }
      bytes = Array(text.utf8)
    case .fields:
      for field in fields { bytes.appendRESP(field.text ?? "") }
    }
    return bytes[...] == record.bytes[record.offset..<record.offset + record.length]
  }

  /// Whether any of the next `limit` records that are not under way must be looked up first.
  func mustLookUp(_ limit: Int) -> Bool {
    (underWay..<min(underWay + limit, pending.count)).contains {
      isUncertain($0) || isOvertaken($0)
    }
  }

  private func isUncertain(_ index: Int) -> Bool {
    pending[index].hasID && pending[index].mayBeSent && pending[index].id <= uncertain
  }

  private func entries(from first: StreamID, to last: StreamID, on client: RedisClient)
    throws(RedisFault) -> [StreamID: [RedisReply]]
  {
    let reply = try client.command(["XRANGE", key, "\(first)", "\(last)"])
    if case .error(let text) = reply { throw RedisFault(answer: text, to: "XRANGE \(key)") }
    var present: [StreamID: [RedisReply]] = [:]
    for entry in reply.elements ?? [] {
      if let id = entry.elements?.first?.text.flatMap({ StreamID($0) }) {
        present[id] = entry.elements?.last?.elements ?? []
      }
    }
    return present
  }
}
