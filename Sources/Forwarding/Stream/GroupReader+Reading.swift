internal import Sinks

/// Reading entries: one's own again, abandoned ones, new ones.
extension GroupReader {
  // MARK: What we had already

  /// Pending entries of this member that are not in hand: it died with them, or the answer that
  /// brought them was lost.
  func readPending(
    _ client: RedisClient, _ stream: StreamName, from: StreamID, _ room: Hand.Room
  ) throws(RedisFault) {
    // Looked at before Redis is: what is settled meanwhile counts as in hand, which it was.
    let inHand = hand.ids(of: stream)
    var pipeline = RedisPipeline()
    pipeline.append(
      "XREADGROUP", "GROUP", settings.group, settings.consumer, "COUNT",
      "\(entriesPerStream(room, streams: 1))", "STREAMS", stream.key, "\(from)")
    try client.send(pipeline)
    guard let read = try streamsAnswer(client) else { return try makeGroupsAgain(client) }
    session.worked()
    let entries = read.first?.entries ?? []
    guard let last = entries.last else {
      pendingFrom[stream] = nil
      return
    }
    pendingFrom[stream] = last.id
    handOver(stream, entries.filter { !inHand.contains($0.id) }, isAgain: true)
  }

  /// Claims what is in hand anew, so that it does not look abandoned. JUSTID: not delivered once more.
  func keepInHand(_ client: RedisClient) throws(RedisFault) {
    for (stream, ids) in hand.allIDs {
      var rest = Array(ids)[...]
      while !rest.isEmpty {
        let part = rest.prefix(1000)
        rest = rest.dropFirst(1000)
        var pipeline = RedisPipeline()
        pipeline.begin(argumentCount: 6 + part.count)
        for word in ["XCLAIM", stream.key, settings.group, settings.consumer, "0"] {
          pipeline.argument(word)
        }
        for id in part { pipeline.argument(id) }
        pipeline.argument("JUSTID")
        try client.send(pipeline)
        // A group that is gone shows when it is read.
        _ = try client.withReply { $0.errorText }
      }
    }
  }

  // MARK: What others left

  /// One XAUTOCLAIM for each stream whose search is not at its end.
  func claimAbandoned(_ client: RedisClient, _ room: Hand.Room) throws(RedisFault) {
    let searches = claimFrom
    let count = entriesPerStream(room, streams: searches.count)
    let idle = "\(UInt64(settings.claimAfterSeconds * 1000))"
    var pipeline = RedisPipeline()
    for (stream, cursor) in searches {
      pipeline.append(
        "XAUTOCLAIM", stream.key, settings.group, settings.consumer, idle, cursor, "COUNT",
        "\(count)")
    }
    // Looked at before Redis is, as for one's own pending entries.
    let inHand = hand.allIDs
    try client.send(pipeline)
    var fault: RedisFault?
    for (stream, _) in searches {
      let claimed = try client.withReply { Claimed($0) }
      switch claimed {
      case .error(let text):
        claimFrom[stream] = nil
        if text.contains("unknown command") {
          if canClaim { sayNoClaim("This Redis") }
          canClaim = false
        } else if !text.hasPrefix("NOGROUP"), !text.hasPrefix("WRONGTYPE") {
          fault = RedisFault.reading(text, stream.key)
        }
      case .entries(let cursor, let entries, let gone, let nameless):
        claimFrom[stream] = cursor == "0-0" ? nil : cursor
        // Redis 6.2 gives us the entry without saying which: our own pending list has its ID.
        if nameless > 0 { pendingFrom[stream] = StreamID() }
        let own = inHand[stream] ?? []
        countGone(gone.count { !own.contains($0) }, of: stream)
        handOver(stream, entries.filter { !own.contains($0.id) }, isAgain: true)
      }
    }
    if let fault { throw fault }
  }

  /// Entries without a body, which Redis has taken off the pending list itself.
  private func countGone(_ gone: Int, of stream: StreamName) {
    guard gone > 0 else { return }
    counters.update {
      $0.read += UInt64(gone)
      $0.redelivered += UInt64(gone)
      $0.trimmed += UInt64(gone)
    }
    log.warning("\(stream.key): \(gone) pending entries had been trimmed")
  }

  private enum Claimed {
    case error(String)
    case entries(cursor: String, [StreamEntry], gone: [StreamID], nameless: Int)

    /// `[cursor, entries, IDs of entries without a body]`; the last since Redis 7.0.
    init(_ reply: RedisReplyView) {
      if let text = reply.errorText {
        self = .error(text)
        return
      }
      var nameless = 0
      let entries = reply[1]?.entries(nameless: &nameless) ?? []
      self = .entries(
        cursor: reply[0]?.text ?? "0-0", entries,
        gone: (0..<(reply[2]?.count ?? 0)).compactMap {
          reply[2]?[$0].flatMap { StreamID($0.text) }
        },
        nameless: nameless)
    }
  }

