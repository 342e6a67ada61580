import ControlAPI
import Foundation
import Logging

/// The daemon's messages as JSON, one object a line on standard error: `timestamp level message`, and
/// what the message carries beside its text.
struct JSONLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var object = [
      "timestamp": ControlTime.text(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e9)),
      "level": event.level.rawValue, "message": event.message.description,
    ]
    for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }) {
      object[key] = value.description
    }
    guard
      var line = try? JSONSerialization.data(
        withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    else { return }
    line.append(UInt8(ascii: "\n"))
    FileHandle.standardError.write(line)
  }
}
