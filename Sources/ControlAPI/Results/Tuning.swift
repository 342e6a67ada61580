/// Something of a running engine that has a value: answer of `tuning.get`, an element.
package struct Tunable: Codable, Equatable, Sendable {
  package enum Kind: String, Codable, Sendable, CaseIterable {
    case integer
    case number
    /// One of ``Tunable/allowed``.
    case choice
  }

  /// The configuration's key, `engine.polling`: what is to last beyond this run is set there.
  package var key: String
  package var kind: Kind
  package var value: TuningValue
  /// What the configuration has where it says nothing.
  package var standard: TuningValue
  /// Both are there for `integer` and `number`.
  package var minimum: TuningValue?
  package var maximum: TuningValue?
  /// There for `choice`.
  package var allowed: [String]?
  /// Empty where there is none.
  package var unit: String
  /// Whether `tuning.set` can change it; otherwise the configuration and a restart do.
  package var isLive: Bool
  package var meaning: String

  package init(
    key: String, kind: Kind, value: TuningValue, standard: TuningValue,
    minimum: TuningValue? = nil, maximum: TuningValue? = nil, allowed: [String]? = nil,
    unit: String = "", isLive: Bool, meaning: String
  ) {
    self.key = key
    self.kind = kind
    self.value = value
    self.standard = standard
    self.minimum = minimum
    self.maximum = maximum
    self.allowed = allowed
    self.unit = unit
    self.isLive = isLive
    self.meaning = meaning
  }
}

/// A tunable's value: a JSON number or string.
package enum TuningValue: Codable, Equatable, Sendable, CustomStringConvertible {
  case integer(Int)
  case number(Double)
  case text(String)

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else {
      throw RPCError(
        .invalidParams, "value must be a number or a string",
        data: ["parameter": "value", "expected": "a number or a string"])
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    }
  }

  /// `300` and not `300.0`.
  package var description: String {
    switch self {
    case .integer(let value): String(value)
    case .number(let value):
      Int(exactly: value).map(String.init) ?? String(value)
    case .text(let value): value
    }
  }
}

/// Parameters of `tuning.get`.
package struct TuningGetParameters: ControlParameters, Equatable {
  package static let names = ["key"]
  /// One tunable alone; all where nil.
  package var key: String?

  package init(key: String? = nil) { self.key = key }
}

/// Answer of `tuning.get`.
package struct TuningList: Codable, Equatable, Sendable {
  /// In the order of the configuration's reference.
  package var tunables: [Tunable]

  package init(_ tunables: [Tunable]) { self.tunables = tunables }
}

/// Parameters of `tuning.set`.
package struct TuningSetParameters: ControlParameters, Equatable {
  package static let names = ["key", "value"]
  /// As `tuning.get` has it, or its last word where that is enough to tell it: `polling`.
  package var key: String
  /// A number or a text, of the tunable's kind and within its range.
  package var value: TuningValue

  package init(key: String, value: TuningValue) {
    self.key = key
    self.value = value
  }
}

/// Answer of `tuning.set`: what is in force now.
package struct TuningChange: Codable, Equatable, Sendable {
  /// In full.
  package var key: String
  package var before: TuningValue
  package var after: TuningValue
  package var unit: String
  /// What the operator ought to know of it, a sentence each.
  package var notes: [String]

  package init(
    key: String, before: TuningValue, after: TuningValue, unit: String, notes: [String] = []
  ) {
    self.key = key
    self.before = before
    self.after = after
    self.unit = unit
    self.notes = notes
  }
}
