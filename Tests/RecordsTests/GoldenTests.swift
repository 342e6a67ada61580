import Foundation
import Testing

@testable import Records

/// Whole records, byte by byte: what readers out there have come to rely on. A change here is a
/// change of the schema.
@Suite struct GoldenTests {
  @Test(arguments: ["web", "update", "echo"])
  func flow(_ name: String) throws {
    let sample = try #require(sampleFlows().first { $0.name == name })
    #expect(text(sample.record) == Self.eve[name])
  }

  @Test func stats() {
    #expect(String(decoding: encode(sampleStats()).bytes, as: UTF8.self) == Self.eve["stats"])
  }

  @Test func fields() throws {
    let sample = try #require(sampleFlows().first { $0.name == "scan" })
    let text = String(decoding: encode(sample.record, .fields).bytes, as: UTF8.self)
    #expect(text.replacing("\r\n", with: "~") == Self.fields)
  }

  private static let eve = [
    "web": """
    {"timestamp":"2026-11-21T05:37:02.000000+0000","flow_id":1197256510271389,\
    "in_iface":"tap0","event_type":"flow","vlan":[100,4095],"src_ip":"192.168.1.52",\
    "src_port":54585,"dest_ip":"8.8.8.8","dest_port":443,"proto":"TCP","ip_v":4,\
    "flow":{"pkts_toserver":6,"pkts_toclient":4,"bytes_toserver":700,"bytes_toclient":5000,\
    "start":"2026-11-21T05:36:00.123456+0000","end":"2026-11-21T05:36:02.000000+0000","age":2,\
    "state":"closed","reason":"timeout","alerted":false,"ip_bytes_toserver":616,\
    "ip_bytes_toclient":4944,"start_nsec":123456789,"end_nsec":7,"end_reason":"end_of_flow",\
    "rtt_nsec":250000,"payload_bytes_toserver":99,"payload_bytes_toclient":99,\
    "ttl_toserver":57,"dscp_toserver":46,"ttl_toclient":64,"dscp_toclient":0},"ether":{"dest_macs":["00:01:02:03:04:05"],\
    "src_macs":["ff:ff:fe:ff:34:12"]},"community_id":"1:Y0JXkDt3m72EBPG8/NmZ488dkDg=",\
    "tcp":{"tcp_flags":"db","tcp_flags_ts":"db","tcp_flags_tc":"1b","syn":true,"fin":true,\
    "psh":true,"ack":true,"ecn":true,"cwr":true,"state":"closed","window_ts":501,\
    "window_tc":509},"conn_state":"SF","history":"ShADadFf","sensor":"edge1",\
    "start_epoch":1795239000123456,"worker":1,"seq":41}
    """,
    "update": """
    {"timestamp":"2026-11-21T05:37:02.000000+0000","flow_id":1197256510271389,\
    "in_iface":"tap1","event_type":"flow_update","vlan":[100,4095],"src_ip":"192.168.1.52",\
    "src_port":54585,"dest_ip":"8.8.8.8","dest_port":443,"proto":"TCP","ip_v":4,\
    "flow":{"pkts_toserver":6,"pkts_toclient":4,"bytes_toserver":700,"bytes_toclient":5000,\
    "start":"2026-11-21T05:36:00.123456+0000","end":"2026-11-21T05:36:02.000000+0000","age":2,\
    "state":"closed","ip_bytes_toserver":616,"ip_bytes_toclient":4944,"start_nsec":123456789,\
    "end_nsec":7,"end_reason":"active_timeout","rtt_nsec":250000,\
    "payload_bytes_toserver":99,"payload_bytes_toclient":99,"ttl_toserver":57,\
    "dscp_toserver":46,"ttl_toclient":64,"dscp_toclient":0,"update_ordinal":3,\
    "pkts_toserver_delta":6,"pkts_toclient_delta":2,"bytes_toserver_delta":600,\
    "bytes_toclient_delta":5000,"ip_bytes_toserver_delta":616,"ip_bytes_toclient_delta":4944},\
    "ether":{"dest_macs":["00:01:02:03:04:05"],"src_macs":["ff:ff:fe:ff:34:12"]},\
    "community_id":"1:Y0JXkDt3m72EBPG8/NmZ488dkDg=","tcp":{"tcp_flags":"db",\
    "tcp_flags_ts":"db","tcp_flags_tc":"1b","syn":true,"fin":true,"psh":true,"ack":true,\
    "ecn":true,"cwr":true,"state":"closed","window_ts":501,"window_tc":509},"conn_state":"SF",\
    "history":"ShADadFf","sensor":"edge1","start_epoch":1795239000123456,"worker":1,"seq":41}
    """,
    "echo": """
    {"timestamp":"2026-11-21T05:37:02.000000+0000","flow_id":2025921823654003,\
    "in_iface":"tap0","event_type":"flow","src_ip":"10.0.0.9","dest_ip":"10.0.0.1",\
    "proto":"ICMP","ip_v":4,"icmp_type":8,"icmp_code":0,"response_icmp_type":0,\
    "response_icmp_code":0,\
    "flow":{"pkts_toserver":6,"pkts_toclient":4,"bytes_toserver":700,"bytes_toclient":5000,\
    "start":"2026-11-21T05:36:00.123456+0000","end":"2026-11-21T05:36:02.000000+0000","age":2,\
    "state":"established","reason":"timeout","alerted":false,"ip_bytes_toserver":616,\
    "ip_bytes_toclient":4944,"start_nsec":123456789,"end_nsec":7,"end_reason":"idle_timeout",\
    "rtt_nsec":250000,"payload_bytes_toserver":448,"payload_bytes_toclient":4832,\
    "ttl_toserver":57,"dscp_toserver":46,"ttl_toclient":64,\
    "dscp_toclient":0,"fragmented":true},"community_id":"1:Oc8V53+VyAtwe+q2dsNIaKJNtI0=",\
    "conn_state":"OTH","sensor":"edge1","start_epoch":1795239000123456,"worker":1,"seq":41}
    """,
    "stats": """
    {"timestamp":"2026-11-21T05:36:00.000000+0000","event_type":"stats","stats":{"uptime":360,\
    "capture":{"packets":1000,"bytes":2,"rx_errors":14,"dpdk":{"imissed":8,"no_mbufs":4,\
    "ierrors":2}},"decoder":{"pkts":1000,"bytes":359000},"packets":{"in_flows":900,\
    "filtered":20,"not_ip":70,"discarded":7,"held":3},"not_ip":{"arp":60,"lldp":10},\
    "discarded":{"truncated_ipv4":7,"handoff_ring_full":0},"anomalies":{"bad_udp_length":1},\
    "dissection":{},\
    "flow":{"active":12,"total":80,"evicted":2,"exported":68,"updates":5},\
    "records":{"made":73,"dropped":1},"ports":[{"name":"tap0","packets":700,"bytes":1,\
    "imissed":4,"no_mbufs":2,"ierrors":1},{"name":"tap1","packets":300,"bytes":1,"imissed":4,\
    "no_mbufs":2,"ierrors":1}],"sinks":[{"name":"redis","accepted":72,"delivered":70,\
    "dropped_queue_full":0,"dropped_spool_full":0,"dropped_refused":0,\
    "dropped_shutdown":0,"lost_by_redis":0,"backlog":2,"lag_msec":0,"spooled":0,"spooled_bytes":0,\
    "retries":0,"reconnects":1,"reordered":0,"retransmitted":0,"recovered":0,"spool_torn":0}],\
    "workers":[{"worker":0,"packets":450,"flows":6,"sampling_interval":1},\
    {"worker":1,"packets":450,"flows":6,"sampling_interval":1}]},\
    "sensor":"edge1","start_epoch":1795239000123456}
    """,
  ]

