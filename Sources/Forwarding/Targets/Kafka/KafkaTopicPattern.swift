/// Which topic a record goes to: a name in which `{type}` and `{sensor}` stand for the record's.
package struct KafkaTopicPattern: Sendable, Equatable, CustomStringConvertible {
  private enum Part: Sendable, Equatable {
    case text(String)
    case type
    case sensor
  }

  package let description: String
  private let parts: [Part]

  package init(_ text: String) throws(TargetFault) {
    description = text
    var parts: [Part] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
      guard let close = rest[open...].firstIndex(of: "}")
      else { throw TargetFault("topic '\(text)': '{' without '}'", isFinal: true) }
      switch rest[rest.index(after: open)..<close] {
      case "type": parts.append(.type)
      case "sensor": parts.append(.sensor)
      case let name:
        throw TargetFault(
          "topic '\(text)': '{\(name)}' is not known; {type} and {sensor} are", isFinal: true)
      }
      rest = rest[rest.index(after: close)...]
    }
    if !rest.isEmpty { parts.append(.text(String(rest))) }
    self.parts = parts
    let example = topic(of: StreamName(sensor: "sensor", type: "flow"))
    guard Self.isTopic(example) else {
      throw TargetFault(
        "topic '\(text)': a topic has 1 to 249 letters, digits, '.', '_' and '-'", isFinal: true)
    }
  }

  package func topic(of stream: StreamName) -> String {
    parts.reduce(into: "") { name, part in
      switch part {
      case .text(let text): name += text
      case .type: name += stream.type
      case .sensor: name += stream.sensor
      }
    }
  }

  /// As Kafka has it (org.apache.kafka.common.internals.Topic).
  static func isTopic(_ name: String) -> Bool {
    guard name != ".", name != "..", (1...249).contains(name.utf8.count) else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
      default: "._-".utf8.contains(byte)
      }
    }
  }
}
