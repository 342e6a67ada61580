internal import Glibc
internal import Records
internal import Synchronization

/// Publishes records as entries of Redis streams, one stream an event type.
///
/// A thread of its own gathers records into batches and sends each as one MULTI/EXEC (a pipeline
/// alone is not atomic: Redis could refuse its second command and take the third). Entry IDs are
/// explicit, so a batch whose answer was lost can be looked for, and is sent again only where it
/// is missing:
///
///     queue ──▶ lanes (flow │ flow_update │ stats) ──▶ transaction ──▶ answered ──▶ settled ──▶ window
///       │             ▲           ▲                        │ lost                       │
///       └─▶ spool ────┘           └── look the IDs up ◀── reconnect, take the lease again ◀┘ lost by Redis
///
/// One transaction is under way at a time, as the next stands on the lease check behind it. But for
/// its EXEC the next is sent meanwhile, so that Redis is not idle until its answer has gone round:
///
///     sent:      MULTI XADD… │ EXEC WATCH GET │ MULTI XADD… │ (the third    │ EXEC WATCH GET │ MULTI …
///     answered:                                               is prepared)  │◀─ all is well
///
/// While Redis lags, what comes goes through the spool (RedisSink+Spool.swift); the thread never waits for
/// Redis without looking after that.
package final class RedisSink: ThreadedSink, @unchecked Sendable {
  let settings: RedisSinkSettings
  /// What is tuned while it runs.
  private struct Tuned {
    var batchRecords: Int
    var lingerMilliseconds: Int
    var maxStreamLength: Int
  }
  private let tuned: Mutex<Tuned>
  private let url: RedisURL
  private let lease: RedisLease
  /// The connection, for ``interrupt()``; the thread itself uses `client`.
  private let open = Mutex<RedisClient?>(nil)

  // Below: the thread's own, once it runs.
  var client: RedisClient?
  let books: PublishBooks
  private(set) var lanes: [RedisLane] = []
  /// New records go through the spool: what came before them is there.
  var isSpooling = false
  /// Behind what is on disk: could not be written yet.
  var tail = SpoolTail()
  /// After a write to the spool failed, no other is tried before this.
  var spoolRetryNanoseconds: UInt64 = 0
  /// Where a cluster said these keys are; forgotten when it cannot be reached.
  private var redirect: RedisURL.Endpoint?
  private var hasConnectedBefore = false
  private var renewNanoseconds: UInt64 = 0
  private let renewal: [UInt8]
  private let epilogue: [UInt8]
  private let discard: [UInt8]
  /// The lease was ours when it was last looked at, and has been watched from then on.
  private var isWatching = false
  private var hasFailedWhileFinishing = false
  /// Not in use just now.
  private var spareTransactions: [RedisTransaction] = []

  /// Throws where a setting cannot be worked with.
  package init(settings: RedisSinkSettings) throws(SinkError) {
    try settings.validate()
    var url = try RedisURL(settings.url)
    url.username = settings.username ?? url.username
    url.password = settings.password ?? url.password
    if url.tls != nil {
      guard RedisTLS.isAvailable else {
        throw SinkError("redis: \(url.target): \(RedisTLS.absence)")
      }
      url.tls = settings.tls
    }
    self.settings = settings
    tuned = Mutex(
      Tuned(
        batchRecords: settings.batchRecords, lingerMilliseconds: settings.lingerMilliseconds,
        maxStreamLength: settings.maxStreamLength))
    self.url = url
    lease = RedisLease(sensor: settings.sensor, milliseconds: settings.leaseMilliseconds)
    renewal = lease.prologue + lease.epilogue
    epilogue = lease.epilogue
    var discard: [UInt8] = []
    discard.appendRESP(command: ["DISCARD"])
    self.discard = discard
    let queue = SinkQueue(
      maxBytes: settings.queueBytes, types: settings.types, format: settings.format)
    books = PublishBooks(queue: queue)
    super.init(
      name: "redis", target: url.target, queue: queue, format: settings.format,
      types: settings.types)
    for type in EventType.allCases
    where settings.types.isEmpty || settings.types.contains(type) {
      _ = lane(for: type.rawValue)
    }
    queue.report(healthy: false)
  }

  /// Opens the spool, connects and takes the lease. A Redis that is away, or not ready, is tried
  /// again later unless the settings require it now; what an operator must see to is thrown at once.
  override func prepare() throws {
    try openSpool()
    do throws(RedisFault) {
      try connect()
    } catch {
      let opened = open.withLock { $0 }
      handle(error)
      switch error.kind {
      case .leaseHeld, .authentication, .permission, .refused:
        if let opened { lease.releaseIfOurs(on: opened) }
        throw SinkError("sink redis: \(error.description)")
      default:
        if settings.requireAtStart { throw SinkError("sink redis: \(error.description)") }
      }
    }
  }

  override func interrupt() {
    open.withLock { $0?.interrupt() }
  }

  package override var maximumMemoryBytes: Int {
    // Queue and window, three transactions and the answers expected to them, and what is read ahead.
    settings.queueBytes + settings.retransmitBytes + 4 * RedisLane.transactionBytes
      + (settings.spoolDirectory == nil ? 0 : Self.readAheadBytes)
  }

  // MARK: The thread

  override func run() {
    var failures = 0
    while !queue.isSealed {
      do throws(RedisFault) {
        if hasNothingLeft { break }
        if client == nil { try connect() }
        if try pump() { failures = 0 }
      } catch {
        handle(error)
        if isFinishingIntoSpool { break }
        pause(untilNanoseconds: monotonicDeadline(afterSeconds: backOffSeconds(failures)))
        failures += 1
      }
    }
    // They are in nobody's backlog any more: Redis had acknowledged and lost them.
    let again = lanes.reduce(0) { sum, lane in
      sum + (0..<lane.pending.count).count { lane.pending[$0].isRetransmission }
    }
    if again > 0 { queue.count(\.lostByRedis, again) }
    if let client, isWatching, !queue.isSealed { try? lease.release(on: client) }
    disconnect()
    queue.report(healthy: false)
    closeSpool()
  }

  /// Told to finish, and everything settled.
  private var hasNothingLeft: Bool {
    queue.isFinishing && !isSpooling && lanes.allSatisfy { $0.pending.isEmpty }
      && !gather(wait: false)
  }

  /// Told to finish while Redis is away: what is safe on disk waits for the next start.
  private var isFinishingIntoSpool: Bool {
    guard queue.isFinishing, books.spool != nil else { return false }
    defer { hasFailedWhileFinishing = true }
    serve()
    return hasFailedWhileFinishing && hasParkedEverything && queue.isEmpty
  }

  /// Waits, looking after what comes.
  private func pause(untilNanoseconds deadline: UInt64) {
    let wasFinishing = queue.isFinishing
    while !queue.isSealed, queue.isFinishing == wasFinishing {
      let now = monotonicNanoseconds()
      if now >= deadline { return }
      queue.pause(untilNanoseconds: min(deadline, now + 20_000_000))
      serve()
    }
  }

  /// 50 ms, doubling to 2 s, and half of it by chance: sensors that lost the same Redis must not
  /// come back to it in step.
  private func backOffSeconds(_ failures: Int) -> Double {
    min(2, 0.05 * Double(1 << min(failures, 10))) * Double.random(in: 0.5...1)
  }

  private func handle(_ fault: RedisFault) {
    queue.report(healthy: false, error: fault.description)
    for lane in lanes where lane.underWay > 0 {
      // Its records keep their IDs: they are looked for, and sent again where they are missing.
      lane.rollBack()
      queue.count(\.retries)
    }
    switch fault.kind {
    case .outOfMemory, .loading, .unavailable, .permission:
      // The connection is as good as before, as long as the next transaction stands on a watch.
      if !isWatching { disconnect() }
    case .moved(let host, let port):
      redirect = .tcp(host: host.isEmpty ? url.host : host, port: port)
      disconnect()
    case .connection:
      redirect = nil
      disconnect()
    default:
      disconnect()
    }
  }

  private func disconnect() {
    client = nil
    isWatching = false
    open.withLock { $0 = nil }
  }

  /// One turn: gathers what has come, sends what is due. True when Redis has answered something.
  private func pump() throws(RedisFault) -> Bool {
    var answered = try renewIfDue()
    _ = gather(wait: true)
    serve()
    guard var executing = try prepareNext() else { return answered }
    try send(executing)
    var prepared: RedisTransaction?
    while true {
      guard let client else { return true }
      isWatching = false
      try client.send(epilogue)
      var next = prepared
      if next == nil { next = try prepareNext() }
      if let next { try send(next) }
      // While Redis is at work on these two: everything else that is to be done.
      prepared = next == nil ? nil : try prepareNext()
      serve()
      answered = true
      guard try settle(executing, next, on: client) else { return true }
      spareTransactions.append(executing)
      guard let next else { return true }
      executing = next
    }
  }

  private func send(_ transaction: RedisTransaction) throws(RedisFault) {
    try client?.send(transaction.wire.bytes)
  }

  package override var tunables: [String: Int] {
    tuned.withLock {
      [
        "batchRecords": $0.batchRecords, "lingerMilliseconds": $0.lingerMilliseconds,
        "maxStreamLength": $0.maxStreamLength,
      ]
    }
  }

  package override func tune(_ name: String, to value: Int) {
    tuned.withLock { tuned in
      switch name {
      case "batchRecords": tuned.batchRecords = value
      case "lingerMilliseconds": tuned.lingerMilliseconds = value
      case "maxStreamLength": tuned.maxStreamLength = value
      default: break
      }
    }
  }

  var lingerNanoseconds: UInt64 {
    UInt64(tuned.withLock { $0.lingerMilliseconds }) * 1_000_000
  }

  /// Whether what is not under way yet should go now.
  private func isDue(_ lane: RedisLane, at now: UInt64) -> Bool {
    let waiting = lane.pending.count - lane.underWay
    guard waiting > 0 else { return false }
    let oldest = lane.pending[lane.underWay].arrivedNanoseconds
    return waiting >= tuned.withLock { $0.batchRecords }
      || now >= oldest + lingerNanoseconds || isSpooling || queue.isFinishing
  }

  /// Moves batches from the queue to the lanes until a lane is due. True when something came.
  private func gather(wait: Bool) -> Bool {
    var gathered = false
    while true {
      var deadline = renewNanoseconds
      let now = monotonicNanoseconds()
      for lane in lanes {
        if isDue(lane, at: now) { return gathered }
        if let oldest = lane.pending.first?.arrivedNanoseconds {
          deadline = min(deadline, oldest + lingerNanoseconds)
        }
      }
      if isSpooling { deadline = min(deadline, now + 20_000_000) }
      guard let batch = queue.take(untilNanoseconds: wait ? deadline : now) else {
        return gathered
      }
      gathered = true
      distribute(batch)
    }
  }

  /// The stream of a type. One that this version does not know is left from a newer one's spool.
  func lane(for type: String) -> RedisLane {
    if let lane = lanes.first(where: { $0.type == type }) { return lane }
    let lane = RedisLane(
      type: type, sensor: settings.sensor,
      maxStreamLength: tuned.withLock { $0.maxStreamLength }, lease: lease)
    // It has not been read how this one stands: that comes before its first transaction.
    lane.needsState = true
    lanes.append(lane)
    return lane
  }

  func distribute(_ batch: RecordBatch) {
    let now = monotonicNanoseconds()
    var type: EventType?
    var lane: RedisLane?
    for entry in batch.entries {
      if entry.type != type {
        type = entry.type
        lane = lanes.first { $0.type == entry.type.rawValue }
      }
      let record = PublishedRecord(
        bytes: batch.bytes, offset: entry.offset, length: entry.length,
        fieldCount: entry.fieldCount, format: format, arrivedNanoseconds: now)
      if let lane, isWellFormed(record) {
        if isSpooling { tail.append(record, lane) } else { lane.pending.append(record) }
      } else {
        books.drop(
          CollectionOfOne(record),
          because: "a record of type \(entry.type.rawValue) was not \(format.rawValue)")
      }
    }
  }

  /// Broken RESP would take the whole connection out of step, so its edges are looked at.
  private func isWellFormed(_ record: PublishedRecord) -> Bool {
    guard format == .fields else { return true }
    return record.fieldCount > 0 && record.length >= 10 && record.bytes[record.offset] == 0x24
      && record.bytes[record.offset + record.length - 1] == 0x0A
  }

  // MARK: The connection

  /// Connects, takes the lease, finds out how the streams stand, and begins the watch.
  private func connect() throws(RedisFault) {
    var place = url
    if let redirect { place.endpoint = redirect }
    if let password = settings.currentPassword?() { place.password = password }
    let client = try RedisClient(
      place, timeoutSeconds: settings.connectTimeoutSeconds,
      whileWaiting: { [unowned self] in
        serve()
        return !queue.isSealed
      })
    open.withLock { $0 = client }
    // First the lease: setting it makes void what an earlier connection may still have in Redis's
    // socket buffers. Only then is what the streams hold the last word.
    try lease.acquire(on: client)
    var notes: [String] = []
    for lane in lanes {
      if let note = try lane.reconcile(on: client, books) { notes.append(note) }
    }
    try lease.watch(on: client)
    // A first renewal, for nothing but to learn now rather than later that the ACL forbids it.
    try renew(on: client)
    client.setReplyTimeout(seconds: settings.replyTimeoutSeconds)
    self.client = client
    if hasConnectedBefore { queue.count(\.reconnects) }
    hasConnectedBefore = true
    // After a loss all streams have the same to say.
    let others = notes.count > 1 ? "; likewise \(notes.count - 1) more streams" : ""
    queue.report(healthy: true, error: notes.first.map { $0 + others })
  }

  private func renewed() {
    renewNanoseconds =
      monotonicNanoseconds() + UInt64(settings.leaseMilliseconds) * 1_000_000 / 3
  }

  /// An idle sink's transaction: nothing but the renewal.
  private func renewIfDue() throws(RedisFault) -> Bool {
    guard let client, monotonicNanoseconds() >= renewNanoseconds else { return false }
    try renew(on: client)
    queue.report(healthy: true)
    return true
  }

  private func renew(on client: RedisClient) throws(RedisFault) {
    isWatching = false
    try client.send(renewal)
    let answer = try RedisTransactionAnswer(from: client, commands: 0, lease: lease)
    isWatching = answer.holdsLease
    try answer.requireExecuted(lease: lease)
    try answer.requireLease()
    renewed()
  }

  /// Writes down the next transaction that is due. Nil where none is.
  private func prepareNext() throws(RedisFault) -> RedisTransaction? {
    guard let client else { return nil }
    let now = monotonicNanoseconds()
    for lane in lanes where isDue(lane, at: now) {
      let tuned = tuned.withLock { $0 }
      lane.limit(to: tuned.maxStreamLength)
      // What must be asked first is asked when nothing is under way.
      if lanes.allSatisfy({ $0.underWay == 0 }) {
        if lane.needsState { _ = try lane.reconcile(on: client, books) }
        try lane.lookUp(tuned.batchRecords, on: client, books)
        if lane.pending.isEmpty { continue }
      }
      if lane.needsState || lane.mustLookUp(tuned.batchRecords) { continue }
      let transaction = spareTransactions.popLast() ?? RedisTransaction(lane: lane)
      guard
        let renumbered = lane.prepare(
          transaction, wallMilliseconds: wallMilliseconds(), batchRecords: tuned.batchRecords)
      else {
        if lane.underWay > 0 { continue }
        books.drop(
          lane.takeAll(),
          because: "\(lane.key): its last ID is the highest there is; delete the stream")
        continue
      }
      note(renumbered)
      markSent(lane, transaction.count)
      return transaction
    }
    return nil
  }

  /// Settles the transaction that Redis has executed by its answer. False where something else was
  /// answered than that all is well: what was sent on the assumption that it is, is taken back.
  private func settle(
    _ transaction: RedisTransaction, _ next: RedisTransaction?, on client: RedisClient
  ) throws(RedisFault) -> Bool {
    if try client.readExpected(transaction.expected.bytes) {
      isWatching = true
      transaction.lane.settleExecuted(transaction.count, books)
      settled()
      return true
    }
    let answer = try RedisTransactionAnswer(
      from: client, commands: transaction.count, lease: lease)
    isWatching = answer.holdsLease
    var fault: RedisFault?
    do throws(RedisFault) {
      try transaction.lane.settle(transaction.count, answer, books, lease: lease)
      try answer.requireLease()
    } catch {
      fault = error
      queue.count(\.retries)
    }
    for lane in lanes { lane.rollBack() }
    if let next {
      // DISCARD ends the watch as well.
      isWatching = false
      try client.send(discard)
      for _ in 0..<next.count + 3 { _ = try client.nextReply() }
      if fault?.kind != .leaseLost {
        try lease.watch(on: client)
        isWatching = true
      }
    }
    if let fault { throw fault }
    settled()
    return false
  }

  private func settled() {
    boundWindows()
    renewed()
    queue.report(healthy: true)
  }

  /// Forgets the oldest of what was acknowledged, whichever stream's it is.
  private func boundWindows() {
    var bytes = lanes.reduce(0) { $0 + $1.window.bytes }
    while bytes > settings.retransmitBytes,
      let lane = lanes.min(by: {
        ($0.window.oldestNanoseconds ?? .max) < ($1.window.oldestNanoseconds ?? .max)
      })
    {
      let before = lane.window.bytes
      for _ in 0..<64 { lane.window.forgetOldest() }
      bytes -= before - lane.window.bytes
    }
  }

  func wallMilliseconds() -> UInt64 {
    var wall = timespec()
    clock_gettime(CLOCK_REALTIME, &wall)
    return UInt64(wall.tv_sec) * 1000 + UInt64(wall.tv_nsec) / 1_000_000
  }
}
