import Yams

/// `${NAME}` and `${NAME:-default}` in values.
extension SectionReader {
  /// The node with its references replaced from the environment; nil where one cannot be, which has then
  /// been noted.
  func expand(_ node: Node, _ name: String) -> Node? {
    guard let scalar = node.scalar, scalar.string.contains("${") else { return node }
    guard let text = expand(scalar.string, name) else { return nil }
    return .scalar(Node.Scalar(text, scalar.tag, .any, scalar.mark))
  }

  private func expand(_ raw: String, _ name: String) -> String? {
    var out = ""
    var rest = Substring(raw)
    while let start = rest.firstRange(of: "${") {
      out += rest[..<start.lowerBound]
      guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
        note(name, "has a ${ without its }; ${NAME} or ${NAME:-default} would be right")
        return nil
      }
      let inner = rest[start.upperBound..<end]
      let split = inner.firstRange(of: ":-")
      let variable = String(split.map { inner[..<$0.lowerBound] } ?? inner)
      guard Self.isVariableName(variable), !inner.contains("${") else {
        note(
          name,
          "has ${\(Self.clipped(inner))}, which names no variable;"
            + " ${NAME} or ${NAME:-default} would be right"
        )
        return nil
      }
      if let value = list.environment[variable], !value.isEmpty {
        out += value
      } else if let split {
        out += inner[split.upperBound...]
      } else {
        note(name, "needs the environment variable \(Self.clipped(variable)), which is not set")
        return nil
      }
      rest = rest[rest.index(after: end)...]
    }
    return out + rest
  }

  private static func isVariableName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
    else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}
