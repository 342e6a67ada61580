/// What happens to a record between stream and target: condition, enrichment, chosen fields, schema.
package protocol RecordTransform: AnyObject {
  /// Changes the record, or answers false: it is not wanted. A record that throws goes to the dead
  /// letters. Called by one thread.
  func apply(_ record: inout ForwardRecord) throws(EVEDocumentError) -> Bool
}
