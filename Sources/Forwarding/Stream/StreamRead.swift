internal import Sinks

/// What one stream gave.
struct StreamRead {
  var key: String
  var entries: [StreamEntry]
}

/// An answer to XREADGROUP.
enum StreamsAnswer {
  case streams([StreamRead])
  case error(String)

  /// `[[key, entries], …]`, or nil where nothing is new.
  init(_ reply: RedisReplyView) {
    if let text = reply.errorText {
      self = .error(text)
      return
    }
    var nameless = 0
    self = .streams(
      (0..<reply.count).map { index in
        StreamRead(
          key: reply[index]?[0]?.text ?? "",
          entries: reply[index]?[1]?.entries(nameless: &nameless) ?? [])
      })
  }
}

/// An answer to XREADGROUP between XINFOs, as EXEC gives it.
struct CheckedRead {
  var sights: [TrimWatch.Sight?] = []
  var read: StreamsAnswer
  /// `entries-read` of the group behind the read.
  var after: [UInt64?] = []

  init(_ reply: RedisReplyView, checked: Int, group: String) {
    guard reply.count == 3 * checked + 1, let middle = reply[2 * checked] else {
      read = .error(reply.errorText ?? "EXEC did not answer for each command")
      return
    }
    for index in 0..<checked {
      if let stream = reply[2 * index], let groups = reply[2 * index + 1] {
        sights.append(TrimWatch.Sight(stream: stream, groups: groups, group: group))
      } else {
        sights.append(nil)
      }
      after.append(
        reply[2 * checked + 1 + index]?.group(group)?.member("entries-read")?.number)
    }
    read = StreamsAnswer(middle)
  }
}

extension GroupReader {
  func streamsAnswer(_ client: RedisClient) throws(RedisFault) -> [StreamRead]? {
    try entries(try client.withReply { StreamsAnswer($0) })
  }

  /// Nil where a group or a stream has gone, or turned into something else.
  func entries(_ answer: StreamsAnswer) throws(RedisFault) -> [StreamRead]? {
    switch answer {
    case .streams(let read): return read
    case .error(let text):
      let isLost = ["NOGROUP", "UNBLOCKED", "WRONGTYPE"].contains { text.hasPrefix($0) }
      if isLost { return nil }
      throw RedisFault.reading(text, "reading as group \(settings.group)")
    }
  }
}
