internal import Records

enum SMTPFields {
  static let number: UInt8 = 7
  private static func field(_ index: UInt8) -> EventField { EventField(group: 7, index: index) }

  static var smtp: EventField { field(1) }
  static var helo: EventField { field(2) }
  static var mailFrom: EventField { field(3) }
  static var recipients: EventField { field(4) }
  static var authMechanism: EventField { field(5) }
  static var email: EventField { field(6) }
  static var status: EventField { field(7) }
  static var from: EventField { field(8) }
  static var to: EventField { field(9) }
  static var cc: EventField { field(10) }
  static var bcc: EventField { field(11) }
  static var replyTo: EventField { field(12) }
  static var messageID: EventField { field(13) }
  static var subject: EventField { field(14) }
  static var mailer: EventField { field(15) }
  static var userAgent: EventField { field(16) }
  static var received: EventField { field(17) }
  static var originatingIP: EventField { field(18) }
  static var inReplyTo: EventField { field(19) }
  static var date: EventField { field(20) }
  static var attachments: EventField { field(21) }
  static var url: EventField { field(22) }
  static var depth: EventField { field(23) }
  static var lastReply: EventField { field(24) }
  static var tls: EventField { field(25) }
  static var rawSubject: EventField { field(26) }
  static var files: EventField { field(27) }

  static let group = EventGroup(
    number: number, type: .smtp, key: "",
    fields: [
      EventFieldDefinition(smtp, "smtp", .object, "Suricata", "the envelope"),
      EventFieldDefinition(
        helo, "helo", .string, "Suricata", "how the client named itself in HELO or EHLO"),
      EventFieldDefinition(
        mailFrom, "mail_from", .string, "Suricata", "the sender of MAIL FROM, in its brackets"),
      EventFieldDefinition(
        recipients, "rcpt_to", .array, "Suricata", "the recipients of RCPT TO, in their brackets"),
      EventFieldDefinition(
        authMechanism, "auth_mechanism", .string, "Martlet",
        "how the client logged in; never with what"),
      EventFieldDefinition(email, "email", .object, "Suricata", "the message's header"),
      EventFieldDefinition(
        status, "status", .string, "Suricata",
        "how far the message was read: PARSE_DONE, BODY_STARTED, HEADER_STARTED"),
      EventFieldDefinition(from, "from", .string, "Suricata", "From"),
      EventFieldDefinition(to, "to", .array, "Suricata", "To, an address an element"),
      EventFieldDefinition(cc, "cc", .array, "Suricata", "Cc, an address an element"),
      EventFieldDefinition(bcc, "bcc", .array, "Suricata", "Bcc, an address an element"),
      EventFieldDefinition(replyTo, "reply_to", .string, "Suricata", "Reply-To"),
      EventFieldDefinition(messageID, "message_id", .string, "Suricata", "Message-ID"),
      EventFieldDefinition(
        subject, "subject", .string, "Suricata", "Subject, with encoded words (RFC 2047) decoded"),
      EventFieldDefinition(mailer, "x_mailer", .string, "Suricata", "X-Mailer"),
      EventFieldDefinition(userAgent, "user_agent", .string, "Suricata", "User-Agent"),
      EventFieldDefinition(
        received, "received", .array, "Suricata", "the Received fields, the latest first"),
      EventFieldDefinition(
        originatingIP, "x_originating_ip", .string, "Suricata", "X-Originating-IP"),
      EventFieldDefinition(inReplyTo, "in_reply_to", .string, "Suricata", "In-Reply-To"),
      EventFieldDefinition(date, "date", .string, "Suricata", "Date"),
      EventFieldDefinition(
        attachments, "attachment", .array, "Suricata", "the attachments' names"),
      EventFieldDefinition(
        url, "url", .array, "Suricata",
        "addresses of the web in the text with their scheme, the last one first"),
      EventFieldDefinition(
        depth, "trans_depth", .integer, "Zeek", "number of the message in its connection",
        isHidden: true),
      EventFieldDefinition(
        lastReply, "last_reply", .string, "Zeek", "the server's latest reply", isHidden: true),
      EventFieldDefinition(
        files, "zeek_files", .integer, "Zeek", "parts of the mail that are files", isHidden: true),
      EventFieldDefinition(
        tls, "tls", .boolean, "Zeek", "the connection goes on in TLS", isHidden: true),
      EventFieldDefinition(
        rawSubject, "subject_raw", .string, "Zeek", "Subject as it was sent, where that differs",
        isHidden: true),
    ])
}
