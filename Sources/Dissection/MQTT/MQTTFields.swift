internal import Records

enum MQTTFields {
  static let number: UInt8 = 17
  private static func field(_ index: UInt8) -> EventField { EventField(group: 17, index: index) }

  /// The object of a type of message (MQTT 5.0, 2.1.2), 1 to 15.
  static func message(_ type: UInt8) -> EventField { field(type) }

  static var qos: EventField { field(20) }
  static var retain: EventField { field(21) }
  static var dup: EventField { field(22) }
  static var protocolString: EventField { field(23) }
  static var protocolVersion: EventField { field(24) }
  static var clientID: EventField { field(25) }
  static var flags: EventField { field(26) }
  static var username: EventField { field(27) }
  static var password: EventField { field(28) }
  static var willRetain: EventField { field(29) }
  static var will: EventField { field(30) }
  static var cleanSession: EventField { field(31) }
  static var topic: EventField { field(32) }
  static var message: EventField { field(33) }
  static var properties: EventField { field(34) }
  static var sessionPresent: EventField { field(35) }
  static var returnCode: EventField { field(36) }
  static var messageID: EventField { field(37) }
  static var reasonCode: EventField { field(38) }
  static var topics: EventField { field(39) }
  static var qosGranted: EventField { field(40) }
  static var reasonCodes: EventField { field(41) }
  static var truncated: EventField { field(42) }
  static var skippedLength: EventField { field(43) }
  static var keepAlive: EventField { field(44) }
  static var messageLength: EventField { field(45) }
  static var userProperties: EventField { field(46) }
  static var name: EventField { field(47) }
  static var value: EventField { field(48) }

  /// A property by its identifier (MQTT 5.0, 2.2.2.2), 1 to 42.
  static func property(_ identifier: UInt8) -> EventField { field(64 + identifier) }

  static let group = EventGroup(
    number: number, type: .mqtt, key: "mqtt", fields: messages + members + propertyFields)

  private static func define(
    _ field: EventField, _ name: StaticString, _ kind: EventFieldDefinition.Kind,
    _ meaning: StaticString, _ source: StaticString = "Suricata"
  ) -> EventFieldDefinition {
    EventFieldDefinition(field, name, kind, source, meaning)
  }

  private static let messages: [EventFieldDefinition] = [
    define(message(1), "connect", .object, "client asks for a connection"),
    define(message(2), "connack", .object, "and is answered"),
    define(message(3), "publish", .object, "a message"),
    define(message(4), "puback", .object, "its receipt (QoS 1)"),
    define(message(5), "pubrec", .object, "received (QoS 2, first)"),
    define(message(6), "pubrel", .object, "released (QoS 2, second)"),
    define(message(7), "pubcomp", .object, "complete (QoS 2, third)"),
    define(message(8), "subscribe", .object, "client asks for topics"),
    define(message(9), "suback", .object, "and is answered"),
    define(message(10), "unsubscribe", .object, "client wants topics no more"),
    define(message(11), "unsuback", .object, "and is answered"),
    define(message(12), "pingreq", .object, "sign of life asked for"),
    define(message(13), "pingresp", .object, "and given"),
    define(message(14), "disconnect", .object, "end of the connection"),
    define(message(15), "auth", .object, "step of an authentication (version 5)"),
  ]

  private static let members: [EventFieldDefinition] = [
    define(qos, "qos", .integer, "of the fixed header, or asked for a topic"),
    define(retain, "retain", .boolean, "of the fixed header"),
    define(dup, "dup", .boolean, "of the fixed header: sent before"),
    define(protocolString, "protocol_string", .string, "MQTT, or MQIsdp before 3.1.1"),
    define(protocolVersion, "protocol_version", .integer, "3 (3.1), 4 (3.1.1), 5"),
    define(clientID, "client_id", .string, "client's name of itself"),
    define(flags, "flags", .object, "what the connection comes with"),
    define(
      username, "username", .any, "flags: whether there is one; connect: the name"),
    define(password, "password", .boolean, "flags: whether there is one, which is never shown"),
    define(willRetain, "will_retain", .boolean, "flags: the will is kept"),
    define(will, "will", .any, "flags: whether there is one; connect: message after its death"),
    define(cleanSession, "clean_session", .boolean, "flags: nothing of before is wanted"),
    define(topic, "topic", .string, "what it is about"),
    define(message, "message", .string, "what is published, its beginning; not with headers only"),
    define(properties, "properties", .object, "of version 5"),
    define(sessionPresent, "session_present", .boolean, "connack: the server remembers"),
    define(returnCode, "return_code", .integer, "connack: 0 is accepted"),
    define(messageID, "message_id", .integer, "ties a message to its receipt"),
    define(reasonCode, "reason_code", .integer, "version 5, and disconnect"),
    define(topics, "topics", .array, "asked for"),
    define(qosGranted, "qos_granted", .array, "suback: a code for each topic"),
    define(reasonCodes, "reason_codes", .array, "unsuback: a code for each topic"),
    define(truncated, "truncated", .boolean, "longer than what is looked at"),
    define(skippedLength, "skipped_length", .integer, "its length"),
    define(keepAlive, "keep_alive", .integer, "connect: seconds between signs of life", "Martlet"),
    define(messageLength, "message_length", .integer, "publish: bytes of the message", "Martlet"),
    define(
      userProperties, "user_properties", .array,
      "names off the wire do not become names of fields: pairs", "Martlet"),
    define(name, "name", .string, "of a user property", "Martlet"),
    define(value, "value", .string, "of a user property, masked where its name says", "Martlet"),
  ]

  private static let propertyFields: [EventFieldDefinition] = [
    define(property(1), "payload_format_indicator", .integer, "1: UTF-8"),
    define(property(2), "message_expiry_interval", .integer, "seconds"),
    define(property(3), "content_type", .string, "of the message"),
    define(property(8), "response_topic", .string, "where an answer is wanted"),
    define(property(9), "correlation_data", .string, "ties an answer to it"),
    define(property(11), "subscription_identifier", .integer, "number of the subscription"),
    define(property(17), "session_expiry_interval", .integer, "seconds"),
    define(property(18), "assigned_client_identifier", .string, "name that the server gave"),
    define(property(19), "server_keep_alive", .integer, "seconds"),
    define(property(21), "authentication_method", .string, "name of the method"),
    define(property(23), "request_problem_information", .integer, "reasons are wanted"),
    define(property(24), "will_delay_interval", .integer, "seconds"),
    define(property(25), "request_response_information", .integer, "response_information wanted"),
    define(property(26), "response_information", .string, "base of response topics"),
    define(property(28), "server_reference", .string, "another server to go to"),
    define(property(31), "reason_string", .string, "for people"),
    define(property(33), "receive_maximum", .integer, "messages under way at once"),
    define(property(34), "topic_alias_maximum", .integer, "highest alias"),
    define(property(35), "topic_alias", .integer, "number instead of the topic"),
    define(property(36), "maximum_qos", .integer, "of the server"),
    define(property(37), "retain_available", .integer, "of the server"),
    define(property(39), "maximum_packet_size", .integer, "bytes"),
    define(property(40), "wildcard_subscription_available", .integer, "of the server"),
    define(property(41), "subscription_identifier_available", .integer, "of the server"),
    define(property(42), "shared_subscription_available", .integer, "of the server"),
  ]
}
