/// A query that waits for its answer.
struct DNSOpenQuery: BitwiseCopyable {
  /// When it was sent: nanoseconds since 1970.
  var time: Int64 = 0
  /// What Zeek's log will say of it; empty where nobody wants that log.
  var draft = EventDraft()
  var id: UInt16 = 0
  var isUsed = false
  /// The client sent it, so that the server's answer is what it waits for.
  var isToServer = false
}

/// A flow's queries that wait for their answers: at the most ``capacity``. Who asks more at a time
/// loses the
/// oldest.
struct DNSOpenQueries: BitwiseCopyable {
  private var entries: InlineArray<31, DNSOpenQuery>
  private(set) var count: UInt8

  static let capacity = 31

  /// The oldest query that an answer with this id, coming from the other side, may be for.
  mutating func take(id: UInt16, toServer: Bool) -> DNSOpenQuery? {
    guard count > 0 else { return nil }
    var found = -1
    for i in 0..<Self.capacity {
      let entry = entries[i]
      if !entry.isUsed || entry.id != id || entry.isToServer == toServer { continue }
      if found < 0 || entry.time < entries[found].time { found = i }
    }
    return found < 0 ? nil : remove(found)
  }

  /// Keeps a query; returns the one that has to go for it.
  mutating func put(_ query: DNSOpenQuery) -> DNSOpenQuery? {
    var place = 0
    var lost: DNSOpenQuery?
    if count < UInt8(Self.capacity) {
      while place < Self.capacity &- 1, entries[place].isUsed { place &+= 1 }
    } else {
      for i in 1..<Self.capacity where entries[i].time < entries[place].time { place = i }
      lost = remove(place)
    }
    entries[place] = query
    entries[place].isUsed = true
    count &+= 1
    return lost
  }

  /// Any query that is left, the oldest first.
  mutating func takeAny() -> DNSOpenQuery? {
    guard count > 0 else { return nil }
    var found = -1
    for i in 0..<Self.capacity where entries[i].isUsed {
      if found < 0 || entries[i].time < entries[found].time { found = i }
    }
    return found < 0 ? nil : remove(found)
  }

  private mutating func remove(_ place: Int) -> DNSOpenQuery {
    let entry = entries[place]
    entries[place] = DNSOpenQuery()
    count &-= 1
    return entry
  }
}
