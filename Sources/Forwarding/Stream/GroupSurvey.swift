package import Sinks

/// What Redis itself says of all groups on Martlet's streams, for who has no forwarder to ask.
package struct GroupSurvey: Sendable {
  package struct Consumer: Sendable, Equatable {
    package var name: String
    package var pending: UInt64
    /// Since it last asked for entries.
    package var idleSeconds: Double
  }

  package struct Group: Sendable {
    package var position: GroupPosition
    package var consumers: [Consumer]
  }

  package struct DeadLetters: Sendable {
    package var sensor: String
    package var count: UInt64
  }

  package var groups: [Group] = []
  /// Of each sensor that has any.
  package var deadLetters: [DeadLetters] = []
  /// Streams that no group reads.
  package var unread: [StreamName] = []

  package init(
    _ client: RedisClient, sensors: [String] = [], group wanted: String? = nil
  ) throws(RedisFault) {
    for stream in try StreamDiscovery.streams(client, sensors: sensors) {
      if stream.isDeadLetters {
        if let count = try client.command(["XLEN", stream.key]).integer, count > 0 {
          deadLetters.append(DeadLetters(sensor: stream.sensor, count: UInt64(count)))
        }
        continue
      }
      let names = try Self.groupNames(client, stream)
      if names.isEmpty { unread.append(stream) }
      for name in names where wanted == nil || name == wanted {
        for position in try GroupPosition.read(client, [stream], group: name) {
          groups.append(
            Group(position: position, consumers: try Self.consumers(client, stream, name)))
        }
      }
    }
  }

  private static func groupNames(
    _ client: RedisClient, _ stream: StreamName
  ) throws(RedisFault) -> [String] {
    var pipeline = RedisPipeline()
    pipeline.append("XINFO", "GROUPS", stream.key)
    try client.send(pipeline)
    return try client.withReply { reply in
      (0..<reply.count).compactMap { reply[$0]?.member("name")?.text }
    }
  }

  private static func consumers(
    _ client: RedisClient, _ stream: StreamName, _ group: String
  ) throws(RedisFault) -> [Consumer] {
    var pipeline = RedisPipeline()
    pipeline.append("XINFO", "CONSUMERS", stream.key, group)
    try client.send(pipeline)
    return try client.withReply { reply in
      (0..<reply.count).compactMap { index in
        guard let consumer = reply[index], let name = consumer.member("name")?.text else {
          return nil
        }
        return Consumer(
          name: name, pending: consumer.member("pending")?.number ?? 0,
          idleSeconds: Double(consumer.member("idle")?.number ?? 0) / 1000)
      }
    }
  }
}
