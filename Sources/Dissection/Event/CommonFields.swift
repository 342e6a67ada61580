internal import Records

enum CommonFields {
  static let number: UInt8 = 1
  private static func field(_ index: UInt8) -> EventField { EventField(group: 1, index: index) }

  static var incomplete: EventField { field(1) }
  static var missingBytes: EventField { field(2) }

  static let group = EventGroup(
    number: number, type: .flow, key: "",
    fields: [
      EventFieldDefinition(
        incomplete, "incomplete", .boolean, "Martlet", "bytes of it were not seen"),
      EventFieldDefinition(
        missingBytes, "missing_bytes", .integer, "Martlet", "how many, of both directions so far"),
    ])
}
