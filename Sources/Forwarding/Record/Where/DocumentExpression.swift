internal import FlowEngine
internal import Records

/// A condition on EVE records of any type, such as `app_proto == "tls" && bytes > 1e6`.
///
/// The language is docs/expressions.md's, and the compiler is that of ``RecordExpression``; only the
/// values come from the document. What the record does not have fulfils no comparison.
struct DocumentExpression: Sendable {
  /// Where a source's values stand, and how they are meant.
  struct Place: Sendable {
    var paths: [EVEPath]
    /// What one counts in nanoseconds, where numbers are durations.
    var scale: Int128 = 1
    /// Texts in it may be times.
    var isTime = false
  }

  let program: ExpressionProgram
  /// By instruction: of its source, and of the field on the right.
  private let places: [Place]
  private let others: [Place]
  /// By instruction: the words of its set in lower case.
  private let words: [Set<[UInt8]>]

  /// - Parameter events: what fields the protocols' records have.
  init(parsing text: String, events: EventSchema = .none) throws(RecordExpressionError) {
    let program = try ExpressionProgram(documents: text, events: events)
    self.program = program
    places = program.instructions.map { Place($0.source, paths: program.paths) }
    others = program.instructions.map { Place($0.other, paths: program.paths) }
    words = program.instructions.map { instruction in
      guard instruction.test == .wordInSet, case .field(let field) = instruction.source else {
        return []
      }
      let set = program.sets[Int(instruction.first)]
      let all = ExpressionWords.of(field)
      return Set(
        all.indices.filter { set.contains(UInt8($0)) }.map { Array(all[$0].lowercased().utf8) })
    }
  }

  /// Whether a record is as the expression says.
  func matches(_ document: EVEDocument) -> Bool {
    var next = program.entry
    // Jumps go downwards, so it ends.
    while next >= 0 {
      let instruction = program.instructions[Int(next)]
      next = holds(Int(next), instruction, document) ? instruction.onTrue : instruction.onFalse
    }
    return next == ExpressionProgram.accept
  }

  private func holds(
    _ index: Int, _ instruction: ExpressionInstruction, _ document: EVEDocument
  ) -> Bool {
    let operands = Int(instruction.first)..<Int(instruction.first + instruction.count)
    let place = places[index]
    switch instruction.test {
    case .numberInRanges:
      return anyNumber(instruction.source, place, document) { value in
        operands.contains { program.numbers[$0].contains(value) }
      }
    case .wordInSet:
      return anyValue(place, document) { value in
        value.stringBytes.map { words[index].contains($0.map(Self.lowercased)) } ?? false
      }
    case .addressInRanges:
      return anyAddress(place, document) { address in
        operands.contains {
          program.addresses[$0].contains(address.address, version: address.version)
        }
      }
    case .macInRanges:
      return anyValue(place, document) { value in
        guard let text = value.string, let mac = AddressLiteral.mac(text) else { return false }
        return operands.contains { program.macs[$0].contains(mac) }
      }
    case .textIsOne, .textFits, .textHolds:
      return anyValue(place, document) { value in
        guard let text = Self.text(value) else { return false }
        return operands.contains { compare(instruction.test, text, program.literals[$0]) }
      }
    case .isTrue: return anyValue(place, document) { $0.boolean == true }
    case .isPresent: return isPresent(instruction.source, place, document)
    case .numbersEqual, .numbersLess, .numbersLessOrEqual:
      return anyNumber(instruction.source, place, document) { left in
        anyNumber(instruction.other, others[index], document) { right in
          switch instruction.test {
          case .numbersEqual: left == right
          case .numbersLess: left < right
          default: left <= right
          }
        }
      }
    case .addressesEqual:
      return anyAddress(place, document) { left in
        anyAddress(others[index], document) { left == $0 }
      }
    }
  }

  // MARK: Values

  /// Whether any value at the places is as said; lists are gone through, also on the way.
  private func anyValue(
    _ place: Place, _ document: EVEDocument, where holds: (JSONElement) -> Bool
  ) -> Bool {
    place.paths.contains { path in
      Self.any(JSONElement(document, 0), path.keys[...], where: holds)
    }
  }

  private static func any(
    _ element: JSONElement, _ keys: ArraySlice<JSONKey>, where holds: (JSONElement) -> Bool
  ) -> Bool {
    if element.kind == .array {
      // The indexer bounds the depth.
      return element.children.contains { any($0, keys, where: holds) }
    }
    guard let key = keys.first else { return holds(element) }
    guard let member = element[key] else { return false }
    return any(member, keys.dropFirst(), where: holds)
  }

