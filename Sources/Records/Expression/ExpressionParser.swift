/// Reads an expression by recursive descent and compiles it.
///
///     expression  = and { ("or" | "||") and }
///     and         = unary { ("and" | "&&") unary }
///     unary       = { "not" | "!" } primary
///     primary     = "(" expression ")" | "true" | "false" | field [ comparison ]
///     comparison  = operator value | "contains" value | [ "not" ] "in" list
///     list        = value | "(" value { "," value } ")"
struct ExpressionParser {
  typealias Node = ExpressionProgram.Node
  typealias Comparison = ExpressionToken.Kind.Comparison

  let text: [UInt8]
  private var lexer: ExpressionLexer
  private var token = ExpressionToken(kind: .end, place: 0..<0)
  private var depth = 0
  /// Whether it is about EVE documents of any type, and not about flow records.
  let isAboutDocuments: Bool
  /// The fields of protocol records, where documents are meant.
  let events: EventSchema
  /// Operands are added while parsing, instructions at the end.
  var compiled = ExpressionProgram()

  /// For flow records.
  init(_ text: String, context: RecordContext) throws(RecordExpressionError) {
    try self.init(text, isAboutDocuments: false)
    compiled.sensor = Array(context.sensorName.utf8)
    compiled.ports = context.portNames.map { Array($0.utf8) }
    compiled.includesSequence = context.includesSequence
    compiled.startEpochMicroseconds = context.startEpochMicroseconds
    compiled.communityIDSeed = context.communityIDSeed
    compiled.tags = context.tags
  }

  init(_ text: String, isAboutDocuments: Bool, events: EventSchema = .none)
    throws(RecordExpressionError)
  {
    self.isAboutDocuments = isAboutDocuments
    self.events = events
    self.text = Array(text.utf8)
    lexer = ExpressionLexer(self.text)
    let limit = RecordExpression.maximumLength
    guard self.text.count <= limit else {
      throw RecordExpressionError(
        "an expression has at the most \(limit) bytes", at: limit..<limit, in: self.text)
    }
  }

  /// The whole text as a program.
  mutating func program() throws(RecordExpressionError) -> ExpressionProgram {
    try advance()
    let node = try expression()
    switch token.kind {
    case .end: break
    case .close: throw error("\")\" without \"(\"")
    case .comma: throw error("a list belongs in parentheses behind \"in\"")
    default: throw error("\"and\" or \"or\" is missing before this")
    }
    compiled.entry = compiled.emit(
      node, onTrue: ExpressionProgram.accept, onFalse: ExpressionProgram.reject)
    return compiled
  }

  // MARK: Conditions

  private mutating func expression() throws(RecordExpressionError) -> Node {
    var nodes = [try conjunction()]
    while token.kind == .or {
      try advance()
      nodes.append(try conjunction())
    }
    return nodes.count == 1 ? nodes[0] : .any(nodes)
  }

  private mutating func conjunction() throws(RecordExpressionError) -> Node {
    var nodes = [try unary()]
    while token.kind == .and {
      try advance()
      nodes.append(try unary())
    }
    return nodes.count == 1 ? nodes[0] : .all(nodes)
  }

  private mutating func unary() throws(RecordExpressionError) -> Node {
    var isNegated = false
    while token.kind == .not {
      isNegated.toggle()
      try advance()
    }
    let node = try primary()
    return isNegated ? .not(node) : node
  }

  private mutating func primary() throws(RecordExpressionError) -> Node {
    guard token.kind == .open else { return try comparison() }
    let opening = token.place
    depth += 1
    guard depth <= RecordExpression.maximumDepth else {
      throw error("parentheses are nested more than \(RecordExpression.maximumDepth) deep")
    }
    try advance()
    let node = try expression()
    guard token.kind == .close else {
      if token.kind == .end { throw error("this parenthesis is never closed", at: opening) }
      throw error("\"and\", \"or\" or \")\" is missing before this")
    }
    depth -= 1
    try advance()
    return node
  }

