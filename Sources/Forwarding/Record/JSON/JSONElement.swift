package import ControlAPI

/// A value within an EVE record: made of its bytes only when it is asked for.
package struct JSONElement: Sendable {
  let document: EVEDocument
  let node: JSONNode
  let index: Int

  init(_ document: EVEDocument, _ index: Int) {
    self.document = document
    self.index = index
    node = document.nodes[index]
  }

  package enum Kind: Sendable { case null, boolean, number, string, array, object }

  package var kind: Kind {
    switch node.kind {
    case .null: .null
    case .boolTrue, .boolFalse: .boolean
    case .number: .number
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }

  /// The value as it stands in the record: JSON.
  package var bytes: ArraySlice<UInt8> { document.bytes[node.range] }

  /// The inside of a string as it stands in the record, escapes and all; nil of anything else.
  package var rawString: ArraySlice<UInt8>? {
    guard node.kind == .string else { return nil }
    return document.bytes[(node.range.lowerBound + 1)..<(node.range.upperBound - 1)]
  }

  /// The bytes that a string stands for; nil of anything else.
  package var stringBytes: ArraySlice<UInt8>? {
    guard let raw = rawString else { return nil }
    return node.flags & JSONNode.Flags.valueHasEscapes != 0 ? JSONText.unescaped(raw)[...] : raw
  }

  /// The text that a string stands for; nil of anything else.
  package var string: String? { stringBytes.map { String(decoding: $0, as: UTF8.self) } }

  package var boolean: Bool? {
    switch node.kind {
    case .boolTrue: true
    case .boolFalse: false
    default: nil
    }
  }

  /// A number without fraction and exponent; nil of anything else and where it does not fit.
  package var integer: Int64? { fixedWidth() }
  package var unsigned: UInt64? { fixedWidth() }

  private func fixedWidth<Number: FixedWidthInteger>() -> Number? {
    guard node.kind == .number else { return nil }
    var value: Number = 0
    var digits = bytes
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative {
      guard Number.isSigned else { return nil }
      digits = digits.dropFirst()
    }
    for byte in digits {
      guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
      let digit = Number(byte - UInt8(ascii: "0"))
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) =
        isNegative ? tens.subtractingReportingOverflow(digit) : tens.addingReportingOverflow(digit)
      if overflow || carry { return nil }
      value = sum
    }
    return value
  }

  /// Any number.
  package var double: Double? {
    node.kind == .number ? Double(String(decoding: bytes, as: UTF8.self)) : nil
  }

  /// The name under which it is a member; empty of an element of a list and of the record itself.
  package var name: String { String(decoding: nameBytes, as: UTF8.self) }

  package var nameBytes: ArraySlice<UInt8> {
    guard node.flags & JSONNode.Flags.isMember != 0 else { return [] }
    let raw = document.bytes[node.keyRange]
    return node.flags & JSONNode.Flags.keyHasEscapes != 0 ? JSONText.unescaped(raw)[...] : raw
  }

  /// Members of an object or elements of a list, in their order; none of anything else.
  package var children: JSONChildren { JSONChildren(self) }

  package subscript(key: JSONKey) -> JSONElement? {
    document.member(key, of: index).map { JSONElement(document, $0) }
  }

  /// The value with all that is in it, made now.
  package var value: JSONValue {
    switch node.kind {
    case .null: .null
    case .boolTrue: .bool(true)
    case .boolFalse: .bool(false)
    case .number: .number(String(decoding: bytes, as: UTF8.self))
    case .string: .string(string ?? "")
    case .array: .array(children.map(\.value))
    case .object: .object(children.map { JSONValue.Member($0.name, $0.value) })
    }
  }
}

/// What is within a container, one after the other.
package struct JSONChildren: Sequence, IteratorProtocol, Sendable {
  private let document: EVEDocument
  private var index: Int
  private let end: Int

  init(_ parent: JSONElement) {
    document = parent.document
    let isContainer = parent.node.kind == .object || parent.node.kind == .array
    index = parent.index + 1
    end = isContainer ? Int(parent.node.next) : index
  }

  package mutating func next() -> JSONElement? {
    guard index < end else { return nil }
    let element = JSONElement(document, index)
    index = Int(element.node.next)
    return element
  }
}
