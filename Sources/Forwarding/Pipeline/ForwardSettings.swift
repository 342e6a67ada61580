package import Sinks

/// What a forwarder is told.
package struct ForwardSettings: Sendable {
  /// Where a group begins that does not exist yet.
  package enum Start: String, Sendable {
    /// With the oldest entry that is there.
    case beginning = "0"
    /// With what comes from now on.
    case new = "$"
  }

  package var redis: RedisURL
  /// The consumer group; its members share the work.
  package var group: String
  /// This member's name; after a restart it finds by it what it had not finished.
  package var consumer: String
  /// All that there are where empty.
  package var sensors: [String] = []
  /// Event types; all where empty.
  package var types: [String] = []
  package var start = Start.beginning
  /// How long an entry lies with another member before it counts as abandoned.
  package var claimAfterSeconds = 60.0
  /// At most so many entries a stream and read.
  package var readRecords = 1000
  /// How long a record waits for its batch to fill.
  package var lingerSeconds = 0.2
  /// Smaller batches than the target's own limits; nil for those.
  package var batchRecords: Int?
  /// About so many entries are kept in a sensor's dead letters; 0 for all.
  package var deadLetterLimit = 100_000
  /// Ends when everything that is there has been delivered.
  package var isOnce = false
  /// How much may be in hand: read and not settled.
  package var inHandRecords = 20_000
  package var inHandBytes = 64 << 20
  /// Larger entries go to the dead letters unread.
  package var maxEntryBytes = 16 << 20
  /// Between searches for new streams.
  package var discoverySeconds = 10.0
  /// Between measurements of the lag.
  package var lagSeconds = 2.0

  package init(redis: RedisURL, group: String, consumer: String) {
    self.redis = redis
    self.group = group
    self.consumer = consumer
  }
}
