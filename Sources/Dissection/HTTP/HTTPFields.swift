internal import Records

/// The `http` record: one a transaction. What HTTP/2 has beside it is declared with its dissector.
enum HTTPFields {
  static let number: UInt8 = 4
  private static func field(_ index: UInt8) -> EventField { EventField(group: 4, index: index) }

  static var hostname: EventField { field(1) }
  static var port: EventField { field(2) }
  static var url: EventField { field(3) }
  static var userAgent: EventField { field(4) }
  static var forwardedFor: EventField { field(5) }
  static var contentType: EventField { field(6) }
  static var contentRange: EventField { field(7) }
  static var rangeRaw: EventField { field(8) }
  static var rangeStart: EventField { field(9) }
  static var rangeEnd: EventField { field(10) }
  static var rangeSize: EventField { field(11) }
  static var referrer: EventField { field(12) }
  static var method: EventField { field(13) }
  static var protocolVersion: EventField { field(14) }
  static var status: EventField { field(15) }
  static var statusString: EventField { field(16) }
  static var redirect: EventField { field(17) }
  static var length: EventField { field(18) }
  // What Suricata has as "custom" fields.
  static var trueClientIP: EventField { field(19) }
  static var originalSourceIP: EventField { field(20) }
  static var blueCoatVia: EventField { field(21) }
  static var forwardedProto: EventField { field(22) }
  static var origin: EventField { field(23) }
  static var via: EventField { field(24) }
  static var server: EventField { field(25) }
  static var contentEncoding: EventField { field(26) }
  static var upgrade: EventField { field(27) }
  // What Martlet has beside them.
  static var requestContentType: EventField { field(28) }
  static var requestMIMEType: EventField { field(29) }
  static var responseMIMEType: EventField { field(30) }
  static var requestBodyLength: EventField { field(31) }
  static var responseBodyLength: EventField { field(32) }
  static var requestHeaderCount: EventField { field(33) }
  static var responseHeaderCount: EventField { field(34) }
  static var username: EventField { field(35) }
  static var cookieNames: EventField { field(36) }
  static var setCookieNames: EventField { field(37) }
  static var latency: EventField { field(38) }
  static var incomplete: EventField { field(39) }
  static var missingBytes: EventField { field(40) }
  static var requestDecodedLength: EventField { field(44) }
  static var responseDecodedLength: EventField { field(45) }
  // HTTP/2's.
  static var version: EventField { field(41) }
  static var http2: EventField { field(42) }
  static var streamID: EventField { field(43) }
  // What Zeek's http.log has and EVE has not.
  static var transactionDepth: EventField { field(64) }
  static var requestTime: EventField { field(65) }
  static var rawHost: EventField { field(66) }
  static var zeekVersion: EventField { field(67) }
  static var statusMessage: EventField { field(68) }
  static var infoCode: EventField { field(69) }
  static var infoMessage: EventField { field(70) }
  static var proxied: EventField { field(73) }
  static var requestFilename: EventField { field(74) }
  static var responseFilename: EventField { field(75) }

  static let group = EventGroup(
    number: number, type: .http, key: "http", fields: request + response + own + http2Only + zeek)

  private static let request = [
    EventFieldDefinition(
      hostname, "hostname", .string, "Suricata", "host, from the URL or the Host field, lower case"),
    EventFieldDefinition(
      port, "http_port", .integer, "Suricata", "port, where host or URL say one"),
    EventFieldDefinition(url, "url", .string, "Suricata", "request target as it was sent, masked"),
    EventFieldDefinition(userAgent, "http_user_agent", .string, "Suricata", "User-Agent"),
    EventFieldDefinition(forwardedFor, "xff", .string, "Suricata", "X-Forwarded-For"),
    EventFieldDefinition(referrer, "http_refer", .string, "Suricata", "Referer, masked"),
    EventFieldDefinition(method, "http_method", .string, "Suricata", "method"),
    EventFieldDefinition(
      protocolVersion, "protocol", .string, "Suricata", "version as it was sent: HTTP/1.1"),
    EventFieldDefinition(trueClientIP, "true_client_ip", .string, "Suricata", "True-Client-IP"),
    EventFieldDefinition(originalSourceIP, "org_src_ip", .string, "Suricata", "Org-Src-IP"),
    EventFieldDefinition(blueCoatVia, "x_bluecoat_via", .string, "Suricata", "X-BlueCoat-Via"),
    EventFieldDefinition(
      forwardedProto, "x_forwarded_proto", .string, "Suricata", "X-Forwarded-Proto"),
    EventFieldDefinition(origin, "origin", .string, "Suricata", "Origin"),
    EventFieldDefinition(via, "via", .string, "Suricata", "the request's Via"),
    EventFieldDefinition(upgrade, "upgrade", .string, "Suricata", "Upgrade: what is proposed"),
  ]

