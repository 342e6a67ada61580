internal import Records

enum SNMPFields {
  static let number: UInt8 = 15
  private static func field(_ index: UInt8) -> EventField { EventField(group: 15, index: index) }

  static var version: EventField { field(1) }
  static var pduType: EventField { field(2) }
  static var error: EventField { field(3) }
  static var trapType: EventField { field(4) }
  static var trapOID: EventField { field(5) }
  static var trapAddress: EventField { field(6) }
  static var vars: EventField { field(7) }
  static var community: EventField { field(8) }
  static var usm: EventField { field(9) }
  static var requestID: EventField { field(10) }
  static var errorIndex: EventField { field(11) }
  static var nonRepeaters: EventField { field(12) }
  static var maxRepetitions: EventField { field(13) }
  static var specificTrap: EventField { field(14) }
  static var messageID: EventField { field(15) }
  static var engineID: EventField { field(16) }
  static var engineBoots: EventField { field(17) }
  static var engineTime: EventField { field(18) }
  static var isAuthenticated: EventField { field(19) }
  static var contextName: EventField { field(20) }
  static var counts: EventField { field(21) }
  static var getRequests: EventField { field(22) }
  static var getBulkRequests: EventField { field(23) }
  static var getResponses: EventField { field(24) }
  static var setRequests: EventField { field(25) }

  static let group = EventGroup(
    number: number, type: .snmp, key: "snmp",
    fields: [
      EventFieldDefinition(version, "version", .integer, "Suricata", "1, 2 (v2c) or 3"),
      EventFieldDefinition(
        pduType, "pdu_type", .string, "Suricata",
        "get_request, response, trap_v2 and others after RFC 3416, 3, or encrypted"),
      EventFieldDefinition(
        error, "error", .string, "Suricata", "error status (RFC 3416, 3), where it is one"),
      EventFieldDefinition(
        trapType, "trap_type", .string, "Suricata", "generic trap (RFC 1157, 4.1.6)"),
      EventFieldDefinition(
        trapOID, "trap_oid", .string, "Suricata", "enterprise of a trap of version 1"),
      EventFieldDefinition(
        trapAddress, "trap_address", .address, "Suricata", "agent's address in it"),
      EventFieldDefinition(vars, "vars", .array, "Suricata", "object identifiers of the variables"),
      EventFieldDefinition(
        community, "community", .string, "Suricata",
        "masked: it is what grants access; that there is one is said"),
      EventFieldDefinition(usm, "usm", .string, "Suricata", "user of version 3 (RFC 3414, 2.4)"),
      EventFieldDefinition(requestID, "request_id", .integer, "Martlet", "ties answer to request"),
      EventFieldDefinition(
        errorIndex, "error_index", .integer, "Martlet", "which variable the error is of"),
      EventFieldDefinition(
        nonRepeaters, "non_repeaters", .integer, "Martlet", "of a get_bulk_request"),
      EventFieldDefinition(
        maxRepetitions, "max_repetitions", .integer, "Martlet", "of a get_bulk_request"),
      EventFieldDefinition(
        specificTrap, "specific_trap", .integer, "Martlet", "specific code of a trap of version 1"),
      EventFieldDefinition(
        messageID, "message_id", .integer, "Martlet", "version 3: msgID (RFC 3412, 6.2)"),
      EventFieldDefinition(
        engineID, "engine_id", .string, "Martlet",
        "version 3: authoritative engine, hexadecimal"),
      EventFieldDefinition(
        engineBoots, "engine_boots", .integer, "Martlet", "version 3: times it has started"),
      EventFieldDefinition(
        engineTime, "engine_time", .integer, "Martlet", "version 3: seconds since then"),
      EventFieldDefinition(
        isAuthenticated, "authenticated", .boolean, "Martlet", "version 3: authFlag"),
      EventFieldDefinition(
        contextName, "context_name", .string, "Martlet", "version 3: context of the request"),
      EventFieldDefinition(
        counts, "counts", .object, "Zeek", "messages of the flow so far, as in snmp.log"),
      EventFieldDefinition(
        getRequests, "get_requests", .integer, "Zeek", "get and get-next requests"),
      EventFieldDefinition(getBulkRequests, "get_bulk_requests", .integer, "Zeek", "get-bulk"),
      EventFieldDefinition(getResponses, "get_responses", .integer, "Zeek", "responses"),
      EventFieldDefinition(setRequests, "set_requests", .integer, "Zeek", "set requests"),
    ])
}
