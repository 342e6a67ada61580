/// The fields of `flow` and `flow_update`, declared once, in the order of the `fields` format.
package enum FlowField: Int, CaseIterable, Sendable {
  // Head.
  case timestamp, flowID, interface, eventType, vlan
  case sourceAddress, sourcePort, destinationAddress, destinationPort, proto, ipVersion
  case icmpType, icmpCode, responseICMPType, responseICMPCode
  case appProto, appProtoToServer, appProtoToClient, appProtoExpected, appProtoOriginal
  // `flow`.
  case packetsToServer, packetsToClient, bytesToServer, bytesToClient
  case start, end, age, state, reason, alerted
  case ipBytesToServer, ipBytesToClient, startNanosecond, endNanosecond, endReason, roundTrip
  case payloadBytesToServer, payloadBytesToClient
  case ttlToServer, ttlToClient, dscpToServer, dscpToClient, fragmented, transactions
  case updateOrdinal, packetsToServerDelta, packetsToClientDelta
  case bytesToServerDelta, bytesToClientDelta, ipBytesToServerDelta, ipBytesToClientDelta
  // `tunnel`.
  case tunnelKind, tunnelSource, tunnelDestination, tunnelPort, tunnelProto, tunnelIdentifier
  case tunnelDepth
  // `sampling`.
  case samplingInterval, samplingHighest, samplingPartial
  case tags
  // `ether`, `community_id`.
  case destinationMAC, sourceMAC, communityID
  // `tcp`.
  case tcpFlags, tcpFlagsToServer, tcpFlagsToClient
  case syn, fin, rst, psh, ack, urg, ecn, cwr
  case tcpState, windowToServer, windowToClient
  case retransmissionsToServer, retransmissionsToClient, outOfOrderToServer, outOfOrderToClient
  case gapsToServer, gapsToClient, missedBytesToServer, missedBytesToClient
  case zeroWindowsToServer, zeroWindowsToClient, keepAlivesToServer, keepAlivesToClient
  // Tail.
  case connectionState, history, sensor, startEpoch, worker, sequence

  package var definition: RecordField { Self.definitions[rawValue] }

  private static let definitions: [RecordField] = allCases.map(define)

  private static func define(_ field: FlowField) -> RecordField {
    switch field {
    case .timestamp: RecordField(.timestamp, "when the record was made")
    case .flowID: RecordField(.flowID, "ties all records of a flow together")
    case .interface: RecordField(.interface, "port the first packet came in at")
    case .eventType: RecordField(.eventType, "`flow` or `flow_update`")
    case .vlan:
      RecordField(.vlan, "VLAN ids of the first packet, outermost first; flat: joined by a comma")
    case .sourceAddress: RecordField(.sourceAddress, "the originator's address")
    case .sourcePort: RecordField(.sourcePort, "TCP, UDP, SCTP")
    case .destinationAddress: RecordField(.destinationAddress, "the responder's address")
    case .destinationPort: RecordField(.destinationPort, "TCP, UDP, SCTP")
    case .proto:
      RecordField(
        .proto, "`TCP`, `UDP`, `ICMP`, `IPv6-ICMP`, `SCTP` …; the number where IANA has no name")
    case .ipVersion: RecordField(.ipVersion)
    case .icmpType:
      RecordField("icmp_type", "icmp_type", .integer, "", "Suricata", "of the first packet")
    case .icmpCode:
      RecordField("icmp_code", "icmp_code", .integer, "", "Suricata", "of the first packet")
    case .responseICMPType:
      RecordField(
        "icmp_rtype", "response_icmp_type", .integer, "", "Suricata", "of the responder's packets")
    case .responseICMPCode:
      RecordField(
        "icmp_rcode", "response_icmp_code", .integer, "", "Suricata",
        "of the responder's first packet")
    case .appProto:
      RecordField(
        "app", "app_proto", .string, "", "Suricata",
        "what it speaks, by its content; `failed` where that is nothing known, "
          + "absent where nothing could be seen")
    case .appProtoToServer:
      RecordField(
        "app_ts", "app_proto_ts", .string, "", "Suricata",
        "what the originator speaks, where that alone differs")
    case .appProtoToClient:
      RecordField(
        "app_tc", "app_proto_tc", .string, "", "Suricata",
        "what the responder speaks, where that alone differs")
    case .appProtoExpected:
      RecordField(
        "app_exp", "app_proto_expected", .string, "", "Suricata",
        "what the port had promised, where it is something else")
    case .appProtoOriginal:
      RecordField(
        "app_orig", "app_proto_orig", .string, "", "Suricata",
        "what it spoke before it changed: STARTTLS, CONNECT, an upgrade")
    case .packetsToServer:
      RecordField(
        "pkts_ts", "flow.pkts_toserver", .integer, "packets", "Suricata", "sent by the originator")
    case .packetsToClient:
      RecordField(
        "pkts_tc", "flow.pkts_toclient", .integer, "packets", "Suricata", "sent by the responder")
    case .bytesToServer:
      RecordField(
        "bytes_ts", "flow.bytes_toserver", .integer, "bytes", "Suricata",
        "whole frames on the wire, sent by the originator")
    case .bytesToClient:
      RecordField(
        "bytes_tc", "flow.bytes_toclient", .integer, "bytes", "Suricata",
        "whole frames on the wire, sent by the responder")
    case .start:
      RecordField("start", "flow.start", .timestamp, "", "Suricata", "time of the first packet")
    case .end:
      RecordField("end", "flow.end", .timestamp, "", "Suricata", "time of the latest packet")
    case .age:
      RecordField("age", "flow.age", .integer, "s", "Suricata", "`end` less `start`, whole seconds")
    case .state:
      RecordField("state", "flow.state", .string, "", "Suricata", "`new`, `established`, `closed`")
    case .reason:
      RecordField(
        "reason", "flow.reason", .string, "", "Suricata",
        "`timeout`, `forced`, `shutdown`; `flow` only")
    case .alerted:
      RecordField(nil, "flow.alerted", .boolean, "", "Suricata", "always false; `flow` only")
    default: FlowField.defineMartlet(field)
    }
  }

  private static func defineMartlet(_ field: FlowField) -> RecordField {
    switch field {
    case .ipBytesToServer:
      RecordField(
        "ipbytes_ts", "flow.ip_bytes_toserver", .integer, "bytes", "Martlet",
        "from the IP header on, sent by the originator")
    case .ipBytesToClient:
      RecordField(
        "ipbytes_tc", "flow.ip_bytes_toclient", .integer, "bytes", "Martlet",
        "from the IP header on, sent by the responder")
    case .startNanosecond:
      RecordField(
        "start_nsec", "flow.start_nsec", .integer, "ns", "Martlet",
        "of `start`, within its second: 0 … 999,999,999")
    case .endNanosecond:
      RecordField(
        "end_nsec", "flow.end_nsec", .integer, "ns", "Martlet",
        "of `end`, within its second: 0 … 999,999,999")
    case .endReason:
      RecordField(
        "end_reason", "flow.end_reason", .string, "", "IPFIX", "why this record was made")
    case .roundTrip:
      RecordField(
        "rtt_nsec", "flow.rtt_nsec", .integer, "ns", "Martlet",
        "from the first packet to the first one of the other direction; absent without one")
    case .payloadBytesToServer:
      RecordField(
        "pay_ts", "flow.payload_bytes_toserver", .integer, "bytes", "Zeek",
        "the originator's: TCP by sequence numbers, UDP and ICMP behind their headers; else absent")
    case .payloadBytesToClient:
      RecordField(
        "pay_tc", "flow.payload_bytes_toclient", .integer, "bytes", "Zeek", "the responder's")
    case .ttlToServer:
      RecordField(
        "ttl_ts", "flow.ttl_toserver", .integer, "hops", "Martlet",
        "TTL or hop limit of the originator's first packet")
    case .ttlToClient:
      RecordField(
        "ttl_tc", "flow.ttl_toclient", .integer, "hops", "Martlet",
        "TTL or hop limit of the responder's first packet")
    case .dscpToServer:
      RecordField(
        "dscp_ts", "flow.dscp_toserver", .integer, "", "Martlet",
        "DSCP of the originator's first packet")
    case .dscpToClient:
      RecordField(
        "dscp_tc", "flow.dscp_toclient", .integer, "", "Martlet",
        "DSCP of the responder's first packet")
    case .fragmented:
      RecordField(
        "frag", "flow.fragmented", .boolean, "", "Martlet",
        "true where some packet was a fragment, else absent")
    case .transactions:
      RecordField(
        "tx_cnt", "flow.tx_cnt", .integer, "", "Suricata",
        "protocol records of the flow; absent where nobody looked into it")
    case .updateOrdinal:
      RecordField(
        "update", "flow.update_ordinal", .integer, "", "Martlet",
        "`flow_update` only: its number within the flow, from 1")
    case .packetsToServerDelta: delta("pkts", "toserver", "packets")
    case .packetsToClientDelta: delta("pkts", "toclient", "packets")
    case .bytesToServerDelta: delta("bytes", "toserver", "bytes")
    case .bytesToClientDelta: delta("bytes", "toclient", "bytes")
    case .ipBytesToServerDelta: delta("ip_bytes", "toserver", "bytes")
    case .ipBytesToClientDelta: delta("ip_bytes", "toclient", "bytes")
    case .tunnelKind, .tunnelSource, .tunnelDestination, .tunnelPort, .tunnelProto,
      .tunnelIdentifier, .tunnelDepth:
      defineTunnel(field)
    case .samplingInterval:
      RecordField(
        "smp", "sampling.interval", .integer, "flows", "IPFIX",
        "when the flow began, one in so many was kept: for how many it stands; the object is absent where nothing was sampled while it lived"
      )
    case .samplingHighest:
      RecordField(
        nil, "sampling.highest_interval", .integer, "flows", "Martlet",
        "the highest from then until the record")
    case .samplingPartial:
      RecordField(
        "partial", "sampling.partial", .boolean, "", "Martlet",
        "true where the flow was out of the sample for a while: packets and bytes are too few; else absent"
      )
    case .tags:
      RecordField(
        .tags,
        "names that filter rules gave the flow; absent where none did. In the flat form with commas between"
      )
    case .destinationMAC:
      RecordField(
        "dest_mac", "ether.dest_macs[]", .string, "", "Suricata",
        "the responder's address in the first packet")
    case .sourceMAC:
      RecordField(
        "src_mac", "ether.src_macs[]", .string, "", "Suricata",
        "the originator's address in the first packet")
    case .communityID: RecordField(.communityID, "version 1")
    default: defineTCPAndTail(field)
    }
  }

  private static func delta(_ what: String, _ way: String, _ unit: String) -> RecordField {
    let short = what == "ip_bytes" ? "ipbytes" : what
    return RecordField(
      "\(short)_\(way == "toserver" ? "ts" : "tc")_delta", "flow.\(what)_\(way)_delta", .integer,
      unit, "IPFIX", "`flow_update` only: since the last one")
  }

  private static func defineTunnel(_ field: FlowField) -> RecordField {
    switch field {
    case .tunnelKind:
      RecordField(
        "tun_type", "tunnel.type", .string, "", "Martlet",
        "of the innermost tunnel around the flow, as its first packet had it: see below")
    case .tunnelSource:
      RecordField("tun_src", "tunnel.src_ip", .string, "", "Suricata", "the outer source")
    case .tunnelDestination:
      RecordField("tun_dst", "tunnel.dest_ip", .string, "", "Suricata", "the outer destination")
    case .tunnelPort:
      RecordField(
        nil, "tunnel.dest_port", .integer, "", "Suricata",
        "of tunnels over UDP; their source ports differ from flow to flow")
    case .tunnelProto:
      RecordField(nil, "tunnel.proto", .string, "", "Suricata", "what carries the tunnel")
    case .tunnelIdentifier:
      RecordField(
        "tun_id", "tunnel.id", .integer, "", "Martlet",
        "VNI, TEID, GRE key, session: see below; absent where the kind has none")
    default:
      RecordField(
        "tun_depth", "tunnel.depth", .integer, "", "Suricata", "how many tunnels the flow is in")
    }
  }

  private static let retransmissions = "the originator's segments whose data had been sent before"
  private static let outOfOrder = "the originator's segments that came after later ones"
  private static let gaps = "holes in the originator's data that its receiver acknowledged"
  private static let zeroWindows = "the originator's segments with a window of 0"
  private static let keepAlives = "the originator's keep-alive probes"

  /// What goes wrong with TCP: absent where it did not.
  private static func trouble(
    _ short: String, _ long: String, _ way: String, _ meaning: String
  ) -> RecordField {
    RecordField(
      "\(short)_\(way)", "tcp.\(long)_\(way)", .integer,
      long == "missed_bytes" ? "bytes" : "", long == "missed_bytes" ? "Zeek" : "Martlet", meaning)
  }

  private static func defineTCPAndTail(_ field: FlowField) -> RecordField {
    switch field {
    case .tcpFlags:
      RecordField("tcp_flags", "tcp.tcp_flags", .string, "hex", "Suricata", "of all packets, or-ed")
    case .tcpFlagsToServer:
      RecordField(
        "tcp_flags_ts", "tcp.tcp_flags_ts", .string, "hex", "Suricata", "the originator's")
    case .tcpFlagsToClient:
      RecordField(
        "tcp_flags_tc", "tcp.tcp_flags_tc", .string, "hex", "Suricata", "the responder's")
    case .syn, .fin, .rst, .psh, .ack, .urg, .ecn, .cwr:
      RecordField(
        nil, "tcp.\(field)", .boolean, "", "Suricata", "true where some packet had it, else absent")
    case .tcpState:
      RecordField("tcp_state", "tcp.state", .string, "", "Suricata", "see below")
    case .windowToServer:
      RecordField(
        "win_ts", "tcp.window_ts", .integer, "bytes", "Martlet",
        "the originator's last window, unscaled")
    case .windowToClient:
      RecordField(
        "win_tc", "tcp.window_tc", .integer, "bytes", "Martlet",
        "the responder's last window, unscaled")
    case .retransmissionsToServer: trouble("rexmit", "retransmissions", "ts", Self.retransmissions)
    case .retransmissionsToClient: trouble("rexmit", "retransmissions", "tc", "the responder's")
    case .outOfOrderToServer: trouble("ooo", "out_of_order", "ts", Self.outOfOrder)
    case .outOfOrderToClient: trouble("ooo", "out_of_order", "tc", "the responder's")
    case .gapsToServer: trouble("gaps", "gaps", "ts", Self.gaps)
    case .gapsToClient: trouble("gaps", "gaps", "tc", "the responder's")
    case .missedBytesToServer: trouble("missed", "missed_bytes", "ts", "bytes of those gaps")
    case .missedBytesToClient: trouble("missed", "missed_bytes", "tc", "the responder's")
    case .zeroWindowsToServer: trouble("zwin", "zero_windows", "ts", Self.zeroWindows)
    case .zeroWindowsToClient: trouble("zwin", "zero_windows", "tc", "the responder's")
    case .keepAlivesToServer: trouble("ka", "keep_alives", "ts", Self.keepAlives)
    case .keepAlivesToClient: trouble("ka", "keep_alives", "tc", "the responder's")
    case .connectionState:
      RecordField("conn_state", "conn_state", .string, "", "Zeek", "see below")
    case .history:
      RecordField("history", "history", .string, "", "Zeek", "see below; absent where empty")
    case .sensor: RecordField(.sensor)
    case .startEpoch: RecordField(.startEpoch)
    case .worker: RecordField(.worker)
    case .sequence: RecordField(.sequence, "counts the worker's records from 0, dropped ones too")
    default: preconditionFailure("\(field) has no definition")
    }
  }
}
