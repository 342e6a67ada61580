import Records

/// How the fields of one event type lie within each other, which their definitions do not say: what schema
/// and reference are written from. It is written as in ``EventShapes``:
///
///     rrname answers[]{rrname ttl soa{mname}} groups[integer] http=http version#2 will:object{topic}
///
/// A name stands for the type's definition of that name, `#2` for the second one; `[]` marks a list of
/// objects, `[string]` one of texts; `=http` is the object of that name of other records; `:object` says
/// what one of many kinds is in its place. A definition that is nowhere in the text is a member of the
/// record's object.
struct EventShape {
  struct Node {
    let definition: EventFieldDefinition
    /// The definition's, or what it is in this place.
    var kind: EventFieldDefinition.Kind
    /// Nil of what is no list; `object` where its elements are such.
    var element: EventFieldDefinition.Kind?
    /// The object of other records that it is.
    var reference: String?
    var members: [Node] = []

    init(_ definition: EventFieldDefinition) {
      self.definition = definition
      kind = definition.kind
    }

    var name: String { "\(definition.name)" }
    var isObject: Bool { kind == .object || element == .object }
  }

  struct Mistake: Error, CustomStringConvertible {
    let description: String
  }

  let type: EventType
  let members: [Node]
  /// The object's name; nil where the members are the record's own.
  let key: String?

  init(_ type: EventType, schema: EventSchema, text: String) throws {
    self.type = type
    let groups = schema.groups.filter { $0.type == type }
    let common = schema.groups.first { $0.type == .flow }?.fields ?? []
    let own = groups.flatMap(\.fields).filter { !$0.isHidden }
    guard let first = groups.first else { throw Mistake(description: "\(type) has no fields") }
    key = "\(first.key)".isEmpty ? nil : "\(first.key)"
    var parser = Parser(text, own + common)
    var members = try parser.members()
    let placed = parser.placed
    members += own.filter { !placed.contains($0.field) }.map { Node($0) }
    let names = Set(members.map(\.name))
    // Any record may miss something.
    members += common.filter { !names.contains("\($0.name)") }.map { Node($0) }
    self.members = members
  }

  private struct Parser {
    private var rest: Substring
    private let definitions: [EventFieldDefinition]
    private(set) var placed: Set<EventField> = []

    init(_ text: String, _ definitions: [EventFieldDefinition]) {
      rest = Substring(text)
      self.definitions = definitions
    }

    mutating func members() throws -> [Node] {
      var nodes: [Node] = []
      while true {
        rest = rest.drop { $0.isWhitespace }
        if rest.isEmpty { return nodes }
        if rest.first == "}" {
          rest.removeFirst()
          return nodes
        }
        nodes.append(try node())
      }
    }

    private mutating func word() -> String {
      let word = rest.prefix { $0.isLetter || $0.isNumber || "_-.".contains($0) }
      rest = rest.dropFirst(word.count)
      return String(word)
    }

    private mutating func take(_ character: Character) -> Bool {
      guard rest.first == character else { return false }
      rest.removeFirst()
      return true
    }

    private mutating func node() throws -> Node {
      let name = word()
      let number = take("#") ? Int(word()) ?? 0 : 1
      let named = definitions.filter { "\($0.name)" == name }
      guard number >= 1, number <= named.count else {
        throw Mistake(
          description: "no definition \(number) of \"\(name)\" at \"\(rest.prefix(30))\"")
      }
      var node = Node(named[number - 1])
      placed.insert(node.definition.field)
      if take("[") {
        let element = word()
        node.element = element.isEmpty ? .object : EventFieldDefinition.Kind(rawValue: element)
        guard node.element != nil, take("]") else {
          throw Mistake(description: "a list of \"\(element)\" at \(name)")
        }
      }
      if take(":") {
        guard node.kind == .any, let kind = EventFieldDefinition.Kind(rawValue: word()) else {
          throw Mistake(description: "\(name) is of one kind, or of none that there is")
        }
        node.kind = kind
      }
      if take("=") { node.reference = word() }
      if take("{") { node.members = try members() }
      let isList = node.kind == .array
      guard isList == (node.element != nil) else {
        throw Mistake(description: "\(name) is \(isList ? "a list" : "no list")")
      }
      guard node.isObject || node.members.isEmpty else {
        throw Mistake(description: "\(name) is no object")
      }
      return node
    }
  }
}
