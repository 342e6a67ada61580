/// The columns of Zeek's conn.log, in the order of Zeek 8, and `community_id` behind them, where
/// Zeek's own policy script `protocols/conn/community-id-logging` puts it.
package enum ZeekConnField: String, CaseIterable, Sendable {
  case time = "ts"
  case uid
  case originatorAddress = "id.orig_h"
  case originatorPort = "id.orig_p"
  case responderAddress = "id.resp_h"
  case responderPort = "id.resp_p"
  case proto, service, duration
  case originatorBytes = "orig_bytes"
  case responderBytes = "resp_bytes"
  case connectionState = "conn_state"
  case localOriginator = "local_orig"
  case localResponder = "local_resp"
  case missedBytes = "missed_bytes"
  case history
  case originatorPackets = "orig_pkts"
  case originatorIPBytes = "orig_ip_bytes"
  case responderPackets = "resp_pkts"
  case responderIPBytes = "resp_ip_bytes"
  case tunnelParents = "tunnel_parents"
  case ipProto = "ip_proto"
  case communityID = "community_id"

  /// The name in the line `#types`.
  package var type: String {
    switch self {
    case .time: "time"
    case .uid, .service, .connectionState, .history, .communityID: "string"
    case .originatorAddress, .responderAddress: "addr"
    case .originatorPort, .responderPort: "port"
    case .proto: "enum"
    case .duration: "interval"
    case .localOriginator, .localResponder: "bool"
    case .originatorBytes, .responderBytes, .missedBytes, .originatorPackets, .originatorIPBytes,
      .responderPackets, .responderIPBytes, .ipProto:
      "count"
    case .tunnelParents: "set[string]"
    }
  }

  /// What Martlet writes where that needs saying, for the reference (docs/records.md).
  package var remark: String {
    switch self {
    case .time: "time of the first packet, cut off below the microsecond"
    case .uid: "made of the `flow_id`, see below"
    case .originatorAddress, .responderAddress: "an IPv4-mapped IPv6 address as IPv4, as Zeek does"
    case .originatorPort:
      "ICMP: the type of the originator's messages; no TCP, UDP or ICMP: 0, for SCTP too"
    case .responderPort:
      "ICMP: the type that answers it, or the code where none does; else as above"
    case .proto: "`tcp`, `udp`, `icmp` (ICMPv6 too), `unknown_transport`"
    case .service:
      "what it speaks by its content, as in EVE's app_proto; unset where that is not known"
    case .duration:
      "from first to latest packet; unset where that is 0, as with a single packet"
    case .originatorBytes, .responderBytes:
      "EVE's `payload_bytes_toserver` and `payload_bytes_toclient`; unset where that is absent"
    case .connectionState: "as in EVE"
    case .localOriginator, .localResponder:
      "by Zeek's default: private and other special-purpose address space"
    case .missedBytes: "EVE's `missed_bytes_ts` and `missed_bytes_tc` together"
    case .history: "as in EVE: at most 16 letters"
    case .originatorPackets, .responderPackets: ""
    case .originatorIPBytes, .responderIPBytes: "EVE's `ip_bytes_toserver` and `ip_bytes_toclient`"
    case .tunnelParents: "unset: tunnels' own flows are not tied to it"
    case .ipProto: "IANA's protocol number (Zeek 7.1 and later)"
    case .communityID: "as in EVE"
    }
  }
}
