internal import Records

/// The names in `--fields` and `--drop-fields`.
enum FieldNames {
  /// The paths that a list of names stands for: EVE's own, the flat names, and the handy ones for
  /// both end points or directions.
  static func paths(_ list: String, option: String) throws(RecordTransformError) -> [EVEPath] {
    var paths: [EVEPath] = []
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      let name = part.trimmingPrefix { $0 == " " }
      guard let last = name.lastIndex(where: { $0 != " " }) else {
        throw RecordTransformError("\(option): a name is missing between the commas")
      }
      paths += try self.paths(of: String(name[...last]), option)
    }
    return paths
  }

  private static func paths(of name: String, _ option: String) throws(RecordTransformError)
    -> [EVEPath]
  {
    // Whole objects, and what a flow record has of them.
    if objects.contains(name) { return [EVEPath(name)] }
    switch EVEName(name) {
    case .known(let field):
      return DocumentExpression.Place(field.source, paths: []).paths
    case .path(let path): return [EVEPath(path)]
    case .misspelt(let suggestion):
      throw RecordTransformError(
        "\(option): unknown field \"\(name)\"; did you mean \"\(suggestion)\"?")
    case .notAName: throw RecordTransformError("\(option): \"\(name)\" is no field's name")
    }
  }

  private static let objects: Set<String> = ["flow", "tcp", "tunnel", "sampling", "ether"]
}
