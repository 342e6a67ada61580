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
  /// By ``EventField/rawValue`` below ``limit``: `"rrname":` ready to be copied; empty where hidden.
  let keys: [[UInt8]]
  let names: [[UInt8]]
  /// By the place of an ``EventType``: the name of its object, and its fields.
  private let byType: [(key: [UInt8], fields: [EventField])?]

  static let limit = 64 << 8

  package init(_ groups: [EventGroup]) {
    self.groups = groups
    var keys = [[UInt8]](repeating: [], count: Self.limit)
    var names = keys
    for group in groups {
      for definition in group.fields {
        let place = Int(definition.field.rawValue)
        precondition(
          place < Self.limit && names[place].isEmpty, "\(definition.name) has a number twice")
        let name = Array("\(definition.name)".utf8)
        names[place] = name
        if !definition.isHidden { keys[place] = Array("\"".utf8) + name + Array("\":".utf8) }
      }
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
    Int(field.rawValue) < Self.limit
      ? String(decoding: names[Int(field.rawValue)], as: UTF8.self) : ""
  }
}

extension EventSchema {
  /// `"rrname":` of a field; empty where it has no place in EVE.
  @inline(__always)
  func key(_ field: EventField) -> [UInt8] {
    Int(field.rawValue) < Self.limit ? keys[Int(field.rawValue)] : []
  }

  /// What a record of a type, by its place, is put together of.
  func group(at place: UInt8) -> (key: [UInt8], fields: [EventField])? {
    Int(place) < byType.count ? byType[Int(place)] : nil
  }
}
