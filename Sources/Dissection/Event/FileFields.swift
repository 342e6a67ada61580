internal import Records

/// What was transferred: a body, an attachment. The record's members are `app_proto`, `fileinfo` and an
/// object of the protocol that brought it.
enum FileFields {
  static let number: UInt8 = 19
  private static func field(_ index: UInt8) -> EventField { EventField(group: 19, index: index) }

  static var http: EventField { field(1) }
  static var smtp: EventField { field(2) }
  static var email: EventField { field(3) }
  static var appProto: EventField { field(4) }
  static var fileinfo: EventField { field(5) }
  static var filename: EventField { field(6) }
  static var gaps: EventField { field(8) }
  static var state: EventField { field(9) }
  static var sha256: EventField { field(12) }
  static var stored: EventField { field(13) }
  static var size: EventField { field(14) }
  static var start: EventField { field(15) }
  static var end: EventField { field(16) }
  static var transaction: EventField { field(17) }
  static var mimeType: EventField { field(18) }
  static var missingBytes: EventField { field(19) }
  static var began: EventField { field(20) }
  static var source: EventField { field(21) }
  static var isOrig: EventField { field(22) }
  static var totalBytes: EventField { field(23) }
  static var ftpData: EventField { field(25) }
  static var encoded: EventField { field(26) }
  static var duration: EventField { field(27) }
  static var depth: EventField { field(28) }
  static var fileNumber: EventField { field(29) }

  static var imap: EventField { field(30) }
  static var pop3: EventField { field(31) }
  static var tftp: EventField { field(32) }

  static let group = EventGroup(
    number: number, type: .fileinfo, key: "",
    fields: [
      EventFieldDefinition(http, "http", .object, "Suricata", "the http record's members so far"),
      EventFieldDefinition(smtp, "smtp", .object, "Suricata", "the smtp record's members"),
      EventFieldDefinition(email, "email", .object, "Suricata", "the mail that had it attached"),
      EventFieldDefinition(
        ftpData, "ftp_data", .object, "Suricata", "the ftp_data record's members"),
      EventFieldDefinition(
        imap, "imap", .object, "Martlet", "what the imap record says of the command"),
      EventFieldDefinition(
        pop3, "pop3", .object, "Martlet", "what the pop3 record says of the command"),
      EventFieldDefinition(tftp, "tftp", .object, "Martlet", "the tftp record's members"),
      EventFieldDefinition(appProto, "app_proto", .string, "Suricata", "protocol that brought it"),
      EventFieldDefinition(fileinfo, "fileinfo", .object, "Suricata", "the file"),
      EventFieldDefinition(
        filename, "filename", .string, "Suricata", "its name; over HTTP the URL's path without one"),
      EventFieldDefinition(gaps, "gaps", .boolean, "Suricata", "bytes of it were not seen"),
      EventFieldDefinition(
        state, "state", .string, "Suricata", "CLOSED: to its end; TRUNCATED: not"),
      EventFieldDefinition(
        sha256, "sha256", .string, "Suricata", "SHA-256 of what was seen of it, decoded"),
      EventFieldDefinition(stored, "stored", .boolean, "Suricata", "it was written to a file"),
      EventFieldDefinition(size, "size", .integer, "Suricata", "bytes seen of it, decoded"),
      EventFieldDefinition(start, "start", .integer, "Suricata", "of a range: its first byte"),
      EventFieldDefinition(end, "end", .integer, "Suricata", "of a range: its last byte"),
      EventFieldDefinition(
        transaction, "tx_id", .integer, "Suricata", "the transaction that brought it"),
      EventFieldDefinition(
        mimeType, "mimetype", .string, "Martlet", "its type by its first bytes, as Zeek names types"
      ),
      EventFieldDefinition(
        encoded, "encoded", .boolean, "Martlet",
        "size and digests are of bytes that were not decoded (gzip, br …)"),
      EventFieldDefinition(
        missingBytes, "missing_bytes", .integer, "Martlet", "bytes of it that were not seen"),
      EventFieldDefinition(
        began, "ts", .timestamp, "Zeek", "when its first byte was seen", isHidden: true),
      EventFieldDefinition(
        source, "source", .string, "Zeek", "protocol, as files.log has it", isHidden: true),
      EventFieldDefinition(
        isOrig, "is_orig", .boolean, "Zeek", "the originator sent it", isHidden: true),
      EventFieldDefinition(
        duration, "duration", .number, "Zeek", "from its first byte to its last", isHidden: true),
      EventFieldDefinition(
        depth, "depth", .integer, "Zeek", "of a mail's part: its number among all headers",
        isHidden: true),
      EventFieldDefinition(
        fileNumber, "file_number", .integer, "Zeek", "its number in the transaction, from 0",
        isHidden: true),
      EventFieldDefinition(
        totalBytes, "total_bytes", .integer, "Zeek", "bytes that were promised", isHidden: true),
    ])
}