  /// With `~` for each line end.
  private static let fields = """
    $2~ts~$31~2026-11-21T05:37:02.000000+0000~$7~flow_id~$16~1973977248007797~$5~iface~$0~~$5~ev\
    ent~$4~flow~$4~vlan~$1~5~$6~src_ip~$11~2001:db8::1~$8~src_port~$5~40000~$7~dest_ip~$11~2001:\
    db8::2~$9~dest_port~$2~22~$5~proto~$3~TCP~$4~ip_v~$1~6~$9~icmp_type~$0~~$9~icmp_code~$0~~$10\
    ~icmp_rtype~$0~~$10~icmp_rcode~$0~~$3~app~$0~~$6~app_ts~$0~~$6~app_tc~$0~~$7~app_exp~$0~~$8~app_orig~$0~~\
    $7~pkts_ts~$1~6~$7~pkts_tc~$1~0~$8~bytes_ts~$3~700~$8~byt\
    es_tc~$1~0~$5~start~$31~2026-11-21T05:36:00.123456+0000~$3~end~$31~2026-11-21T05:36:02.00000\
    0+0000~$3~age~$1~2~$5~state~$3~new~$6~reason~$6~forced~$10~ipbytes_ts~$3~616~$10~ipbytes_tc~\
    $1~0~$10~start_nsec~$9~123456789~$8~end_nsec~$1~7~$10~end_reason~$17~lack_of_resources~$8~rt\
    t_nsec~$0~~$6~pay_ts~$1~0~$6~pay_tc~$1~0~$6~ttl_ts~$2~64~$6~ttl_tc~$0~~$7~dscp_ts~$1~0~$7~ds\
    cp_tc~$0~~$4~frag~$0~~$6~tx_cnt~$0~~$6~update~$0~~$13~pkts_ts_delta~$0~~$13~pkts_tc_delta~$0~~$14~bytes_ts\
    _delta~$0~~$14~bytes_tc_delta~$0~~$16~ipbytes_ts_delta~$0~~$16~ipbytes_tc_delta~$0~~$8~tun_t\
    ype~$0~~$7~tun_src~$0~~$7~tun_dst~$0~~$6~tun_id~$0~~$9~tun_depth~$0~~$3~smp~$0~~$7~partial~$0~~$4~tags~$0~~$8~dest_mac~$0~~$7~src_\
    mac~$0~~$3~cid~$30~1:vAO+XIqE1c9AVIfkYPCAQRvvEjQ=~$9~tcp_flags~$2~00~$12~tcp_flags_ts~$2~00~\
    $12~tcp_flags_tc~$2~00~$9~tcp_state~$8~syn_sent~$6~win_ts~$3~501~$6~win_tc~$0~~$9~rexmit_ts~\
    $0~~$9~rexmit_tc~$0~~$6~ooo_ts~$0~~$6~ooo_tc~$0~~$7~gaps_ts~$0~~$7~gaps_tc~$0~~$9~missed_ts~\
    $0~~$9~missed_tc~$0~~$7~zwin_ts~$0~~$7~zwin_tc~$0~~$5~ka_ts~$0~~$5~ka_tc~$0~~$10~conn_state~\
    $2~S0~$7~history~$1~S~$6~sensor~$5~edge1~$5~epoch~$16~1795239000123456~$6~worker~$1~1~$3~seq\
    ~$2~41~
    """
}