  private mutating func comparison() throws(RecordExpressionError) -> Node {
    let name = token
    let field = try self.field()
    guard let field else {
      try advance()
      return .constant(name.kind == .atom("true"))
    }
    try advance()
    switch token.kind {
    case .comparison(let comparison):
      let place = token.place
      try advance()
      let value = try value(for: field)
      return try test(field, comparison, at: place, [value])
    case .not:
      try advance()
      guard isWord("in") else { throw error("\"in\" is expected behind \"not\"") }
      return .not(try membership(field))
    case .atom where isWord("in"): return try membership(field)
    case .atom where isWord("contains"):
      let place = token.place
      try advance()
      let value = try value(for: field)
      return try match(field, value, isPattern: false, "contains", at: place)
    default:
      let test: ExpressionInstruction.Test = field.kind == .boolean ? .isTrue : .isPresent
      return .test(ExpressionInstruction(test, field.source))
    }
  }

  /// What a flow speaks that has records with that field (`http.status`); nil where that is no such field.
  private static func protocolName(ofField name: String) -> String? {
    let parts = name.split(separator: ".", maxSplits: 1)
    guard parts.count == 2 else { return nil }
    switch parts[0] {
    case "email": return EventType.smtp.rawValue
    // A word of `app_proto`, which is Suricata's.
    case "ftp_data": return "ftp-data"
    default:
      let type = EventType(rawValue: String(parts[0]))
      return type.flatMap { $0.isProtocol && $0 != .fileinfo ? $0.rawValue : nil }
    }
  }

  /// The field that the token names; nil for `true` and `false`.
  private mutating func field() throws(RecordExpressionError) -> ExpressionField? {
    switch token.kind {
    case .atom(let name):
      if name == "true" || name == "false" { return nil }
      if let field = ExpressionField.named(name) { return field }
      if isAboutDocuments, let field = try documentField(name, at: token.place) { return field }
      if name.first?.isNumber == true {
        throw error("\"\(name)\" is no field; the field stands on the left")
      }
      if let protocolName = Self.protocolName(ofField: name) {
        throw error(
          "\"\(name)\" is a field of protocol records, and this is a condition on flows, such as "
            + "app_proto == \(protocolName)")
      }
      throw error("unknown field \"\(name)\"", suggestion: ExpressionField.suggestion(for: name))
    case .string: throw error("a field is expected here; its name has no quotation marks")
    case .end: throw error("a field is expected here, where the expression ends")
    default: throw error("a field is expected here")
    }
  }

  private mutating func membership(_ field: ExpressionField) throws(RecordExpressionError) -> Node {
    let place = token.place
    try advance()
    guard token.kind == .open else {
      return try test(field, .equal, at: place, [try value(for: field)])
    }
    let opening = token.place
    var values: [Literal] = []
    repeat {
      try advance()
      if token.kind == .close, values.isEmpty { throw error("this list is empty", at: opening) }
      values.append(try value(for: field))
    } while token.kind == .comma
    guard token.kind == .close else {
      if token.kind == .end { throw error("this list is never closed", at: opening) }
      throw error("\",\" or \")\" is missing before this")
    }
    try advance()
    return try test(field, .equal, at: place, values)
  }

  // MARK: Values

  /// A value as it was written.
  struct Literal {
    let text: String
    let isQuoted: Bool
    let place: Range<Int>
  }

  private mutating func value(for field: ExpressionField) throws(RecordExpressionError) -> Literal {
    let literal: Literal
    switch token.kind {
    case .atom(let text): literal = Literal(text: text, isQuoted: false, place: token.place)
    case .string(let text): literal = Literal(text: text, isQuoted: true, place: token.place)
    case .end: throw error("a value for \(field.names[0]) is missing")
    case .open: throw error("lists stand behind \"in\"")
    default: throw error("a value for \(field.names[0]) is expected here")
    }
    try advance()
    return literal
  }

  // MARK: Support

  private mutating func advance() throws(RecordExpressionError) { token = try lexer.next() }

  private func isWord(_ word: String) -> Bool {
    guard case .atom(let text) = token.kind else { return false }
    return text.lowercased() == word
  }

  private func error(_ message: String, suggestion: String? = nil) -> RecordExpressionError {
    error(message, suggestion: suggestion, at: token.place)
  }

  func error(_ message: String, suggestion: String? = nil, at place: Range<Int>)
    -> RecordExpressionError
  {
    RecordExpressionError(message, suggestion: suggestion, at: place, in: text)
  }
}
