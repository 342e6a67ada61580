import FlowEngine

/// From a field, an operator and values to a test, or to what is wrong with them.
extension ExpressionParser {
  mutating func test(
    _ field: ExpressionField, _ comparison: Comparison, at place: Range<Int>, _ values: [Literal]
  ) throws(RecordExpressionError) -> Node {
    switch comparison {
    case .notEqual: return .not(try test(field, .equal, at: place, values))
    case .matchesNot: return .not(try test(field, .matches, at: place, values))
    case .matches:
      return try match(field, values[0], isPattern: true, comparison.rawValue, at: place)
    case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: break
    }
    switch field.kind {
    case .any: return try compareAny(field, comparison, values)
    case .number, .duration, .time: return try compareNumbers(field, comparison, values)
    case _ where comparison != .equal:
      throw error(
        "\"\(comparison.rawValue)\" is for numbers and times, and \(field.names[0]) is "
          + Self.description(of: field.kind), at: place)
    case .address: return try compareAddresses(field, values)
    case .mac: return try compareMACs(field, values)
    case .word: return try compareWords(field, values)
    case .text:
      let start = compiled.literals.count
      compiled.literals += values.map { Array($0.text.utf8) }
      return .test(
        ExpressionInstruction(
          .textIsOne, field.source, operands: start..<compiled.literals.count))
    case .boolean:
      var nodes: [Node] = []
      for value in values { nodes.append(try compareTruth(field, value)) }
      return .any(nodes)
    }
  }

  static func description(of kind: ExpressionField.Kind) -> String {
    switch kind {
    case .number: "a number"
    case .duration: "a duration"
    case .time: "a time"
    case .address: "an address"
    case .mac: "a MAC address"
    case .word: "a word"
    case .text: "a text"
    case .boolean: "true or false"
    case .any: "of any type"
    }
  }

  // MARK: Numbers, durations, times

  mutating func compareNumbers(
    _ field: ExpressionField, _ comparison: Comparison, _ values: [Literal]
  ) throws(RecordExpressionError) -> Node {
    if values.count == 1, let other = otherField(values[0]) {
      guard other.kind == field.kind || field.kind == .any else {
        throw error(
          "\(field.names[0]) is \(Self.description(of: field.kind)), and \(other.names[0]) is "
            + Self.description(of: other.kind), at: values[0].place)
      }
      return compare(field, comparison, other)
    }
    var ranges: [ClosedRange<Int128>] = []
    for value in values {
      let range = try numberRange(value, field)
      guard comparison == .equal || range.lowerBound == range.upperBound else {
        throw error("a range goes with \"==\" and \"in\"", at: value.place)
      }
      let number = range.lowerBound
      // No literal is as much as 2^126 away from zero.
      switch comparison {
      case .less: ranges.append(.min...(number - 1))
      case .lessOrEqual: ranges.append(.min...number)
      case .greater: ranges.append((number + 1) ... .max)
      case .greaterOrEqual: ranges.append(number ... .max)
      default: ranges.append(range)
      }
    }
    let start = compiled.numbers.count
    compiled.numbers += Self.merged(ranges)
    return .test(
      ExpressionInstruction(
        .numberInRanges, field.source, operands: start..<compiled.numbers.count))
  }

