/// What a sink has done so far; all counts are of records where they say nothing else.
package struct SinkCounters: Sendable {
  /// Taken by ``RecordSink/offer(_:)``, and what an earlier process had left in the spool.
  package var accepted: UInt64 = 0
  /// Written, or acknowledged by the receiver.
  package var delivered: UInt64 = 0
  /// Refused because the sink's own queue was full.
  package var droppedQueueFull: UInt64 = 0
  /// Refused because the queue was full *and* the spool behind it, or its disk.
  package var droppedSpoolFull: UInt64 = 0
  /// Given up on because the receiver would never take them.
  package var droppedRefused: UInt64 = 0
  /// Given up on because shutdown ran out of time.
  package var droppedAtShutdown: UInt64 = 0
  /// Accepted and not settled yet: in the queue, on the wire, in the spool.
  package var backlog: UInt64 = 0
  package var reconnects: UInt64 = 0
  /// Transactions that were sent again.
  package var retries: UInt64 = 0
  /// How long the oldest record of the backlog has waited, in seconds.
  package var lagSeconds = 0.0

  /// Of the backlog: in the spool, on disk.
  package var spooled: UInt64 = 0
  /// Bytes of the spool's files, and how many there may be; 0 without a spool.
  package var spooledBytes: UInt64 = 0
  package var spoolLimitBytes: UInt64 = 0
  /// Found in the spool at the start.
  package var recovered: UInt64 = 0
  /// Frames of the spool that a crash had torn, and frames that were damaged: cut off, or left out.
  package var spoolTorn: UInt64 = 0

  /// Sent under a new ID, because an entry with a higher one had come to the stream before.
  package var reordered: UInt64 = 0
  /// Acknowledged, lost by Redis, and sent again under the same ID.
  package var retransmitted: UInt64 = 0
  /// Acknowledged, lost by Redis, and no longer in the retransmit window.
  package var lostByRedis: UInt64 = 0

  /// Up and writing; for Redis: connected and holding the lease.
  package var isHealthy: Bool = true
  /// The last thing that went wrong, in words, and when it was once that is over; nil when nothing has.
  package var lastError: String?

  /// Lost for good, by whatever cause.
  package var lost: UInt64 { droppedQueueFull + droppedSpoolFull + droppedError + lostByRedis }

  /// Accepted and given up on.
  package var droppedError: UInt64 { droppedRefused + droppedAtShutdown }

  package init() {}
}
