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
///     queue ──▶ lanes (flow │ flow_update │ stats) ──▶ transaction ──▶ answered ──▶ settled
///                                 ▲                        │ lost
///                                 └── look the IDs up ◀── reconnect, take the lease again
///
/// One transaction is under way at a time, as the next stands on the lease check behind it.
package final class RedisSink: ThreadedSink, @unchecked Sendable {
  private let settings: RedisSinkSettings
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
  private var client: RedisClient?
  private var lanes: [RedisLane] = []
  /// Where a cluster said these keys are; forgotten when it cannot be reached.
  private var redirect: RedisURL.Endpoint?
  private var hasConnectedBefore = false
  private var renewNanoseconds: UInt64 = 0
  private let renewal: [UInt8]
  /// The lease was ours when it was last looked at, and has been watched from then on.
  private var isWatching = false

  /// Throws where a setting cannot be worked with.
  package init(settings: RedisSinkSettings) throws(SinkError) {
    try settings.validate()
    var url = try RedisURL(settings.url)
    url.username = settings.username ?? url.username
    url.password = settings.password ?? url.password
    self.settings = settings
    tuned = Mutex(
      Tuned(
        batchRecords: settings.batchRecords, lingerMilliseconds: settings.lingerMilliseconds,
        maxStreamLength: settings.maxStreamLength))
    self.url = url
    let lease = RedisLease(sensor: settings.sensor, milliseconds: settings.leaseMilliseconds)
    self.lease = lease
    renewal = lease.prologue + lease.epilogue
    lanes = EventType.allCases.filter { settings.types.isEmpty || settings.types.contains($0) }
      .map {
        RedisLane(
          type: $0, sensor: settings.sensor, format: settings.format,
          maxStreamLength: settings.maxStreamLength, prologue: lease.prologue,
          epilogue: lease.epilogue)
      }
    super.init(
      name: "redis", target: url.target, format: settings.format, types: settings.types,
      queueBytes: settings.queueBytes)
    queue.report(healthy: false)
  }

  /// Connects and takes the lease. A Redis that is away, or not ready, is tried again later
  /// unless the settings require it now; what an operator must see to is thrown at once.
  override func prepare() throws {
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
        queue.pause(untilNanoseconds: monotonicDeadline(afterSeconds: backOffSeconds(failures)))
        failures += 1
      }
    }
    if let client, isWatching, !queue.isSealed { try? lease.release(on: client) }
    disconnect()
    queue.report(healthy: false)
  }

  /// Told to finish, and everything settled.
  private var hasNothingLeft: Bool {
    queue.isFinishing && lanes.allSatisfy { $0.pending.isEmpty } && !gather(wait: false)
  }

  /// 50 ms, doubling to 2 s, and half of it by chance: sensors that lost the same Redis must not
  /// come back to it in step.
  private func backOffSeconds(_ failures: Int) -> Double {
    min(2, 0.05 * Double(1 << min(failures, 10))) * Double.random(in: 0.5...1)
  }

  private func handle(_ fault: RedisFault) {
    queue.report(healthy: false, error: fault.description)
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
    let now = monotonicNanoseconds()
    for lane in lanes where isDue(lane, at: now) {
      try publish(lane)
      answered = true
    }
    return answered
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

  private var lingerNanoseconds: UInt64 {
    UInt64(tuned.withLock { $0.lingerMilliseconds }) * 1_000_000
  }

  private func isDue(_ lane: RedisLane, at now: UInt64) -> Bool {
    if lane.pending.isEmpty { return false }
    let batchRecords = tuned.withLock { $0.batchRecords }
    return lane.underWay != nil || lane.pending.count >= batchRecords
      || now >= lane.oldestNanoseconds + lingerNanoseconds || queue.isFinishing
  }

  /// Moves batches from the queue to the lanes until a lane is due. True when something came.
  private func gather(wait: Bool) -> Bool {
    var gathered = false
    while true {
      var deadline = renewNanoseconds
      let now = monotonicNanoseconds()
      for lane in lanes where !lane.pending.isEmpty {
        if isDue(lane, at: now) { return gathered }
        deadline = min(deadline, lane.oldestNanoseconds + lingerNanoseconds)
      }
      guard let batch = queue.take(untilNanoseconds: wait ? deadline : now) else {
        return gathered
      }
      gathered = true
      distribute(batch)
    }
  }

  private func distribute(_ batch: RecordBatch) {
    let now = monotonicNanoseconds()
    for entry in batch.entries {
      let record = RedisLane.Record(
        bytes: batch.bytes, offset: entry.offset, length: entry.length,
        fieldCount: entry.fieldCount)
      if let lane = lanes.first(where: { $0.type == entry.type }), isWellFormed(record) {
        lane.append(record, nowNanoseconds: now)
      } else {
        queue.settle(
          dropped: 1, bytes: entry.length,
          because: "a record of type \(entry.type.rawValue) was not \(format.rawValue)")
      }
    }
  }

  /// Broken RESP would take the whole connection out of step, so its edges are looked at.
  private func isWellFormed(_ record: RedisLane.Record) -> Bool {
    guard format == .fields else { return true }
    return record.fieldCount > 0 && record.length >= 10 && record.bytes[record.offset] == 0x24
      && record.bytes[record.offset + record.length - 1] == 0x0A
  }

  // MARK: The connection

  /// Connects, takes the lease, finds out what of the transactions under way has arrived, and
  /// begins the watch.
  private func connect() throws(RedisFault) {
    var place = url
    if let redirect { place.endpoint = redirect }
    let client = try RedisClient(place, timeoutSeconds: settings.connectTimeoutSeconds)
    open.withLock { $0 = client }
    // First the lease: setting it makes void what an earlier connection may still have in Redis's
    // socket buffers. Only then is what the streams hold the last word.
    try lease.acquire(on: client)
    for lane in lanes {
      if let error = try lane.reconcile(on: client, queue: queue) {
        queue.report(healthy: false, error: error)
      }
    }
    try lease.watch(on: client)
    // A first renewal, for nothing but to learn now rather than later that the ACL forbids it.
    try renew(on: client)
    client.setReplyTimeout(seconds: settings.replyTimeoutSeconds)
    self.client = client
    if hasConnectedBefore { queue.countReconnect() }
    hasConnectedBefore = true
    queue.report(healthy: true)
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

  private func publish(_ lane: RedisLane) throws(RedisFault) {
    guard let client else { return }
    if lane.needsLastID { _ = try lane.reconcile(on: client, queue: queue) }
    var wall = timespec()
    clock_gettime(CLOCK_REALTIME, &wall)
    let wallMilliseconds = UInt64(wall.tv_sec) * 1000 + UInt64(wall.tv_nsec) / 1_000_000
    let tuned = tuned.withLock { $0 }
    lane.limit(to: tuned.maxStreamLength)
    guard
      lane.prepare(wallMilliseconds: wallMilliseconds, batchRecords: tuned.batchRecords),
      let transaction = lane.underWay
    else {
      lane.dropAll(
        from: queue, because: "\(lane.key): its last ID is the highest there is; delete the stream")
      return
    }
    lane.markSent()
    isWatching = false
    try client.send(lane.wire)
    let answer = try RedisTransactionAnswer(
      from: client, commands: transaction.count, lease: lease)
    isWatching = answer.holdsLease
    try lane.settle(answer, queue: queue, lease: lease)
    renewed()
    try answer.requireLease()
    queue.report(healthy: true)
  }
}