  private func isPresent(
    _ source: ExpressionSource, _ place: Place, _ document: EVEDocument
  ) -> Bool {
    switch source {
    case .bytes, .packets, .ipBytes, .duration:
      anyNumber(source, place, document) { _ in true }
    case .path:
      // Of any type: what is false is not there, as with fields that are true or false.
      anyValue(place, document) { $0.boolean != false && $0.kind != .null }
    default: anyValue(place, document) { _ in true }
    }
  }

  private func anyNumber(
    _ source: ExpressionSource, _ place: Place, _ document: EVEDocument,
    where holds: (Int128) -> Bool
  ) -> Bool {
    switch source {
    case .bytes, .packets, .ipBytes:
      // Both directions together, where there is one at least.
      let numbers = place.paths.compactMap { document.unsigned($0) }
      guard !numbers.isEmpty else { return false }
      return holds(numbers.reduce(0) { $0 + Int128($1) })
    case .duration: return WhereTime.duration(of: document).map(holds) ?? false
    default: return anyValue(place, document) { number($0, place).map(holds) ?? false }
    }
  }

  private func number(_ value: JSONElement, _ place: Place) -> Int128? {
    switch value.kind {
    case .number:
      if place.isTime { return nil }
      if let integer = value.integer { return Int128(integer) * place.scale }
      if let unsigned = value.unsigned { return Int128(unsigned) * place.scale }
      // With fraction or exponent: down to the whole number below, which compares as it does.
      guard let double = value.double, abs(double) < 1e30 else { return nil }
      return Int128(double.rounded(.down)) * place.scale
    case .string:
      return place.isTime ? value.stringBytes.flatMap { WhereTime.microseconds($0) } : nil
    default: return nil
    }
  }

  private struct Address: Equatable {
    var version: UInt8
    var address: IPAddress
  }

  private func anyAddress(
    _ place: Place, _ document: EVEDocument, where holds: (Address) -> Bool
  ) -> Bool {
    anyValue(place, document) { value in
      guard let text = value.string, let (version, address) = AddressLiteral.address(text) else {
        return false
      }
      return holds(Address(version: version, address: address))
    }
  }

  // MARK: Texts

  /// A value as texts are compared with it: a string's own, of numbers and truth their JSON.
  private static func text(_ value: JSONElement) -> ArraySlice<UInt8>? {
    switch value.kind {
    case .string: value.stringBytes
    case .number, .boolean: value.bytes
    case .null, .array, .object: nil
    }
  }

  private func compare(
    _ test: ExpressionInstruction.Test, _ text: ArraySlice<UInt8>, _ literal: [UInt8]
  ) -> Bool {
    text.withUnsafeBufferPointer { text in
      literal.withUnsafeBufferPointer { literal in
        switch test {
        case .textFits: Glob.matches(text, literal)
        case .textHolds: Glob.contains(text, literal)
        default: text.elementsEqual(literal)
        }
      }
    }
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
  }
}

extension DocumentExpression.Place {
  /// - Parameter paths: those of ``ExpressionProgram/paths``.
  init(_ source: ExpressionSource, paths: [String]) {
    switch source {
    case .field(let field):
      let definition = field.definition
      let path = definition.path.replacing("[]", with: "")
      self.init(paths: [EVEPath(path)])
      isTime = definition.kind == .timestamp
      // Ages are in seconds, spans of nanoseconds as they are: both are compared in nanoseconds.
      if definition.unit == "s" { scale = 1_000_000_000 }
    case .eitherAddress: self.init(paths: [EVEPath("src_ip"), EVEPath("dest_ip")])
    case .eitherPort: self.init(paths: [EVEPath("src_port"), EVEPath("dest_port")])
    case .eitherMAC: self.init(paths: [EVEPath("ether.src_macs"), EVEPath("ether.dest_macs")])
    case .bytes:
      self.init(paths: [EVEPath("flow.bytes_toserver"), EVEPath("flow.bytes_toclient")])
    case .packets:
      self.init(paths: [EVEPath("flow.pkts_toserver"), EVEPath("flow.pkts_toclient")])
    case .ipBytes:
      self.init(paths: [EVEPath("flow.ip_bytes_toserver"), EVEPath("flow.ip_bytes_toclient")])
    case .duration: self.init(paths: [EVEPath("flow.start"), EVEPath("flow.end")])
    case .path(let index): self.init(paths: [EVEPath(paths[index])])
    }
  }
}
