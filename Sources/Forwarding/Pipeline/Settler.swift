internal import Sinks

/// Tells Redis what is done with: acknowledges, and writes dead letters. Over a connection of its own,
/// one pipeline under way while the next batch is delivered. Nothing is forgotten before Redis has
/// confirmed it: after a lost answer the same is said again, which only for a dead letter shows (it is
/// there twice).
///
/// Belongs to the delivery's thread.
final class Settler {
  /// Acknowledged together, of one stream.
  private struct Acknowledgement {
    var ids: [StreamID] = []
    var bytes = 0
  }

  private struct Burial {
    var letter: DeadLetter
    /// Where the entry was read.
    var stream: StreamName
    var id: StreamID
    var bytes: Int
  }

  /// An XACK has at most so many IDs, so that Redis does not dwell on one command.
  private static let idsPerCommand = 1000

  private let settings: ForwardSettings
  private let target: String
  private let hand: Hand
  private let counters: CounterBook
  private let log: ForwardLog
  private let session: RedisSession

  private var acknowledgements: [StreamName: Acknowledgement] = [:]
  private var burials: [Burial] = []
  private var sent: (acknowledgements: [StreamName: Acknowledgement], burials: [Burial])?
  private var client: RedisClient?

  init(
    settings: ForwardSettings, target: String, hand: Hand, counters: CounterBook, log: ForwardLog
  ) {
    self.settings = settings
    self.target = target
    self.hand = hand
    self.counters = counters
    self.log = log
    session = RedisSession(url: settings.redis, log: log, counters: counters)
  }

  /// Whether Redis has confirmed everything.
  var isClean: Bool { acknowledgements.isEmpty && burials.isEmpty && sent == nil }

  /// Seconds until it makes sense to try again; 0: now.
  var waitSeconds: Double { session.waitSeconds }

  // MARK: What is done with

  func acknowledge(_ stream: StreamName, _ ids: [StreamID], bytes: Int) {
    guard !ids.isEmpty else { return }
    acknowledgements[stream, default: Acknowledgement()].ids += ids
    acknowledgements[stream]?.bytes += bytes
  }

  func acknowledge(_ origin: ForwardOrigin) {
    acknowledgements[origin.stream, default: Acknowledgement()].ids.append(origin.entry.id)
    acknowledgements[origin.stream]?.bytes += origin.bytes
  }

  /// To the dead letters.
  ///
  /// - Parameter record: which it is; of a replay that is not where it was read.
  func bury(
    _ record: RecordIdentity, _ entry: StreamEntry, from stream: StreamName, bytes: Int,
    reason: String
  ) {
    var body = entry.body
    var cutBytes: Int?
    if stream.isReplay, let letter = DeadLetter(entry) { body = letter.body }
    if entry.byteCount > settings.maxEntryBytes {
      cutBytes = entry.byteCount
      body = .gone
    }
    burials.append(
      Burial(
        letter: DeadLetter(
          reason: String(reason.prefix(1000)), target: target, group: settings.group,
          stream: record.stream, id: record.entry, atMilliseconds: wallMilliseconds(), body: body,
          cutBytes: cutBytes),
        stream: stream, id: entry.id, bytes: bytes))
  }

  // MARK: Telling Redis

  /// Reads what is under way, then sends what has come since. Does nothing while Redis is away.
  func flush() {
    collect()
    guard !acknowledgements.isEmpty || !burials.isEmpty, let client = session.connected() else {
      return
    }
    self.client = client
    var pipeline = RedisPipeline()
    for (stream, acknowledgement) in acknowledgements {
      var rest = acknowledgement.ids[...]
      while !rest.isEmpty {
        let part = rest.prefix(Self.idsPerCommand)
        rest = rest.dropFirst(Self.idsPerCommand)
        append(["XACK", stream.key, settings.group], part, to: &pipeline)
        // A replay is one group's own stream: what is delivered has no other reader.
        if stream.isReplay { append(["XDEL", stream.key], part, to: &pipeline) }
      }
    }
    for burial in burials {
      let dead = StreamName.deadLetters(sensor: burial.stream.sensor)
      pipeline.append("MULTI")
      burial.letter.append(to: &pipeline, key: dead.key, limit: settings.deadLetterLimit)
      pipeline.append("XACK", burial.stream.key, settings.group, "\(burial.id)")
      if burial.stream.isReplay {
        pipeline.append("XDEL", burial.stream.key, "\(burial.id)")
      }
      pipeline.append("EXEC")
    }
    sent = (acknowledgements, burials)
    acknowledgements = [:]
    burials = []
    do throws(RedisFault) {
      try client.send(pipeline)
    } catch {
      lost(error)
    }
  }

  private func append(
    _ words: [String], _ ids: ArraySlice<StreamID>, to pipeline: inout RedisPipeline
  ) {
    pipeline.begin(argumentCount: words.count + ids.count)
    for word in words { pipeline.argument(word) }
    for id in ids { pipeline.argument(id) }
  }

  /// Waits for the answers to what is under way.
  func collect() {
    guard let sent, let client else { return }
    do throws(RedisFault) {
      for (stream, acknowledgement) in sent.acknowledgements {
        let commands = acknowledgement.ids.count.dividedUp(by: Self.idsPerCommand)
        for _ in 0..<(stream.isReplay ? 2 * commands : commands) {
          let text = try client.withReply { $0.errorText }
          if let text { throw RedisFault.reading(text, "XACK to \(stream.key)") }
        }
      }
      for burial in sent.burials { try collect(burial, client) }
    } catch {
      lost(error)
      return
    }
    self.sent = nil
    session.worked()
    for (stream, acknowledgement) in sent.acknowledgements {
      hand.settle(stream, acknowledgement.ids, bytes: acknowledgement.bytes)
    }
    for burial in sent.burials { hand.settle(burial.stream, [burial.id], bytes: burial.bytes) }
    if !sent.burials.isEmpty {
      counters.update { $0.refused += UInt64(sent.burials.count) }
    }
  }

  private func collect(_ burial: Burial, _ client: RedisClient) throws(RedisFault) {
    // MULTI, XADD, XACK and XDEL are queued, EXEC does them.
    var refusal: String?
    for _ in 0..<(burial.stream.isReplay ? 4 : 3) {
      let text = try client.withReply { $0.errorText }
      refusal = refusal ?? text
    }
    let failure = try client.withReply { $0.errorText ?? $0[0]?.errorText }
    if let text = refusal ?? failure {
      throw RedisFault.reading(text, StreamName.deadLetters(sensor: burial.stream.sensor).key)
    }
  }

  /// All of it again on the next connection: acknowledging twice does no harm.
  private func lost(_ fault: RedisFault) {
    session.failed(fault)
    client = nil
    guard let sent else { return }
    self.sent = nil
    for (stream, acknowledgement) in sent.acknowledgements {
      acknowledge(stream, acknowledgement.ids, bytes: acknowledgement.bytes)
    }
    burials = sent.burials + burials
  }
}

extension Int {
  /// Rounded up.
  fileprivate func dividedUp(by divisor: Int) -> Int { (self + divisor - 1) / divisor }
}
