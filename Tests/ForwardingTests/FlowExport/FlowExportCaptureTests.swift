import Foundation
import Sinks
import Testing

@testable import Forwarding

/// Flows of public captures, as martlet reads them, through nfcapd: totals, addresses, times and
/// flags of what nfdump lists are those of the records.
@Suite(
  "Flow export: captures",
  .enabled(if: ExportPrograms.capturesCanBeRead && ExportPrograms.nfdump))
struct FlowExportCaptureTests {
  private static let captures =
    [
      "dnscrypt-v1-and-resolver-pings", "http_ipv6", "dns_fragmented", "quic-28",
    ].map { "ndpi/tests/cfgs/default/pcap/\($0).pcap" }
    + ["vlan-collisions", "pppoe-over-qinq"].map { "zeek/testing/btest/Traces/\($0).pcap" }
    + ["icmpv6", "pim-packet-assortment", "bigtcp-ipv6", "afs"].map { "tcpdump/tests/\($0).pcap" }

  /// The flow records of all those captures.
  private static func records() throws -> [ForwardRecord] {
    let folder = try ExportFolder()
    let paths = try captures.map { "\(try #require(ExportPrograms.captures))/\($0)" }
    let lines = try ExportChild.output(
      try #require(ExportPrograms.martlet),
      ["read", "-q", "-f", "eve", "--decapsulate", "all"] + paths, folder)
    return try lines.split(separator: "\n").filter { $0.contains(#""event_type":"flow""#) }
      .enumerated().map { index, line in
        ForwardRecord(
          stream: StreamName(sensor: "martlet", type: "flow"),
          entry: StreamID(milliseconds: UInt64(index + 1)),
          document: try EVEDocument(Array(line.utf8)))
      }
  }

  @Test(
    "what nfdump lists is what the records say",
    arguments: [FlowExportProtocol.netflow9, .ipfix])
  func listed(_ exportProtocol: FlowExportProtocol) throws {
    let records = try Self.records()
    #expect(records.count > 100)
    let collector = try Nfcapd()
    var settings = FlowExportSettings(exportProtocol, host: "127.0.0.1", port: collector.port)
    settings.recordsPerSecond = 20_000
    let target = FlowExportTarget(settings)
    try target.open()
    let outcomes = try target.deliver(records, interruption: Interruption())
    #expect(outcomes.allSatisfy { $0 == .delivered })
    let (summary, flows, _) = try collector.finish()
    #expect(summary.contains("Sequence Errors: 0") && summary.contains("Bad Packets: 0"))
    let due = try records.flatMap { try Self.expected($0.document.bytes) }
    #expect(flows.count == due.count)
    let (got, right) = (Self.counted(flows), Self.counted(due))
    #expect(got == right, "listed only: \(Set(flows).subtracting(due).prefix(3))")
  }

  private static func counted(_ records: [ExpectedRecord]) -> [ExpectedRecord: Int] {
    records.reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }

  /// The records of a flow, read from its JSON by Foundation and with Foundation's calendar.
  private static func expected(_ json: [UInt8]) throws -> [ExpectedRecord] {
    let root = try #require(
      try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
    let flow = try #require(root["flow"] as? [String: Any])
    func number(_ object: [String: Any]?, _ name: String) -> UInt64 {
      (object?[name] as? NSNumber)?.uint64Value ?? 0
    }
    func milliseconds(_ name: String, plus: UInt64 = 0) throws -> Int64 {
      let format = ISO8601DateFormatter()
      let text = try #require(flow[name] as? String)
      let date = try #require(format.date(from: text.replacing(#/\.\d+/#, with: "")))
      let nanoseconds = Int64(date.timeIntervalSince1970) * 1_000_000_000
      return (nanoseconds + Int64(number(flow, "\(name)_nsec") + plus)) / 1_000_000
    }
    func icmp(_ type: String, _ code: String) -> UInt16 {
      UInt16(number(root, type) << 8 | number(root, code))
    }
    let name = root["proto"] as? String ?? ""
    let numbers: [String: UInt8] = [
      "TCP": 6, "UDP": 17, "ICMP": 1, "IPv6-ICMP": 58, "IGMP": 2, "PIM": 103, "GRE": 47,
    ]
    let proto = try #require(numbers[name] ?? UInt8(name), "\(name)")
    let isICMP = proto == 1 || proto == 58
    func record(_ way: String, _ flags: String, _ isReverse: Bool) throws -> ExpectedRecord {
      let tcp = (root["tcp"] as? [String: Any])?[flags] as? String ?? "0"
      let ends = [root["src_ip"] as? String ?? "", root["dest_ip"] as? String ?? ""]
      let ports = [UInt16(number(root, "src_port")), UInt16(number(root, "dest_port"))]
      let from = isReverse ? 1 : 0
      let type =
        isReverse
        ? icmp("response_icmp_type", "response_icmp_code") : icmp("icmp_type", "icmp_code")
      return ExpectedRecord(
        source: ends[from], destination: ends[1 - from], sourcePort: ports[from],
        destinationPort: isICMP ? type : ports[1 - from], proto: proto,
        packets: number(flow, "pkts_\(way)"), octets: number(flow, "ip_bytes_\(way)"),
        flags: UInt8(tcp, radix: 16) ?? 0, typeOfService: UInt8(number(flow, "dscp_\(way)") * 4),
        start: try milliseconds("start", plus: isReverse ? number(flow, "rtt_nsec") : 0),
        end: try milliseconds("end"),
        vlan: UInt16((root["vlan"] as? [NSNumber])?.first?.uint64Value ?? 0), id: 0)
    }
    var records: [ExpectedRecord] = []
    if number(flow, "pkts_toserver") > 0 {
      records.append(try record("toserver", "tcp_flags_ts", false))
    }
    if number(flow, "pkts_toclient") > 0 {
      records.append(try record("toclient", "tcp_flags_tc", true))
    }
    return records
  }
}
