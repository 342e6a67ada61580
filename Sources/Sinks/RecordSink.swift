package import Records

/// What a sink has done so far; all counts are of records.
package struct SinkCounters: Sendable {
  /// Taken by ``RecordSink/offer(_:)``.
  package var accepted: UInt64 = 0
  /// Written, or acknowledged by the receiver.
  package var delivered: UInt64 = 0
  /// Refused because the sink's own queue was full.
  package var droppedQueueFull: UInt64 = 0
  /// Given up on for another reason: the receiver refused them, or shutdown ran out of time.
  package var droppedError: UInt64 = 0
  /// Waiting in the sink's queue or on the wire just now.
  package var backlog: UInt64 = 0
  package var reconnects: UInt64 = 0
  /// Up and writing; for Redis: connected and holding the lease.
  package var isHealthy: Bool = true
  /// The last thing that went wrong, in words; nil when nothing has.
  package var lastError: String?

  package init() {}
}

/// Where record batches go. Each sink has a thread and a bounded queue of its own, so that none
/// waits for another.
///
/// At all times `accepted == delivered + droppedError + backlog`; records refused by a full queue
/// are counted in `droppedQueueFull` and not in `accepted`.
package protocol RecordSink: AnyObject, Sendable {
  /// As in the configuration: `redis`, `file` …
  var name: String { get }
  /// Where it goes, without secrets: `unix:/run/redis.sock`, `redis://10.0.0.5:6379/0`, a path.
  var target: String { get }
  var format: RecordFormat { get }
  /// Which types it wants; all where empty.
  var types: Set<EventType> { get }
  /// Connects or opens what it needs; throws ``SinkError`` where it cannot begin at all.
  func start() throws
  /// Takes a batch, or counts it as dropped and returns false. Never blocks.
  @discardableResult func offer(_ batch: RecordBatch) -> Bool
  /// Whether a batch of usual size would be taken now: for who can wait instead of losing records.
  var hasRoom: Bool { get }
  var counters: SinkCounters { get }
  /// What can be changed while it runs, by the configuration's name for it (`batchRecords`).
  var tunables: [String: Int] { get }
  /// A value within the configuration's range, from its next batch on.
  func tune(_ name: String, to value: Int)
  /// Writes out what is queued, waits for acknowledgement until the deadline, and closes.
  /// What is left then is counted in `droppedError`.
  func finish(withinSeconds: Double)
}

extension RecordSink {
  package var hasRoom: Bool { true }
  package var tunables: [String: Int] { [:] }
  package func tune(_ name: String, to value: Int) {}
}

package struct SinkError: Error, CustomStringConvertible, Sendable {
  package var description: String
  package init(_ description: String) { self.description = description }
}
