internal import Records

enum IMAPFields {
  static let number: UInt8 = 10
  private static func field(_ index: UInt8) -> EventField { EventField(group: 10, index: index) }

  static var tag: EventField { field(1) }
  static var command: EventField { field(2) }
  static var user: EventField { field(3) }
  static var authMechanism: EventField { field(4) }
  static var mailbox: EventField { field(5) }
  static var status: EventField { field(6) }
  static var reply: EventField { field(7) }
  static var capabilities: EventField { field(8) }
  static var dataBytes: EventField { field(9) }

  static let group = EventGroup(
    number: number, type: .imap, key: "imap",
    fields: [
      EventFieldDefinition(
        tag, "tag", .string, "Martlet", "the command's tag; none with the server's greeting"),
      EventFieldDefinition(
        command, "command", .string, "Martlet", "the command: LOGIN, SELECT, UID FETCH …"),
      EventFieldDefinition(user, "user", .string, "Martlet", "the name that LOGIN gave"),
      EventFieldDefinition(
        authMechanism, "auth_mechanism", .string, "Martlet", "the mechanism of AUTHENTICATE"),
      EventFieldDefinition(
        mailbox, "mailbox", .string, "Martlet", "the mailbox that the command is about"),
      EventFieldDefinition(
        status, "status", .string, "Martlet", "OK, NO, BAD, PREAUTH, BYE; none without an answer"),
      EventFieldDefinition(reply, "reply", .string, "Martlet", "the text behind the status"),
      EventFieldDefinition(
        capabilities, "capabilities", .string, "Martlet", "what the server says that it can do"),
      EventFieldDefinition(
        dataBytes, "data_bytes", .integer, "Martlet",
        "bytes of messages and other literals on the way, both directions"),
    ])
}
