internal import Records

/// What HTTP/2's `http` record has beside ``HTTPFields``.
enum HTTP2Fields {
  static let number: UInt8 = 20
  private static func field(_ index: UInt8) -> EventField { EventField(group: 20, index: index) }

  static var requestHeaders: EventField { field(1) }
  static var responseHeaders: EventField { field(2) }
  static var name: EventField { field(3) }
  static var value: EventField { field(4) }
  static var tableSizeUpdate: EventField { field(5) }
  static var request: EventField { field(6) }
  static var response: EventField { field(7) }
  static var settings: EventField { field(8) }
  static var settingsID: EventField { field(9) }
  static var settingsValue: EventField { field(10) }
  static var priority: EventField { field(11) }
  static var errorCode: EventField { field(12) }
  static var pushed: EventField { field(13) }

  static let group = EventGroup(
    number: number, type: .http, key: "http",
    fields: [
      EventFieldDefinition(
        requestHeaders, "request_headers", .array, "Suricata",
        "of HTTP/2: the request's fields in their order, secrets masked"),
      EventFieldDefinition(
        responseHeaders, "response_headers", .array, "Suricata",
        "of HTTP/2: the response's fields in their order, secrets masked"),
      EventFieldDefinition(name, "name", .string, "Suricata", "name of a field"),
      EventFieldDefinition(value, "value", .string, "Suricata", "its value"),
      EventFieldDefinition(
        tableSizeUpdate, "table_size_update", .integer, "Suricata",
        "new size of HPACK's table, where the block says one"),
      EventFieldDefinition(
        request, "request", .object, "Suricata", "what the client's frames say"),
      EventFieldDefinition(
        response, "response", .object, "Suricata", "what the server's frames say"),
      EventFieldDefinition(settings, "settings", .array, "Suricata", "of a SETTINGS frame"),
      EventFieldDefinition(
        settingsID, "settings_id", .any, "Suricata", "name of a setting, or its number"),
      EventFieldDefinition(settingsValue, "settings_value", .integer, "Suricata", "its value"),
      EventFieldDefinition(
        priority, "priority", .integer, "Suricata", "the stream's weight, less one"),
      EventFieldDefinition(
        errorCode, "error_code", .any, "Suricata",
        "of RST_STREAM or GOAWAY: its name, or its number"),
      EventFieldDefinition(
        pushed, "pushed", .boolean, "Martlet", "the server promised the response unasked"),
    ])
}
