import FlowEngine
import Foundation
import Testing

@testable import Records

@Suite struct EVETests {
  @Test func everyShapeIsJSON() throws {
    for (name, record) in sampleFlows() {
      let (bytes, entry) = encode(record)
      let json = try object(bytes)
      #expect(entry.length == bytes.count && entry.offset == 0 && entry.fieldCount == 0)
      #expect(json["event_type"] as? String == entry.type.rawValue, "\(name)")
      #expect(!bytes.contains(UInt8(ascii: "\n")))
    }
  }

  @Test func addressesAndPortsAreTheOriginators() throws {
    let json = try object(encode(flow(IPProtocol.tcp, "192.168.1.52", 54585, "8.8.8.8", 443)).bytes)
    #expect(json["src_ip"] as? String == "192.168.1.52")
    #expect(json["src_port"] as? Int == 54585)
    #expect(json["dest_ip"] as? String == "8.8.8.8")
    #expect(json["dest_port"] as? Int == 443)
    let flow = try #require(json["flow"] as? [String: Any])
    #expect(flow["pkts_toserver"] as? Int == 6)
    #expect(flow["bytes_toclient"] as? Int == 5000)
    #expect(flow["rtt_nsec"] as? Int == 250_000)
    #expect(flow["age"] as? Int == 2)
    #expect(flow["start_nsec"] as? Int == 123_456_789)
    #expect(flow["end_nsec"] as? Int == 7)
  }

  @Test func protocolNames() throws {
    for (proto, name) in [
      (6, "TCP"), (17, "UDP"), (1, "ICMP"), (58, "IPv6-ICMP"), (132, "SCTP"), (50, "ESP"),
      (51, "AH"), (2, "IGMP"), (47, "GRE"), (4, "IP-in-IP"), (89, "OSPF"), (112, "VRRP"),
      (143, "Ethernet"), (144, "144"), (255, "255"), (0, "HOPOPT"), (41, "IPv6"),
    ] as [(UInt8, String)] {
      let json = try object(encode(flow(proto, "10.0.0.1", 0, "10.0.0.2", 0)).bytes)
      #expect(json["proto"] as? String == name)
      #expect((json["src_port"] == nil) == !["TCP", "UDP", "SCTP"].contains(name))
    }
  }

  /// IPv6 in IPv6 is carried by protocol 41, IPv4 in either by 4.
  @Test func ipInIPHasTheInnerVersionsProtocol() throws {
    for (source, destination, name) in [
      ("10.0.0.1", "10.0.0.2", "IP-in-IP"), ("2001:db8::1", "2001:db8::2", "IPv6"),
    ] {
      var record = flow(IPProtocol.tcp, source, 1, destination, 2)
      record.tunnel = Tunnel(
        source: address("2001:db8::3"), destination: address("2001:db8::4"),
        kind: TunnelKind.ipip.rawValue, depth: 1, isIPv6: true)
      record.parts |= FlowRecord.Parts.tunnel
      let tunnel = try #require(object(encode(record).bytes)["tunnel"] as? [String: Any])
      #expect(tunnel["proto"] as? String == name)
    }
  }

  @Test func icmpHasTypesAndNoPorts() throws {
    let samples = Dictionary(uniqueKeysWithValues: sampleFlows().map { ($0.name, $0.record) })
    let echo = try object(encode(samples["echo"]!).bytes)
    #expect(echo["icmp_type"] as? Int == 8)
    #expect(echo["response_icmp_type"] as? Int == 0)
    #expect(echo["src_port"] == nil)
    #expect(echo["src_ip"] as? String == "10.0.0.9")
    let unreachable = try object(encode(samples["unreachable"]!).bytes)
    #expect(unreachable["icmp_type"] as? Int == 1)
    #expect(unreachable["icmp_code"] as? Int == 4)
    #expect(unreachable["response_icmp_type"] == nil)
  }

  @Test func reasons() throws {
    for (reason, suricata, ipfix) in [
      (FlowEndReason.idleTimeout, "timeout", "idle_timeout"),
      (FlowEndReason.endOfFlow, "timeout", "end_of_flow"),
      (FlowEndReason.forcedEnd, "shutdown", "forced_end"),
      (FlowEndReason.lackOfResources, "forced", "lack_of_resources"),
      (FlowEndReason.operatorEnd, "forced", "forced_end"), (0, "unknown", "unknown"),
    ] {
      var record = flow(IPProtocol.udp, "10.0.0.1", 1, "10.0.0.2", 2)
      record.endReason = reason
      let flow = try #require(try object(encode(record).bytes)["flow"] as? [String: Any])
      #expect(flow["reason"] as? String == suricata)
      #expect(flow["end_reason"] as? String == ipfix)
    }
  }

