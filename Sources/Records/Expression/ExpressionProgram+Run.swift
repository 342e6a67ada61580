import FlowEngine

/// The values of a numeric field: none, one, or two where both end points or both VLANs count.
struct ExpressionNumbers {
  var count: Int
  var first: Int128
  var second: Int128

  static var none: ExpressionNumbers { ExpressionNumbers(count: 0, first: 0, second: 0) }

  @inline(__always)
  init(count: Int, first: Int128, second: Int128) {
    self.count = count
    self.first = first
    self.second = second
  }

  @inline(__always)
  init(_ value: some BinaryInteger) { self.init(count: 1, first: Int128(value), second: 0) }

  @inline(__always)
  init(_ value: (some BinaryInteger)?) {
    self = value.map { ExpressionNumbers($0) } ?? .none
  }

  /// Whether a value of this and a value of the other are as said.
  @inline(__always)
  func contains(_ other: ExpressionNumbers, where holds: (Int128, Int128) -> Bool) -> Bool {
    for left in 0..<count {
      for right in 0..<other.count where holds(self[left], other[right]) { return true }
    }
    return false
  }

  @inline(__always)
  subscript(index: Int) -> Int128 { index == 0 ? first : second }
}

extension ExpressionProgram {
  /// Whether the record is as the expression says. Nothing is allocated.
  func run(_ flow: ExpressionRecord) -> Bool {
    instructions.withUnsafeBufferPointer { instructions in
      var next = entry
      // Ends at the latest at index 0, since jumps go downwards.
      while next >= 0 {
        let instruction = instructions[Int(next)]
        next = holds(instruction, flow) ? instruction.onTrue : instruction.onFalse
      }
      return next == Self.accept
    }
  }

  @inline(__always)
  private func holds(_ instruction: ExpressionInstruction, _ flow: ExpressionRecord) -> Bool {
    let operands = Int(instruction.first)..<Int(instruction.first &+ instruction.count)
    switch instruction.test {
    case .numberInRanges:
      let values = numbers(instruction.source, flow)
      for index in 0..<values.count {
        let value = values[index]
        if Self.search(
          operands, { numbers[$0].lowerBound <= value }, { numbers[$0].contains(value) })
        {
          return true
        }
      }
      return false
    case .wordInSet:
      guard let word = word(instruction.source, flow) else { return false }
      return sets[operands.lowerBound].contains(word)
    case .addressInRanges:
      let (source, destination) = addresses(instruction.source, flow)
      let version = version(instruction.source, flow)
      return source.map { isKnown($0, version, operands) } ?? false
        || destination.map { isKnown($0, version, operands) } ?? false
    case .macInRanges:
      guard flow.view.hasMACs else { return false }
      let (source, destination) = macs(instruction.source, flow)
      for range in operands {
        if let source, macs[range].contains(source) { return true }
        if let destination, macs[range].contains(destination) { return true }
      }
      return false
    case .textIsOne, .textFits, .textHolds:
      return text(instruction, flow, operands)
    case .isTrue: return boolean(instruction.source, flow)
    case .isPresent: return isPresent(instruction.source, flow)
    case .numbersEqual:
      return numbers(instruction.source, flow).contains(numbers(instruction.other, flow), where: ==)
    case .numbersLess:
      return numbers(instruction.source, flow).contains(numbers(instruction.other, flow), where: <)
    case .numbersLessOrEqual:
      return numbers(instruction.source, flow).contains(
        numbers(instruction.other, flow), where: <=)
    case .addressesEqual:
      let left = addresses(instruction.source, flow)
      let right = addresses(instruction.other, flow)
      return (left.0 != nil && (left.0 == right.0 || left.0 == right.1))
        || (left.1 != nil && (left.1 == right.0 || left.1 == right.1))
    }
  }

  @inline(__always)
  private func isKnown(_ address: IPAddress, _ version: UInt8, _ operands: Range<Int>) -> Bool {
    Self.search(
      operands, { !addresses[$0].isBehind(address, version: version) },
      { addresses[$0].contains(address, version: version) })
  }

  /// Of ranges that are in order and apart, only the last one that does not begin behind a value
  /// can hold it.
  @inline(__always)
  private static func search(
    _ operands: Range<Int>, _ beginsInFront: (Int) -> Bool, _ contains: (Int) -> Bool
  ) -> Bool {
    var low = operands.lowerBound
    var high = operands.upperBound
    while low < high {
      let middle = (low + high) / 2
      if beginsInFront(middle) { low = middle + 1 } else { high = middle }
    }
    return low > operands.lowerBound && contains(low - 1)
  }

