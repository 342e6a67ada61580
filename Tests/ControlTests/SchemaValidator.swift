import ControlAPI

/// As much of JSON Schema as the API's own schemas use. Strict: a member that a schema does not name is a
/// fault, so that an answer cannot have what the document does not.
struct SchemaValidator {
  let document: JSONValue

  /// What is wrong, each with its place; empty where the value is as the schema says.
  func faults(_ value: JSONValue, _ schema: JSONValue, at place: String = "$") -> [String] {
    if case .string(let reference) = schema["$ref"] {
      guard let target = resolve(reference) else { return ["\(place): no \(reference)"] }
      return faults(value, target, at: place)
    }
    var found: [String] = []
    if case .array(let all) = schema["allOf"] {
      for part in all { found += faults(value, part, at: place) }
    }
    if let type = schema["type"], !types(type).contains(where: { isOf(value, $0) }) {
      found.append("\(place): \(value.text.prefix(60)) is not \(type.text)")
    }
    if case .array(let words) = schema["enum"], !words.contains(value) {
      found.append("\(place): \(value.text) is none of \(schema["enum"]?.text ?? "")")
    }
    if case .number(let digits) = value, let number = Double(digits) {
      if case .number(let least) = schema["minimum"], number < Double(least) ?? 0 {
        found.append("\(place): \(digits) is below \(least)")
      }
      if case .number(let most) = schema["maximum"], number > Double(most) ?? 0 {
        found.append("\(place): \(digits) is above \(most)")
      }
    }
    if case .array(let elements) = value, let items = schema["items"] {
      for (index, element) in elements.enumerated() {
        found += faults(element, items, at: "\(place)[\(index)]")
      }
    }
    if case .object(let members) = value, case .object(let properties) = schema["properties"] {
      for member in members {
        guard let property = properties.first(where: { $0.name == member.name }) else {
          found.append("\(place).\(member.name) is not in the schema")
          continue
        }
        found += faults(member.value, property.value, at: "\(place).\(member.name)")
      }
      if case .array(let required) = schema["required"] {
        for name in required where !members.contains(where: { .string($0.name) == name }) {
          found.append("\(place): \(name.text) is missing")
        }
      }
    }
    return found
  }

  func resolve(_ reference: String) -> JSONValue? {
    var value: JSONValue? = document
    for part in reference.split(separator: "/").dropFirst() { value = value?[String(part)] }
    return value
  }

  private func types(_ type: JSONValue) -> [String] {
    switch type {
    case .string(let name): [name]
    case .array(let names): names.map { $0.text.trimmingQuotes }
    default: []
    }
  }

  private func isOf(_ value: JSONValue, _ type: String) -> Bool {
    switch (type, value) {
    case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool),
      ("number", .number), ("null", .null):
      true
    case ("integer", .number(let digits)): Int64(digits) != nil || UInt64(digits) != nil
    default: false
    }
  }
}

extension String {
  fileprivate var trimmingQuotes: String { filter { $0 != "\"" } }
}