  @Test func numbersAtTheirLargest() throws {
    let record = extremeFlow()
    let (bytes, _) = encode(record)
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains("\"pkts_toserver\":18446744073709551615,"))
    // A delta has 48 bits.
    #expect(text.contains("\"ip_bytes_toclient_delta\":281474976710655"))
    let json = try object(bytes)
    // What identifies must survive a reader that has doubles only.
    for name in ["flow_id", "start_epoch"] {
      let number = try #require(json[name] as? UInt64)
      #expect(number < 1 << 53)
    }
    // The scratch memory has room to spare.
    let fixed = FixedText(context)
    #expect(bytes.count < fixed.longestEVEFlow - ByteWriter.slack)
    let flat = encode(record, .fields).bytes
    #expect(flat.count < fixed.longestFieldsFlow - ByteWriter.slack)
  }

  @Test func hostileNames() throws {
    let name = "a\"b\\c\n\u{1}\u{7f}é\u{2028}</script>"
    let context = RecordContext(
      sensorName: name, startEpochNanoseconds: -1,
      portNames: [String(repeating: "\u{1}", count: 3000)])
    let json = try object(encode(extremeFlow(), context: context).bytes)
    #expect(json["sensor"] as? String == name)
    #expect(json["start_epoch"] as? Int == 0)
    #expect((json["in_iface"] as? String)?.utf8.count == 3000)
    var stats = sampleStats()
    stats.discarded = [.init(name, .max)]
    stats.sinks[0].name = name
    stats.ports[0].name = String(repeating: "\u{2}", count: 5000)
    let read = try object(encode(stats, context: context).bytes)
    let inner = try #require(read["stats"] as? [String: Any])
    #expect((inner["discarded"] as? [String: UInt64]) == [name: .max])
    for format in RecordFormat.allCases {
      _ = encode(stats, format, context: context)
      _ = encode(extremeFlow(), format, context: context)
    }
  }

  @Test func timesOutOfOrder() throws {
    var record = flow(IPProtocol.udp, "10.0.0.1", 1, "10.0.0.2", 2)
    record.hot.lastSeen = record.cold.firstSeen - 5_000_000_000
    record.cold.firstReply = record.cold.firstSeen - 1
    let flow = try #require(try object(encode(record).bytes)["flow"] as? [String: Any])
    #expect(flow["age"] as? Int == 0)
    #expect(flow["rtt_nsec"] == nil)
  }

  @Test func offlineRecordsHaveNoSequence() throws {
    var offline = context
    offline.includesSequence = false
    let json = try object(encode(sampleFlows()[0].record, context: offline).bytes)
    for name in ["worker", "seq", "start_epoch"] { #expect(json[name] == nil) }
    #expect(json["sensor"] as? String == "edge1")
  }

  @Test func oneBatchHoldsManyInOrder() throws {
    var encoder = RecordEncoder(context: context, format: .eve)
    var batch = RecordBatch(format: .eve)
    let samples = sampleFlows()
    for (_, record) in samples {
      withUnsafePointer(to: record) { encoder.encode($0, into: &batch) }
    }
    encoder.encode(sampleStats(), into: &batch)
    #expect(batch.entries.count == samples.count + 1)
    var offset = 0
    for (index, entry) in batch.entries.enumerated() {
      #expect(entry.offset == offset)
      offset += entry.length
      let bytes = Array(batch.bytes[entry.offset..<offset])
      // An encoder that has written others before writes the same.
      if index < samples.count { #expect(bytes == encode(samples[index].record).bytes) }
    }
    #expect(offset == batch.bytes.count)
  }

  @Test func statsAreNested() throws {
    let json = try object(encode(sampleStats()).bytes)
    #expect(json["event_type"] as? String == "stats")
    let stats = try #require(json["stats"] as? [String: Any])
    #expect(stats["uptime"] as? Int == 360)
    let capture = try #require(stats["capture"] as? [String: Any])
    #expect(capture["packets"] as? Int == 1000)
    #expect(capture["rx_errors"] as? Int == 14)
    #expect((capture["dpdk"] as? [String: Int]) == ["imissed": 8, "no_mbufs": 4, "ierrors": 2])
    let packets = try #require(stats["packets"] as? [String: Int])
    #expect(
      packets == ["in_flows": 900, "filtered": 20, "not_ip": 70, "discarded": 7, "held": 3])
    #expect((stats["sinks"] as? [[String: Any]])?.first?["delivered"] as? Int == 70)
    #expect((stats["workers"] as? [[String: Int]])?.count == 2)
    #expect(json["sensor"] as? String == "edge1")
  }
}
