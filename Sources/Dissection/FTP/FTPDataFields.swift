internal import Records

enum FTPDataFields {
  static let number: UInt8 = 9
  private static func field(_ index: UInt8) -> EventField { EventField(group: 9, index: index) }

  static var filename: EventField { field(1) }
  static var command: EventField { field(2) }

  static let group = EventGroup(
    number: number, type: .ftpData, key: "ftp_data",
    fields: [
      EventFieldDefinition(filename, "filename", .string, "Suricata", "the file asked for"),
      EventFieldDefinition(
        command, "command", .string, "Suricata", "the command that had it sent: RETR, STOR, APPE"),
    ])
}
