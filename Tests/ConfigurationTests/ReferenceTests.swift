import Foundation
import Testing

@testable import Configuration

/// The committed schema and reference are what the table of keys says.
@Suite("Reference")
struct ReferenceTests {
  static let schemaPath = "config/schema/config.schema.json"
  static let referencePath = "docs/configuration.md"

  @Test(
    "committed files are as written from the table; MARTLET_REGENERATE=1 writes them",
    arguments: [schemaPath, referencePath])
  func committed(_ path: String) throws {
    let text = path == Self.schemaPath ? SchemaWriter.schema() : ReferenceWriter.markdown()
    if ProcessInfo.processInfo.environment["MARTLET_REGENERATE"] == "1" {
      let file = URL(fileURLWithPath: "\(Documents.root)/\(path)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    #expect(try Documents.file(path) == text, "\(path) is not what the table of keys says")
  }

  @Test("every configuration in the reference is right")
  func examples() throws {
    let parts = ReferenceProse.afterTables.components(separatedBy: "```yaml\n").dropFirst()
    #expect(parts.count == 3)
    for part in parts {
      let text = try #require(part.components(separatedBy: "```").first)
      #expect(Documents.problems(text) == [])
    }
  }

  @Test("the check in the reference is what is said")
  func session() {
    let text =
      "sensor: s\nengine:\n  wokers: 2\nports:\n\n  - name: p\n    device: d\n    queues: 3\n"
    let result = SettingsLoader.load(text: text, file: "martlet.yaml")
    for problem in result.problems {
      #expect(ReferenceProse.beforeTables.contains("\n\(problem)\n"))
    }
    #expect(result.problems.count == 2)
  }

  // MARK: The schema, by another's implementation

  /// Runs python3 with arguments; its status, and all it wrote.
  private static func python(_ arguments: [String]) -> (status: Int32, output: String)? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-W", "ignore"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    guard (try? process.run()) != nil else { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }

  static let hasValidator = python(["-c", "import jsonschema, yaml"])?.status == 0

  private static let script = """
    import sys, json, yaml, jsonschema
    schema = json.load(open(sys.argv[1]))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for text in sys.argv[2:]:
        errors = list(validator.iter_errors(yaml.safe_load(text)))
        print("right" if not errors else "wrong " + errors[0].json_path + ": " + errors[0].message[:200])
    """

  private static func validate(_ texts: [String]) throws -> [String] {
    let schema = NSTemporaryDirectory() + "martlet-schema-\(UUID().uuidString).json"
    try SchemaWriter.schema().write(toFile: schema, atomically: false, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: schema) }
    let result = try #require(python(["-c", script, schema] + texts))
    #expect(result.status == 0, "\(result.output)")
    return result.output.split(separator: "\n").map(String.init)
  }

  @Test(
    "samples and examples hold against the schema",
    .enabled(if: hasValidator, "python3 with jsonschema and PyYAML is not installed"))
  func samples() throws {
    var texts = try ["config/martlet.yaml", "config/demo.yaml"].map(Documents.file)
    texts += ReferenceProse.afterTables.components(separatedBy: "```yaml\n").dropFirst()
      .compactMap { $0.components(separatedBy: "```").first }
    texts += SettingsKey.values.filter { !$0.standard.isEmpty && $0.path != "ports[].queues" }
      .map { Documents.setting($0, to: $0.standard).text }
    let answers = try Self.validate(texts)
    #expect(answers.count == texts.count)
    for (answer, text) in zip(answers, texts) { #expect(answer == "right", "\(text)") }
  }

  @Test(
    "the schema refuses what the engine refuses",
    .enabled(if: hasValidator, "python3 with jsonschema and PyYAML is not installed"))
  func refuses() throws {
    var texts = [
      "sensor: s", "ports: [{ name: p, device: d }]", "sensor: s\nports: []",
      "sensor: s\nports: [{ name: p }]", "sensor: a b\nports: [{ name: p, device: d }]",
      "sensor: s\nports: [{ name: p, device: d, player: { capture: c } }]",
    ]
    texts += [
      "sinks: [{ type: redis }]", "sinks: [{ type: file }]", "sinks: [{ type: stdout, path: f }]",
      "sinks: [{ type: file, path: f, url: unix:/r }]", "engine: { wokers: 1 }", "nothing: 1",
      "control: { mode: \"9\" }", "engine: { cores: [x] }", "log: 5",
    ].map { Documents.least + $0 + "\n" }
    for key in SettingsKey.values {
      switch key.kind {
      case .integer(let range):
        texts.append(Documents.setting(key, to: "\(range.upperBound + 1)").text)
      case .powerOfTwo(let range):
        texts.append(Documents.setting(key, to: "\(range.upperBound - 1)").text)
      case .number: texts.append(Documents.setting(key, to: "-1").text)
      case .flag, .choice: texts.append(Documents.setting(key, to: "perhaps").text)
      default: break
      }
    }
    let answers = try Self.validate(texts)
    #expect(answers.count == texts.count)
    for (answer, text) in zip(answers, texts) {
      #expect(answer.hasPrefix("wrong "), "\(text)")
      #expect(Documents.problems(text) != [], "\(text)")
    }
  }
}
