import FlowEngine
import Foundation
import Testing

@testable import Records

@Suite struct ZeekTests {
  private static let names = ZeekConnField.allCases.map(\.rawValue)

  /// The header of the newest Zeek, and `community_id` behind it.
  @Test func headerIsZeeks() throws {
    let encoder = ZeekConnEncoder(context: context)
    let header = String(
      decoding: encoder.header(openedNanoseconds: secondsOfTests * 1_000_000_000), as: UTF8.self)
    #expect(header == Self.header)
    let footer = String(
      decoding: encoder.footer(closedNanoseconds: -1), as: UTF8.self)
    #expect(footer == "#close\t1969-12-31-23-59-59\n")

    let path = "zeek/testing/btest/Baseline/core.unknown-ip-protocol/conn.log"
    guard let baseline = captures(path) else { return }
    let lines = try String(contentsOf: baseline, encoding: .utf8).split(separator: "\n")
    let ours = header.split(separator: "\n")
    for name in ["#separator", "#set_separator", "#empty_field", "#unset_field", "#path"] {
      #expect(ours.first { $0.hasPrefix(name) } == lines.first { $0.hasPrefix(name) })
    }
    for (name, last) in [("#fields", "\tcommunity_id"), ("#types", "\tstring")] {
      let zeeks = try #require(lines.first { $0.hasPrefix(name) })
      #expect(ours.first { $0.hasPrefix(name) } == zeeks + last)
    }
  }

  @Test(arguments: ["web", "scan", "echo", "unreachable", "dns", "sctp", "extreme"])
  func line(_ name: String) throws {
    var record = try #require(sampleFlows().first { $0.name == name }).record
    record.kind = FlowRecordKind.flow
    #expect(Self.line(record).replacing("\t", with: " ") == Self.lines[name])
  }

  @Test func updatesAreNoConnections() throws {
    let update = try #require(sampleFlows().first { $0.name == "update" }).record
    #expect(Self.line(update).isEmpty)
  }

  /// Every value that is written is the record's own, by the columns that `#fields` names.
  @Test func valuesAreThoseOfTheRecord() throws {
    for (name, record) in sampleFlows() where record.kind == FlowRecordKind.flow {
      let row = try Self.row(record)
      let json = try object(encode(record).bytes)
      let flow = try #require(json["flow"] as? [String: Any])
      func has(_ column: String, _ value: Any?, _ line: Int = #line) {
        #expect(row[column] == value.map { "\($0)" } ?? "-", "\(name): \(column), line \(line)")
      }
      has("id.orig_h", json["src_ip"])
      has("id.resp_h", json["dest_ip"])
      if record.hot.key.proto == IPProtocol.tcp || record.hot.key.proto == IPProtocol.udp {
        has("id.orig_p", json["src_port"])
        has("id.resp_p", json["dest_port"])
      }
      has("orig_pkts", flow["pkts_toserver"])
      has("resp_pkts", flow["pkts_toclient"])
      has("orig_ip_bytes", flow["ip_bytes_toserver"])
      has("resp_ip_bytes", flow["ip_bytes_toclient"])
      has("conn_state", json["conn_state"])
      has("history", json["history"])
      has("community_id", json["community_id"])
      has("ip_proto", record.hot.key.proto)
      has("orig_bytes", flow["payload_bytes_toserver"])
      has("resp_bytes", flow["payload_bytes_toclient"])
      let tcp = json["tcp"] as? [String: Any]
      let missed = ["missed_bytes_ts", "missed_bytes_tc"].map { tcp?[$0] as? UInt64 ?? 0 }
      has("missed_bytes", missed[0] &+ missed[1])
      for unset in ["service", "tunnel_parents"] { has(unset, nil) }
      #expect(row["ts"] == "1795239360.123456")
      #expect(row["duration"] == "1.876544")
    }
  }

  @Test func durationIsUnsetWhereThereIsNone() throws {
    var record = flow(IPProtocol.udp, "10.0.0.1", 1, "10.0.0.2", 2)
    record.hot.lastSeen = record.cold.firstSeen
    #expect(try Self.row(record)["duration"] == "-")
    // Both within 123,456 µs.
    record.hot.lastSeen = record.cold.firstSeen + 210
    #expect(try Self.row(record)["duration"] == "-")
    record.hot.lastSeen = record.cold.firstSeen + 211
    #expect(try Self.row(record)["duration"] == "0.000001")
    record.hot.lastSeen = record.cold.firstSeen - 5_000
    #expect(try Self.row(record)["duration"] == "-")
  }

  @Test func timesBefore1970() throws {
    var record = flow(IPProtocol.udp, "10.0.0.1", 1, "10.0.0.2", 2)
    for (nanoseconds, text) in [
      (0 as Int64, "0.000000"), (-500_000_000, "-0.500000"), (-1_000_000_000, "-1.000000"),
      (-1_500_000_001, "-1.500001"), (999, "0.000000"),
    ] {
      record.cold.firstSeen = nanoseconds
      #expect(try Self.row(record)["ts"] == text)
    }
  }