  /// The ranges in order, those that touch as one.
  private static func merged(_ ranges: [ClosedRange<Int128>]) -> [ClosedRange<Int128>] {
    var merged: [ClosedRange<Int128>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last,
        range.lowerBound <= last.upperBound || range.lowerBound == last.upperBound + 1
      {
        merged[merged.count - 1] =
          last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    return merged
  }

  /// A field on the right-hand side; a word in quotation marks is never one.
  func otherField(_ value: Literal) -> ExpressionField? {
    value.isQuoted ? nil : ExpressionField.named(value.text)
  }

  private func compare(
    _ left: ExpressionField, _ comparison: Comparison, _ right: ExpressionField
  ) -> Node {
    switch comparison {
    case .less: .test(ExpressionInstruction(.numbersLess, left.source, other: right.source))
    case .lessOrEqual:
      .test(ExpressionInstruction(.numbersLessOrEqual, left.source, other: right.source))
    case .greater: .test(ExpressionInstruction(.numbersLess, right.source, other: left.source))
    case .greaterOrEqual:
      .test(ExpressionInstruction(.numbersLessOrEqual, right.source, other: left.source))
    default: .test(ExpressionInstruction(.numbersEqual, left.source, other: right.source))
    }
  }

  // MARK: Addresses

  mutating func compareAddresses(_ field: ExpressionField, _ values: [Literal])
    throws(RecordExpressionError) -> Node
  {
    if values.count == 1, let other = otherField(values[0]), other.kind == .address {
      return .test(ExpressionInstruction(.addressesEqual, field.source, other: other.source))
    }
    var ranges: [ExpressionProgram.AddressRange] = []
    for value in values {
      guard let range = AddressLiteral.range(value.text) else {
        throw error(
          "\(field.names[0]) is an address, and \"\(value.text)\" is none, nor a network such as "
            + "10.0.0.0/8", at: value.place)
      }
      guard !(range.last < range.first) else {
        throw error("this range runs backwards", at: value.place)
      }
      ranges.append(range)
    }
    let start = compiled.addresses.count
    compiled.addresses += Self.merged(ranges)
    return .test(
      ExpressionInstruction(
        .addressInRanges, field.source, operands: start..<compiled.addresses.count))
  }

  /// The ranges in order, those that overlap as one.
  private static func merged(_ ranges: [ExpressionProgram.AddressRange])
    -> [ExpressionProgram.AddressRange]
  {
    var merged: [ExpressionProgram.AddressRange] = []
    for range in ranges.sorted(by: { $1.isBehind($0.first, version: $0.version) }) {
      if let last = merged.last, last.version == range.version, !(last.last < range.first) {
        if last.last < range.last { merged[merged.count - 1].last = range.last }
      } else {
        merged.append(range)
      }
    }
    return merged
  }

  private mutating func compareMACs(_ field: ExpressionField, _ values: [Literal])
    throws(RecordExpressionError) -> Node
  {
    let start = compiled.macs.count
    for value in values {
      guard let mac = AddressLiteral.mac(value.text) else {
        throw error(
          "\(field.names[0]) is a MAC address, and \"\(value.text)\" is none such as "
            + "00:00:5e:00:53:01", at: value.place)
      }
      compiled.macs.append(mac...mac)
    }
    return .test(
      ExpressionInstruction(.macInRanges, field.source, operands: start..<compiled.macs.count))
  }

  // MARK: Words, texts, truth

  private mutating func compareWords(_ field: ExpressionField, _ values: [Literal])
    throws(RecordExpressionError) -> Node
  {
    guard case .field(let source) = field.source else { return .constant(false) }
    if isAboutDocuments, source == .eventType { return try compareEventTypes(field, values) }
    let words = ExpressionWords.of(source)
    var members: [Int] = []
    for value in values {
      let found = ExpressionWords.indices(of: value.text, in: words, source)
      guard !found.isEmpty else {
        throw error(
          "\(field.names[0]) is never \"\(value.text)\"",
          suggestion: ExpressionWords.suggestion(for: value.text, in: words, source),
          at: value.place)
      }
      members += found
    }
    return inSet(field, members)
  }

  private mutating func inSet(_ field: ExpressionField, _ members: [Int]) -> Node {
    compiled.sets.append(ExpressionProgram.WordSet(members))
    let index = compiled.sets.count - 1
    return .test(ExpressionInstruction(.wordInSet, field.source, operands: index..<index + 1))
  }

  /// `~`, where `isPattern`, and `contains`.
  mutating func match(
    _ field: ExpressionField, _ value: Literal, isPattern: Bool, _ name: String,
    at place: Range<Int>
  ) throws(RecordExpressionError) -> Node {
    let isGlob = isPattern && Glob.isPattern(value.text.utf8)
    switch field.kind {
    case .word where !(isAboutDocuments && field.source == .field(.eventType)):
      guard case .field(let source) = field.source else { return .constant(false) }
      let pattern = Array(value.text.lowercased().utf8)
      let words = ExpressionWords.of(source)
      return inSet(
        field,
        words.indices.filter { index in
          let word = Array(words[index].lowercased().utf8)
          return word.withUnsafeBufferPointer { word in
            pattern.withUnsafeBufferPointer { pattern in
              isGlob ? Glob.matches(word, pattern) : Glob.contains(word, pattern)
            }
          }
        })
    case .text, .mac, .any, .word:
      let index = compiled.literals.count
      // EVE has MAC addresses and event types in lower case.
      let text = field.kind == .mac || field.kind == .word ? value.text.lowercased() : value.text
      compiled.literals.append(Array(text.utf8))
      return .test(
        ExpressionInstruction(
          isGlob ? .textFits : .textHolds, field.source, operands: index..<index + 1))
    default:
      let hint = field.kind == .address ? "; for networks there is \"in 10.0.0.0/8\"" : ""
      throw error(
        "\"\(name)\" is for texts, and \(field.names[0]) is "
          + Self.description(of: field.kind) + hint, at: place)
    }
  }

  private func compareTruth(_ field: ExpressionField, _ value: Literal)
    throws(RecordExpressionError) -> Node
  {
    let test = Node.test(ExpressionInstruction(.isTrue, field.source))
    switch value.text.lowercased() {
    case "true": return test
    case "false": return .not(test)
    default: throw error("\(field.names[0]) is true or false", at: value.place)
    }
  }
}

extension ExpressionWords {
  /// Where a word stands among those of a field, whatever its case: more than once where two
  /// numbers share a word, nowhere where it is none.
  static func indices(of word: String, in words: [String], _ field: FlowField) -> [Int] {
    var wanted = word.lowercased()
    switch field {
    case .proto:
      if let number = UInt8(wanted) { return [Int(number)] }
      if wanted == "icmpv6" || wanted == "icmp6" { wanted = "ipv6-icmp" }
    case .tcpFlags, .tcpFlagsToServer, .tcpFlagsToClient:
      if wanted.hasPrefix("0x") { wanted = String(wanted.dropFirst(2)) }
      if wanted.utf8.count == 1 { wanted = "0" + wanted }
    default: break
    }
    return words.indices.filter { words[$0].lowercased() == wanted }
  }

  static func suggestion(for word: String, in words: [String], _ field: FlowField) -> String? {
    switch field {
    case .tcpFlags, .tcpFlagsToServer, .tcpFlagsToClient: nil
    default:
      // No number is a misspelling of another.
      word.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        ? nil : Spelling.nearest(to: word, among: words)
    }
  }
}
