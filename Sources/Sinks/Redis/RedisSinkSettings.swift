package import Records

/// What the Redis sink is told; the limits and times have defaults that fit a busy sensor.
package struct RedisSinkSettings: Sendable {
  /// As ``RedisURL`` reads it.
  package var url: String
  /// ACL user; overrides the URL's.
  package var username: String?
  /// Overrides the URL's.
  package var password: String?
  /// Asked at each connection, for a password that has been changed meanwhile; nil: as it was.
  package var currentPassword: (@Sendable () -> String?)?
  /// The files of a `rediss://`; means nothing for other urls.
  package var tls: RedisTLS
  /// Names the streams, `martlet:{sensor}:flow` …; of `[A-Za-z0-9._-]+`.
  package var sensor: String
  package var format: RecordFormat
  /// Which types get a stream; all where empty.
  package var types: Set<EventType>
  /// XADD's `MAXLEN ~`, in entries a stream; 0 for no trimming.
  package var maxStreamLength: Int
  /// How much may wait for Redis, in bytes of records and their overhead.
  package var queueBytes: Int
  /// At most how many records a MULTI/EXEC holds.
  package var batchRecords: Int
  /// How long a record waits for its batch to fill; at most 100.
  package var lingerMilliseconds: Int
  /// For connecting, and for each answer while signing in.
  package var connectTimeoutSeconds: Double
  /// How long an answer to a batch may take before the connection counts as lost.
  package var replyTimeoutSeconds: Double
  /// How long the lease outlives a writer that died; renewed at a third of it.
  package var leaseMilliseconds: Int
  /// How many bytes of acknowledged records are kept, in case that Redis comes back without them;
  /// 0 for none.
  package var retransmitBytes: Int
  /// Where records wait while Redis lags, in a folder of the sensor's name; nil: in memory alone.
  package var spoolDirectory: String?
  /// Of the spool's files.
  package var spoolBytes: Int
  /// Whether each write to the spool is waited for down to the disk: for power loss.
  package var spoolFsync: Bool
  /// Whether `start()` fails where Redis is away; if not, it is tried again until it comes.
  package var requireAtStart: Bool

  package init(
    url: String, username: String? = nil, password: String? = nil,
    tls: RedisTLS = RedisTLS(), sensor: String,
    format: RecordFormat = .eve, types: Set<EventType> = [], maxStreamLength: Int = 1_000_000,
    queueBytes: Int = 64 << 20, batchRecords: Int = 512, lingerMilliseconds: Int = 50,
    connectTimeoutSeconds: Double = 2, replyTimeoutSeconds: Double = 5,
    leaseMilliseconds: Int = 10_000, retransmitBytes: Int = 64 << 20,
    spoolDirectory: String? = nil, spoolBytes: Int = 1 << 30, spoolFsync: Bool = false,
    requireAtStart: Bool = false
  ) {
    self.url = url
    self.username = username
    self.password = password
    self.tls = tls
    self.sensor = sensor
    self.format = format
    self.types = types
    self.maxStreamLength = maxStreamLength
    self.queueBytes = queueBytes
    self.batchRecords = batchRecords
    self.lingerMilliseconds = lingerMilliseconds
    self.connectTimeoutSeconds = connectTimeoutSeconds
    self.replyTimeoutSeconds = replyTimeoutSeconds
    self.leaseMilliseconds = leaseMilliseconds
    self.retransmitBytes = retransmitBytes
    self.spoolDirectory = spoolDirectory
    self.spoolBytes = spoolBytes
    self.spoolFsync = spoolFsync
    self.requireAtStart = requireAtStart
  }

  /// Throws where a value cannot be worked with, naming it and what would be right.
  func validate() throws(SinkError) {
    let allowed = sensor.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte)
    }
    guard !sensor.isEmpty, allowed else {
      throw SinkError("redis: sensor \"\(sensor)\" must match [A-Za-z0-9._-]+")
    }
    guard (1...65_536).contains(batchRecords) else {
      throw SinkError("redis: batchRecords \(batchRecords) must be within 1 to 65536")
    }
    guard (0...100).contains(lingerMilliseconds) else {
      throw SinkError("redis: lingerMilliseconds \(lingerMilliseconds) must be within 0 to 100")
    }
    guard retransmitBytes >= 0, spoolBytes >= 1 << 20 else {
      throw SinkError(
        "redis: retransmitBytes must be 0 or more, and spoolBytes a MiB or more")
    }
    guard maxStreamLength >= 0, queueBytes > 0, leaseMilliseconds >= 100,
      connectTimeoutSeconds > 0, replyTimeoutSeconds > 0
    else {
      throw SinkError(
        "redis: maxStreamLength must be 0 or more, leaseMilliseconds 100 or more, and queueBytes,"
          + " connectTimeoutSeconds and replyTimeoutSeconds more than 0")
    }
  }
}
