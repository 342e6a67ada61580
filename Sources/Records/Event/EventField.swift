/// A field of a protocol record: a protocol's number in the high byte, its own in the low one.
@usableFromInline @frozen
package struct EventField: BitwiseCopyable, Hashable, Sendable {
  @usableFromInline package let rawValue: UInt16

  @inlinable @inline(__always)
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  package init(group: UInt8, index: UInt8) { rawValue = UInt16(group) << 8 | UInt16(index) }
}

/// What is said of a field once, where it is declared: name in EVE, kind, source, meaning. Encoders,
/// JSON Schema and reference are all made from it.
package struct EventFieldDefinition: Sendable {
  package enum Kind: String, Sendable {
    /// Text as it came off the wire; what is no UTF-8 is escaped.
    case string
    case integer
    case number
    case boolean
    /// In EVE's form.
    case timestamp
    case address
    case object
    case array
    /// Some values are numbers, others text.
    case any
  }

  package let field: EventField
  package let name: StaticString
  package let kind: Kind
  /// `Suricata`, `Zeek`, `JA4`, `Martlet` …: where name and meaning come from.
  package let source: StaticString
  package let meaning: StaticString
  /// For other forms than EVE alone (Zeek's logs): not written in EVE.
  package let isHidden: Bool

  package init(
    _ field: EventField, _ name: StaticString, _ kind: Kind, _ source: StaticString,
    _ meaning: StaticString, isHidden: Bool = false
  ) {
    self.field = field
    self.name = name
    self.kind = kind
    self.source = source
    self.meaning = meaning
    self.isHidden = isHidden
  }
}

/// A protocol's record: its event type, and its fields with their places in each other.
package struct EventGroup: Sendable {
  /// High byte of all its fields.
  package let number: UInt8
  package let type: EventType
  /// The object in which EVE has the fields: `dns`.
  package let key: StaticString
  package let fields: [EventFieldDefinition]

  package init(
    number: UInt8, type: EventType, key: StaticString, fields: [EventFieldDefinition]
  ) {
    self.number = number
    self.type = type
    self.key = key
    self.fields = fields
  }
}

/// All protocol records that there are. Records knows how such records are written down and not what is
/// in them: the groups are declared where they are made.
package struct EventSchema: Sendable {
  package let groups: [EventGroup]
  /// `"rrname":` and its like, ready to be copied, one behind the other in the order of their fields; and by
  /// ``EventField/rawValue`` where each begins, which is where the one before ends. Hidden fields have none.
  private let keys: [UInt8]
  private let keyStarts: [UInt32]
  private let names: [String]
  /// By the place of an ``EventType``: the name of its object, and its fields.
  private let byType: [(key: [UInt8], fields: [EventField])?]

  static let limit = 64 << 8

  package init(_ groups: [EventGroup]) {
    self.groups = groups
    var names = [String](repeating: "", count: Self.limit)
    var isShown = [Bool](repeating: false, count: Self.limit)
    for group in groups {
      for definition in group.fields {
        let place = Int(definition.field.rawValue)
        precondition(
          place < Self.limit && names[place].isEmpty, "\(definition.name) has a number twice")
        names[place] = "\(definition.name)"
        isShown[place] = !definition.isHidden
      }
    }
    var keys: [UInt8] = []
    keyStarts = (0...Self.limit).map { place in
      let start = UInt32(keys.count)
      if place < Self.limit && isShown[place] { keys += "\"\(names[place])\":".utf8 }
      return start
    }
    self.keys = keys
    self.names = names
    byType = EventType.allCases.map { type in
      type.isProtocol
        ? groups.first { $0.type == type }.map { (Array("\($0.key)".utf8), $0.fields.map(\.field)) }
        : nil
    }
  }

  package static let none = EventSchema([])

  package func group(of type: EventType) -> EventGroup? { groups.first { $0.type == type } }

  package func name(_ field: EventField) -> String {
    Int(field.rawValue) < Self.limit ? names[Int(field.rawValue)] : ""
  }
}

extension EventSchema {
  /// Where the key of a field stands among all; empty where it has no place in EVE.
  @inline(__always)
  func key(_ field: EventField) -> Range<Int> {
    let place = Int(field.rawValue)
    guard place < Self.limit else { return 0..<0 }
    return Int(keyStarts[place])..<Int(keyStarts[place &+ 1])
  }

  /// Appends a key that ``key(_:)`` has found.
  @inline(__always)
  func write(_ key: Range<Int>, to writer: inout ByteWriter) {
    keys.withUnsafeBufferPointer { keys in
      guard let start = keys.baseAddress else { return }
      writer.cursor.update(from: start + key.lowerBound, count: key.count)
      writer.cursor += key.count
    }
  }

  /// What a record of a type, by its place, is put together of.
  func group(at place: UInt8) -> (key: [UInt8], fields: [EventField])? {
    Int(place) < byType.count ? byType[Int(place)] : nil
  }
}
