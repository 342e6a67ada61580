/// How a lane learns what became of its transaction: from the answer, or from the stream itself.
extension RedisLane {
  /// Gives up on everything that waits here.
  func dropAll(from queue: SinkQueue, because error: String) {
    let records = takeAll()
    queue.settle(
      dropped: records.count, bytes: records.reduce(0) { $0 + $1.length }, because: error)
  }

  /// Settles the transaction under way by Redis's answer; throws where it is to be tried again.
  func settle(_ answer: RedisTransactionAnswer, queue: SinkQueue, lease: RedisLease)
    throws(RedisFault)
  {
    guard let transaction = underWay else { return }
    switch answer.outcome {
    case .outOfStep:
      markInParts()
      try answer.requireExecuted(lease: lease)  // throws: what has arrived is looked up
    case .fenced:
      markUnwritten()
      try answer.requireExecuted(lease: lease)  // throws: the lease must be taken again
    case .aborted(let error):
      markUnwritten()
      let fault = RedisFault(answer: error, to: key)
      switch fault.kind {
      case .permission, .refused, .wrongType, .smallID:
        // The same records would be refused again, and hold up all that follow.
        let bytes = conclude { _ in true }
        queue.settle(dropped: transaction.count, bytes: bytes, because: fault.description)
      default:
        throw fault
      }
    case .executed:
      settleExecuted(transaction, refusals: answer.refusals, queue: queue)
    }
  }

  private func settleExecuted(
    _ transaction: Transaction, refusals: [Int: String], queue: SinkQueue
  ) {
    lastID = max(lastID, transaction.last)
    if refusals.isEmpty {
      let bytes = conclude { _ in true }
      queue.settle(delivered: transaction.count, bytes: bytes)
      return
    }
    // Sorted three ways: in the stream, refused for good, and to be sent under a new ID.
    var retry: Set<Int> = []
    var droppedBytes = 0
    var dropped = 0
    var reason = ""
    for (index, error) in refusals {
      let fault = RedisFault(answer: error, to: key)
      if fault.kind == .smallID {
        retry.insert(index)
        needsLastID = true
        queue.report(healthy: true, error: fault.description)
      } else {
        dropped += 1
        droppedBytes += pending[index].length
        reason = fault.description
      }
    }
    let bytes = conclude { !retry.contains($0) }
    if dropped > 0 { queue.settle(dropped: dropped, bytes: droppedBytes, because: reason) }
    queue.settle(
      delivered: transaction.count - refusals.count, bytes: bytes - droppedBytes)
  }

  /// Reads the stream's last ID, and whether a transaction whose answer was lost is in the stream.
  ///
  /// Returns what is worth telling people, such as a Redis that came back older than it was.
  func reconcile(on client: RedisClient, queue: SinkQueue) throws(RedisFault) -> String? {
    guard let found = try readLastID(on: client) else {
      return "\(key): no stream; its records will be dropped"
    }
    var note: String?
    if found < lastID {
      note =
        "\(key): Redis came back with \(found) as the last ID, though it had acknowledged"
        + " \(lastID); appendfsync always would have kept what lies between"
    }
    if let transaction = underWay, transaction.isUncertain {
      let present = found < transaction.first ? [] : try idsPresent(of: transaction, on: client)
      if present.isEmpty && found < transaction.first {
        markUnwritten()  // goes again as it is, under the same IDs
      } else {
        // A transaction is there as a whole, even where MAXLEN has cut off its head already.
        let isWhole = !transaction.isInParts && present.contains(transaction.last)
        let bytes = conclude { isWhole || present.contains(transaction[$0]) }
        queue.settle(delivered: isWhole ? transaction.count : present.count, bytes: bytes)
      }
    } else if let transaction = underWay, found >= transaction.first {
      _ = conclude { _ in false }  // never arrived, and its IDs are used up: new ones
    }
    lastID = max(lastID, found)
    needsLastID = false
    return note
  }

  /// Nil where the key is something else than a stream.
  private func readLastID(on client: RedisClient) throws(RedisFault) -> StreamID? {
    switch try client.command(["XINFO", "STREAM", key]) {
    case .error(let text):
      if text.contains("no such key") { return StreamID() }
      let fault = RedisFault(answer: text, to: "XINFO STREAM \(key)")
      if fault.kind == .wrongType { return nil }
      throw fault
    case .array(let pairs):
      for index in stride(from: 0, to: pairs.count - 1, by: 2)
      where pairs[index].text == "last-generated-id" {
        if let id = pairs[index + 1].text.flatMap({ StreamID($0) }) { return id }
      }
      throw RedisFault(.connection, "XINFO STREAM \(key) gave no last-generated-id")
    default:
      throw RedisFault(.connection, "XINFO STREAM \(key) gave no list")
    }
  }

  private func idsPresent(of transaction: Transaction, on client: RedisClient)
    throws(RedisFault) -> Set<StreamID>
  {
    let reply = try client.command(
      ["XRANGE", key, "\(transaction.first)", "\(transaction.last)"])
    if case .error(let text) = reply { throw RedisFault(answer: text, to: "XRANGE \(key)") }
    var present: Set<StreamID> = []
    for entry in reply.elements ?? [] {
      if let id = entry.elements?.first?.text.flatMap({ StreamID($0) }) { present.insert(id) }
    }
    return present
  }
}
