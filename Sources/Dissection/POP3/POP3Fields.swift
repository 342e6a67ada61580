internal import Records

enum POP3Fields {
  static let number: UInt8 = 11
  private static func field(_ index: UInt8) -> EventField { EventField(group: 11, index: index) }

  static var request: EventField { field(1) }
  static var command: EventField { field(2) }
  static var arguments: EventField { field(3) }
  static var response: EventField { field(4) }
  static var success: EventField { field(5) }
  static var status: EventField { field(6) }
  static var header: EventField { field(7) }
  static var data: EventField { field(8) }
  static var dataBytes: EventField { field(9) }

  static let group = EventGroup(
    number: number, type: .pop3, key: "pop3",
    fields: [
      EventFieldDefinition(
        request, "request", .object, "Suricata", "the command; none with the server's greeting"),
      EventFieldDefinition(
        command, "command", .string, "Suricata", "its name; `<SASL DATA>` for a line of a login"),
      EventFieldDefinition(
        arguments, "args", .array, "Suricata", "its arguments; what is secret is masked"),
      EventFieldDefinition(response, "response", .object, "Suricata", "the server's answer"),
      EventFieldDefinition(success, "success", .boolean, "Suricata", "it was `+`"),
      EventFieldDefinition(status, "status", .string, "Suricata", "OK or ERR"),
      EventFieldDefinition(header, "header", .string, "Suricata", "the first line behind that"),
      EventFieldDefinition(
        data, "data", .array, "Suricata", "the lines of a list; a message's are left out"),
      EventFieldDefinition(
        dataBytes, "data_bytes", .integer, "Martlet", "length of what stands behind the first line"),
    ])
}
