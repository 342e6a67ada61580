import Testing

@testable import Forwarding

@Suite("Flow export: reading records")
struct FlowReaderTests {
  private func read(_ json: String) throws -> ExportedFlow {
    var reader = FlowReader()
    return try reader.read(try EVEDocument(Array(json.utf8)))
  }

  @Test(
    "what cannot be exported is refused with a reason",
    arguments: [
      (#""event_type":"flow""#, #""event_type":"dns""#, "event_type dns"),
      (#""event_type":"flow","#, "", "without event_type"),
      (#""flow":{"#, #""flaw":{"#, "without the object flow"),
      (#""src_ip":"192.0.2.1""#, #""src_ip":"edge.example""#, "no IPv4 or IPv6 address"),
      (#""src_ip":"192.0.2.1""#, #""src_ip":"2001:db8::1""#, "different IP versions"),
      (#""src_ip":"192.0.2.1","#, "", "without src_ip"),
      (#""proto":"TCP""#, #""proto":"WXYZ""#, "neither a protocol"),
      (#""proto":"TCP""#, #""proto":"256""#, "neither a protocol"),
      (#""pkts_toserver":5"#, #""pkts_toserver":-5"#, "a count of 0 or more is due"),
      (#""pkts_toserver":5,"#, "", "without pkts_toserver"),
      (#""pkts_toserver":5"#, #""pkts_toserver":"5""#, "pkts_toserver is no number"),
      (#""flow_id":1,"#, "", "without flow_id"),
      (#""tcp_flags_ts":"1b""#, #""tcp_flags_ts":"1bb""#, "two hexadecimal digits"),
      (#""start":"2025"#, #""start":"20 5"#, "a time such as"),
      (#""start":"2025"#, #""start":"1925"#, "years from 1970 to 2261"),
      (#""start":"2025"#, #""start":"2999"#, "years from 1970 to 2261"),
      (#""start":"2025-11-21"#, #""start":"2025-13-21"#, "a time such as"),
    ])
  func refused(_ what: String, _ instead: String, _ reason: String) throws {
    let json = ExportSample().json
    #expect(json.contains(what))
    let error = #expect(throws: FlowReadError.self) {
      try read(json.replacing(what, with: instead))
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test("values that do not fit are cut, and counted")
  func clamped() throws {
    var json = ExportSample().json
    json = json.replacing(#""pkts_toserver":5"#, with: #""pkts_toserver":1e30"#)
    json = json.replacing(#""src_port":40000"#, with: #""src_port":70000"#)
    json = json.replacing(#""ttl_toserver":64"#, with: #""ttl_toserver":300"#)
    json = json.replacing(#""dscp_toserver":10"#, with: #""dscp_toserver":64"#)
    var reader = FlowReader()
    let flow = try reader.read(try EVEDocument(Array(json.utf8)))
    #expect(reader.clamped == 4)
    #expect(flow.sent.originator.packets == .max)
    #expect(flow.ports?.originator == 65_535)
    #expect(flow.sent.originator.timeToLive == 255 && flow.sent.originator.dscp == 63)
  }

  @Test("Suricata's own flow records do, with what they lack left out")
  func suricata() throws {
    let flow = try read(
      #"""
      {"timestamp":"2026-01-02T03:04:05.678901+0100","flow_id":1888888888888888888,
      "event_type":"flow","src_ip":"10.0.0.1","src_port":53,"dest_ip":"10.0.0.2","dest_port":54,
      "proto":"UDP","flow":{"pkts_toserver":1,"pkts_toclient":2,"bytes_toserver":100,
      "bytes_toclient":300,"start":"2026-01-02T03:04:04.000001+0100",
      "end":"2026-01-02T02:04:05.5+0000","age":1,"state":"established","reason":"timeout"}}
      """#)
    #expect(flow.id == 1_888_888_888_888_888_888)
    #expect(flow.start == 1_767_319_444_000_001_000)
    #expect(flow.end == 1_767_319_445_500_000_000)
    #expect(flow.sent.responder.octets == 300)
    #expect(flow.endReason == 1)
    #expect(flow.macs == nil && flow.vlan == nil && flow.interface == nil)
  }

  @Test(
    "days are the calendar's",
    arguments: [
      ("1970-01-01", 0), ("2000-02-29", 11_016), ("2000-03-01", 11_017), ("2024-12-31", 20_088),
      ("2100-03-01", 47_541),
    ])
  func days(_ day: String, _ number: Int64) throws {
    let json = ExportSample().json.replacing(#""start":"2025-11-21"#, with: #""start":"\#(day)"#)
    #expect(try read(json).start / 86_400_000_000_000 == number)
  }

  @Test("each of IANA's protocols by its name and by its number")
  func protocols() throws {
    #expect(ProtocolNumbers.number("IPv6-ICMP") == 58)
    #expect(ProtocolNumbers.number("SCTP") == 132)
    #expect(ProtocolNumbers.number("sctp") == 132)
    #expect(ProtocolNumbers.number("253") == 253)
    #expect(ProtocolNumbers.number("GRE") == 47)
    #expect(ProtocolNumbers.number("") == nil)
  }
}
