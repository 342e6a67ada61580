import Foundation
import Records

/// The part of config/schema/eve.schema.json that is written from the declarations of fields.
enum EventSchemaWriter {
  /// Definitions by their names: a record `dns_event` and its object `dns` for each type, and what tells
  /// them apart.
  static func definitions(_ shapes: [EventShape]) -> [(name: String, schema: [String: Any])] {
    var all: [(String, [String: Any])] = [
      (
        "protocols",
        [
          "$comment":
            "From here on written by `MARTLET_REGENERATE=1 swift test --filter EventReferenceTests`",
          "allOf": shapes.map { shape in
            [
              "if": ["properties": ["event_type": ["const": shape.type.rawValue]]],
              "then": ["$ref": "#/$defs/\(shape.type.rawValue)_event"],
            ]
          },
        ]
      )
    ]
    for shape in shapes {
      let name = shape.type.rawValue
      var properties: [String: Any] = ["event_type": ["const": name]]
      if let key = shape.key {
        properties[key] = ["$ref": "#/$defs/\(name)"]
      } else {
        for (name, schema) in members(shape.members) { properties[name] = schema }
        // Its objects are those of other records too.
        for node in shape.members where !node.members.isEmpty {
          all.append((node.name, object(node.members)))
          properties[node.name] = reference(node.name, node)
        }
      }
      var event: [String: Any] = [
        "$ref": "#/$defs/protocol_event", "unevaluatedProperties": false, "properties": properties,
      ]
      if let key = shape.key { event["required"] = [key] }
      all.append(("\(name)_event", event))
      if shape.key != nil { all.append((name, object(shape.members))) }
    }
    return all
  }

  private static func members(_ nodes: [EventShape.Node]) -> [String: Any] {
    var members: [String: Any] = [:]
    for node in nodes { members[node.name] = value(node) }
    return members
  }

  private static func object(_ nodes: [EventShape.Node]) -> [String: Any] {
    ["type": "object", "additionalProperties": false, "properties": members(nodes)]
  }

  private static func reference(_ name: String, _ node: EventShape.Node) -> [String: Any] {
    ["$ref": "#/$defs/\(name)", "description": "\(node.definition.meaning)"]
  }

  private static func value(_ node: EventShape.Node) -> [String: Any] {
    if let name = node.reference { return reference(name, node) }
    var schema: [String: Any]
    if let element = node.element {
      schema = [
        "type": "array",
        "items": element == .object ? object(node.members) : plain(element),
      ]
    } else if node.kind == .object {
      schema = object(node.members)
    } else {
      schema = plain(node.kind)
    }
    schema["description"] = "\(node.definition.meaning)"
    return schema
  }

  private static func plain(_ kind: EventFieldDefinition.Kind) -> [String: Any] {
    switch kind {
    case .string: ["type": "string"]
    case .integer: ["type": "integer"]
    case .number: ["type": "number"]
    case .boolean: ["type": "boolean"]
    case .timestamp: ["$ref": "#/$defs/timestamp"]
    case .address: ["type": "string", "minLength": 1]
    case .any: ["type": ["integer", "string"]]
    case .object, .array: [:]
    }
  }

  /// `"name": {…},` a definition, as they stand in `$defs`; a line end behind the last, and no comma.
  static func text(_ definitions: [(name: String, schema: [String: Any])]) throws -> String {
    try definitions.map { name, schema in
      let data = try JSONSerialization.data(
        withJSONObject: schema, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
      let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map { line in
        line.replacing(#/^( *"[^"]*") : /#) { "\($0.1): " }
      }
      return "    \"\(name)\": " + lines.joined(separator: "\n    ")
    }.joined(separator: ",\n") + "\n"
  }
}

/// The part of docs/records.md that is written from the declarations of fields.
enum EventTableWriter {
  static func text(_ shapes: [EventShape]) -> String {
    shapes.map { shape in
      let head =
        "### \(shape.type.rawValue)\n\n| EVE | type | from | meaning |\n|---|---|---|---|\n"
      return head + rows(shape.members, shape.key.map { $0 + "." } ?? "").joined()
    }.joined(separator: "\n")
  }

  private static func rows(_ nodes: [EventShape.Node], _ path: String) -> [String] {
    nodes.flatMap { node -> [String] in
      let definition = node.definition
      let kind = node.element.map { "list of \($0.rawValue)s" } ?? node.kind.rawValue
      let meaning = "\(definition.meaning)" + (node.reference.map { " (`\($0)`)" } ?? "")
      let place = "\(path)\(node.name)\(node.element == nil ? "" : "[]")"
      let row = "| `\(place)` | \(kind) | \(definition.source) | \(escaped(meaning)) |\n"
      return [row] + rows(node.members, place + ".")
    }
  }

  private static func escaped(_ text: String) -> String { text.replacing("|", with: "\\|") }
}
