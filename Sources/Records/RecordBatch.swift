/// Kinds of record as sinks see them; the raw value is EVE's `event_type` and the stream's suffix.
package enum EventType: String, CaseIterable, Sendable, Codable {
  case flow
  case flowUpdate = "flow_update"
  case anomaly
  case stats
  case dns
  case tls
  case http
  case quic
  case ssh
  case smtp
  case ftp
  case ftpData = "ftp_data"
  case imap
  case pop3
  case telnet
  case dhcp
  case ntp
  case snmp
  case sip
  case mqtt
  case tftp
  case fileinfo

  /// Its number among all, by which records on their way know it.
  package var place: UInt8 {
    switch self {
    case .flow: 0
    case .flowUpdate: 1
    case .anomaly: 2
    case .stats: 3
    case .dns: 4
    case .tls: 5
    case .http: 6
    case .quic: 7
    case .ssh: 8
    case .smtp: 9
    case .ftp: 10
    case .ftpData: 11
    case .imap: 12
    case .pop3: 13
    case .telnet: 14
    case .dhcp: 15
    case .ntp: 16
    case .snmp: 17
    case .sip: 18
    case .mqtt: 19
    case .tftp: 20
    case .fileinfo: 21
    }
  }

  private static let byPlace = allCases

  init?(place: UInt8) {
    guard Int(place) < Self.byPlace.count else { return nil }
    self = Self.byPlace[Int(place)]
  }

  /// A protocol's record, and not a flow's or the sensor's own.
  package var isProtocol: Bool { place >= EventType.dns.place }
}

/// How a record is written down.
package enum RecordFormat: String, CaseIterable, Sendable, Codable {
  /// One JSON object in Suricata's EVE schema, without a line end.
  case eve
  /// Field names and values alternately, as a Redis stream entry takes them.
  case fields
}

/// Finished records of one format, in the order in which they were made.
///
/// `bytes` holds them one after the other. An `eve` record is its JSON. A `fields` record is
/// `2 × fieldCount` RESP bulk strings (`$6\r\nsrc_ip\r\n$8\r\n10.0.0.1\r\n …`), ready to stand
/// behind the head of an XADD.
package struct RecordBatch: Sendable {
  package struct Entry: Sendable {
    package var type: EventType
    package var offset: Int
    package var length: Int
    /// `fields` records: how many pairs; 0 for `eve`.
    package var fieldCount: Int

    package init(type: EventType, offset: Int, length: Int, fieldCount: Int = 0) {
      self.type = type
      self.offset = offset
      self.length = length
      self.fieldCount = fieldCount
    }
  }

  package var format: RecordFormat
  package var bytes: [UInt8]
  package var entries: [Entry]

  package init(format: RecordFormat, bytes: [UInt8] = [], entries: [Entry] = []) {
    self.format = format
    self.bytes = bytes
    self.entries = entries
  }
}
