internal import Sinks

/// Makes records of entries: reads the JSON, and has it transformed. Used by one thread.
struct EntryPreparer {
  var transform: (any RecordTransform)?
  /// Larger entries are not read.
  let maxEntryBytes: Int
  /// What a record costs beyond its bytes, about: ID sets, origins.
  static let overheadBytes = 256

  func prepare(_ stream: StreamName, _ entries: [StreamEntry]) -> PreparedBatch {
    var batch = PreparedBatch(stream: stream)
    batch.ids.reserveCapacity(entries.count)
    batch.records.reserveCapacity(entries.count)
    batch.origins.reserveCapacity(entries.count)
    for entry in entries {
      let bytes = entry.byteCount + Self.overheadBytes
      batch.ids.append(entry.id)
      batch.bytes += bytes
      var identity = RecordIdentity(stream: stream, entry: entry.id)
      do throws(EVEDocumentError) {
        let document = try document(of: entry, &identity)
        guard let document else {
          batch.settled.append(entry.id)
          batch.settledBytes += bytes
          batch.gone += 1
          continue
        }
        var record = ForwardRecord(
          stream: identity.stream, entry: identity.entry, document: document)
        if let transform, try !transform.apply(&record) {
          batch.settled.append(entry.id)
          batch.settledBytes += bytes
          continue
        }
        batch.records.append(record)
        batch.origins.append(ForwardOrigin(stream: stream, entry: entry, bytes: bytes))
      } catch {
        batch.poison.append(
          PreparedBatch.Poison(record: identity, entry: entry, reason: error.description))
      }
    }
    return batch
  }

  /// Nil where the body is gone.
  private func document(
    of entry: StreamEntry, _ identity: inout RecordIdentity
  ) throws(EVEDocumentError) -> EVEDocument? {
    guard entry.byteCount <= maxEntryBytes else {
      throw EVEDocumentError(
        "too large: \(entry.byteCount) bytes, and at most \(maxEntryBytes) are read")
    }
    if identity.stream.isReplay {
      if case .gone = entry.body { return nil }
      guard let letter = DeadLetter(entry) else {
        throw EVEDocumentError("to be replayed, but no dead letter: stream, id or group is missing")
      }
      identity = RecordIdentity(stream: letter.stream, entry: letter.id)
      return try document(letter.body, identity.stream)
    }
    return try document(entry.body, identity.stream)
  }

  private func document(
    _ body: StreamEntry.Body, _ stream: StreamName
  ) throws(EVEDocumentError) -> EVEDocument? {
    switch body {
    case .gone: return nil
    case .eve(let json): return try EVEDocument(json)
    case .fields(let fields):
      // A writer may have put fields of its own beside Martlet's.
      if let eve = fields.first(where: { $0.name.elementsEqual("eve".utf8) }) {
        return try EVEDocument(Array(eve.value))
      }
      return try EVEDocument(flatFields: fields, stream: stream)
    }
  }
}
