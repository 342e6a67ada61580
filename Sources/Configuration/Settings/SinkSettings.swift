package import Records

/// One receiver of records.
package struct SinkSettings: Sendable, Equatable {
  /// What the receiver is, with what only this kind has.
  package enum Kind: Sendable, Equatable {
    case redis(RedisSinkSettings)
    case file(FileSinkSettings)
    case stdout
    /// Takes records and forgets them: for measuring.
    case null
  }

  package var kind: Kind
  /// Which records it gets, each once, in `EventType`'s order.
  package var types: [EventType] = EventType.allCases
  package var format = RecordFormat.eve

  package init(_ kind: Kind) { self.kind = kind }
}

/// Redis streams, one an event type.
package struct RedisSinkSettings: Sendable, Equatable {
  /// Where the server listens.
  package enum Address: Sendable, Equatable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }

  /// Where the password is; it never stands in the file itself.
  package enum PasswordSource: Sendable, Equatable {
    /// First line of a file, read at each connect.
    case file(String)
    /// Name of an environment variable.
    case environment(String)
  }

  package var address: Address
  /// Database number from the URL; nil: none is selected.
  package var database: Int?
  /// ACL user; nil: Redis's `default`.
  package var username: String?
  package var passwordSource: PasswordSource?
  /// Entries kept in each stream, about; 0 never trims.
  package var maxStreamLength = 1_000_000
  /// What waits while Redis is away; beyond it records are dropped and counted.
  package var queueMegabytes = 64
  package var batchRecords = 512
  /// How long a record waits for its batch to fill; at most 100.
  package var lingerMilliseconds = 50
  package var connectTimeoutSeconds = 2.0
  /// A start without Redis fails.
  package var requireAtStart = false

  package init(_ address: Address) { self.address = address }
}

/// A file with one record a line.
package struct FileSinkSettings: Sendable, Equatable {
  package var path: String
  /// nil: size starts no new file.
  package var rotateMegabytes: Int?
  /// nil: time starts no new file.
  package var rotateSeconds: Double?
  /// Rotated files that are kept beside the current one.
  package var keepFiles = 10

  package init(path: String) { self.path = path }
}
