/// In what form records are delivered.
package enum RecordSchema: String, CaseIterable, Sendable {
  /// As the sensor wrote them (docs/records.md).
  case eve
  /// Elastic Common Schema 8 (docs/forward-records.md).
  case ecs
}
