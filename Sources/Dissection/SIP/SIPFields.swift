internal import Records

enum SIPFields {
  static let number: UInt8 = 16
  private static func field(_ index: UInt8) -> EventField { EventField(group: 16, index: index) }

  static var method: EventField { field(1) }
  static var uri: EventField { field(2) }
  static var version: EventField { field(3) }
  static var requestLine: EventField { field(4) }
  static var code: EventField { field(5) }
  static var reason: EventField { field(6) }
  static var responseLine: EventField { field(7) }
  static var from: EventField { field(8) }
  static var to: EventField { field(9) }
  static var callID: EventField { field(10) }
  static var cseq: EventField { field(11) }
  static var userAgent: EventField { field(12) }
  static var server: EventField { field(13) }
  static var contact: EventField { field(14) }
  static var via: EventField { field(15) }
  static var subject: EventField { field(16) }
  static var contentType: EventField { field(17) }
  static var contentLength: EventField { field(18) }
  static var sdp: EventField { field(19) }
  static var origin: EventField { field(20) }
  static var sessionName: EventField { field(21) }
  static var connectionData: EventField { field(22) }
  static var mediaDescriptions: EventField { field(23) }
  static var media: EventField { field(24) }
  static var mediaAddress: EventField { field(25) }
  static var mediaPort: EventField { field(26) }

  private static func define(
    _ field: EventField, _ name: StaticString, _ meaning: StaticString,
    _ source: StaticString = "Martlet", _ kind: EventFieldDefinition.Kind = .string
  ) -> EventFieldDefinition {
    EventFieldDefinition(field, name, kind, source, meaning)
  }

  static let group = EventGroup(
    number: number, type: .sip, key: "sip",
    fields: [
      define(method, "method", "of a request (RFC 3261, 7.1)", "Suricata"),
      define(uri, "uri", "Request-URI, without the password that it may have", "Suricata"),
      define(version, "version", "SIP/2.0", "Suricata"),
      define(requestLine, "request_line", "first line of a request", "Suricata"),
      define(code, "code", "of a response (RFC 3261, 7.2)", "Suricata"),
      define(reason, "reason", "phrase of a response", "Suricata"),
      define(responseLine, "response_line", "first line of a response", "Suricata"),
      define(from, "from", "From, with its tag"),
      define(to, "to", "To, with its tag"),
      define(callID, "call_id", "ties the messages of a call"),
      define(cseq, "cseq", "number and method of the request"),
      define(userAgent, "user_agent", "program of who asks"),
      define(server, "server", "program of who answers"),
      define(contact, "contact", "where the sender can be reached"),
      define(via, "via", "the way that the request has come", "Martlet", .array),
      define(subject, "subject", "of the call; not with headers only"),
      define(contentType, "content_type", "of the body"),
      define(contentLength, "content_length", "of the body as it is said", "Martlet", .integer),
      define(sdp, "sdp", "what is offered or agreed upon (RFC 8866)", "Suricata", .object),
      define(origin, "origin", "o= of it", "Suricata"),
      define(sessionName, "session_name", "s= of it", "Suricata"),
      define(connectionData, "connection_data", "c= of it", "Suricata"),
      define(mediaDescriptions, "media_descriptions", "each medium", "Suricata", .array),
      define(media, "media", "m= of it: kind, port, transport, formats", "Suricata"),
      define(mediaAddress, "address", "where the medium is sent to"),
      define(mediaPort, "port", "and its port", "Martlet", .integer),
    ])
}
