import FlowEngine

/// Expressions on EVE documents: beside the fields of flow records, whatever else records have.
extension ExpressionParser {
  /// The field of a name that flow records do not have; nil where it cannot be one.
  ///
  /// A name that is likely a known one misspelt is an error. With a point in front it is taken as it
  /// stands: `.host`.
  mutating func documentField(_ name: String, at place: Range<Int>) throws(RecordExpressionError)
    -> ExpressionField?
  {
    switch EVEName(name, events: events) {
    case .known(let field): return field
    case .notAName: return nil
    case .misspelt(nil):
      throw error(
        "unknown field \"\(name)\"; another sensor may have it: \".\(name)\" is taken as it stands",
        at: place)
    case .misspelt(let suggestion):
      throw error("unknown field \"\(name)\"", suggestion: suggestion, at: place)
    case .path(let path):
      let index = compiled.paths.firstIndex(of: path) ?? compiled.paths.count
      if index == compiled.paths.count { compiled.paths.append(path) }
      return ExpressionField([name], .any, "", "", .path(index))
    }
  }

  /// A field of any type: the value's form says how it is compared. In quotation marks it is a text;
  /// else it is also a number, an address or a network, or `true` or `false`, where it looks like one.
  mutating func compareAny(
    _ field: ExpressionField, _ comparison: Comparison, _ values: [Literal]
  ) throws(RecordExpressionError) -> Node {
    guard comparison == .equal else {
      if let value = values.first, TimeLiteral.microseconds(value.text) != nil,
        DecimalLiteral(value.text)?.unit != ""
      {
        return try compareNumbers(
          ExpressionField(field.names, .time, "", "", field.source), comparison, values)
      }
      return try compareNumbers(field, comparison, values)
    }
    var nodes: [Node] = []
    let start = compiled.literals.count
    compiled.literals += values.map { Array($0.text.utf8) }
    nodes.append(
      .test(
        ExpressionInstruction(.textIsOne, field.source, operands: start..<compiled.literals.count))
    )
    for value in values where !value.isQuoted {
      if AddressLiteral.range(value.text) != nil {
        nodes.append(try compareAddresses(field, [value]))
      } else if Self.isNumber(value.text),
        let node = try? compareNumbers(field, .equal, [value])
      {
        // What does not come out whole is compared as it is written.
        nodes.append(node)
      }
    }
    return .any(nodes)
  }

  /// Whether a text is a number with a unit that numbers have, or a range of such; `8a` is a text.
  private static func isNumber(_ text: String) -> Bool {
    let parts = ends(text, separatedByDash: true).map { [$0.0, $0.1] } ?? [text]
    return parts.allSatisfy { part in
      DecimalLiteral(part).map { DecimalLiteral.multiplier($0.unit, unit: "bytes") != nil } ?? false
    }
  }

  /// `event_type` of any record: later sensors have more types than this program knows, but no
  /// misspelt ones.
  mutating func compareEventTypes(_ field: ExpressionField, _ values: [Literal])
    throws(RecordExpressionError) -> Node
  {
    let start = compiled.literals.count
    for value in values {
      let word = value.text.lowercased()
      let known = EVEName.eventTypes
      if !known.contains(word), let nearest = Spelling.nearest(to: word, among: known) {
        throw error(
          "\(field.names[0]) is never \"\(value.text)\"", suggestion: nearest, at: value.place)
      }
      compiled.literals.append(Array(word.utf8))
    }
    return .test(
      ExpressionInstruction(.textIsOne, field.source, operands: start..<compiled.literals.count))
  }
}

extension ExpressionProgram {
  /// Compiles an expression on EVE documents; whoever runs it finds the values.
  ///
  /// - Parameter events: what fields the protocols' records have; of those that are not in it any name is
  ///   taken.
  package init(documents text: String, events: EventSchema = .none) throws(RecordExpressionError) {
    var parser = try ExpressionParser(text, isAboutDocuments: true, events: events)
    self = try parser.program()
  }
}
