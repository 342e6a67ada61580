internal import Glibc
package import Records

/// Nanoseconds of the monotonic clock, on which every deadline in this module is told.
func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Seconds from now as a point of the monotonic clock; a negative or absurd figure is clamped.
func monotonicDeadline(afterSeconds seconds: Double) -> UInt64 {
  monotonicNanoseconds() + UInt64(max(0, min(seconds, 1e9)) * 1e9)
}

/// The bounded queue between whoever makes records and a sink's own thread, and the sink's books.
///
/// The bound holds for everything accepted and not yet settled, so also for what the sink's thread
/// has taken out and is still trying to write: ``take(untilNanoseconds:)`` frees no room,
/// ``settle(delivered:bytes:)`` and ``settle(dropped:bytes:because:)`` do. Hence also
/// `accepted == delivered + droppedError + backlog` at every moment: the backlog is *defined* as
/// the difference, and one lock covers all four.
///
///     offer ──▶ [batch][batch][batch] ──take──▶ sink's thread ──settle──▶ delivered / dropped…
///       │        └──────────── charged bytes and records ──────┬────┘        ▲
///       └─▶ full: droppedQueueFull or droppedSpoolFull, false   └─park─▶ spool┘
///
/// Records that a sink has written to its spool are *parked*: they are of the backlog and take up
/// no room here.
package final class SinkQueue: @unchecked Sendable {
  /// What a record is charged beyond its own bytes: its entry here and in the sink's own lists.
  package static let overheadBytesPerRecord = 160

  /// The life of a queue; it only moves forward.
  private enum Phase {
    case open, finishing, sealed
  }

  let maxBytes: Int
  private let maxRecords: Int
  private let types: Set<EventType>
  private let format: RecordFormat

  // The lock and the two conditions are allocated, because pthread objects must not move.
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let stop = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  // Everything below is guarded by `lock`.
  private var batches: [RecordBatch?] = []
  private var head = 0
  private var chargedBytes = 0
  private var parkedRecords = 0
  /// Nothing more can be parked just now: what is refused was refused by the spool.
  private var spoolIsFull = false
  /// When the oldest record that is not settled came; nil: there is none. Monotonic nanoseconds.
  private var oldestNanoseconds: UInt64?
  private var finishDeadline = UInt64.max
  private var phase = Phase.open
  private var workerStopped = true
  private var books = SinkCounters()
  /// What the books' last error tells of does not last, and says when it was.
  private var isErrorOver = false

  /// - Parameters:
  ///   - maxBytes: of records and their overhead, until they are settled.
  ///   - maxRecords: likewise, in records.
  ///   - types: which are wanted; all where empty.
  package init(
    maxBytes: Int, maxRecords: Int = 1 << 24, types: Set<EventType> = [],
    format: RecordFormat = .eve
  ) {
    self.maxBytes = maxBytes
    self.maxRecords = maxRecords
    self.types = types
    self.format = format
    pthread_mutex_init(lock, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(arrival, &attributes)
    pthread_cond_init(stop, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(stop)
    pthread_cond_destroy(arrival)
    pthread_mutex_destroy(lock)
    stop.deallocate()
    arrival.deallocate()
    lock.deallocate()
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body()
  }

  /// Waits on `condition`, the lock held; false when the deadline has passed.
  private func wait(_ condition: UnsafeMutablePointer<pthread_cond_t>, until deadline: UInt64?)
    -> Bool
  {
    guard let deadline else { return pthread_cond_wait(condition, lock) == 0 }
    var time = timespec(
      tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
    return pthread_cond_timedwait(condition, lock, &time) != ETIMEDOUT
  }

  // MARK: The offerer's side

  /// Takes a whole batch or none of it; waits for nothing but the lock, which nobody holds
  /// across a system call.
  ///
  /// Records of types that are not wanted are left out, and counted nowhere.
  package func offer(_ batch: RecordBatch) -> Bool {
    let batch = wanted(batch)
    let count = batch.entries.count
    guard count > 0 else { return true }
    let bytes = charge(of: batch)
    return locked {
      if phase != .open {
        books.accepted += UInt64(count)
        books.droppedAtShutdown += UInt64(count)
        note("records were offered after the sink had been told to finish", isOver: true)
        return false
      }
      if batch.format != format {
        books.accepted += UInt64(count)
        books.droppedRefused += UInt64(count)
        note(
          "records came as \(batch.format.rawValue) to a sink of \(format.rawValue)", isOver: true)
        return false
      }
      guard chargedBytes + bytes <= maxBytes, recordsInMemory + count <= maxRecords else {
        if spoolIsFull {
          books.droppedSpoolFull += UInt64(count)
        } else {
          books.droppedQueueFull += UInt64(count)
        }
        return false
      }
      books.accepted += UInt64(count)
      chargedBytes += bytes
      batches.append(batch)
      pthread_cond_signal(arrival)
      return true
    }
  }

  /// Less than half of what it may hold is taken up.
  package var hasRoom: Bool {
    locked {
      phase != .open || (chargedBytes * 2 < maxBytes && recordsInMemory * 2 < maxRecords)
    }
  }

  /// The lock held.
  private var backlog: UInt64 { books.accepted - books.delivered - books.droppedError }
  private var recordsInMemory: Int { Int(backlog) - parkedRecords }

  /// The batch without what is not wanted: copied then, so that the queue never holds bytes it
  /// has not charged.
  private func wanted(_ batch: RecordBatch) -> RecordBatch {
    if types.isEmpty || batch.entries.allSatisfy({ types.contains($0.type) }) { return batch }
    var result = RecordBatch(format: batch.format)
    for entry in batch.entries where types.contains(entry.type) {
      var moved = entry
      moved.offset = result.bytes.count
      result.bytes += batch.bytes[entry.offset..<entry.offset + entry.length]
      result.entries.append(moved)
    }
    return result
  }

  private func charge(of batch: RecordBatch) -> Int {
    batch.entries.reduce(0) { $0 + $1.length + Self.overheadBytesPerRecord }
  }

  // MARK: The sink's side

  /// The next batch, waiting for one until the deadline (nil: for as long as it takes).
  ///
  /// Nil when the deadline has passed, or when the queue is empty and the sink is to finish.
  package func take(untilNanoseconds deadline: UInt64?) -> RecordBatch? {
    locked {
      while true {
        if phase == .sealed { return nil }
        if head < batches.count {
          let batch = batches[head]
          batches[head] = nil
          head += 1
          if head == batches.count {
            batches.removeAll(keepingCapacity: head <= 4096)
            head = 0
          } else if head >= 1024 && head * 2 >= batches.count {
            batches.removeFirst(head)
            head = 0
          }
          return batch
        }
        if phase == .finishing { return nil }
        if !wait(arrival, until: deadline) { return nil }
      }
    }
  }

  /// Sleeps until the deadline whatever arrives; wakes early only where finishing begins meanwhile
  /// (once: a sink that is finishing still backs off between its attempts) or the queue is sealed.
  package func pause(untilNanoseconds deadline: UInt64) {
    locked {
      let before = phase
      while phase == before && phase != .sealed && wait(arrival, until: deadline) {}
    }
  }

  /// What is left of the backlog when it shrinks: records in memory with the sum of their lengths,
  /// and parked ones.
  package struct Share: Sendable, Equatable {
    package var records = 0
    package var bytes = 0
    package var parked = 0

    package init(records: Int = 0, bytes: Int = 0, parked: Int = 0) {
      self.records = records
      self.bytes = bytes
      self.parked = parked
    }
  }

  /// Records that have arrived where they belong; `bytes` is the sum of their lengths.
  package func settle(delivered count: Int, bytes: Int) {
    settle(delivered: Share(records: count, bytes: bytes))
  }

  package func settle(delivered share: Share) {
    settle(share, into: \.delivered, error: nil)
  }

  /// Records that are given up on.
  package func settle(dropped count: Int, bytes: Int, because error: String) {
    settle(dropped: Share(records: count, bytes: bytes), because: error)
  }

  package func settle(dropped share: Share, because error: String) {
    settle(share, into: \.droppedRefused, error: error)
  }

  private func settle(
    _ share: Share, into counter: WritableKeyPath<SinkCounters, UInt64>, error: String?
  ) {
    locked {
      if let error { note(error, isOver: true) }
      // What was given up on by seal() has been counted, and is counted once.
      guard phase != .sealed else { return }
      books[keyPath: counter] += UInt64(share.records + share.parked)
      chargedBytes -= share.bytes + share.records * Self.overheadBytesPerRecord
      parkedRecords -= share.parked
      precondition(
        books.accepted >= books.delivered + books.droppedError && chargedBytes >= 0
          && parkedRecords >= 0)
    }
  }

  /// Records have been written to the spool, and take up no room any more.
  package func park(_ count: Int, bytes: Int) {
    locked {
      guard phase != .sealed else { return }
      chargedBytes -= bytes + count * Self.overheadBytesPerRecord
      parkedRecords += count
    }
  }

  /// Records that an earlier process had left in the spool are this one's to deliver.
  package func adopt(_ count: Int) {
    locked {
      books.accepted += UInt64(count)
      books.recovered += UInt64(count)
      parkedRecords += count
    }
  }

  /// Whether the sink can park anything just now.
  package func report(spoolIsFull: Bool) { locked { self.spoolIsFull = spoolIsFull } }

  package func report(spooledBytes: Int, oldestNanoseconds: UInt64?) {
    locked {
      books.spooledBytes = UInt64(spooledBytes)
      self.oldestNanoseconds = oldestNanoseconds
    }
  }

  /// Adds to one of the counts that say how it went, and not how much is left.
  package func count(_ counter: WritableKeyPath<SinkCounters, UInt64>, _ count: Int = 1) {
    locked { books[keyPath: counter] += UInt64(count) }
  }

  package func set(_ counter: WritableKeyPath<SinkCounters, UInt64>, _ value: Int) {
    locked { books[keyPath: counter] = UInt64(value) }
  }

  /// What is wrong, or that nothing is any more: of an error that is over it is said when that was.
  package func report(healthy: Bool, error: String? = nil) {
    locked {
      books.isHealthy = healthy
      if let error {
        note(error, isOver: healthy)
      } else if healthy, !isErrorOver, let last = books.lastError {
        isErrorOver = true
        books.lastError = "until \(Self.timeOfNow()): \(last)"
      }
    }
  }

  /// - Parameter isOver: it happened, and does not last.
  private func note(_ error: String, isOver: Bool) {
    let text =
      error.utf8.count <= Self.longestError
      ? error : String(decoding: error.utf8.prefix(Self.longestError), as: UTF8.self) + " …"
    isErrorOver = isOver
    books.lastError = isOver ? "at \(Self.timeOfNow()): \(text)" : text
  }

  private static let longestError = 400

  /// `2026-11-21T05:36:00Z`
  private static func timeOfNow() -> String {
    var seconds = time(nil)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
      guard let start = buffer.baseAddress else { return "" }
      return strftime(start, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0
        ? String(cString: start) : ""
    }
  }

  package var counters: SinkCounters {
    locked {
      var result = books
      result.backlog = backlog
      result.spooled = UInt64(parkedRecords)
      if let oldestNanoseconds, backlog > 0 {
        let now = monotonicNanoseconds()
        result.lagSeconds = now > oldestNanoseconds ? Double(now - oldestNanoseconds) / 1e9 : 0
      }
      return result
    }
  }

  // MARK: The end

  /// Nothing waits to be taken.
  package var isEmpty: Bool { locked { head == batches.count } }

  /// Told to finish, and perhaps out of time already.
  package var isFinishing: Bool { locked { phase != .open } }

  /// Out of time: nothing counts any more, and the sink's thread is to leave.
  package var isSealed: Bool { locked { phase == .sealed } }

  /// Monotonic nanoseconds; for ever where the sink is not finishing.
  package var finishNanoseconds: UInt64 { locked { finishDeadline } }

  package func beginFinish(untilNanoseconds deadline: UInt64 = .max) {
    locked {
      if phase == .open { phase = .finishing }
      finishDeadline = min(finishDeadline, deadline)
      pthread_cond_broadcast(arrival)
    }
  }

  /// Ends the books: the backlog is given up on but for what is parked, and whatever the thread
  /// still settles is ignored.
  package func seal() {
    locked {
      guard phase != .sealed else { return }
      phase = .sealed
      let rest = backlog - UInt64(parkedRecords)
      books.droppedAtShutdown += rest
      if rest > 0 {
        books.lastError =
          "\(rest) records were given up on at shutdown"
          + (books.lastError.map { "; before that: \($0)" } ?? "")
      }
      chargedBytes = 0
      batches = []
      head = 0
      pthread_cond_broadcast(arrival)
    }
  }

  package func workerBegins() {
    locked { workerStopped = false }
  }

  package func workerEnds() {
    locked {
      workerStopped = true
      pthread_cond_broadcast(stop)
    }
  }

  /// Waits for the sink's thread; false when it has not ended by the deadline.
  package func waitForWorker(untilNanoseconds deadline: UInt64) -> Bool {
    locked {
      while !workerStopped {
        if !wait(stop, until: deadline) { return workerStopped }
      }
      return true
    }
  }
}