  /// The `flow_id` of the EVE record is to be had from the `uid`, and the rest tells flows apart
  /// that share one.
  @Test func uidHoldsTheFlowID() throws {
    let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    var seen: Set<String> = []
    for (name, sample) in sampleFlows() where sample.kind == FlowRecordKind.flow {
      for ordinal in 0..<200 as Range<UInt64> {
        var record = sample
        record.cold.ordinal = ordinal
        let uid = try #require(try Self.row(record)["uid"])
        #expect(uid.count == 18 && uid.hasPrefix("C"), "\(name)")
        let id = try uid.dropFirst().prefix(9).reduce(0) { sum, digit in
          sum * 62 + (try #require(digits.firstIndex(of: digit)))
        }
        let json = try object(encode(record).bytes)
        #expect(json["flow_id"] as? Int == id)
        seen.insert(String(uid.suffix(8)))
        #expect(try Self.row(record)["uid"] == uid, "it is the same each time")
      }
    }
    #expect(seen.count == sampleFlows().count * 200 - 400, "the rest of the hash varies as well")
  }

  @Test func localAddressesAreThoseOfZeek() {
    for (text, isLocal) in [
      ("10.1.2.3", true), ("11.0.0.0", false), ("100.63.255.255", false), ("100.64.0.0", true),
      ("100.127.255.255", true), ("100.128.0.0", false), ("127.0.0.1", true),
      ("169.254.7.7", true), ("169.253.0.0", false), ("172.15.255.255", false),
      ("172.16.0.0", true), ("172.31.255.255", true), ("172.32.0.0", false),
      ("192.0.0.9", true), ("192.0.1.0", false), ("192.0.2.255", true), ("192.0.3.0", false),
      ("192.168.0.1", true), ("192.169.0.0", false), ("198.17.255.255", false),
      ("198.18.0.0", true), ("198.19.255.255", true), ("198.20.0.0", false),
      ("198.51.100.7", true), ("203.0.113.7", true), ("203.0.114.0", false),
      ("224.0.0.1", false), ("239.255.255.250", false), ("240.0.0.1", true),
      ("255.255.255.255", true), ("0.0.0.0", true), ("8.8.8.8", false), ("23.0.0.2", false),
      ("::", true), ("::1", true), ("::2", false), ("64:ff9b:1::7", true),
      ("64:ff9b::7", false), ("100::1", true), ("100:0:0:1::", false),
      // Those of Zeek's own baselines for Teredo and neighbour discovery.
      ("2001:0:4137:9e50:8000:f12a:b9c8:2815", true), ("2001:200::", false),
      ("2001:4860:0:2001::68", false), ("2002:2571:c817::2571:c817", false),
      ("2002:c0a8:101::1", true), ("2002:a9fe::", true), ("2001:db8::1", true),
      ("2001:db9::", false), ("fc00::1", true), ("fdff::1", true), ("fe00::1", false),
      ("fe80::1", true), ("febf::1", true), ("fec0::1", false), ("ff02::2", false),
      ("::ffff:10.0.0.1", true), ("::ffff:8.8.8.8", false),
    ] {
      #expect(ZeekSite.isLocal(address(text)) == isLocal, "\(text)")
    }
  }

  /// What zeek-cut does, by awk: columns by the names in `#fields`, unset or not.
  @Test func columnsAreFoundByName() throws {
    let (file, records) = try Self.log()
    defer { try? FileManager.default.removeItem(at: file) }
    let script = """
      BEGIN { FS = OFS = "\\t" }
      /^#fields/ { for (i = 2; i <= NF; i++) at[$i] = i - 1 }
      !/^#/ { print $at["id.resp_h"], $at["id.resp_p"], $at["proto"], $at["orig_pkts"], NF }
      """
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["awk", script, file.path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let cut = text.split(separator: "\n").map { $0.split(separator: "\t") }
    #expect(cut.count == records.count)
    for (row, record) in zip(cut, records) {
      #expect(row.count == 5)
      #expect(
        row[0]
          == RecordText.address(record.responder.address, version: record.hot.key.ipVersion))
      #expect(row[3] == "\(record.originator.packets)")
      #expect(row[4] == "\(Self.names.count)")
    }
  }

  /// A reader that others wrote: zat's, which turns each column into its type.
  @Test func zatReadsIt() throws {
    guard let python = python(importing: "zat") else { return }
    let (file, records) = try Self.log()
    defer { try? FileManager.default.removeItem(at: file) }
    let script = """
      import sys
      from zat.zeek_log_reader import ZeekLogReader
      for row in ZeekLogReader(sys.argv[1]).readrows():
        print("row", len(row), row["id.orig_h"], row["orig_ip_bytes"] + 0,
              row["duration"].total_seconds(), row["ts"].microsecond, row["local_orig"])
      """
    // The reader says on the same output that it has begun.
    let rows = try runPython(python, [script, file.path]).split(separator: "\n").filter {
      $0.hasPrefix("row ")
    }
    try #require(rows.count == records.count)
    for (row, record) in zip(rows, records) {
      let source = RecordText.address(record.originator.address, version: record.hot.key.ipVersion)
      let isLocal = ZeekSite.isLocal(record.originator.address) ? "True" : "False"
      let bytes = record.originator.ipBytes
      #expect(row == "row \(Self.names.count) \(source) \(bytes) 1.876544 123456 \(isLocal)")
    }
  }

  // MARK: Support

  /// A log of its own of the samples; the caller removes it.
  private static func log() throws -> (file: URL, records: [FlowRecord]) {
    var encoder = ZeekConnEncoder(context: context)
    var log = encoder.header(openedNanoseconds: 0)
    var records: [FlowRecord] = []
    for (_, record) in sampleFlows() where record.kind == FlowRecordKind.flow {
      withUnsafePointer(to: record) { encoder.encode($0, into: &log) }
      records.append(record)
    }
    log += encoder.footer(closedNanoseconds: 1)
    let file = URL.temporaryDirectory.appending(path: "martlet-\(UUID().uuidString).log")
    try Data(log).write(to: file)
    return (file, records)
  }

  private static func line(_ record: FlowRecord) -> String {
    var encoder = ZeekConnEncoder(context: context)
    var bytes: [UInt8] = []
    withUnsafePointer(to: record) { encoder.encode($0, into: &bytes) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The values of a line by the names of its columns.
  private static func row(_ record: FlowRecord) throws -> [String: String] {
    let line = line(record)
    #expect(line.hasSuffix("\n"))
    let values = line.dropLast().split(separator: "\t", omittingEmptySubsequences: false)
    try #require(values.count == names.count)
    #expect(!values.contains(""), "an empty value has no meaning")
    return Dictionary(uniqueKeysWithValues: zip(names, values.map(String.init)))
  }

  private static let header = """
    #separator \\x09
    #set_separator\t,
    #empty_field\t(empty)
    #unset_field\t-
    #path\tconn
    #open\t2026-11-21-05-36-00
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\t\
    orig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\t\
    orig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\tip_proto\tcommunity_id
    #types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\t\
    bool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\tcount\tstring

    """

  /// With a space for each tab.
  private static let lines = [
    "scan": """
    1795239360.123456 C92WyXMfjB8ct58EpF 2001:db8::1 40000 2001:db8::2 22 tcp - 1.876544 0 \
    0 S0 T T 0 S 6 616 0 0 - 6 1:vAO+XIqE1c9AVIfkYPCAQRvvEjQ=

    """,
    "web": """
    1795239360.123456 C5TyN4yiez5m9adeuN 192.168.1.52 54585 8.8.8.8 443 tcp - 1.876544 99 99 \
    SF T F 0 ShADadFf 6 616 4 4944 - 6 1:Y0JXkDt3m72EBPG8/NmZ488dkDg=

    """,
    "echo": """
    1795239360.123456 C9HHUMoPgJ1oKWTOUw 10.0.0.9 8 10.0.0.1 0 icmp - 1.876544 448 4832 OTH T T \
    0 - 6 616 4 4944 - 1 1:Oc8V53+VyAtwe+q2dsNIaKJNtI0=

    """,
    "unreachable": """
    1795239360.123456 CA6zxP6Dw689n7wjgD fe80::9 1 fe80::1 4 icmp - 1.876544 328 0 OTH T T 0 \
    - 6 616 0 0 - 58 1:1k3ivy76nbkvkc/kaQNe1mztBq0=

    """,
    "sctp": """
    1795239360.123456 C5hTK8G7TM0ITgEEmb 192.168.170.8 0 192.168.170.56 0 \
    unknown_transport - 1.876544 - - OTH T T 0 - 6 616 4 4944 - 132 \
    1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=

    """,
    "dns": """
    1795239360.123456 C57z3Eb0cL3bNza9Ao 2001:db8::35 53000 2001:db8::53 53 udp - 1.876544 \
    328 4752 SF T T 0 - 6 616 4 4944 - 17 1:AReoid2elmY4lc9+9wWYK4pKUIk=

    """,
    "extreme": """
    -9223372036.854776 C212gp9paE8eK8P19b ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 \
    1111:2222:3333:4444:5555:6666:7777:8888 65535 tcp - 18446744073.709551 99 99 SF F F \
    18446744073709551614 \
    ShADadFfRrTtCcWw 18446744073709551615 18446744073709551615 18446744073709551615 \
    18446744073709551615 - 6 1:BImjXOhWIr/nbmel6HowmsD0W/Y=

    """,
  ]
}
