import Foundation
import Records
import Testing

@testable import Forwarding

/// The index templates against the fields that records have.
@Suite struct IndexTemplateTests {
  private static let packageFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private func json(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: Self.packageFolder.appending(path: path))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func properties(_ name: String) throws -> [String: Any] {
    let template = try json("config/elasticsearch/\(name)-template.json")
    #expect(template["index_patterns"] as? [String] != nil)
    let inner = try #require(template["template"] as? [String: Any])
    let mappings = try #require(inner["mappings"] as? [String: Any])
    return try #require(mappings["properties"] as? [String: Any])
  }

  /// Elasticsearch's type at a path.
  private func type(_ properties: [String: Any], _ path: String) -> String? {
    var properties = properties
    let parts = path.split(separator: ".").map(String.init)
    for part in parts.dropLast() {
      guard let object = properties[part] as? [String: Any],
        let inner = object["properties"] as? [String: Any]
      else { return nil }
      properties = inner
    }
    return (properties[parts[parts.count - 1]] as? [String: Any])?["type"] as? String
  }

  @Test func everyFieldOfTheRecordsHasAFittingType() throws {
    let eve = try properties("eve")
    let ecs = try properties("ecs")
    for (template, prefix) in [(eve, ""), (ecs, "suricata.eve.")] {
      for field in FlowField.allCases.map(\.definition) + AnomalyField.allCases.map(\.definition)
        + StatsField.allCases.map(\.definition)
      {
        let path = prefix + field.path.replacing("[]", with: "").replacing("{}", with: "")
        if field.path.hasSuffix("{}") {
          #expect(type(template, path) == "object", "\(path)")
        } else if field.kind == .object {
          for member in field.members {
            #expect(type(template, "\(path).\(member.path)") == wanted(member), "\(path)")
          }
        } else {
          #expect(type(template, path) == wanted(field), "\(path)")
        }
      }
    }
  }

  private func wanted(_ field: RecordField) -> String {
    switch field.kind {
    case .string:
      field.path.hasSuffix("src_ip") || field.path.hasSuffix("dest_ip") ? "ip" : "keyword"
    case .integer: "long"
    case .boolean: "boolean"
    case .timestamp: "date"
    case .object: "object"
    }
  }

  @Test func everyFieldThatECSGetsHasItsType() throws {
    let ecs = try properties("ecs")
    for mapping in ECSMapping.all where mapping.type != "object" {
      #expect(type(ecs, mapping.ecs) == mapping.type, "\(mapping.ecs)")
    }
    for (path, wanted) in ECSMapping.made { #expect(type(ecs, path) == wanted, "\(path)") }
  }

  /// What the schema names, the template names.
  @Test func everyNameOfTheSchemaIsThere() throws {
    let schema = try json("config/schema/eve.schema.json")
    let definitions = try #require(schema["$defs"] as? [String: Any])
    let eve = try properties("eve")
    for name in ["flow_event", "anomaly", "stats"] {
      let definition = try #require(definitions[name] as? [String: Any])
      let members = try #require(definition["properties"] as? [String: Any])
      #expect(!members.isEmpty)
      for member in members.keys { #expect(eve[member] != nil, "\(member)") }
    }
  }
}
