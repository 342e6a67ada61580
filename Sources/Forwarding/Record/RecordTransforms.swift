package import Records

/// Why a setting that chooses or changes records cannot be meant; its description is for people.
package struct RecordTransformError: Error, Sendable, CustomStringConvertible {
  package var description: String
  package init(_ description: String) { self.description = description }
}

/// What happens to a record between its stream and its target, in this order: records that are not
/// wanted are left out, names of networks are added, fields are chosen, the schema is changed.
package struct RecordTransforms: RecordTransform {
  private let condition: DocumentExpression?
  private let kept: FieldSelection?
  private let dropped: FieldSelection?
  private var enrichment: EnrichmentSource?
  private let schema: RecordSchema

  /// - Parameters:
  ///   - where: a condition in the language of docs/expressions.md; nil for all records.
  ///   - fields: names with commas between of what is to be kept; nil for all.
  ///   - dropFields: names with commas between of what is to be left out.
  ///   - enrichment: the path of a table of networks (``EnrichmentTable``).
  package init(
    where condition: String? = nil, fields: String? = nil, dropFields: String? = nil,
    enrichment: String? = nil, schema: RecordSchema = .eve, events: EventSchema = .none
  ) throws(RecordTransformError) {
    do throws(RecordExpressionError) {
      self.condition = try condition.map { text throws(RecordExpressionError) in
        try DocumentExpression(parsing: text, events: events)
      }
    } catch {
      throw RecordTransformError("--where: \(error)")
    }
    kept = try fields.map { text throws(RecordTransformError) in
      FieldSelection(try FieldNames.paths(text, option: "--fields", events: events), keeps: true)
    }
    dropped = try dropFields.map { text throws(RecordTransformError) in
      let paths = try FieldNames.paths(text, option: "--drop-fields", events: events)
      for name in FieldSelection.always where paths.contains(EVEPath(name)) {
        throw RecordTransformError("--drop-fields: every record keeps \(name)")
      }
      return FieldSelection(paths, keeps: false)
    }
    self.enrichment = try enrichment.map { path throws(RecordTransformError) in
      try EnrichmentSource(path: path)
    }
    self.schema = schema
  }

  /// Makes of a record what is to be delivered; false where it is not wanted.
  ///
  /// An error is of this record alone: it goes to the dead letters.
  package func apply(_ record: inout ForwardRecord) throws(EVEDocumentError) -> Bool {
    if let condition, !condition.matches(record.document) { return false }
    if let enrichment { record.document = try enrichment.table.applied(to: record.document) }
    if let kept { record.document = try kept.applied(to: record.document) }
    if let dropped { record.document = try dropped.applied(to: record.document) }
    if schema == .ecs { record.document = try ECSDocument.make(from: record) }
    return true
  }

  /// Reads the table of networks again where its file has changed, or always (`SIGHUP`). Returns
  /// what is to be logged, nil where nothing has happened; a table that cannot be read leaves the
  /// last one in force.
  package mutating func reload(always: Bool) -> String? { enrichment?.reload(always: always) }
}
