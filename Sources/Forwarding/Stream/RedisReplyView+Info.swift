internal import Sinks

/// XINFO's answers: names and values in turn.
extension RedisReplyView {
  /// The value of a name; nil where there is none.
  func member(_ name: String) -> RedisReplyView? {
    for index in stride(from: 0, to: count - 1, by: 2) {
      if let key = self[index], key.bytes.elementsEqual(name.utf8) { return self[index + 1] }
    }
    return nil
  }

  var number: UInt64? {
    guard case .integer(let value) = copy, value >= 0 else { return nil }
    return UInt64(value)
  }

  /// Of XINFO GROUPS, the one of that name.
  func group(_ name: String) -> RedisReplyView? {
    for index in 0..<count {
      guard let group = self[index] else { continue }
      if group.member("name")?.text == name { return group }
    }
    return nil
  }

  /// The ID of a stream's first entry, from XINFO STREAM; nil where it is empty.
  var firstEntryID: StreamID? {
    guard let entry = member("first-entry"), entry.count > 0 else { return nil }
    return entry[0].flatMap { StreamID($0.text) }
  }
}

extension TrimWatch.Sight {
  /// Of XINFO STREAM and XINFO GROUPS; nil where stream or group are missing.
  init?(stream: RedisReplyView, groups: RedisReplyView, group name: String) {
    guard let length = stream.member("length")?.number,
      let lastGenerated = stream.member("last-generated-id").flatMap({ StreamID($0.text) }),
      let group = groups.group(name),
      let lastDelivered = group.member("last-delivered-id").flatMap({ StreamID($0.text) })
    else { return nil }
    self.init(
      length: length, first: stream.firstEntryID, lastGenerated: lastGenerated,
      entriesAdded: stream.member("entries-added")?.number, lastDelivered: lastDelivered,
      entriesRead: group.member("entries-read")?.number)
  }
}
