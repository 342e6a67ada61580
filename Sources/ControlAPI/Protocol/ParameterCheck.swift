/// Checks that parameters' types make when they are decoded, with errors that say what would be right.
package enum ParameterCheck {
  /// - Throws: ``RPCError`` with `parameter`, `minimum` and `maximum`.
  package static func range<Value: Comparable>(
    _ value: Value, _ range: ClosedRange<Value>, _ name: String
  ) throws(RPCError) {
    if range.contains(value) { return }
    throw RPCError(
      .invalidParams, "\(name) is \(value), but must be \(range.lowerBound) to \(range.upperBound)",
      data: [
        "parameter": .string(name), "minimum": .number("\(range.lowerBound)"),
        "maximum": .number("\(range.upperBound)"),
      ])
  }

  /// A word out of a list; nil where it is not given.
  ///
  /// - Throws: ``RPCError`` with `parameter` and `allowed`.
  package static func word<Key: CodingKey, Value: RawRepresentable<String>>(
    _ container: KeyedDecodingContainer<Key>, _ key: Key, of allowed: [Value]
  ) throws -> Value? {
    guard let text = try container.decodeIfPresent(String.self, forKey: key) else { return nil }
    if let value = allowed.first(where: { $0.rawValue == text }) { return value }
    let words = allowed.map(\.rawValue)
    throw RPCError(
      .invalidParams,
      "\(key.stringValue) is \"\(text)\", but must be one of \(words.joined(separator: ", "))",
      data: ["parameter": .string(key.stringValue), "allowed": .array(words.map { .string($0) })])
  }
}
