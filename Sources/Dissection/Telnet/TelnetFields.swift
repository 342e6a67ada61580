internal import Records

enum TelnetFields {
  static let number: UInt8 = 12
  private static func field(_ index: UInt8) -> EventField { EventField(group: 12, index: index) }

  static var banner: EventField { field(1) }
  static var user: EventField { field(2) }
  static var password: EventField { field(3) }
  static var success: EventField { field(4) }

  static let group = EventGroup(
    number: number, type: .telnet, key: "telnet",
    fields: [
      EventFieldDefinition(
        banner, "banner", .string, "Martlet", "the first line that the server showed"),
      EventFieldDefinition(
        user, "user", .string, "Martlet", "the name that was typed at the prompt"),
      EventFieldDefinition(
        password, "password", .string, "Martlet", "masked; there where one was typed"),
      EventFieldDefinition(
        success, "success", .boolean, "Martlet",
        "false where the server refused or asked again, true where it went on; a guess"),
    ])
}
