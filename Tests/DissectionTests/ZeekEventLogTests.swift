import FlowEngine
import Foundation
import Records
import Testing

@testable import Dissection

/// Zeek's event logs, from records that are made here.
@Suite struct ZeekEventLogTests {
  /// Logs and what writes records for them.
  private final class Bench {
    var logs: EventLogs
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: 65_536, alignment: 16)
    let schema: EventSchema

    init(_ schema: EventSchema = Dissection.schema) {
      self.schema = schema
      var context = RecordContext(
        sensorName: "test", startEpochNanoseconds: 0, portNames: [], includesSequence: false)
      context.events = schema
      logs = EventLogs(context)
    }

    deinit { scratch.deallocate() }

    func take(
      _ type: EventType, at seconds: Int64 = 1_700_000_000, isHidden: Bool = false,
      toServer: Bool = true, _ ports: (UInt16, UInt16) = (40_000, 53), first: UInt64 = 1,
      _ fill: (inout EventWriter) -> Void
    ) {
      var writer = EventWriter(scratch, capacity: 65_536)
      fill(&writer)
      writer.endAll()
      let key = FlowKey(
        addressA: IPAddress(v4: 0x0a00_0001), addressB: IPAddress(v4: 0x0a00_0002),
        portA: ports.0, portB: ports.1, proto: 17, flags: 0)
      var head = EventHead(key: key)
      head.type = type.place
      head.side = toServer ? 0 : 1
      head.time = seconds * 1_000_000_000 + 123_456_789
      head.firstSeen = Int64(first)
      if isHidden { head.flags |= EventHead.Flags.notEVE }
      var message: [UInt8] = withUnsafeBytes(of: head) { Array($0) }
      message += UnsafeRawBufferPointer(start: scratch, count: writer.count)
      message.withUnsafeBytes { _ = logs.take(EventRecord($0)!) }
    }

    func field(_ type: EventType, _ name: String) -> EventField { schema.field(type, name)! }

