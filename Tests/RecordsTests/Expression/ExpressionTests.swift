import FlowEngine
import Foundation
import Testing

@testable import Records

/// Whether a record is as an expression says.
func holds(_ text: String, _ record: FlowRecord, _ context: RecordContext = context) throws -> Bool
{
  let expression = try RecordExpression(parsing: text, context: context)
  return withUnsafePointer(to: record) { expression.matches($0) }
}

/// What the language says of known records: docs/expressions.md, sentence by sentence.
@Suite struct ExpressionTests {
  /// The names of the samples for which each holds; `update` is `web` once more, as an update.
  @Test(arguments: [
    // Numbers.
    ("dest_port == 443", "web update"), ("dest_port != 443 and dest_port", "scan dns sctp"),
    ("port == 53", "dns"), ("port in (22, 53)", "scan dns"), ("port in 22..53", "scan dns"),
    ("port in (20-25, 7)", "scan sctp"), ("dest_port == 400-450", "web update"),
    ("src_port > 50k", "web update dns"), ("src_port >= 53000 and src_port <= 53k", "dns"),
    ("bytes == 5700 and dest_port in (443,53)", "web update dns"),
    ("bytes == 5.7kB and port == 53", "dns"),
    ("bytes == 5.7k", "web update echo dns sctp esp igmp nameless"),
    (
      "flow.bytes_toserver < flow.bytes_toclient",
      "web update echo dns sctp esp igmp nameless"
    ),
    ("bytes_ts > bytes_tc", "scan unreachable"), ("packets == 10 and proto == 17", "dns"),
    ("ip_bytes == 616", "scan unreachable"), ("flow.pkts_toclient == 0x0", "scan unreachable"),
    ("src_port == dest_port", "sctp"), ("src_port >= dest_port and proto == udp", "dns"),
    ("icmp_type == 8", "echo"), ("icmp_type", "echo unreachable"), ("vlan == 4095", "web update"),
    ("vlan in (5, 100)", "web update scan"), ("vlan != 5 and vlan", "web update"),
    ("not vlan and ip_v == 6", "unreachable dns"), ("update > 1", "update"),
    ("flow_id == 1197256510271389", "web update"), ("seq == 41 and dest_port == 22", "scan"),
    ("dscp_ts == 46", "web update echo unreachable"),
    // Durations and times.
    ("duration >= 1.876543218s and proto == 17", "dns"), ("duration > 1.876543218", ""),
    ("duration in 1s..2s and dest_port == 443", "web update"),
    ("age == 2000ms and proto == tcp", "web update scan"), ("rtt_nsec < 1ms and port == 53", "dns"),
    ("rtt_nsec == 250us and dest_port == 443", "web update"),
    ("flow.rtt_nsec and dest_port", "web update dns sctp"),
    ("not rtt_nsec", "scan unreachable"), ("duration < 0.001h and dest_port == 22", "scan"),
    ("start >= 2026-11-21T05:36:00.123456Z and port == 53", "dns"),
    ("start > \"2026-11-21 05:36:00.123456\"", ""), ("start < 2026-11-21", ""),
    ("flow.end == '2026-11-21T06:36:02+01:00' and port == 53", "dns"),
    ("start in 2026-11-21..2026-11-22 and port == 22", "scan"),
    ("ts > end and dest_port == 22", "scan"), ("start == timestamp", ""),
    // Addresses.
    ("ip in 10.0.0.0/24", "echo esp igmp nameless"), ("src_ip == 10.0.0.9", "echo"),
    ("ip in (2001:db8::/126, 8.8.8.8)", "web update scan"), ("ip == 224.0.0.0/4", "igmp"),
    ("ip in ::/0", "scan unreachable dns"), ("ip in 0.0.0.0/0 and proto == tcp", "web update"),
    ("dest_ip in 10.0.0.2-10.0.0.5", "esp nameless"),
    (
      "ip == 10.0.0.1 and not ip == 10.0.0.2",
      "echo igmp"
    ),
    ("ip != 10.0.0.1 and ip_v == 4", "web update sctp"), ("src_ip == dest_ip", ""),
    ("mac == 00:01:02:03:04:05", "web update"), ("mac == 00-01-02-03-04-05", "web update"),
    ("src_mac == 00:01:02:03:04:05", ""), ("mac ~ 'FF:ff:*'", "web update"),
    ("dest_mac contains '2:03:0'", "web update"), ("mac", "web update"),
    // Words and texts.
    ("proto == tcp", "web update scan"), ("proto == 6", "web update scan"),
    ("proto in (udp, SCTP)", "dns sctp"), ("proto == icmpv6", "unreachable"),
    ("proto ~ icmp", "echo unreachable"), ("proto ~ 'I*P'", "echo unreachable igmp"),
    ("proto !~ *", ""), ("proto == 200", "nameless"), ("event_type == flow_update", "update"),
    ("event == flow and dest_port == 443", "web"), ("state == CLOSED", "web update"),
    ("reason == timeout and port == 443", "web"), ("end_reason == active_timeout", "update"),
    ("conn_state in (s0, SF)", "web update scan dns"), ("conn_state ~ s?", "web update scan dns"),
    ("tcp.state == closed", "web update"), ("tcp_flags == 0xDB", "web update"),
    ("tcp_flags_tc == 1b", "web update"), ("tcp_flags ~ d?", "web update"),
    ("history == ShADadFf", "web update"), ("history == shadadff", ""),
    ("history ~ Sh*Ff", "web update"), ("history ~ ad", "web update"),
    ("history contains '*'", ""), ("history == S or history ~ dns", "scan"),
    ("sensor == edge1 and port == 53", "dns"), ("sensor == EDGE1", ""),
    ("sensor ~ edge* and port == 53", "dns"), ("in_iface == tap1", "update"),
    ("iface == tap0 and port == 443", "web"), ("not iface", "scan"),
    ("community_id == '1:Y0JXkDt3m72EBPG8/NmZ488dkDg='", "web update"),
    ("cid contains '3m72EBPG8/N'", "web update"), ("cid == '1:y0jxkdt3m72ebpg8/nmz488dkdg='", ""),
    // Truth, presence, and how conditions go together.
    ("tcp.fin", "web update"), ("tcp.fin == true", "web update"), ("flow.fragmented", "echo"),
    ("flow.alerted", ""), ("tcp.fin == false and proto == tcp", "scan"),
    (
      "true and port == 53",
      "dns"
    ),
    ("false", ""), ("not true or port == 53", "dns"), ("!(port != 53)", "dns"),
    ("port == 22 or port == 53 and proto == tcp", "scan"),
    ("(port == 22 or port == 53) && proto == udp", "dns"), ("port == 53 AND NOT port == 22", "dns"),
    ("not port == 53 and ip_v == 6", "scan unreachable"), ("not not port == 53", "dns"),
    ("port not in (22, 443, 53, 7) and port", ""), ("port == 22 || port == 53", "scan dns"),
    ("icmp_type != 8 and icmp_type", "unreachable"),
    ("vlan[] == 5", "scan"), ("ether.src_macs[] == ff:ff:fe:ff:34:12", "web update"),
  ])
  func truth(_ text: String, _ names: String) throws {
    let samples = sampleFlows().filter { $0.name != "extreme" }
    let found = try samples.filter { try holds(text, $0.record) }.map(\.name)
    #expect(found == names.split(separator: " ").map(String.init))
  }
}
