package import FlowEngine

/// One test of a record and where to go on: to another instruction, or to an end.
package struct ExpressionInstruction: Sendable {
  package enum Test: Sendable {
    /// Some value lies in one of the ranges.
    case numberInRanges
    /// The word is one of the set.
    case wordInSet
    case addressInRanges
    case macInRanges
    /// The text is one of the literals, ends not told apart.
    case textIsOne
    /// The text fits the literal with its `*` and `?`.
    case textFits
    /// The literal stands somewhere in the text.
    case textHolds
    case isTrue
    /// The record has the field.
    case isPresent
    /// Some value of one field is as said to some value of the other.
    case numbersEqual, numbersLess, numbersLessOrEqual
    case addressesEqual
  }

  package var test: Test
  package var source: ExpressionSource
  /// The field on the right, for the tests that compare two.
  package var other: ExpressionSource
  /// Which of the program's operands it uses.
  package var first: Int32 = 0
  package var count: Int32 = 0
  package var onTrue: Int32 = 0
  package var onFalse: Int32 = 0

  init(_ test: Test, _ source: ExpressionSource, other: ExpressionSource? = nil) {
    self.test = test
    self.source = source
    self.other = other ?? source
  }

  init(_ test: Test, _ source: ExpressionSource, operands: Range<Int>) {
    self.init(test, source)
    // An expression has fewer than 2^31 bytes, and each operand takes one at least.
    first = Int32(operands.lowerBound)
    count = Int32(operands.count)
  }
}

/// A compiled expression: tests that jump, as in classic BPF, and what they compare with.
///
/// There is no stack: negation swaps the ends of a test, `and` and `or` are jumps. Jumps go only
/// towards lower indices, so every run ends, after each test at the most once.
package struct ExpressionProgram: Sendable {
  /// What a jump to an end looks like.
  package static let accept: Int32 = -1
  static let reject: Int32 = -2

  package var instructions: [ExpressionInstruction] = []
  /// Where to begin: an instruction, or an end where the answer is always the same.
  package var entry = accept

  // Operands.
  /// In order and apart within each test, like the addresses.
  package var numbers: [ClosedRange<Int128>] = []
  package var addresses: [AddressRange] = []
  package var macs: [ClosedRange<UInt64>] = []
  package var literals: [[UInt8]] = []
  /// Sets of words, 256 bits each.
  package var sets: [WordSet] = []
  /// In documents: where the fields stand that a flow record does not have, list marks left out.
  package var paths: [String] = []

  // What records say that is the same for all.
  var sensor: [UInt8] = []
  var ports: [[UInt8]] = []
  var includesSequence = false
  var startEpochMicroseconds: UInt64 = 0
  var communityIDSeed: UInt16 = 0
  var tags = TagNames()

  /// Addresses of one IP version, both ends included.
  package struct AddressRange: Sendable, Equatable {
    package var version: UInt8
    var first: IPAddress
    var last: IPAddress

    @inline(__always)
    package func contains(_ address: IPAddress, version: UInt8) -> Bool {
      version == self.version && !(address < first) && !(last < address)
    }

    /// Whether the range begins behind an address, IPv4 being in front of IPv6.
    @inline(__always)
    func isBehind(_ address: IPAddress, version: UInt8) -> Bool {
      self.version != version ? self.version > version : address < first
    }
  }

  /// A set of numbers below 256.
  package struct WordSet: Sendable, Equatable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init(_ members: [Int]) {
      for member in members {
        let bit: UInt64 = 1 << UInt64(member & 63)
        switch member >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
      }
    }

    @inline(__always)
    package func contains(_ member: UInt8) -> Bool {
      let word =
        switch member >> 6 {
        case 0: words.0
        case 1: words.1
        case 2: words.2
        default: words.3
        }
      return word >> UInt64(member & 63) & 1 != 0
    }

    package static func == (a: WordSet, b: WordSet) -> Bool { a.words == b.words }
  }

  /// What an expression says, before jumps.
  indirect enum Node {
    case constant(Bool)
    case test(ExpressionInstruction)
    case not(Node)
    case all([Node])
    case any([Node])
  }

  /// Appends the instructions of a node, last ones first. Returns where it begins.
  mutating func emit(_ node: Node, onTrue: Int32, onFalse: Int32) -> Int32 {
    switch node {
    case .constant(let value): return value ? onTrue : onFalse
    case .test(var instruction):
      instruction.onTrue = onTrue
      instruction.onFalse = onFalse
      instructions.append(instruction)
      return Int32(instructions.count - 1)
    case .not(let inner): return emit(inner, onTrue: onFalse, onFalse: onTrue)
    case .all(let nodes):
      var next = onTrue
      for node in nodes.reversed() { next = emit(node, onTrue: next, onFalse: onFalse) }
      return next
    case .any(let nodes):
      var next = onFalse
      for node in nodes.reversed() { next = emit(node, onTrue: onTrue, onFalse: next) }
      return next
    }
  }
}
