import Records

/// What each kind of sink needs, and what means nothing to it.
enum SinkChecks {
  static let sharedKeys: Set<String> = ["type", "types", "format", "queueMegabytes"]

  static func ownKeys(_ kind: Settings.Sink.Kind) -> Set<String> {
    switch kind {
    case .redis:
      [
        "url", "username", "passwordFile", "passwordEnvironment", "caFile", "certificateFile",
        "keyFile", "maxStreamLength",
        "batchRecords", "lingerMilliseconds", "connectTimeoutSeconds", "requireAtStart",
        "spoolDirectory", "spoolMegabytes", "spoolFsync", "retransmitMegabytes",
      ]
    case .file: ["path", "rotateMegabytes", "rotateSeconds", "keepFiles", "splitByType"]
    case .stdout, .null: []
    }
  }

  static func check(_ sinks: [Settings.Sink], _ root: SectionReader) {
    let readers = root.has("sinks") ? root.sections("sinks") : []
    var targets: [String: String] = [:]
    for (sink, reader) in zip(sinks, readers) {
      // Without a kind, which has been noted, nothing can be said of the rest.
      guard reader.has("type"), !reader.list.isWrong(reader.shownKey("type")) else { continue }
      checkTarget(sink, reader)
      checkForeignKeys(sink, reader)
      if sink.format == .fields && sink.type != .redis && sink.type != .null {
        reader.note("format", "is fields, which only redis takes; eve would be right")
      }
      checkUnique(sink, reader, &targets)
    }
  }

  private static func checkTarget(_ sink: Settings.Sink, _ reader: SectionReader) {
    let forms = "redis://127.0.0.1:6379/0 or unix:/run/redis/redis.sock would be right"
    switch sink.type {
    case .redis where !reader.has("url"):
      reader.list.add(reader.line, reader.shownKey("url"), "is missing; \(forms)")
    case .redis where !sink.url.isEmpty:
      if let fault = RedisAddressCheck.fault(sink.url) { reader.note("url", fault) }
      checkTLS(sink, reader)
    case .file where !reader.has("path"):
      reader.list.add(
        reader.line, reader.shownKey("path"), "is missing; name the file"
      )
    case .file where sink.path.hasSuffix("/"):
      reader.note("path", "is a folder; a file's name in it would be right")
    default: break
    }
  }

  private static func checkTLS(_ sink: Settings.Sink, _ reader: SectionReader) {
    if sink.url.hasPrefix("rediss://") {
      if reader.has("certificateFile") && !reader.has("keyFile") {
        reader.note("certificateFile", "stands without keyFile; both would be right, or none")
      }
      if reader.has("keyFile") && !reader.has("certificateFile") {
        reader.note("keyFile", "stands without certificateFile; both would be right, or none")
      }
      return
    }
    for key in ["caFile", "certificateFile", "keyFile"] where reader.has(key) {
      reader.note(key, "is for TLS, which the url does not ask for; rediss://… would be right")
    }
  }

  private static func checkForeignKeys(_ sink: Settings.Sink, _ reader: SectionReader) {
    let mine = sharedKeys.union(ownKeys(sink.type))
    for key in SettingsKey.children(of: "sinks[]")
    where reader.has(key.name) && !mine.contains(key.name) {
      reader.note(
        key.name, "means nothing for a sink of type \(sink.type.rawValue)")
    }
  }

  /// A sensor's streams have one writer, and so has a file.
  private static func checkUnique(
    _ sink: Settings.Sink, _ reader: SectionReader, _ targets: inout [String: String]
  ) {
    let (key, target): (String, String)
    switch sink.type {
    case .redis: (key, target) = ("url", sink.url)
    case .file: (key, target) = ("path", sink.path)
    case .stdout: (key, target) = ("type", "stdout")
    case .null: return
    }
    guard !target.isEmpty else { return }
    if let other = targets[target] {
      reader.note(key, "is that of \(other) again; it has room for one writer")
    } else {
      targets[target] = reader.shown
    }
  }
}
