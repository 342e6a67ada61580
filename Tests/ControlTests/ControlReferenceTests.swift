import ControlAPI
import Foundation
import Testing

@testable import ControlServer

/// docs/control-api.md: its prose is kept by hand, its methods and types are written from the OpenRPC
/// document.
struct ControlReferenceTests {
  static let path = "docs/control-api.md"
  static let mark =
    "<!-- From here on written by `MARTLET_REGENERATE=1 swift test --filter ControlReferenceTests`. -->"

  @Test("methods and types are as the document has them; MARTLET_REGENERATE=1 writes them")
  func reference() throws {
    let committed = try Reference.text(Self.path)
    let prose = try #require(committed.components(separatedBy: Self.mark).first)
    try Reference.check(Self.path, is: prose + Self.mark + "\n\n" + Self.methods())
  }

  @Test func theProseHasEveryErrorAndTheVersion() throws {
    let prose = try #require(try Reference.text(Self.path).components(separatedBy: Self.mark).first)
    for code in RPCErrorCode.all { #expect(prose.contains("| \(code.rawValue) |")) }
    #expect(prose.contains("Version of the API: \(ControlVersion.text)."))
  }

  private static func text(_ value: JSONValue?) -> String {
    if case .string(let text) = value { return text }
    return value?.text ?? ""
  }

  private static func methods() throws -> String {
    let document = try DiscoveryTests.document()
    var out = "## Methods\n"
    for method in DiscoveryTests.methods(document) {
      out += "\n### \(text(method["name"]))\n\n\(text(method["summary"])). "
      out += "Role \(text(method["x-role"]))"
      out += method["x-changes"] == true ? "; goes to the audit log.\n" : ".\n"
      if case .array(let params) = method["params"], !params.isEmpty {
        out += "\n| parameter | | |\n|---|---|---|\n"
        for param in params {
          let isRequired = param["required"] == true ? "required; " : ""
          out += row(text(param["name"]), param["schema"], isRequired, text(param["description"]))
        }
      }
      out += "\nAnswer: \(form(method["result"]?["schema"])).\n"
    }
    out += "\n## Types\n\nMembers in brackets are left out where there is nothing to say.\n"
    guard case .object(let types) = document["components"]?["schemas"] else { return out }
    for type in types {
      out += "\n### \(type.name)\n"
      let words = text(type.value["description"])
      if !words.isEmpty { out += "\n\(words)\n" }
      guard case .object(let properties) = type.value["properties"], !properties.isEmpty else {
        continue
      }
      var required: [JSONValue] = []
      if case .array(let names) = type.value["required"] { required = names }
      out += "\n| member | | |\n|---|---|---|\n"
      for property in properties {
        let name =
          required.contains(.string(property.name)) ? property.name : "[\(property.name)]"
        out += row(name, property.value, "", text(property.value["description"]))
      }
    }
    return out
  }

  private static func row(
    _ name: String, _ schema: JSONValue?, _ lead: String, _ words: String
  ) -> String {
    "| `\(name)` | \(lead)\(form(schema)) | \(words.replacing("|", with: "\\|")) |\n"
  }

  /// `integer, 1 to 1000`, `list of [FlowGroup](#flowgroup)`, `"drop"` or `"keep"`
  private static func form(_ schema: JSONValue?) -> String {
    guard let schema else { return "" }
    if case .array(let parts) = schema["allOf"] { return form(parts.first) }
    if case .string(let reference) = schema["$ref"] {
      let name = reference.split(separator: "/").last.map { String($0) } ?? ""
      return "[\(name)](#\(name.lowercased()))"
    }
    if case .array(let words) = schema["enum"] {
      return words.map { "`\(text($0))`" }.joined(separator: ", ")
    }
    guard let type = schema["type"] else { return "any JSON" }
    if type == "array" { return "list of \(form(schema["items"]))" }
    var form = text(type)
    if case .array(let types) = type { form = types.map { text($0) }.joined(separator: " or ") }
    if let least = schema["minimum"], let most = schema["maximum"] {
      form += ", \(least.text) to \(most.text)"
    }
    if let standard = schema["default"] { form += ", default \(standard.text)" }
    return form
  }
}
