/// Checks that parameters' types make when they are decoded, with errors that say what would be right.
package enum ParameterCheck {
  /// - Throws: ``RPCError`` with `parameter`, `minimum` and `maximum`.
  package static func range<Value: Comparable>(
    _ value: Value, _ range: ClosedRange<Value>, _ name: String
  ) throws(RPCError) {
    SchemaNotes.current?.note(
      name,
      .init(
        minimum: "\(range.lowerBound)", maximum: "\(range.upperBound)", standard: "\(value)"))
    if range.contains(value) { return }
    throw RPCError(
      .invalidParams, "\(name) is \(value), but must be \(range.lowerBound) to \(range.upperBound)",
      data: [
        "parameter": .string(name), "minimum": .number("\(range.lowerBound)"),
        "maximum": .number("\(range.upperBound)"),
      ])
  }

  /// A value within a range; nil where it is not given.
  ///
  /// - Throws: ``RPCError`` as ``range(_:_:_:)``.
  package static func value<Key: CodingKey, Value: Comparable & Decodable>(
    _ container: KeyedDecodingContainer<Key>, _ key: Key, in range: ClosedRange<Value>
  ) throws -> Value? {
    guard let value = try container.decodeIfPresent(Value.self, forKey: key) else {
      SchemaNotes.current?.note(
        key.stringValue,
        .init(minimum: "\(range.lowerBound)", maximum: "\(range.upperBound)"))
      return nil
    }
    try self.range(value, range, key.stringValue)
    return value
  }

  /// A word out of a list.
  ///
  /// - Throws: ``RPCError`` with `parameter` and `allowed`.
  package static func text<Key: CodingKey>(
    _ container: KeyedDecodingContainer<Key>, _ key: Key, of words: [String]
  ) throws -> String {
    SchemaNotes.current?.note(key.stringValue, .init(words: words))
    let text = try container.decode(String.self, forKey: key)
    if words.contains(text) || SchemaNotes.current != nil { return text }
    throw wrongWord(text, key, words)
  }

  private static func wrongWord(
    _ text: String, _ key: some CodingKey, _ words: [String]
  ) -> RPCError {
    RPCError(
      .invalidParams,
      "\(key.stringValue) is \"\(text)\", but must be one of \(words.joined(separator: ", "))",
      data: ["parameter": .string(key.stringValue), "allowed": .array(words.map { .string($0) })])
  }

  /// A word out of a list; nil where it is not given.
  ///
  /// - Throws: ``RPCError`` with `parameter` and `allowed`.
  package static func word<Key: CodingKey, Value: RawRepresentable<String>>(
    _ container: KeyedDecodingContainer<Key>, _ key: Key, of allowed: [Value]
  ) throws -> Value? {
    SchemaNotes.current?.note(key.stringValue, .init(words: allowed.map(\.rawValue)))
    guard let text = try container.decodeIfPresent(String.self, forKey: key) else { return nil }
    if let value = allowed.first(where: { $0.rawValue == text }) { return value }
    throw wrongWord(text, key, allowed.map(\.rawValue))
  }
}
