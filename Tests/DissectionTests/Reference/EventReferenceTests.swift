import Foundation
import Records
import Testing

@testable import Dissection

/// config/schema/eve.schema.json and docs/records.md against the declarations of protocol records' fields.
/// `MARTLET_REGENERATE=1 swift test --filter EventReferenceTests` writes their parts anew.
@Suite struct EventReferenceTests {
  private static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func shapes() throws -> [EventShape] {
    try EventType.allCases.filter(\.isProtocol).map {
      try EventShape($0, schema: Dissection.schema, text: EventShapes.texts[$0] ?? "")
    }
  }

  private func hold(_ path: String, from begin: String, to end: String, _ wanted: String) throws {
    let file = Self.folder.appending(path: path)
    var text = try String(contentsOf: file, encoding: .utf8)
    let start = try #require(text.range(of: begin))
    let stop = try #require(text.range(of: end, options: .backwards))
    let part = start.lowerBound..<stop.lowerBound
    if ProcessInfo.processInfo.environment["MARTLET_REGENERATE"] == "1" {
      text.replaceSubrange(part, with: wanted)
      try text.write(to: file, atomically: true, encoding: .utf8)
    } else {
      // Compared outside the macro, which would look for the least difference of two long texts.
      let isSame = text[part] == wanted
      #expect(isSame, "\(path) lags behind the declared fields; MARTLET_REGENERATE=1 writes it")
    }
  }

  @Test func theSchemaIsWhatTheDeclarationsSay() throws {
    let definitions = EventSchemaWriter.definitions(try shapes())
    try hold(
      "config/schema/eve.schema.json", from: "    \"protocols\": {", to: "  }\n}",
      EventSchemaWriter.text(definitions))
  }

  @Test func theReferenceIsWhatTheDeclarationsSay() throws {
    let begin = "<!-- protocol fields -->\n"
    try hold(
      "docs/records.md", from: begin, to: "<!-- end of protocol fields -->",
      begin + EventTableWriter.text(try shapes()))
  }

  /// A field that stands in the reference is written by somebody: each is named in the dissectors' source once
  /// more than where it is declared and described.
  @Test func everyDeclaredFieldIsWritten() throws {
    let sources = Self.folder.appending(path: "Sources/Dissection")
    let files = try #require(
      FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    var fields: [String: [String]] = [:]
    var texts: [(text: String, types: Set<String>)] = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      var types: Set<String> = []
      for match in text.matches(of: #/(?:enum|extension) ([A-Za-z0-9]+Fields)\b/#) {
        types.insert(String(match.1))
      }
      for match in text.matches(of: #/static var ([A-Za-z0-9]+): EventField \{/#) {
        for type in types { fields[type, default: []].append(String(match.1)) }
      }
      texts.append((text, types))
    }
    #expect(fields.values.joined().count > 500)
    var unwritten: [String] = []
    for (type, names) in fields {
      // `XFields.name` anywhere, or the bare name where it is neither declared nor described.
      let qualified = Set(
        texts.flatMap { $0.text.matches(of: #/\b([A-Za-z0-9]+Fields)\.([A-Za-z0-9]+)\b/#) }
          .filter { $0.1 == type }.map { String($0.2) })
      let own = texts.filter { $0.types.contains(type) }.map(\.text).joined()
        .replacing(#/"[^"\n]*"/#, with: "").replacing(#/\/\/[^\n]*/#, with: "")
      for name in names where !qualified.contains(name) {
        let uses = own.matches(of: try Regex("\\b\(name)\\b")).count
        if uses <= 2 { unwritten.append("\(type).\(name)") }
      }
    }
    #expect(unwritten.isEmpty, "\(unwritten.sorted())")
  }

  /// A condition on records takes every path that a record can have: unknown names are held to these
  /// declarations.
  @Test func everyPathIsAFieldOfConditions() throws {
    var count = 0
    func check(_ nodes: [EventShape.Node], _ prefix: String) {
      for node in nodes {
        let path = prefix + node.name
        count += 1
        do throws(RecordExpressionError) {
          _ = try ExpressionProgram(documents: path, events: Dissection.schema)
        } catch {
          Issue.record("\(path): \(error)")
        }
        check(node.members, path + ".")
      }
    }
    for shape in try shapes() { check(shape.members, shape.key.map { "\($0)." } ?? "") }
    #expect(count > 500)
  }

  /// What other modules believe of a type without knowing its fields.
  @Test func typesWithSeveralObjectsAreKnown() throws {
    for shape in try shapes() { #expect(shape.type.hasSeveralObjects == (shape.key == nil)) }
  }
}