  private static let response = [
    EventFieldDefinition(
      contentType, "http_content_type", .string, "Suricata",
      "the response's Content-Type without parameters"),
    EventFieldDefinition(contentRange, "content_range", .object, "Suricata", "Content-Range"),
    EventFieldDefinition(rangeRaw, "raw", .string, "Suricata", "as it was sent"),
    EventFieldDefinition(rangeStart, "start", .integer, "Suricata", "first byte"),
    EventFieldDefinition(rangeEnd, "end", .integer, "Suricata", "last byte"),
    EventFieldDefinition(rangeSize, "size", .integer, "Suricata", "of the whole"),
    EventFieldDefinition(status, "status", .integer, "Suricata", "status code"),
    EventFieldDefinition(
      statusString, "status_string", .string, "Suricata", "status where it is no number"),
    EventFieldDefinition(redirect, "redirect", .string, "Suricata", "Location, masked"),
    EventFieldDefinition(
      length, "length", .integer, "Suricata", "the response's body as it was transferred, in bytes"),
    EventFieldDefinition(server, "server", .string, "Suricata", "Server"),
    EventFieldDefinition(
      contentEncoding, "content_encoding", .string, "Suricata", "the response's Content-Encoding"),
  ]

  private static let own = [
    EventFieldDefinition(
      requestContentType, "request_content_type", .string, "Martlet",
      "the request's Content-Type without parameters"),
    EventFieldDefinition(
      requestMIMEType, "request_mimetype", .string, "Martlet",
      "type of the request's body by its first bytes"),
    EventFieldDefinition(
      responseMIMEType, "response_mimetype", .string, "Martlet",
      "type of the response's body by its first bytes"),
    EventFieldDefinition(
      requestBodyLength, "request_body_length", .integer, "Martlet",
      "bytes of the request's body without chunks' framing, compressed as it was"),
    EventFieldDefinition(
      responseBodyLength, "response_body_length", .integer, "Martlet", "the same of the response's"),
    EventFieldDefinition(
      requestDecodedLength, "request_decoded_length", .integer, "Martlet",
      "bytes of the request's body without its encoding, where bodies are hashed"),
    EventFieldDefinition(
      responseDecodedLength, "response_decoded_length", .integer, "Martlet",
      "the same of the response's"),
    EventFieldDefinition(
      requestHeaderCount, "request_header_count", .integer, "Martlet", "header fields"),
    EventFieldDefinition(
      responseHeaderCount, "response_header_count", .integer, "Martlet", "header fields"),
    EventFieldDefinition(
      username, "username", .string, "Zeek", "of basic authorization; its password never"),
    EventFieldDefinition(cookieNames, "cookies", .array, "Martlet", "names of cookies sent"),
    EventFieldDefinition(setCookieNames, "set_cookies", .array, "Martlet", "names of cookies set"),
    EventFieldDefinition(
      latency, "latency", .number, "Martlet", "seconds from the request's head to the response's"),
    EventFieldDefinition(
      incomplete, "incomplete", .boolean, "Martlet", "bytes of the transaction were not seen"),
    EventFieldDefinition(
      missingBytes, "missing_bytes", .integer, "Martlet", "how many, as far as it is known"),
  ]

  private static let http2Only = [
    EventFieldDefinition(version, "version", .string, "Suricata", "of HTTP/2: 2"),
    EventFieldDefinition(
      http2, "http2", .object, "Suricata", "of HTTP/2: what it has beside HTTP/1"),
    EventFieldDefinition(streamID, "stream_id", .integer, "Suricata", "of HTTP/2: the stream"),
  ]

  private static let zeek = [
    EventFieldDefinition(
      transactionDepth, "trans_depth", .integer, "Zeek", "the transaction's number, from 1",
      isHidden: true),
    EventFieldDefinition(
      requestTime, "ts", .timestamp, "Zeek", "when the request came", isHidden: true),
    EventFieldDefinition(
      rawHost, "host", .string, "Zeek", "the Host field as it was sent", isHidden: true),
    EventFieldDefinition(
      zeekVersion, "zeek_version", .string, "Zeek", "of the response: 1.1",
      isHidden: true),
    EventFieldDefinition(
      statusMessage, "status_msg", .string, "Zeek", "reason phrase", isHidden: true),
    EventFieldDefinition(
      infoCode, "info_code", .integer, "Zeek", "the last 1xx status", isHidden: true),
    EventFieldDefinition(
      infoMessage, "info_msg", .string, "Zeek", "its reason phrase", isHidden: true),
    EventFieldDefinition(
      proxied, "proxied", .array, "Zeek", "fields that tell of a proxy, with their values",
      isHidden: true),
    EventFieldDefinition(
      requestFilename, "orig_filename", .string, "Zeek", "name of the request's file",
      isHidden: true),
    EventFieldDefinition(
      responseFilename, "resp_filename", .string, "Zeek", "name of the response's file",
      isHidden: true),
  ]
}
