/// What happens to a record between stream and target: condition, enrichment, chosen fields, schema.
/// Used by one thread, the reader's.
package protocol RecordTransform: Sendable {
  /// Changes the record, or answers false: it is not wanted. An error is of this record alone: it goes
  /// to the dead letters.
  func apply(_ record: inout ForwardRecord) throws(EVEDocumentError) -> Bool
  /// Reads what it has in files again where they have changed, or always. Returns what is to be
  /// logged.
  mutating func reload(always: Bool) -> String?
}

extension RecordTransform {
  package mutating func reload(always: Bool) -> String? { nil }
}
