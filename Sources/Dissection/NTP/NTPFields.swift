internal import Records

/// EVE has no record for NTP: names are those of Zeek's ntp.log.
enum NTPFields {
  static let number: UInt8 = 14
  private static func field(_ index: UInt8) -> EventField { EventField(group: 14, index: index) }

  static var version: EventField { field(1) }
  static var mode: EventField { field(2) }
  static var modeName: EventField { field(3) }
  static var leap: EventField { field(4) }
  static var stratum: EventField { field(5) }
  static var poll: EventField { field(6) }
  static var precision: EventField { field(7) }
  static var rootDelay: EventField { field(8) }
  static var rootDispersion: EventField { field(9) }
  static var kissCode: EventField { field(10) }
  static var referenceID: EventField { field(11) }
  static var referenceTime: EventField { field(12) }
  static var originTime: EventField { field(13) }
  static var receiveTime: EventField { field(14) }
  static var transmitTime: EventField { field(15) }
  static var extensions: EventField { field(16) }
  static var keyID: EventField { field(17) }
  static var opcode: EventField { field(18) }
  static var isResponse: EventField { field(19) }
  static var isError: EventField { field(20) }
  static var isMore: EventField { field(21) }
  static var sequence: EventField { field(22) }
  static var status: EventField { field(23) }
  static var associationID: EventField { field(24) }
  static var implementation: EventField { field(25) }
  static var requestCode: EventField { field(26) }
  static var isAuthenticated: EventField { field(27) }
  static var errorCode: EventField { field(28) }
  static var items: EventField { field(29) }
  static var direction: EventField { field(30) }

  static let definitions: [EventFieldDefinition] = [
    EventFieldDefinition(version, "version", .integer, "Zeek", "of the protocol, 1 to 4"),
    EventFieldDefinition(
      direction, "type", .string, "Martlet", "request or response: sent by the client or the server"
    ),
    EventFieldDefinition(
      mode, "mode", .integer, "Zeek", "3 client, 4 server, 6 control, 7 private …"),
    EventFieldDefinition(modeName, "mode_name", .string, "Martlet", "the mode's name"),
    EventFieldDefinition(
      leap, "leap", .integer, "Martlet", "leap second: 1 one more, 2 one less, 3 not synchronised"),
    EventFieldDefinition(stratum, "stratum", .integer, "Zeek", "distance from a reference clock"),
    EventFieldDefinition(
      poll, "poll", .integer, "Zeek", "interval between messages, log2 of seconds"),
    EventFieldDefinition(precision, "precision", .integer, "Zeek", "of the clock, log2 of seconds"),
    EventFieldDefinition(
      rootDelay, "root_delay", .number, "Zeek", "seconds to the reference clock and back"),
    EventFieldDefinition(
      rootDispersion, "root_disp", .number, "Zeek", "seconds that the clock may be wrong"),
    EventFieldDefinition(
      kissCode, "kiss_code", .string, "Zeek", "of stratum 0: why there is no time (RFC 5905, 7.4)"),
    EventFieldDefinition(
      referenceID, "ref_id", .string, "Zeek",
      "of stratum 1 the clock's name, else the server's address or a hash of it"),
    EventFieldDefinition(
      referenceTime, "ref_time", .timestamp, "Zeek", "when the clock was last set"),
    EventFieldDefinition(
      originTime, "org_time", .timestamp, "Zeek", "when the request left the client"),
    EventFieldDefinition(
      receiveTime, "rec_time", .timestamp, "Zeek", "when the request came to the server"),
    EventFieldDefinition(
      transmitTime, "xmt_time", .timestamp, "Zeek", "when this message was sent"),
    EventFieldDefinition(extensions, "num_exts", .integer, "Zeek", "extension fields (RFC 7822)"),
    EventFieldDefinition(
      keyID, "key_id", .integer, "Zeek", "key of the message's digest, which is left out"),
    EventFieldDefinition(opcode, "op_code", .integer, "Zeek", "of a control message (RFC 9327, 3)"),
    EventFieldDefinition(
      isResponse, "response", .boolean, "Zeek", "a control or private message is an answer"),
    EventFieldDefinition(
      isError, "error", .boolean, "Zeek", "a control message says that something went wrong"),
    EventFieldDefinition(isMore, "more", .boolean, "Zeek", "more of the answer follows"),
    EventFieldDefinition(
      sequence, "sequence", .integer, "Zeek", "number of a control or private message"),
    EventFieldDefinition(status, "status", .integer, "Zeek", "status word of a control message"),
    EventFieldDefinition(
      associationID, "association_id", .integer, "Zeek", "what a control message is about"),
    EventFieldDefinition(
      implementation, "implementation", .integer, "Zeek", "whose private message it is: 3 ntpd's"),
    EventFieldDefinition(
      requestCode, "req_code", .integer, "Zeek", "of a private message: 42 is monlist"),
    EventFieldDefinition(
      isAuthenticated, "auth", .boolean, "Zeek", "a private message is authenticated"),
    EventFieldDefinition(errorCode, "err", .integer, "Zeek", "error of a private message"),
    EventFieldDefinition(items, "items", .integer, "Martlet", "entries in a private message"),
  ]

  static let group = EventGroup(number: number, type: .ntp, key: "ntp", fields: definitions)
}
