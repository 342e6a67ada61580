internal import Records

/// Every protocol's record, declared beside its dissector.
enum EventGroups {
  static let all: [EventGroup] = [
    CommonFields.group,
    DNSFields.group,
    TLSFields.group,
    HTTPFields.group,
    QUICFields.group,
    SSHFields.group,
    SMTPFields.group,
    FTPFields.group,
    FTPDataFields.group,
    IMAPFields.group,
    POP3Fields.group,
    TelnetFields.group,
    DHCPFields.group,
    NTPFields.group,
    SNMPFields.group,
    SIPFields.group,
    MQTTFields.group,
    TFTPFields.group,
    FileFields.group,
    HTTP2Fields.group,
  ]
}

extension EventWriter {
  /// Marks a record of which bytes were not seen.
  mutating func incomplete(_ d: Delivery) {
    let missing = d.missingBytes
    if missing == 0 && d.isMidstream { boolean(CommonFields.incomplete, true) }
    incomplete(missing: missing)
  }

  /// Marks a record of which so many bytes were not seen, if any.
  mutating func incomplete(missing: some FixedWidthInteger) {
    guard missing > 0 else { return }
    boolean(CommonFields.incomplete, true)
    integer(CommonFields.missingBytes, missing)
  }
}
