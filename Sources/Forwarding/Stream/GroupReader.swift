internal import Sinks

/// Reads streams as a member of a consumer group, and hands over what it reads.
///
///     connect ─▶ join the groups ─▶ own pending entries ─▶ new ones, and from time to time:
///                                     new streams · what dead members left · the lag
///
/// An entry that is in hand stays pending in Redis until the delivery acknowledges it. While that
/// takes long, because the target is away, the reader claims it anew in its own name, so that no other
/// member takes it for abandoned.
///
/// Runs on one thread; shares ``Hand`` and counters with the delivery.
final class GroupReader {
  let settings: ForwardSettings
  let hand: Hand
  let counters: CounterBook
  let log: ForwardLog
  var preparer: EntryPreparer
  let session: RedisSession

  /// What is read, in the order of the keys.
  var streams: [StreamName] = []
  /// Streams whose group is known to exist, and where it is made again should Redis lose it.
  var joined: [StreamName: StreamID] = [:]
  /// Where a stream's own pending entries are still to be read from.
  var pendingFrom: [StreamName: StreamID] = [:]
  /// Where the search for abandoned entries goes on.
  var claimFrom: [StreamName: String] = [:]
  var watches: [StreamName: TrimWatch] = [:]
  /// Streams that gave as much as was asked for, so that there is more.
  var full: Set<StreamName> = []
  var lastReadAt: Double?
  var isFirstDiscovery = true
  /// False where this Redis has no XAUTOCLAIM.
  var canClaim = true
  var averageEntryBytes = 1024.0

  /// Asked for while the last answer was still being worked on.
  var readAhead: SentRead?

  private var isSetUp = false
  private var discoveryDue = 0.0
  private var claimDue = 0.0
  private var lagDue = 0.0
  private var reloadDue = 0.0

  /// A read without news waits so long for some; also how soon the end is noticed.
  static let blockMilliseconds = 250
  /// A reader that was away for longer looks for gaps before it reads on.
  static let awaySeconds = 0.02
  /// Between looks at whether the files of a transform have changed.
  static let reloadSeconds = 5.0

  init(
    settings: ForwardSettings, hand: Hand, counters: CounterBook, log: ForwardLog,
    transform: (any RecordTransform)?
  ) {
    self.settings = settings
    self.hand = hand
    self.counters = counters
    self.log = log
    preparer = EntryPreparer(transform: transform, maxEntryBytes: settings.maxEntryBytes)
    session = RedisSession(url: settings.redis, log: log, counters: counters)
  }

  func run() {
    while !hand.isStopping {
      guard let client = session.connected() else {
        isSetUp = false
        hand.pause(seconds: min(1, session.waitSeconds + 0.01))
        continue
      }
      do throws(RedisFault) {
        if try !step(client) { break }
      } catch {
        session.failed(error)
        isSetUp = false
      }
    }
    hand.endReading()
  }

  /// One thing that is due. False when everything has been read and that was all that was wanted.
  private func step(_ client: RedisClient) throws(RedisFault) -> Bool {
    if !isSetUp { try setUp(client) }
    let now = monotonicSeconds()
    // Answers come in the order of the questions.
    if readAhead != nil {
      return try readNew(client, Hand.Room(records: 0, bytes: 0)) > 0 || !settings.isOnce
    }
    if now >= discoveryDue {
      try discover(client)
      discoveryDue = monotonicSeconds() + settings.discoverySeconds
    }
    if now >= lagDue {
      try measureLag(client)
      lagDue = monotonicSeconds() + settings.lagSeconds
    }
    if now >= claimDue {
      // First, so that what follows never meets entries of our own.
      try keepInHand(client)
      claimFrom = Dictionary(uniqueKeysWithValues: streams.map { ($0, "0-0") })
      claimDue = monotonicSeconds() + max(0.2, settings.claimAfterSeconds / 3)
    }
    reloadTransform(now)
    guard let room = hand.room(untilSeconds: monotonicSeconds() + 0.25) else { return true }
    if let (stream, from) = pendingFrom.first {
      try readPending(client, stream, from: from, room)
      return true
    }
    if canClaim, !claimFrom.isEmpty {
      try claimAbandoned(client, room)
      return true
    }
    let count = try readNew(client, room)
    return !(settings.isOnce && count == 0)
  }

  /// After each connect: what Redis is, and everything that we had or may have been given and do not
  /// have in hand.
  private func setUp(_ client: RedisClient) throws(RedisFault) {
    try checkVersion(client)
    discoveryDue = 0
    claimDue = 0
    lagDue = 0
    lastReadAt = nil
    readAhead = nil
    for stream in streams { pendingFrom[stream] = StreamID() }
    isSetUp = true
  }

  /// How much may be read beyond what has come and is not in hand yet; nil where that is nothing, or
  /// something else is due.
  func roomForMore(behind read: [StreamRead]) -> Hand.Room? {
    let now = monotonicSeconds()
    guard now < min(discoveryDue, claimDue, lagDue, reloadDue), pendingFrom.isEmpty,
      let room = hand.room(untilSeconds: now)
    else { return nil }
    let count = read.reduce(0) { $0 + $1.entries.count }
    let bytes = Int(Double(count) * averageEntryBytes)
    guard room.records / 2 > count, room.bytes / 2 > bytes else { return nil }
    return Hand.Room(records: room.records - count, bytes: room.bytes - bytes)
  }

  private func reloadTransform(_ now: Double) {
    let isAsked = hand.takeReloadRequest()
    guard isAsked || now >= reloadDue else { return }
    reloadDue = now + Self.reloadSeconds
    if let text = preparer.transform?.reload(always: isAsked) { log.info(text) }
  }

  /// At most so many entries of each stream, so that the bounds in hand hold.
  func entriesPerStream(_ room: Hand.Room, streams: Int) -> Int {
    let byBytes = Int(Double(room.bytes) / averageEntryBytes)
    return max(1, min(settings.readRecords, min(room.records, byBytes) / max(1, streams)))
  }

  /// Makes records of entries and hands them over.
  func handOver(_ stream: StreamName, _ entries: [StreamEntry], isAgain: Bool) {
    guard !entries.isEmpty else { return }
    let batch = preparer.prepare(stream, entries)
    let average = Double(batch.bytes) / Double(entries.count)
    averageEntryBytes = max(average, averageEntryBytes * 0.9 + average * 0.1)
    counters.update {
      $0.read += UInt64(entries.count)
      if isAgain { $0.redelivered += UInt64(entries.count) }
      $0.matched += UInt64(batch.records.count)
      $0.filtered += UInt64(batch.settled.count - batch.gone)
      $0.trimmed += UInt64(batch.gone)
    }
    if batch.gone > 0 {
      log.warning("\(stream.key): \(batch.gone) pending entries had been trimmed")
    }
    hand.put(batch)
  }
}
