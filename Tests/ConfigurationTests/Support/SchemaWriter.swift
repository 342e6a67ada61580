@testable import Configuration

/// JSON that is written in the order in which it was put together, so that a schema reads like the
/// sample and a change of one key is a change of one place.
indirect enum OrderedJSON {
  case text(String)
  case number(String)
  case flag(Bool)
  case null
  case list([OrderedJSON])
  case object([(String, OrderedJSON)])

  /// Two blanks a level, a line end after the last line by the caller.
  func written(indent: Int = 0) -> String {
    let inner = String(repeating: "  ", count: indent + 1)
    let outer = String(repeating: "  ", count: indent)
    switch self {
    case .text(let text): return Self.quoted(text)
    case .number(let text): return text
    case .null: return "null"
    case .flag(let value): return value ? "true" : "false"
    case .list(let elements):
      // Lists of single values stand on one line.
      let isFlat = elements.allSatisfy(\.isSingle)
      let words = elements.map { $0.written(indent: indent + 1) }
      return isFlat
        ? "[" + words.joined(separator: ", ") + "]"
        : "[\n" + words.map { inner + $0 }.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let pairs):
      guard !pairs.isEmpty else { return "{}" }
      let lines = pairs.map { inner + Self.quoted($0.0) + ": " + $0.1.written(indent: indent + 1) }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    }
  }

  private var isSingle: Bool {
    switch self {
    case .text, .number, .flag, .null: true
    case .list, .object: false
    }
  }

  private static func quoted(_ text: String) -> String {
    // The table has neither control characters nor anything else that JSON would have escaped.
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}