    /// A log's lines as cells by the name of their column.
    func rows(_ path: String) -> [[String: String]] {
      let number = logs.logs.firstIndex { type(of: $0).path == path }!
      let text = String(
        decoding: logs.logs[number].header(openedNanoseconds: 0) + logs.lines[number].bytes,
        as: UTF8.self)
      let log = ZeekTruth.log(path, text)!
      #expect(log.rows.count == text.split(separator: "\n").filter { !$0.hasPrefix("#") }.count)
      return log.rows.map {
        Dictionary(zip(log.fields, $0), uniquingKeysWith: { a, _ in a })
      }
    }
  }

  /// Fields that each log needs, whatever the dissectors declare.
  private static let schema: EventSchema = {
    func field(_ group: UInt8, _ index: UInt8) -> EventField {
      EventField(group: group, index: index)
    }
    func group(_ number: UInt8, _ type: EventType, _ names: [(StaticString, Bool)]) -> EventGroup {
      EventGroup(
        number: number, type: type, key: "x",
        fields: names.enumerated().map { place, name in
          EventFieldDefinition(
            field(number, UInt8(place + 1)), name.0, .any, "test", "", isHidden: name.1)
        })
    }
    return EventSchema([
      group(
        2, .dns,
        [
          ("query", true), ("qtype", true), ("answers", true), ("TTLs", true), ("rcode", true),
          ("ts", true), ("rtt", true), ("rrname", false),
        ]),
      group(
        3, .http,
        [
          ("http_method", false), ("url", false), ("request_body_length", false),
          ("response_body_length", false), ("request_mimetype", false), ("skip", true),
        ]),
      group(
        4, .dhcp,
        [
          ("id", false), ("dhcp_type", false), ("client_mac", false), ("assigned_ip", false),
          ("hostname", false), ("lease_time", false), ("requested_ip", false),
          ("client_id", false), ("client_id_type", true),
        ]),
      group(5, .smtp, [("mail_from", false), ("rcpt_to", false)]),
      group(6, .fileinfo, [("fileinfo", false), ("filename", false), ("size", false)]),
      group(7, .quic, [("version", true), ("client_scid", true)]),
    ])
  }()

  @Test func headerIsZeeks() {
    let bench = Bench()
    for log in bench.logs.logs {
      let text = String(decoding: log.header(openedNanoseconds: 0), as: UTF8.self)
      #expect(text.hasPrefix("#separator \\x09\n#set_separator\t,\n"))
      #expect(text.contains("#path\t\(type(of: log).path)\n"))
      let lines = text.split(separator: "\n")
      let fields = lines.first { $0.hasPrefix("#fields") }!.split(separator: "\t")
      let types = lines.first { $0.hasPrefix("#types") }!.split(separator: "\t")
      #expect(fields.count == types.count)
      #expect(Set(fields).count == fields.count)
    }
    #expect(bench.logs.logs.map(\.fileName).contains("dns.log"))
  }

  @Test func questionAndAnswer() {
    let bench = Bench(Self.schema)
    bench.take(.dns, isHidden: true) { w in
      w.text(bench.field(.dns, "query"), "WWW.Example.COM")
      w.integer(bench.field(.dns, "qtype"), 255 as UInt16)
      w.integer(bench.field(.dns, "rcode"), 3 as UInt8)
      w.time(bench.field(.dns, "ts"), nanoseconds: 1_600_000_000_000_001_999)
      w.seconds(bench.field(.dns, "rtt"), nanoseconds: 2_000_999)
      w.beginArray(bench.field(.dns, "answers"))
      w.text(bench.field(.dns, "answers"), "TXT 3 a,b")
      w.text(bench.field(.dns, "answers"), "-")
      w.end()
      w.beginArray(bench.field(.dns, "TTLs"))
      w.integer(bench.field(.dns, "TTLs"), 300 as UInt32)
      w.integer(bench.field(.dns, "TTLs"), UInt32.max)
      w.end()
    }
    // What EVE shows is no line of this log.
    bench.take(.dns) { w in w.text(bench.field(.dns, "rrname"), "x") }
    let rows = bench.rows("dns")
    #expect(rows.count == 1)
    let row = rows[0]
    #expect(row["ts"] == "1600000000.000001")
    #expect(row["uid"]!.hasPrefix("C") && row["uid"]!.count == 18)
    #expect(row["id.orig_h"] == "10.0.0.1" && row["id.resp_p"] == "53")
    #expect(row["proto"] == "udp" && row["rtt"] == "0.002000")
    #expect(row["query"] == "www.example.com")
    #expect(row["qtype"] == "255" && row["qtype_name"] == "*")
    #expect(row["rcode"] == "3" && row["rcode_name"] == "NXDOMAIN")
    #expect(row["qclass"] == "-" && row["AA"] == "F" && row["Z"] == "0")
    #expect(row["answers"] == "TXT 3 a\\x2cb,\\x2d")
    #expect(row["TTLs"] == "300.000000,4294967295.000000")
    #expect(row["opcode"] == "0" && row["opcode_name"] == "query")
  }

  @Test func textIsEscaped() {
    let bench = Bench(Self.schema)
    bench.take(.http) { w in
      w.text(bench.field(.http, "http_method"), "GET")
      w.string(bench.field(.http, "url"), Bytes("/a\tb\\c,é"))
      w.integer(bench.field(.http, "response_body_length"), 12)
    }
    bench.take(.http) { w in
      w.string(bench.field(.http, "url"), Bytes(""))
      w.text(bench.field(.http, "http_method"), "(empty)")
    }
    bench.take(.http) { w in
      w.text(bench.field(.http, "url"), "/skipped")
      w.boolean(bench.field(.http, "skip"), true)
    }
    let rows = bench.rows("http")
    #expect(rows.count == 2)
    #expect(rows[0]["uri"] == "/a\\x09b\\\\c,é")
    #expect(rows[0]["tags"] == "(empty)" && rows[0]["trans_depth"] == "1")
    #expect(rows[0]["request_body_len"] == "0" && rows[0]["response_body_len"] == "12")
    #expect(rows[0]["orig_fuids"] == "-")
    #expect(rows[0]["resp_fuids"]!.hasPrefix("F") && rows[0]["resp_fuids"]!.count == 18)
    #expect(rows[1]["uri"] == "(empty)" && rows[1]["method"] == "\\x28empty)")
  }

  @Test func fileHasOneName() {
    let bench = Bench(Self.schema)
    bench.take(.http) { w in
      w.integer(bench.field(.http, "response_body_length"), 9)
      w.integer(bench.field(.http, "request_body_length"), 3)
    }
    bench.take(.fileinfo, toServer: false) { w in
      w.beginObject(bench.field(.fileinfo, "fileinfo"))
      w.text(bench.field(.fileinfo, "filename"), "a.bin")
      w.integer(bench.field(.fileinfo, "size"), 9)
      w.end()
    }
    let http = bench.rows("http")[0]
    let file = bench.rows("files")[0]
    #expect(file["fuid"] == http["resp_fuids"] && file["fuid"] != http["orig_fuids"])
    #expect(file["uid"] == http["uid"])
    #expect(file["filename"] == "a.bin" && file["seen_bytes"] == "9" && file["is_orig"] == "F")
  }

  @Test func envelopesLoseTheirBrackets() {
    let bench = Bench(Self.schema)
    bench.take(.smtp) { w in
      w.text(bench.field(.smtp, "mail_from"), "<a@b>")
      w.beginArray(bench.field(.smtp, "rcpt_to"))
      w.text(bench.field(.smtp, "rcpt_to"), "<c@d>")
      w.text(bench.field(.smtp, "rcpt_to"), "e@f")
      w.end()
    }
    let row = bench.rows("smtp")[0]
    #expect(row["mailfrom"] == "a@b" && row["rcptto"] == "c@d,e@f")
    #expect(row["tls"] == "F" && row["fuids"] == "(empty)" && row["subject"] == "-")
  }

  @Test func quicVersions() {
    let bench = Bench(Self.schema)
    for version in [1, 0x6b33_43cf, 0xff00_001d, 0x1001_0000] as [UInt32] {
      bench.take(.quic, isHidden: true) { w in
        w.integer(bench.field(.quic, "version"), version)
        w.hex(bench.field(.quic, "client_scid"), .empty)
      }
    }
    let rows = bench.rows("quic")
    #expect(rows.map { $0["version"]! } == ["1", "quicv2", "draft-29", "unknown-10010000"])
    #expect(rows[0]["client_scid"] == "(empty)" && rows[0]["server_scid"] == "-")
  }

  // MARK: DHCP

  private func dhcp(
    _ bench: Bench, _ type: StaticString, id: UInt32, at seconds: Int64, toServer: Bool = true,
    first: UInt64 = 1, assigned: StaticString? = nil
  ) {
    let ports: (UInt16, UInt16) = (68, 67)
    bench.take(.dhcp, at: seconds, toServer: toServer, ports, first: first) { w in
      w.integer(bench.field(.dhcp, "id"), id)
      w.text(bench.field(.dhcp, "dhcp_type"), type)
      w.mac(bench.field(.dhcp, "client_mac"), Bytes("\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}"))
      if let assigned { w.address(bench.field(.dhcp, "assigned_ip"), Bytes(assigned)) }
      if toServer {
        w.text(bench.field(.dhcp, "hostname"), "pc")
      } else {
        w.integer(bench.field(.dhcp, "lease_time"), 3600 as UInt32)
      }
    }
  }

  @Test func conversationIsOneLine() {
    let bench = Bench(Self.schema)
    dhcp(bench, "discover", id: 7, at: 100)
    dhcp(bench, "offer", id: 7, at: 100, toServer: false, assigned: "\u{a}\u{0}\u{0}\u{9}")
    dhcp(bench, "request", id: 7, at: 102, first: 2)
    dhcp(bench, "ack", id: 7, at: 103, toServer: false, assigned: "\u{a}\u{0}\u{0}\u{9}")
    #expect(bench.rows("dhcp").isEmpty)
    bench.logs.finish()
    let rows = bench.rows("dhcp")
    #expect(rows.count == 1)
    let row = rows[0]
    #expect(row["msg_types"] == "DISCOVER,OFFER,REQUEST,ACK")
    #expect(row["uids"]!.split(separator: ",").count == 2)
    #expect(row["mac"] == "01:02:03:04:05:06" && row["host_name"] == "pc")
    #expect(row["assigned_addr"] == "10.0.0.9" && row["server_addr"] == "10.0.0.2")
    #expect(row["client_addr"] == "10.0.0.1" && row["lease_time"] == "3600.000000")
    #expect(row["duration"] == "3.000000")
  }

  /// The client's identifier is its address where it says that it is one of Ethernet's (Zeek's
  /// dhcp/main.zeek).
  @Test(arguments: [(1 as UInt8, "02:02:03:04:05:06"), (0 as UInt8, "01:02:03:04:05:06")])
  func identifiersThatAreAddresses(type: UInt8, shown: String) {
    let bench = Bench(Self.schema)
    bench.take(.dhcp, at: 100, toServer: true, (68, 67), first: 1) { w in
      w.integer(bench.field(.dhcp, "id"), 9 as UInt32)
      w.text(bench.field(.dhcp, "dhcp_type"), "discover")
      w.mac(bench.field(.dhcp, "client_mac"), Bytes("\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}"))
      w.hexColons(bench.field(.dhcp, "client_id"), Bytes("\u{2}\u{2}\u{3}\u{4}\u{5}\u{6}"))
      w.integer(bench.field(.dhcp, "client_id_type"), type)
    }
    bench.logs.finish()
    #expect(bench.rows("dhcp").map { $0["mac"] } == [shown])
  }

  @Test func silenceEndsAConversation() {
    let bench = Bench(Self.schema)
    dhcp(bench, "discover", id: 7, at: 100)
    dhcp(bench, "discover", id: 8, at: 111)
    #expect(bench.rows("dhcp").count == 1)
    dhcp(bench, "discover", id: 7, at: 112)
    bench.logs.finish()
    #expect(bench.rows("dhcp").count == 3)
  }

  @Test func whatWaitsIsBounded() {
    let bench = Bench(Self.schema)
    let count = ZeekDHCPLog.most + 10
    for id in 0..<count { dhcp(bench, "discover", id: UInt32(id), at: 100) }
    #expect(bench.rows("dhcp").count == 10)
    for _ in 0..<60 { dhcp(bench, "inform", id: 4000, at: 101) }
    #expect(bench.rows("dhcp").count == 11)
    bench.logs.finish()
    #expect(bench.rows("dhcp").count == count + 1)
  }
}
