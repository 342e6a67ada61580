import Foundation
import Yams

/// A value of a truth (YAML, JSON) or of a record, so that the two can be compared.
enum TruthValue: Hashable, Decodable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([TruthValue])
  case map([String: TruthValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([TruthValue].self) {
      self = .list(value)
    } else {
      self = .map(try container.decode([String: TruthValue].self))
    }
  }

  /// Reads a JSON document.
  init(json: Data) throws { self = try JSONDecoder().decode(TruthValue.self, from: json) }

  /// Reads a YAML document. Only a plain scalar is anything but text: `"02"` are TCP flags.
  init(yaml: String) throws {
    self = try Yams.compose(yaml: yaml).map(Self.init(node:)) ?? .null
  }

  private init(node: Node) throws {
    switch node {
    case .mapping(let mapping):
      var map: [String: TruthValue] = [:]
      for (key, value) in mapping { map[key.scalar?.string ?? "?"] = try Self(node: value) }
      self = .map(map)
    case .sequence(let sequence):
      self = .list(try sequence.map(Self.init(node:)))
    case .scalar(let scalar):
      guard scalar.style == .plain else {
        self = .text(scalar.string)
        return
      }
      if NSNull.construct(from: scalar) != nil {
        self = .null
      } else if let value = Bool.construct(from: scalar) {
        self = .bool(value)
      } else if !scalar.string.contains(":"), let value = Int.construct(from: scalar) {
        self = .integer(value)
      } else if !scalar.string.contains(":"), let value = Double.construct(from: scalar) {
        self = .number(value)
      } else {
        self = .text(scalar.string)
      }
    case .alias:
      throw SupportError("an alias in YAML")
    }
  }

  var integer: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    case .bool, .null, .text, .list, .map: nil
    }
  }

  var text: String? {
    if case .text(let value) = self { value } else { nil }
  }

  /// Also of a number: versions are written both ways.
  var spelling: String? {
    switch self {
    case .text(let value): value
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .bool, .null, .list, .map: nil
    }
  }

  var list: [TruthValue]? {
    if case .list(let value) = self { value } else { nil }
  }

  var map: [String: TruthValue]? {
    if case .map(let value) = self { value } else { nil }
  }

  subscript(key: String) -> TruthValue? { map?[key] }

  /// What stands at `flow.state` or `vlan[0]`, nil where there is nothing.
  func at(_ path: String) -> TruthValue? {
    var value = self
    for part in path.split(separator: ".") {
      let pieces = part.split(separator: "[")
      guard let next = value[String(pieces[0])] else { return nil }
      value = next
      for piece in pieces.dropFirst() {
        guard let index = Int(piece.dropLast()), let list = value.list, index < list.count
        else { return nil }
        value = list[index]
      }
    }
    return value
  }

  /// Equal, with IPv6 addresses however they are spelled and numbers of either kind.
  func agrees(with other: TruthValue) -> Bool {
    if self == other { return true }
    if let a = integer, let b = other.integer { return a == b }
    if let a = text, let b = other.text, let from = TupleEnd(a, port: 0),
      let to = TupleEnd(b, port: 0)
    {
      return from == to
    }
    return false
  }
}

extension TruthValue: CustomStringConvertible {
  var description: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .text(let value): value
    case .list(let values): "\(values)"
    case .map(let values):
      "{"
        + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        .joined(separator: ", ") + "}"
    }
  }
}
