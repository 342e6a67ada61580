import FlowEngine
import Foundation
import Testing

@testable import Records

@Suite struct SchemaTests {
  private static let file = packageFolder.appending(path: "config/schema/eve.schema.json")

  private func definitions() throws -> [String: Any] {
    let schema = try object(Array(Data(contentsOf: Self.file)))
    return try #require(schema["$defs"] as? [String: Any])
  }

  @Test func declaresTheFieldsOfFlows() throws {
    let declared = FlowField.allCases.map(\.definition)
    try expectSame("flow_event", declared)
  }

  @Test func declaresTheFieldsOfAnomalies() throws {
    try expectSame("anomaly", AnomalyField.allCases.map(\.definition))
  }

  @Test func declaresTheFieldsAroundProtocols() throws {
    let declared = EventHeadField.allCases.filter { $0 != .said }.map { $0.definition(.dns) }
    // What was said stands beside them: each type's own definition closes the record.
    try expectSame("protocol_event", declared, isClosed: false)
  }

  @Test func namesEveryEventType() throws {
    let schema = try object(Array(Data(contentsOf: Self.file)))
    let properties = try #require(schema["properties"] as? [String: Any])
    let type = try #require(properties["event_type"] as? [String: Any])
    #expect(type["enum"] as? [String] == EventType.allCases.map(\.rawValue))
  }

  @Test func declaresTheFieldsOfStats() throws {
    var declared: [RecordField] = []
    for field in StatsField.allCases.map(\.definition) {
      if field.members.isEmpty { declared.append(field) }
      for member in field.members {
        var full = member
        full.path = "\(field.path).\(member.path)"
        declared.append(full)
      }
    }
    try expectSame("stats", declared)
  }

  private func expectSame(
    _ definition: String, _ declared: [RecordField], isClosed: Bool = true
  ) throws {
    let definitions = try definitions()
    var found: [String: String] = [:]
    collect(definitions[definition] as Any, "", definitions, &found, isClosed)
    let expected = Dictionary(uniqueKeysWithValues: declared.map { ($0.path, $0.kind.schemaType) })
    #expect(Set(found.keys) == Set(expected.keys))
    for (path, type) in expected { #expect(found[path] == type, "\(path)") }
  }

  /// Paths and types of all leaves, in the notation of ``RecordField/path``.
  private func collect(
    _ schema: Any, _ path: String, _ definitions: [String: Any], _ found: inout [String: String],
    _ isClosed: Bool = true
  ) {
    guard let schema = schema as? [String: Any] else { return }
    if let reference = schema["$ref"] as? String {
      let name = String(reference.dropFirst("#/$defs/".count))
      collect(definitions[name] as Any, path, definitions, &found)
    } else if let properties = schema["properties"] as? [String: Any] {
      #expect((schema["additionalProperties"] as? Bool == false) == isClosed, "\(path) is closed")
      for (name, property) in properties {
        collect(property, path.isEmpty ? name : "\(path).\(name)", definitions, &found)
      }
    } else if let items = schema["items"] {
      collect(items, path + "[]", definitions, &found)
    } else if let values = schema["additionalProperties"] {
      collect(values, path + "{}", definitions, &found)
    } else {
      let value = (schema["enum"] as? [Any])?.first ?? schema["const"]
      found[path] = schema["type"] as? String ?? type(of: value)
    }
  }

  private func type(of value: Any?) -> String {
    switch value {
    case is String: "string"
    case let number as NSNumber: number.objCType.pointee == 0x63 ? "boolean" : "integer"
    default: "?"
    }
  }

  /// Every sample, whole and without sequence, against the published schema, by python3-jsonschema.
  @Test func realRecordsAreValid() throws {
    let records = lines()
    guard let output = try validate(records) else { return }
    #expect(output == "\(records.count) valid\n")
  }

  /// The schema does not accept just anything.
  @Test func otherRecordsAreNot() throws {
    let good = text(sampleFlows()[0].record)
    let bad = [
      good.replacing("\"sensor\"", with: "\"sensors\""),
      good.replacing("\"event_type\":\"flow\"", with: "\"event_type\":\"flow_update\""),
      good.replacing("+0000\"", with: "Z\""),
      good.replacing("\"pkts_toserver\":6", with: "\"pkts_toserver\":-6"),
      good.replacing("\"proto\":\"TCP\"", with: "\"proto\":\"UDP\""),
      good.replacing("\"flow\":{", with: "\"flow\":{\"extra\":1,"),
    ]
    for record in bad {
      #expect(record != good)
      guard let output = try validate([record]) else { return }
      #expect(output.hasPrefix("invalid"), "\(record)")
    }
  }

  private func lines() -> [String] {
    var offline = context
    offline.includesSequence = false
    var lines = sampleFlows().flatMap {
      [text($0.record), text($0.record, context: offline)]
    }
    let stats = [sampleStats(), StatsRecord(timestampNanoseconds: 0)]
    lines += stats.map { String(decoding: encode($0).bytes, as: UTF8.self) }
    return lines
  }

  /// What the validator says; nil where there is none on this machine.
  private func validate(_ records: [String]) throws -> String? {
    let script = """
      import json, sys
      try:
          from jsonschema import Draft202012Validator
      except ImportError:
          sys.exit(77)
      schema = json.load(open(sys.argv[1]))
      Draft202012Validator.check_schema(schema)
      validator = Draft202012Validator(schema)
      count = 0
      for line in sys.stdin:
          for error in validator.iter_errors(json.loads(line)):
              print("invalid", error.json_path, error.message)
          count += 1
      print(count, "valid")
      """
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, Self.file.path]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let writing = Data((records.joined(separator: "\n") + "\n").utf8)
    try input.fileHandleForWriting.write(contentsOf: writing)
    try input.fileHandleForWriting.close()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    if process.terminationStatus == 77 || process.terminationStatus == 127 {
      print("SKIPPED: python3 with jsonschema is not there; no record was held against the schema")
      return nil
    }
    #expect(process.terminationStatus == 0)
    return String(decoding: said, as: UTF8.self)
  }
}

extension RecordField.Kind {
  fileprivate var schemaType: String {
    switch self {
    case .string, .timestamp: "string"
    case .integer: "integer"
    case .boolean: "boolean"
    case .object: "object"
    }
  }
}
