import Configuration
import ControlAPI

extension TuningEntry {
  /// As the control API shows it.
  func describe(_ engine: Engine) -> Tunable {
    var tunable = Tunable(
      key: key.path, kind: .choice, value: read(engine), standard: .text(key.standard),
      unit: key.unit, isLive: write != nil, meaning: key.meaning)
    switch key.kind {
    case .integer(let range), .powerOfTwo(let range):
      tunable.kind = .integer
      tunable.minimum = .integer(range.lowerBound)
      tunable.maximum = .integer(range.upperBound)
      if let standard = Int(key.standard) { tunable.standard = .integer(standard) }
    case .number(let range):
      tunable.kind = .number
      tunable.minimum = .number(range.lowerBound)
      tunable.maximum = .number(range.upperBound)
      if let standard = Double(key.standard) { tunable.standard = .number(standard) }
    case .choice(let words): tunable.allowed = words
    case .flag: tunable.allowed = ["true", "false"]
    case .text, .choices, .integers, .texts, .paces, .section, .sections: break
    }
    return tunable
  }

  /// The value as `write` takes it.
  ///
  /// - Throws: ``RPCError`` that says what would be right.
  func check(_ value: TuningValue) throws(RPCError) -> TuningValue {
    switch (key.kind, value) {
    case (.integer(let range), .integer(let number)) where range.contains(number): return value
    case (.powerOfTwo(let range), .integer(let number))
    where range.contains(number) && number & (number - 1) == 0: return value
    case (.number(let range), .integer), (.number(let range), .number):
      if let number = value.asNumber, range.contains(number) { return .number(number) }
    case (.choice(let words), .text(let word)) where words.contains(word): return value
    default: break
    }
    throw refusal(of: value)
  }

  private func refusal(of value: TuningValue) -> RPCError {
    let unit = key.unit.isEmpty ? "" : " \(key.unit)"
    let shown = if case .text(let text) = value { "\"\(text)\"" } else { value.description }
    func outside(
      _ kind: String, _ least: TuningValue, _ most: TuningValue
    ) -> RPCError {
      RPCError(
        .invalidParams,
        "\(key.path) cannot be \(shown); \(kind) from \(least) to \(most)\(unit) would be right",
        data: [
          "parameter": "value", "key": .string(key.path),
          "minimum": .number(least.description), "maximum": .number(most.description),
        ])
    }
    switch key.kind {
    case .integer(let range):
      return outside("a whole number", .integer(range.lowerBound), .integer(range.upperBound))
    case .powerOfTwo(let range):
      return outside("a power of two", .integer(range.lowerBound), .integer(range.upperBound))
    case .number(let range):
      return outside("a number", .number(range.lowerBound), .number(range.upperBound))
    case .choice(let words):
      return RPCError(
        .invalidParams,
        "\(key.path) cannot be \(shown); it is one of \(words.joined(separator: ", "))",
        data: [
          "parameter": "value", "key": .string(key.path),
          "allowed": .array(words.map { .string($0) }),
        ])
    default:
      return RPCError(.internalError, "\(key.path) is of a kind that cannot be tuned")
    }
  }
}