/// The JSON Schema of the configuration, for editors and for machines that write configurations.
enum SchemaWriter {
  static func schema() -> String {
    var root: [(String, OrderedJSON)] = [
      ("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
      ("title", .text("Martlet's configuration")),
      (
        "$comment",
        .text(
          "Written from SettingsKey.all; see docs/configuration.md. `martletd --check` knows more.")
      ),
    ]
    root += section("")
    root.append(
      (
        "$defs",
        .object([
          (
            "reference",
            .object([
              ("description", .text("Taken from the environment: ${NAME} or ${NAME:-default}")),
              ("type", .text("string")),
              ("pattern", .text("\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}")),
            ])
          )
        ])
      ))
    return OrderedJSON.object(root).written() + "\n"
  }

  /// A section's own keywords; `path` as the table has it, `ports[]` for an element of a list.
  private static func section(_ path: String) -> [(String, OrderedJSON)] {
    let keys = SettingsKey.children(of: path)
    // Nothing behind a section's colon is as good as no section.
    let isOptional = !path.isEmpty && !path.hasSuffix("[]") && !keys.contains(where: \.isRequired)
    var keywords: [(String, OrderedJSON)] = [
      ("type", isOptional ? .list([.text("object"), .text("null")]) : .text("object")),
      ("additionalProperties", .flag(false)),
    ]
    let required = keys.filter(\.isRequired)
    if !required.isEmpty {
      keywords.append(("required", .list(required.map { .text($0.name) })))
    }
    if path == "ports[]" {
      keywords.append(("oneOf", .list(["device", "player"].map(requires))))
    }
    if path == "sinks[]" { keywords.append(("allOf", .list(sinkRules()))) }
    keywords.append(("properties", .object(keys.map { ($0.name, property($0)) })))
    return keywords
  }

  private static func requires(_ name: String) -> OrderedJSON {
    .object([("required", .list([.text(name)]))])
  }

  /// What a sink of one type needs, and the keys that mean nothing for it.
  private static func sinkRules() -> [OrderedJSON] {
    let keys = SettingsKey.children(of: "sinks[]")
    func own(_ type: String) -> [SettingsKey] { keys.filter { $0.meaning.hasPrefix("\(type):") } }
    return [("redis", "url"), ("file", "path"), ("stdout", nil), ("null", nil)].map { type, needs in
      let foreign = ["redis", "file"].filter { $0 != type }.flatMap(own)
      var then: [(String, OrderedJSON)] = []
      if let needs { then.append(("required", .list([.text(needs)]))) }
      then.append(("properties", .object(foreign.map { ($0.name, .flag(false)) })))
      return .object([
        (
          "if",
          .object([
            (
              "properties",
              .object([
                (
                  "type",
                  .object([("enum", .list(type == "null" ? [.text(type), .null] : [.text(type)]))])
                )
              ])
            )
          ])
        ),
        ("then", .object(then)),
      ])
    }
  }

  private static func property(_ key: SettingsKey) -> OrderedJSON {
    var pairs: [(String, OrderedJSON)] = [("description", .text(description(key)))]
    switch key.kind {
    case .section:
      pairs += section(key.path)
    case .sections:
      pairs.append(("type", .text("array")))
      if key.isRequired { pairs.append(("minItems", .number("1"))) }
      pairs.append(("items", .object(section(key.path + "[]"))))
    default:
      pairs += value(key)
    }
    return .object(pairs)
  }

  private static func description(_ key: SettingsKey) -> String {
    var text = key.meaning
    if !key.unit.isEmpty { text += " (\(key.unit))" }
    if !key.standard.isEmpty { text += "; default: \(key.standard)" }
    return text
  }

  private static func value(_ key: SettingsKey) -> [(String, OrderedJSON)] {
    switch key.kind {
    case .text:
      var pairs: [(String, OrderedJSON)] = [("type", .text("string")), ("minLength", .number("1"))]
      if let pattern = patterns[key.path] {
        pairs = [
          (
            "anyOf",
            .list([.object([("type", .text("string")), ("pattern", .text(pattern))]), reference])
          )
        ]
      }
      return pairs
    case .choices, .integers, .texts, .paces:
      let element = single(key)
      return [
        (
          "anyOf",
          .list(
            [
              .object([("type", .text("array")), ("items", .object([("anyOf", .list(element))]))])
            ] + element)
        )
      ]
    default:
      return [("anyOf", .list(single(key)))]
    }
  }

  private static let reference = OrderedJSON.object([("$ref", .text("#/$defs/reference"))])

  /// Texts with a form of their own.
  private static let patterns = [
    "sensor": "^[A-Za-z0-9._-]{1,64}$", "ports[].name": "^[A-Za-z0-9._-]{1,32}$",
    "control.mode": "^[0-7]{3,4}$",
    "metrics.listen": "^([0-9.]+|\\\\[[0-9A-Fa-f:.]+\\\\]):[0-9]{1,5}$",
    "sinks[].url": "^(redis://|unix:/)",
  ]

  /// The forms that one value may have.
  private static func single(_ key: SettingsKey) -> [OrderedJSON] {
    func bounds(_ type: String, _ low: String, _ high: String) -> OrderedJSON {
      .object([
        ("type", .text(type)), ("minimum", .number(low)), ("maximum", .number(high)),
      ])
    }
    switch key.kind {
    case .flag: return [.object([("type", .text("boolean"))]), reference]
    case .integer(let range), .integers(let range):
      return [bounds("integer", "\(range.lowerBound)", "\(range.upperBound)"), reference]
    case .powerOfTwo(let range):
      let powers = sequence(first: range.lowerBound) { $0 < range.upperBound ? $0 * 2 : nil }
      return [.object([("enum", .list(powers.map { .number("\($0)") }))]), reference]
    case .number(let range):
      let ends = [range.lowerBound, range.upperBound].map(SectionReader.plain)
      return [bounds("number", ends[0], ends[1]), reference]
    case .choice(let words), .choices(let words):
      // Without quotes, null is YAML's own nothing.
      let values = words.map { OrderedJSON.text($0) } + (words.contains("null") ? [.null] : [])
      return [.object([("enum", .list(values))]), reference]
    case .texts: return [.object([("type", .text("string")), ("minLength", .number("1"))])]
    case .paces:
      return [
        .object([
          ("type", .text("string")),
          ("pattern", .text("^(original|max|[0-9.]+)([*][1-9][0-9]*)?$")),
        ]),
        bounds("number", "0.01", "1000000"), reference,
      ]
    case .text, .section, .sections: return []
    }
  }
}
