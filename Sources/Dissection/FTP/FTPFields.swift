internal import Records

enum FTPFields {
  static let number: UInt8 = 8
  private static func field(_ index: UInt8) -> EventField { EventField(group: 8, index: index) }

  static var command: EventField { field(1) }
  static var commandData: EventField { field(2) }
  static var commandTruncated: EventField { field(3) }
  static var completionCode: EventField { field(4) }
  static var reply: EventField { field(5) }
  static var dynamicPort: EventField { field(6) }
  static var mode: EventField { field(7) }
  static var replyReceived: EventField { field(8) }
  static var replyTruncated: EventField { field(9) }
  static var user: EventField { field(10) }

  static let group = EventGroup(
    number: number, type: .ftp, key: "ftp",
    fields: [
      EventFieldDefinition(
        command, "command", .string, "Suricata", "the command; none with the server's greeting"),
      EventFieldDefinition(
        commandData, "command_data", .string, "Suricata",
        "what stands behind the command; a password is masked"),
      EventFieldDefinition(
        commandTruncated, "command_truncated", .boolean, "Suricata",
        "the line was longer than 4,096 bytes"),
      EventFieldDefinition(
        completionCode, "completion_code", .array, "Suricata", "the codes of the reply's lines"),
      EventFieldDefinition(reply, "reply", .array, "Suricata", "the reply's lines without codes"),
      EventFieldDefinition(
        dynamicPort, "dynamic_port", .integer, "Suricata",
        "the port that was agreed on for the next transfer"),
      EventFieldDefinition(
        mode, "mode", .string, "Suricata",
        "who opens the data channel: active the server, passive the client"),
      EventFieldDefinition(
        replyReceived, "reply_received", .string, "Suricata", "yes or no"),
      EventFieldDefinition(
        replyTruncated, "reply_truncated", .boolean, "Suricata",
        "the reply was longer than is written down"),
      EventFieldDefinition(
        user, "user", .string, "Martlet", "the name that the client logged in with"),
    ])
}
