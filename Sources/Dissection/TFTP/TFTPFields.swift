internal import Records

enum TFTPFields {
  static let number: UInt8 = 18
  private static func field(_ index: UInt8) -> EventField { EventField(group: 18, index: index) }

  static var packet: EventField { field(1) }
  static var file: EventField { field(2) }
  static var mode: EventField { field(3) }
  static var blockSize: EventField { field(4) }
  static var transferSize: EventField { field(5) }
  static var timeout: EventField { field(6) }
  static var windowSize: EventField { field(7) }

  static let definitions: [EventFieldDefinition] = [
    EventFieldDefinition(packet, "packet", .string, "Suricata", "read or write"),
    EventFieldDefinition(
      file, "file", .string, "Suricata", "the file's name; left out where only headers are wanted"),
    EventFieldDefinition(mode, "mode", .string, "Suricata", "octet, netascii or mail"),
    EventFieldDefinition(
      blockSize, "blksize", .integer, "Martlet", "bytes of a block that are asked for (RFC 2348)"),
    EventFieldDefinition(
      transferSize, "tsize", .integer, "Martlet",
      "the file's bytes, 0: the server shall say (RFC 2349)"),
    EventFieldDefinition(
      timeout, "timeout", .integer, "Martlet", "seconds before a block is sent again (RFC 2349)"),
    EventFieldDefinition(
      windowSize, "windowsize", .integer, "Martlet", "blocks between acknowledgements (RFC 7440)"),
  ]

  static let group = EventGroup(number: number, type: .tftp, key: "tftp", fields: definitions)
}
