import Yams

extension Settings {
  /// Every key with its effective value in words, secrets masked: `sinks[0].url`, `engine.cores`. Lists of
  /// plain values are one value.
  package var flattened: [(key: String, value: String)] {
    guard let node = try? Yams.compose(yaml: describe()) else { return [] }
    var out: [(key: String, value: String)] = []
    Self.flatten(node, "", &out)
    return out
  }

  private static func flatten(
    _ node: Node, _ path: String, _ out: inout [(key: String, value: String)]
  ) {
    switch node {
    case .mapping(let mapping):
      for (key, value) in mapping {
        let name = key.string ?? ""
        flatten(value, path.isEmpty ? name : "\(path).\(name)", &out)
      }
    case .sequence(let sequence):
      if sequence.contains(where: { $0.mapping != nil }) {
        for (index, element) in sequence.enumerated() {
          flatten(element, "\(path)[\(index)]", &out)
        }
      } else {
        out.append((path, sequence.map { $0.string ?? "" }.joined(separator: ", ")))
      }
    case .scalar(let scalar): out.append((path, scalar.string))
    case .alias: break
    }
  }
}
