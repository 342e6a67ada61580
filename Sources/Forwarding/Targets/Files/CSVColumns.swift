internal import Records

/// Records as lines of CSV (RFC 4180).
struct CSVColumns: Sendable {
  /// How a column's values differ from EVE's.
  fileprivate enum Form: Sendable {
    case plain
    /// `Z` for `+0000`: ISO 8601 as RFC 3339 has it.
    case time
    /// Two hexadecimal digits get `0x` in front, else they would be read as decimal ones.
    case hexadecimal
    /// Absent is `false`.
    case boolean
  }

  fileprivate struct Column: Sendable {
    var name: String
    var path: EVEPath
    var form: Form
  }

  private let columns: [Column]
  /// Columns of flow records only: other records would be empty lines.
  let isForFlowsOnly: Bool

  /// - Parameters:
  ///   - names: of the columns; nil for those of docs/records.md#csv.
  ///   - events: what fields the protocols' records have.
  init(_ names: [String]?, events: EventSchema = .none) throws(TargetFault) {
    isForFlowsOnly = names == nil
    guard let names else {
      columns = FlowField.allCases.compactMap { field in
        field.definition.name.map { Column(name: $0, field) }
      }
      return
    }
    var columns: [Column] = []
    for name in names {
      let paths: [EVEPath]
      do throws(RecordTransformError) {
        paths = try FieldNames.paths(name, option: "--columns", events: events)
      } catch {
        throw TargetFault("\(error)", isFinal: true)
      }
      guard paths.count == 1 else {
        throw TargetFault("--columns: \"\(name)\" is more than one field", isFinal: true)
      }
      let known = FlowField.allCases.first {
        EVEPath($0.definition.path.replacing("[]", with: "")) == paths[0]
      }
      columns.append(
        known.map { Column(name: name, $0) } ?? Column(name: name, path: paths[0], form: .plain))
    }
    self.columns = columns
  }

  /// The first line of a file.
  func header() -> [UInt8] {
    var line: [UInt8] = []
    for (index, column) in columns.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      Self.append(Array(column.name.utf8)[...], to: &line)
    }
    return line + [UInt8(ascii: "\n")]
  }

  /// Appends a record's line, its end included.
  func append(_ document: EVEDocument, to bytes: inout [UInt8]) {
    for (index, column) in columns.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      guard let element = document.element(column.path), element.kind != .null else {
        if case .boolean = column.form { bytes.append(contentsOf: "false".utf8) }
        continue
      }
      var text = Self.text(element)
      switch column.form {
      case .time where text.suffix(5).elementsEqual("+0000".utf8):
        text = text.dropLast(5) + [UInt8(ascii: "Z")]
      case .hexadecimal: text = Array("0x".utf8) + text
      default: break
      }
      Self.append(text, to: &bytes)
    }
    bytes.append(UInt8(ascii: "\n"))
  }

  /// A string's text, a list's with commas between; numbers and objects as they stand there.
  private static func text(_ element: JSONElement) -> ArraySlice<UInt8> {
    switch element.kind {
    case .string: return element.stringBytes ?? []
    case .array:
      var text: [UInt8] = []
      for (index, child) in element.children.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        text += Self.text(child)
      }
      return text[...]
    default: return element.bytes
    }
  }

  /// A value in quotes where it needs them, an empty one too, to tell it from an absent one.
  private static func append(_ text: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
    let isSpecial = text.contains { byte in
      byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n")
        || byte == UInt8(ascii: "\r")
    }
    guard isSpecial || text.isEmpty else {
      bytes.append(contentsOf: text)
      return
    }
    bytes.append(UInt8(ascii: "\""))
    for byte in text {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension CSVColumns.Column {
  fileprivate init(name: String, _ field: FlowField) {
    self.name = name
    path = EVEPath(field.definition.path.replacing("[]", with: ""))
    form =
      switch field {
      case .timestamp, .start, .end: .time
      case .tcpFlags, .tcpFlagsToServer, .tcpFlagsToClient: .hexadecimal
      case .fragmented: .boolean
      default: .plain
      }
  }
}
