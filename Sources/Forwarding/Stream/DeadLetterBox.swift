package import Sinks

/// The dead letters of a Redis, for who looks after them.
package struct DeadLetterBox {
  private let client: RedisClient

  /// A dead letter where it lies.
  package struct Found: Sendable {
    package var sensor: String
    package var id: StreamID
    package var letter: DeadLetter
  }

  /// What a replay has done.
  package struct Replayed: Sendable, Equatable {
    package var count = 0
    /// Too large to have been kept: their entries may still be in their streams.
    package var cut = 0

    package init() {}
  }

  package init(_ client: RedisClient) { self.client = client }

  /// Calls `body` with each letter, oldest first, sensor by sensor, until it answers false.
  ///
  /// - Parameters:
  ///   - sensors: all where empty.
  ///   - group: whose; of all where nil.
  package func visit(
    sensors: [String] = [], group: String? = nil, _ body: (Found) throws(RedisFault) -> Bool
  ) throws(RedisFault) {
    let streams = try StreamDiscovery.streams(client, sensors: sensors).filter(\.isDeadLetters)
    for stream in streams {
      var next = StreamID()
      while true {
        var pipeline = RedisPipeline()
        pipeline.append("XRANGE", stream.key, "\(next)", "+", "COUNT", "100")
        try client.send(pipeline)
        var nameless = 0
        let entries = try client.withReply { $0.entries(nameless: &nameless) }
        guard let last = entries.last else { break }
        for entry in entries {
          guard let letter = DeadLetter(entry), group == nil || letter.group == group else {
            continue
          }
          let found = Found(sensor: stream.sensor, id: entry.id, letter: letter)
          if try !body(found) { return }
        }
        guard last.id.sequence < .max else { break }
        next = StreamID(milliseconds: last.id.milliseconds, sequence: last.id.sequence + 1)
      }
    }
  }

  /// Puts letters back for delivery to the group that did not get them, under their old identifiers;
  /// they leave the dead letters in the same transaction.
  package func replay(sensors: [String] = [], group: String? = nil) throws(RedisFault) -> Replayed {
    var replayed = Replayed()
    // What fails again meanwhile comes behind this, and is not replayed for ever.
    let end = wallMilliseconds()
    try visit(sensors: sensors, group: group) { found throws(RedisFault) in
      guard found.id.milliseconds <= end else { return false }
      if found.letter.cutBytes != nil {
        replayed.cut += 1
        return true
      }
      var pipeline = RedisPipeline()
      pipeline.append("MULTI")
      let target = StreamName.replay(sensor: found.sensor, group: found.letter.group)
      found.letter.append(to: &pipeline, key: target.key, limit: 0)
      pipeline.append(
        "XDEL", StreamName.deadLetters(sensor: found.sensor).key, "\(found.id)")
      pipeline.append("EXEC")
      for reply in try client.commands(pipeline) {
        if case .error(let text) = reply { throw RedisFault.reading(text, target.key) }
      }
      replayed.count += 1
      return true
    }
    return replayed
  }
}
