import FlowEngine

/// Where a record expression gets a value from: a field of the record, or one of the handy names
/// for both end points at once.
package enum ExpressionSource: Hashable, Sendable {
  case field(FlowField)
  case eitherAddress, eitherPort, eitherMAC
  case bytes, packets, ipBytes, duration
  /// In documents: what stands at one of ``ExpressionProgram/paths``.
  case path(Int)
}

/// What a record expression can name, and what its values are.
package struct ExpressionField: Sendable {
  package enum Kind: String, Sendable {
    /// A count; literals take `k`, `M`, `Ki` ….
    case number
    /// A span of time; literals take `ms`, `s`, `h` ….
    case duration
    /// A moment, in microseconds.
    case time
    case address
    /// An Ethernet address.
    case mac
    /// One of a known set of words; case does not matter.
    case word
    /// A text; case matters.
    case text
    case boolean
    /// In documents: whatever the record has there.
    case any
  }

  /// The name in EVE, then the flat one, without what marks a list.
  package let names: [String]
  package let kind: Kind
  /// What a number without a unit counts.
  package let unit: String
  package let meaning: String
  package let source: ExpressionSource

  /// All of them, those of the record first, in the order of ``FlowField``.
  package static let all: [ExpressionField] =
    FlowField.allCases.map { ExpressionField($0) } + eitherSide

  private static let byName: [String: ExpressionField] = {
    let pairs = all.flatMap { field in field.names.map { ($0, field) } }
    return Dictionary(pairs) { first, _ in first }
  }()

  /// The field of a name, its list marks (`vlan[]`) left out or not.
  package static func named(_ name: String) -> ExpressionField? {
    byName[name.hasSuffix("[]") ? String(name.dropLast(2)) : name]
  }

  /// The likely field for a name that there is not: other tools' names first, then the nearest.
  package static func suggestion(for name: String) -> String? {
    let plain = name.lowercased()
    if byName[plain] != nil { return plain }
    return foreign[plain] ?? Spelling.nearest(to: plain, among: all.flatMap(\.names))
  }

  init(
    _ names: [String], _ kind: Kind, _ unit: String, _ meaning: String, _ source: ExpressionSource
  ) {
    self.names = names
    self.kind = kind
    self.unit = unit
    self.meaning = meaning
    self.source = source
  }

  private init(_ field: FlowField) {
    let definition = field.definition
    let isList = definition.path.hasSuffix("[]")
    let path = isList ? String(definition.path.dropLast(2)) : definition.path
    var names = [path]
    if let name = definition.name, name != path { names.append(name) }
    // What is below in docs/records.md is not below in docs/expressions.md.
    let meaning = definition.meaning.replacing("see below", with: "see records.md")
    self.init(names, Self.kind(of: field), definition.unit, meaning, .field(field))
  }

  private static let eitherSide = [
    ExpressionField(["ip"], .address, "", "`src_ip` or `dest_ip`", .eitherAddress),
    ExpressionField(["port"], .number, "", "`src_port` or `dest_port`", .eitherPort),
    ExpressionField(["mac"], .mac, "", "`src_mac` or `dest_mac`", .eitherMAC),
    ExpressionField(["bytes"], .number, "bytes", "both directions' `flow.bytes_*`", .bytes),
    ExpressionField(["packets"], .number, "packets", "both directions' `flow.pkts_*`", .packets),
    ExpressionField(["ip_bytes"], .number, "bytes", "both directions' `flow.ip_bytes_*`", .ipBytes),
    ExpressionField(
      ["duration"], .duration, "s", "`flow.end` less `flow.start`, to the nanosecond", .duration),
  ]

  private static func kind(of field: FlowField) -> Kind {
    switch field {
    case .timestamp, .start, .end: .time
    case .sourceAddress, .destinationAddress, .tunnelSource, .tunnelDestination: .address
    case .sourceMAC, .destinationMAC: .mac
    case .age, .roundTrip, .startNanosecond, .endNanosecond: .duration
    case .eventType, .proto, .state, .reason, .endReason, .tcpState, .connectionState, .tcpFlags,
      .tcpFlagsToServer, .tcpFlagsToClient, .tunnelKind, .tunnelProto, .appProto,
      .appProtoToServer, .appProtoToClient, .appProtoExpected, .appProtoOriginal:
      .word
    case .interface, .sensor, .communityID, .history, .tags: .text
    default: field.definition.kind == .boolean ? .boolean : .number
    }
  }

  /// What tcpdump, Zeek, Wireshark and nfdump call our fields.
  static let foreign = [
    "host": "ip", "addr": "ip", "ip.addr": "ip", "ip.src": "src_ip", "ip.dst": "dest_ip",
    "dst_ip": "dest_ip", "src": "src_ip", "dst": "dest_ip", "saddr": "src_ip", "daddr": "dest_ip",
    "id.orig_h": "src_ip", "id.resp_h": "dest_ip", "id.orig_p": "src_port",
    "id.resp_p": "dest_port", "sport": "src_port", "dport": "dest_port", "dst_port": "dest_port",
    "tcp.port": "port", "udp.port": "port", "tcp.srcport": "src_port", "tcp.dstport": "dest_port",
    "udp.srcport": "src_port", "udp.dstport": "dest_port", "protocol": "proto",
    "ip.proto": "proto", "ether.src": "src_mac", "eth.src": "src_mac", "eth.dst": "dest_mac",
    "eth.addr": "mac", "ether": "mac", "pkts": "packets", "octets": "bytes",
    "orig_pkts": "pkts_ts", "resp_pkts": "pkts_tc", "orig_ip_bytes": "ipbytes_ts",
    "resp_ip_bytes": "ipbytes_tc", "vlan.id": "vlan", "ttl": "ttl_ts", "rtt": "rtt_nsec",
    "time": "start", "flags": "tcp_flags", "service": "app_proto",
  ]
}

/// The words that a field of kind ``ExpressionField/Kind/word`` can hold, each at its index.
package enum ExpressionWords {
  package static func of(_ field: FlowField) -> [String] {
    switch field {
    case .eventType:
      [FlowRecordKind.flow, FlowRecordKind.flowUpdate, FlowRecordKind.anomaly].map {
        FlowWords.eventType($0).description
      }
    // Each at its raw value.
    case .appProto, .appProtoToServer, .appProtoToClient, .appProtoExpected, .appProtoOriginal:
      AppProtocol.allCases.map(\.name.description)
    // Each at its raw value; 0 is none.
    case .tunnelKind: [""] + TunnelKind.allCases.map(\.name.description)
    case .tunnelProto: (0...255).map { RecordText.protocolName($0) }
    case .proto: (0...255).map { RecordText.protocolName($0) }
    case .state: (0...2).map { FlowWords.state($0).description }
    case .reason: (0...FlowEndReason.operatorEnd).map { FlowWords.reason($0).description }
    case .endReason: (0...FlowEndReason.operatorEnd).map { FlowWords.endReason($0).description }
    case .tcpState: TCPState.allCases.map(\.text.description)
    case .connectionState:
      (0...ConnectionState.oth.rawValue).compactMap {
        ConnectionState(rawValue: $0)?.text.description
      }
    case .tcpFlags, .tcpFlagsToServer, .tcpFlagsToClient: (0...255).map { hexadecimal($0) }
    default: []
    }
  }

  private static func hexadecimal(_ value: UInt8) -> String {
    String(
      decoding: [ByteWriter.hexDigit(value >> 4), ByteWriter.hexDigit(value & 15)], as: UTF8.self)
  }
}
