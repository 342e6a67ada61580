import ControlAPI

/// JSON schemas of the API's types, derived from the types themselves: what their decoders ask for is what
/// they have. Objects go to `components` and are referred to.
struct SchemaBuilder {
  /// By type name, in the order in which they were met.
  private(set) var components: [JSONValue.Member] = []

  /// Derives the schema of a type.
  mutating func schema(of type: any Decodable.Type) throws -> JSONValue {
    if let provided = type as? any SchemaProviding.Type { return provided.jsonSchema }
    if let words = Self.words(of: type) {
      return ["type": "string", "enum": .array(words.map { .string($0) })]
    }
    if let list = type as? any SchemaList.Type {
      return ["type": "array", "items": try schema(of: list.element)]
    }
    if let simple = Self.simple(type) { return simple }
    return try object(type)
  }

  /// A parameter object's members, in the order of a by-position call.
  mutating func parameters(
    of type: any ControlParameters.Type
  ) throws -> [(name: String, schema: JSONValue, isRequired: Bool)] {
    let (members, notes) = try Self.record(type)
    var parameters: [(name: String, schema: JSONValue, isRequired: Bool)] = []
    for name in type.names {
      guard let member = members.first(where: { $0.name == name }) else {
        throw SchemaError.notDerivable
      }
      let schema = try constrained(schema(of: member.type), notes[name])
      parameters.append((name, schema, member.isRequired))
    }
    return parameters
  }

  // MARK: - Objects

  private static func name(of type: any Decodable.Type) -> String { String(describing: type) }

  private mutating func object(_ type: any Decodable.Type) throws -> JSONValue {
    let name = Self.name(of: type)
    let reference: JSONValue = ["$ref": .string("#/components/schemas/\(name)")]
    if components.contains(where: { $0.name == name }) { return reference }
    // Its place is taken first: a type may hold itself.
    components.append(.init(name, .null))
    let (members, notes) = try Self.record(type)
    var properties: [JSONValue.Member] = []
    for member in members {
      properties.append(
        .init(
          member.name,
          Self.described(
            try constrained(schema(of: member.type), notes[member.name]),
            SchemaDescriptions.all["\(name).\(member.name)"])))
    }
    let required = members.filter(\.isRequired).map { JSONValue.string($0.name) }
    var schema: [JSONValue.Member] = [
      .init("type", "object"), .init("properties", .object(properties)),
    ]
    if !required.isEmpty { schema.append(.init("required", .array(required))) }
    if let index = components.firstIndex(where: { $0.name == name }) {
      components[index].value = Self.described(.object(schema), SchemaDescriptions.all[name])
    }
    return reference
  }

  private static func record(
    _ type: any Decodable.Type
  ) throws -> ([RecordedObject.Member], [String: SchemaNotes.Note]) {
    let decoder = SchemaDecoder()
    let notes = SchemaNotes()
    try SchemaNotes.$current.withValue(notes) { _ = try type.init(from: decoder) }
    switch decoder.form {
    case .object(let object): return (object.members, notes.notes)
    // A type without members asks for nothing.
    case nil: return ([], [:])
    default: throw SchemaError.notDerivable
    }
  }

  // MARK: - Values

  private static func words(of type: any Decodable.Type) -> [String]? {
    func words<Words: CaseIterable>(_ type: Words.Type) -> [String]? {
      let texts = type.allCases.map { ($0 as? any RawRepresentable)?.rawValue as? String }
      return texts.contains(nil) ? nil : texts.compactMap { $0 }
    }
    guard let type = type as? any CaseIterable.Type else { return nil }
    return words(type)
  }

  private static func simple(_ type: any Decodable.Type) -> JSONValue? {
    switch type {
    case is Bool.Type: return ["type": "boolean"]
    case is String.Type: return ["type": "string"]
    case is Double.Type, is Float.Type: return ["type": "number"]
    case let integer as any FixedWidthInteger.Type: return Self.integer(integer)
    default: return nil
    }
  }

  /// Without the bounds of 64 bits, which say nothing and which readers' doubles cannot hold.
  private static func integer<Number: FixedWidthInteger>(_ type: Number.Type) -> JSONValue {
    var schema: [JSONValue.Member] = [.init("type", "integer")]
    if !Number.isSigned { schema.append(.init("minimum", 0)) }
    if Number.bitWidth < 64 {
      if Number.isSigned { schema.append(.init("minimum", .number("\(Number.min)"))) }
      schema.append(.init("maximum", .number("\(Number.max)")))
    }
    return .object(schema)
  }

  /// With what the type's own checks said.
  private func constrained(_ schema: JSONValue, _ note: SchemaNotes.Note?) -> JSONValue {
    guard let note, case .object(var members) = schema else { return schema }
    func set(_ name: String, _ value: JSONValue) {
      members.removeAll { $0.name == name }
      members.append(.init(name, value))
    }
    if let minimum = note.minimum { set("minimum", .number(minimum)) }
    if let maximum = note.maximum { set("maximum", .number(maximum)) }
    if let words = note.words { set("enum", .array(words.map { .string($0) })) }
    if let standard = note.standard { set("default", .number(standard)) }
    return .object(members)
  }

  static func described(_ schema: JSONValue, _ words: String?) -> JSONValue {
    guard let words, case .object(let members) = schema else { return schema }
    // Beside a reference nothing else may stand in JSON Schema's draft 7, which OpenRPC is based on.
    if schema["$ref"] != .none { return ["allOf": [schema], "description": .string(words)] }
    return .object(members + [.init("description", .string(words))])
  }
}
