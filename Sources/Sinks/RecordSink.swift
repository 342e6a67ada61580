package import Records

/// Where record batches go. Each sink has a thread and a bounded queue of its own, so that none
/// waits for another.
///
/// At all times `accepted == delivered + droppedError + backlog`; records refused by a full queue
/// are counted in `droppedQueueFull` or `droppedSpoolFull`, and not in `accepted`.
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
  /// The most memory that it takes for records, in bytes: what waits, and what is kept.
  var maximumMemoryBytes: Int { get }
  /// What can be changed while it runs, by the configuration's name for it (`batchRecords`).
  var tunables: [String: Int] { get }
  /// A value within the configuration's range, from its next batch on.
  func tune(_ name: String, to value: Int)
  /// Writes out what is queued, waits for acknowledgement until the deadline, and closes. What is
  /// left then is counted in `droppedAtShutdown`, but for what is in a spool: that stays in the
  /// backlog, for the next start.
  func finish(withinSeconds: Double)
}

extension RecordSink {
  package var hasRoom: Bool { true }
  package var maximumMemoryBytes: Int { 0 }
  package var tunables: [String: Int] { [:] }
  package func tune(_ name: String, to value: Int) {}
}

package struct SinkError: Error, CustomStringConvertible, Sendable {
  package var description: String
  package init(_ description: String) { self.description = description }
}
