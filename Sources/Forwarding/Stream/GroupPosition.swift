package import Sinks

/// How far a group is in one stream.
package struct GroupPosition: Sendable, Equatable {
  package var stream: StreamName
  package var group: String
  package var length: UInt64 = 0
  /// Entries that nobody of the group has read; nil where Redis cannot count them.
  package var unread: UInt64?
  /// Read, and not acknowledged.
  package var pending: UInt64 = 0
  package var lastDelivered = StreamID()
  package var lastGenerated = StreamID()
  /// The oldest entry that is pending or unread; nil where there is none.
  package var oldest: StreamID?

  /// Of streams that do not exist or have no such group there is no position.
  package static func read(
    _ client: RedisClient, _ streams: [StreamName], group: String
  ) throws(RedisFault) -> [GroupPosition] {
    var pipeline = RedisPipeline()
    for stream in streams {
      pipeline.append("XINFO", "STREAM", stream.key)
      pipeline.append("XINFO", "GROUPS", stream.key)
      pipeline.append("XPENDING", stream.key, group)
    }
    try client.send(pipeline)
    var positions: [GroupPosition] = []
    for stream in streams {
      var position = GroupPosition(stream: stream, group: group)
      let length = try client.withReply { reply -> UInt64? in
        position.lastGenerated =
          reply.member("last-generated-id").flatMap { StreamID($0.text) } ?? StreamID()
        position.oldest = reply.firstEntryID
        return reply.member("length")?.number
      }
      let isMember = try client.withReply { reply -> Bool in
        guard let found = reply.group(group) else { return false }
        position.lastDelivered =
          found.member("last-delivered-id").flatMap { StreamID($0.text) } ?? StreamID()
        position.unread = found.member("lag")?.number
        return true
      }
      let oldestPending = try client.withReply { reply -> StreamID? in
        position.pending = reply[0]?.number ?? 0
        return reply[1].flatMap { StreamID($0.text) }
      }
      guard let length, isMember else { continue }
      position.length = length
      position.settle(oldestPending: oldestPending)
      positions.append(position)
    }
    try findOldest(client, &positions)
    return positions
  }

  /// What can be told without asking again. On entry `oldest` is the stream's first entry.
  private mutating func settle(oldestPending: StreamID?) {
    let first = oldest
    // Redis 7.0 counts what a gap has swallowed as unread for ever.
    unread = unread.map { min($0, length) }
    if lastDelivered >= lastGenerated || length == 0 {
      unread = 0
      oldest = oldestPending
    } else if let first, lastDelivered < first {
      // All that is left is unread, whatever Redis makes of a gap before it.
      unread = length
      oldest = oldestPending.map { min($0, first) } ?? first
    } else {
      oldest = oldestPending
    }
  }

  /// Where nothing is pending, the oldest unread entry is the first behind the group's place.
  private static func findOldest(
    _ client: RedisClient, _ positions: inout [GroupPosition]
  ) throws(RedisFault) {
    let open = positions.indices.filter {
      positions[$0].oldest == nil && positions[$0].lastDelivered < positions[$0].lastGenerated
        && positions[$0].length > 0
    }
    var pipeline = RedisPipeline()
    for index in open {
      // The exclusive "(" is Redis 6.2's; the next ID says the same everywhere.
      var next = positions[index].lastDelivered
      next.sequence = next.sequence == .max ? .max : next.sequence + 1
      pipeline.append("XRANGE", positions[index].stream.key, "\(next)", "+", "COUNT", "1")
    }
    try client.send(pipeline)
    for index in open {
      positions[index].oldest = try client.withReply { reply in
        reply[0]?[0].flatMap { StreamID($0.text) }
      }
    }
  }
}