  // MARK: Texts

  /// The longest text that is made for a test: a Community ID, or an address of 17 characters.
  private static let longestText = 64

  private func text(
    _ instruction: ExpressionInstruction, _ flow: ExpressionRecord, _ operands: Range<Int>
  ) -> Bool {
    switch instruction.source {
    case .field(.sensor):
      return sensor.withUnsafeBufferPointer { compare(instruction, $0, operands) }
    case .field(.interface):
      let port = Int(flow.value.cold.portIndex)
      guard port < ports.count else { return false }
      return ports[port].withUnsafeBufferPointer { compare(instruction, $0, operands) }
    case .field(.tags):
      // Any of them fulfils it.
      return tags.names(of: flow.value.cold.marks).contains { name in
        Array(name.utf8).withUnsafeBufferPointer { compare(instruction, $0, operands) }
      }
    case .eitherMAC:
      return made(instruction, flow, .field(.sourceMAC), operands)
        || made(instruction, flow, .field(.destinationMAC), operands)
    default: return made(instruction, flow, instruction.source, operands)
    }
  }

  /// A text that is written as EVE writes it and then compared; none where there is none.
  private func made(
    _ instruction: ExpressionInstruction, _ flow: ExpressionRecord, _ source: ExpressionSource,
    _ operands: Range<Int>
  ) -> Bool {
    withUnsafeTemporaryAllocation(
      of: UInt8.self, capacity: Self.longestText + ByteWriter.slack
    ) { buffer in
      let start = buffer.baseAddress.unsafelyUnwrapped
      var writer = ByteWriter(start)
      switch source {
      case .field(.communityID):
        CommunityID.write(flow.value.hot.key, seed: communityIDSeed, to: &writer)
      case .field(.history): writer.history(flow.value.cold)
      case .field(.sourceMAC): if flow.view.hasMACs { writer.mac(flow.originator.mac) }
      case .field(.destinationMAC): if flow.view.hasMACs { writer.mac(flow.responder.mac) }
      default: return false
      }
      let count = writer.cursor - start
      guard count > 0 else { return false }
      return compare(instruction, UnsafeBufferPointer(start: start, count: count), operands)
    }
  }

  private func compare(
    _ instruction: ExpressionInstruction, _ text: UnsafeBufferPointer<UInt8>,
    _ operands: Range<Int>
  ) -> Bool {
    for index in operands {
      let holds = literals[index].withUnsafeBufferPointer { literal in
        switch instruction.test {
        case .textFits: Glob.matches(text, literal)
        case .textHolds: Glob.contains(text, literal)
        default: text.elementsEqual(literal)
        }
      }
      if holds { return true }
    }
    return false
  }
}

/// Patterns in which `*` stands for any run of characters and `?` for a single one.
package enum Glob {
  static func isPattern(_ text: some Sequence<UInt8>) -> Bool {
    text.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
  }

  /// Whether the whole text fits; in time of the product of the lengths at the most.
  package static func matches(
    _ text: UnsafeBufferPointer<UInt8>, _ pattern: UnsafeBufferPointer<UInt8>
  )
    -> Bool
  {
    var textIndex = 0
    var patternIndex = 0
    // Where the last star was, and how much of the text it has been given.
    var star = -1
    var given = 0
    while textIndex < text.count {
      if patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "*") {
        star = patternIndex
        given = textIndex
        patternIndex += 1
      } else if patternIndex < pattern.count,
        pattern[patternIndex] == UInt8(ascii: "?") || pattern[patternIndex] == text[textIndex]
      {
        textIndex += 1
        patternIndex += 1
      } else if star >= 0 {
        given += 1
        textIndex = given
        patternIndex = star + 1
      } else {
        return false
      }
    }
    while patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "*") {
      patternIndex += 1
    }
    return patternIndex == pattern.count
  }

  package static func contains(
    _ text: UnsafeBufferPointer<UInt8>, _ part: UnsafeBufferPointer<UInt8>
  )
    -> Bool
  {
    guard part.count <= text.count else { return false }
    for start in 0...(text.count - part.count) {
      var index = 0
      while index < part.count, text[start + index] == part[index] { index += 1 }
      if index == part.count { return true }
    }
    return false
  }
}
