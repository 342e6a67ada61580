internal import Sinks

/// Where a record in hand came from: what is acknowledged or buried in the end.
struct ForwardOrigin {
  /// The stream that the entry was read from; for an entry that is replayed another than the
  /// record's.
  var stream: StreamName
  var entry: StreamEntry
  /// What the entry counts for in memory.
  var bytes: Int
  /// How often the target has put it off.
  var attempts = 0
}

/// Entries of one stream, as the reader hands them over.
struct PreparedBatch {
  /// An entry that no record can be made of.
  struct Poison {
    var record: RecordIdentity
    var entry: StreamEntry
    var reason: String
  }

  var stream: StreamName
  /// Record and origin at the same index.
  var records: [ForwardRecord] = []
  var origins: [ForwardOrigin] = []
  /// To be acknowledged and nothing more: not wanted, or without a body.
  var settled: [StreamID] = []
  /// Of `settled`, those without a body.
  var gone = 0
  var poison: [Poison] = []
  /// Of all entries.
  var ids: [StreamID] = []
  var bytes = 0
  /// Of `bytes`, what belongs to `settled`.
  var settledBytes = 0
}

/// Which record an entry carries, also where its document cannot be read.
struct RecordIdentity {
  var stream: StreamName
  var entry: StreamID
}
