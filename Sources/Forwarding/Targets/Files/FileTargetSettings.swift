/// How ``FileTarget`` writes.
package struct FileTargetSettings: Sendable {
  package enum Format: Sendable, Equatable {
    /// A record a line.
    case ndjson
    /// RFC 4180 with a header; nil for all columns of flow records (docs/records.md#csv).
    case csv(columns: [String]?)
  }

  package enum Compression: String, CaseIterable, Sendable {
    case none, gzip, zstd

    /// What stands behind a file's name.
    var suffix: String {
      switch self {
      case .none: ""
      case .gzip: ".gz"
      case .zstd: ".zst"
      }
    }
  }

  /// A path with strftime's `%Y%m%dT%H%M%S` (UTC, of the file's beginning), `{sensor}` and `{type}`.
  package var pattern: String
  package var format: Format
  package var compression: Compression
  /// A file that has as much is finished, and the next one begun; as it is on disk. Nil: no limit.
  package var rotateBytes: Int?
  /// Files are finished where the wall clock passes a multiple of it. Nil: where the time in the
  /// pattern changes, be it the day or the minute; one to the second says when a file began, and
  /// does not.
  package var rotateSeconds: Int?
  /// Whether records count as delivered only once they are on the disk.
  package var syncs: Bool

  package init(
    pattern: String, format: Format = .ndjson, compression: Compression = .none,
    rotateBytes: Int? = nil, rotateSeconds: Int? = nil, syncs: Bool = false
  ) {
    self.pattern = pattern
    self.format = format
    self.compression = compression
    self.rotateBytes = rotateBytes
    self.rotateSeconds = rotateSeconds
    self.syncs = syncs
  }
}
