package import Records

/// What a `fileinfo` record says of its file.
package enum FileEvent {
  /// All of it was seen, and decoded to its end.
  package static func isComplete(_ event: EventRecord) -> Bool {
    var reader = EventReader(event.tokens)
    while let (field, value) = reader.next() {
      guard field == FileFields.state, case .string(let text) = value else { continue }
      return text.elementsEqual("CLOSED".utf8)
    }
    return false
  }
}
