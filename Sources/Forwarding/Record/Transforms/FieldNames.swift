internal import Records

/// The names in `--fields` and `--drop-fields`.
enum FieldNames {
  /// The paths that a list of names stands for: EVE's own, the flat names, and the handy ones for
  /// both end points or directions.
  ///
  /// - Parameter events: what fields the protocols' records have; of those that are not in it any name is
  ///   taken.
  static func paths(_ list: String, option: String, events: EventSchema = .none)
    throws(RecordTransformError) -> [EVEPath]
  {
    var paths: [EVEPath] = []
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      let name = part.trimmingPrefix { $0 == " " }
      guard let last = name.lastIndex(where: { $0 != " " }) else {
        throw RecordTransformError("\(option): a name is missing between the commas")
      }
      paths += try self.paths(of: String(name[...last]), option, events)
    }
    return paths
  }

  private static func paths(
    of name: String, _ option: String, _ events: EventSchema
  ) throws(RecordTransformError) -> [EVEPath] {
    // Whole objects, and what a flow record has of them.
    if objects.contains(name) { return [EVEPath(name)] }
    switch EVEName(name, events: events) {
    case .known(let field):
      return DocumentExpression.Place(field.source, paths: []).paths
    case .path(let path): return [EVEPath(path)]
    case .misspelt(let suggestion):
      let hint =
        suggestion.map { "did you mean \"\($0)\"?" }
        ?? "another sensor may have it: \".\(name)\" is taken as it stands"
      throw RecordTransformError("\(option): unknown field \"\(name)\"; \(hint)")
    case .notAName: throw RecordTransformError("\(option): \"\(name)\" is no field's name")
    }
  }

  private static let objects: Set<String> = ["flow", "tcp", "tunnel", "sampling", "ether"]
}