  // MARK: What is new

  /// - Returns: how many entries came.
  func readNew(_ client: RedisClient, _ room: Hand.Room) throws(RedisFault) -> Int {
    guard !streams.isEmpty else {
      if !settings.isOnce { hand.pause(seconds: 0.25) }
      return 0
    }
    let sent: SentRead
    if let readAhead { sent = readAhead } else { sent = try send(client, room) }
    readAhead = nil
    let answer = sent.checked.isEmpty ? try streamsAnswer(client) : try checkedAnswer(client, sent)
    guard let read = answer else {
      try makeGroupsAgain(client)
      return 1
    }
    session.worked()
    lastReadAt = monotonicSeconds()
    full.removeAll(keepingCapacity: true)
    for part in read where part.entries.count >= sent.count {
      if let stream = StreamName(key: part.key) { full.insert(stream) }
    }
    // While these become records, Redis prepares the next.
    if !full.isEmpty, let room = roomForMore(behind: read) {
      readAhead = try send(client, room)
    }
    var total = 0
    for part in read {
      guard let stream = StreamName(key: part.key) else { continue }
      total += part.entries.count
      handOver(stream, part.entries, isAgain: false)
    }
    return total
  }

  /// A read that Redis has been asked for.
  struct SentRead {
    /// Entries a stream.
    var count: Int
    /// Streams that are looked at in the same transaction.
    var checked: [StreamName]
    var commandCount: Int
  }

  private func send(_ client: RedisClient, _ room: Hand.Room) throws(RedisFault) -> SentRead {
    let count = entriesPerStream(room, streams: streams.count)
    // Entries can only be trimmed unread where some are unread: after a full read, or an absence.
    let isAway = lastReadAt.map { monotonicSeconds() - $0 > Self.awaySeconds } ?? true
    let checked = isAway ? streams : streams.filter { full.contains($0) }
    var command = [
      "XREADGROUP", "GROUP", settings.group, settings.consumer, "COUNT", "\(count)",
    ]
    if checked.isEmpty, !settings.isOnce { command += ["BLOCK", "\(Self.blockMilliseconds)"] }
    command += ["STREAMS"] + streams.map(\.key) + streams.map { _ in ">" }
    var pipeline = RedisPipeline()
    if checked.isEmpty {
      pipeline.append(command)
    } else {
      // One transaction with a look at where the groups are, so that each gap is seen once, by the
      // member that reads over it.
      pipeline.append("MULTI")
      for stream in checked {
        pipeline.append("XINFO", "STREAM", stream.key)
        pipeline.append("XINFO", "GROUPS", stream.key)
      }
      pipeline.append(command)
      for stream in checked { pipeline.append("XINFO", "GROUPS", stream.key) }
      pipeline.append("EXEC")
    }
    try client.send(pipeline)
    return SentRead(count: count, checked: checked, commandCount: pipeline.commandCount)
  }

  private func checkedAnswer(
    _ client: RedisClient, _ sent: SentRead
  ) throws(RedisFault) -> [StreamRead]? {
    let checked = sent.checked
    var refusal: String?
    for _ in 0..<(sent.commandCount - 1) {
      let text = try client.withReply { $0.errorText }
      refusal = refusal ?? text
    }
    let group = settings.group
    let answer = try client.withReply { reply in
      CheckedRead(reply, checked: checked.count, group: group)
    }
    if let refusal { throw RedisFault.reading(refusal, "reading as group \(group)") }
    guard let read = try entries(answer.read) else { return nil }
    for (index, stream) in checked.enumerated() {
      guard let sight = answer.sights[index] else { continue }
      let handedOut = read.first { $0.key == stream.key }?.entries.count ?? 0
      look(at: stream, sight, after: answer.after[index], handedOut: handedOut)
    }
    return read
  }

  private func look(
    at stream: StreamName, _ sight: TrimWatch.Sight, after: UInt64?, handedOut: Int
  ) {
    let finding = watches[stream, default: TrimWatch()].look(sight)
    watches[stream]?.read(
      before: sight.entriesRead, after: after, handedOut: UInt64(handedOut))
    switch finding {
    case .nothing: break
    case .trimmed(let count):
      counters.update { $0.trimmedUnread += count }
      log.warning(
        "\(stream.key): \(count) entries were trimmed before group \(settings.group) read them,"
          + " behind \(sight.lastDelivered): the streams' maximum length is too small for this lag")
    case .possible:
      counters.update { $0.possibleGaps += 1 }
      log.warning(
        "\(stream.key): at least one entry behind \(sight.lastDelivered) may have been trimmed before"
          + " group \(settings.group) read it; Redis 7.0 could say how many")
    }
  }
}
