// A decoder that holds nothing and writes down what a type asks of it: names, types, and whether they may
// be missing. What it gives back is nought, empty, or nil, so that the type asks on.

import ControlAPI

/// What one keyed container was asked for.
final class RecordedObject {
  struct Member {
    var name: String
    var type: any Decodable.Type
    var isRequired: Bool
  }

  private(set) var members: [Member] = []

  func note(_ name: String, _ type: any Decodable.Type, isRequired: Bool) {
    guard !members.contains(where: { $0.name == name }) else { return }
    members.append(Member(name: name, type: type, isRequired: isRequired))
  }
}

/// What a type turned out to be.
enum RecordedForm {
  case object(RecordedObject)
  case list(any Decodable.Type)
  case single(any Decodable.Type)
}

final class SchemaDecoder: Decoder {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  fileprivate(set) var form: RecordedForm?

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    let object = RecordedObject()
    form = .object(object)
    return KeyedDecodingContainer(KeyedRecorder<Key>(object: object))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw SchemaError.notDerivable }

  func singleValueContainer() -> any SingleValueDecodingContainer { SingleRecorder(decoder: self) }

  /// A value of the type: its first word, nothing in it, nought.
  static func blank<Value: Decodable>(_ type: Value.Type) throws -> Value {
    if let words = type as? any CaseIterable.Type, let first = first(of: words) as? Value {
      return first
    }
    if let list = type as? any SchemaList.Type, let empty = list.empty as? Value { return empty }
    if let provided = type as? any SchemaProviding.Type, provided == JSONValue.self,
      let null = JSONValue.null as? Value
    {
      return null
    }
    return try Value(from: SchemaDecoder())
  }

  private static func first<Words: CaseIterable>(of words: Words.Type) -> Any? {
    words.allCases.first
  }
}

enum SchemaError: Error { case notDerivable }

/// Lists, and what they hold.
protocol SchemaList {
  static var element: any Decodable.Type { get }
  static var empty: Any { get }
}

extension Array: SchemaList where Element: Decodable {
  static var element: any Decodable.Type { Element.self }
  static var empty: Any { [Element]() }
}

private struct KeyedRecorder<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let object: RecordedObject
  let codingPath: [any CodingKey] = []
  let allKeys: [Key] = []

  /// So that `decodeIfPresent` asks on, and says by its own call that the member may be missing.
  func contains(_ key: Key) -> Bool { false }
  func decodeNil(forKey key: Key) -> Bool { true }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    object.note(key.stringValue, type, isRequired: true)
    return try SchemaDecoder.blank(type)
  }

  func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) -> Value? {
    object.note(key.stringValue, type, isRequired: false)
    return nil
  }

  // The compiler calls these for the types that they name, not the generic one.
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) -> Bool? { missing(type, key) }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) -> String? { missing(type, key) }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) -> Double? { missing(type, key) }
  func decodeIfPresent(_ type: Float.Type, forKey key: Key) -> Float? { missing(type, key) }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) -> Int? { missing(type, key) }
  func decodeIfPresent(_ type: Int8.Type, forKey key: Key) -> Int8? { missing(type, key) }
  func decodeIfPresent(_ type: Int16.Type, forKey key: Key) -> Int16? { missing(type, key) }
  func decodeIfPresent(_ type: Int32.Type, forKey key: Key) -> Int32? { missing(type, key) }
  func decodeIfPresent(_ type: Int64.Type, forKey key: Key) -> Int64? { missing(type, key) }
  func decodeIfPresent(_ type: UInt.Type, forKey key: Key) -> UInt? { missing(type, key) }
  func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) -> UInt8? { missing(type, key) }
  func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) -> UInt16? { missing(type, key) }
  func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) -> UInt32? { missing(type, key) }
  func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) -> UInt64? { missing(type, key) }

  private func missing<Value: Decodable>(_ type: Value.Type, _ key: Key) -> Value? {
    object.note(key.stringValue, type, isRequired: false)
    return nil
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> { throw SchemaError.notDerivable }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    throw SchemaError.notDerivable
  }

  func superDecoder() throws -> any Decoder { throw SchemaError.notDerivable }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw SchemaError.notDerivable }
}

private struct SingleRecorder: SingleValueDecodingContainer {
  let decoder: SchemaDecoder
  let codingPath: [any CodingKey] = []

  func decodeNil() -> Bool { false }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    decoder.form = .single(type)
    switch type {
    case is Bool.Type: return try cast(false)
    case is String.Type: return try cast("")
    case let number as any Numeric.Type: return try cast(zero(number))
    default: return try SchemaDecoder.blank(type)
    }
  }

  private func zero<Number: Numeric>(_ type: Number.Type) -> Any { Number.zero }

  private func cast<Value>(_ value: Any) throws -> Value {
    guard let value = value as? Value else { throw SchemaError.notDerivable }
    return value
  }
}
