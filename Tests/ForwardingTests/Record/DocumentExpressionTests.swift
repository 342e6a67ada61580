import ControlAPI
import FlowEngine
import Records
import Testing

@testable import Forwarding

@Suite struct DocumentExpressionTests {
  private static let tls = #"""
    {"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"tls","src_ip":"10.0.0.9",
    "src_port":40000,"dest_ip":"2001:db8::1","dest_port":443,"proto":"TCP","app_proto":"tls",
    "flow":{"bytes_toserver":600000,"bytes_toclient":400001,"start":"2026-11-21T05:35:58.5+0000",
    "end":"2026-11-21T05:36:00.123456+0000"},"vlan":[5,7],"verdict":null,
    "tls":{"sni":"www.example.com","version":"TLS 1.3","session_resumed":true,"ratio":1.5},
    "dns":{"answers":[{"rrname":"a.evil.test","ttl":60},{"rrname":"b.test","rdata":"192.0.2.7"}]}}
    """#

  @Test(
    arguments: [
      (#"app_proto == "tls" && bytes > 1e6"#, true), (#"app_proto == "tls" && bytes > 2e6"#, false),
      (#"app_proto == "TLS""#, true), ("event_type == tls", true), ("event_type == flow", false),
      ("event_type in (DNS, TLS)", true), ("dns.answers.rrname contains evil", true),
      (#"dns.answers.rrname ~ "*.evil.test""#, true), ("dns.answers.ttl < 61", true),
      ("dns.answers.ttl < 60", false), ("dns.answers.rdata in 192.0.2.0/24", true),
      ("dns.answers.rdata in 192.0.3.0/24", false), ("tls.sni", true), ("tls.nothing", false),
      ("!tls.nothing", true), ("tls.nothing == x", false), ("tls.nothing != x", true),
      ("tls.session_resumed", true), ("tls.session_resumed == true", true), ("verdict", false),
      ("port == 443", true), ("ip in 2001:db8::/32", true), ("ip == 10.0.0.9", true),
      ("proto == tcp and proto == 6", true), ("vlan == 7", true), ("duration > 1623ms", true),
      ("duration > 1624ms", false), ("start < 2026-11-21T05:36", true), ("packets > 0", false),
      ("flow.bytes_toserver > flow.bytes_toclient", true), ("src_port > dest_port", true),
      ("tls.ratio >= 1", true), ("tls.ratio == 1.5", true), ("dns.answers.ttl == '60'", true),
      ("timestamp >= 2026-11-21T05:36:00Z", true), (".host", false), (".tls.sni", true),
      ("tcp.ack", false), ("not flow.fragmented", true), ("tls", true),
      ("tls.version == 'TLS 1.3' or false", true), ("dns.answers.ttl in 50-70", true),
      ("flow.start < timestamp", true), ("bytes >= 1_000", nil), ("tls.sni > x", nil),
    ] as [(String, Bool?)])
  func answers(_ text: String, _ expected: Bool?) throws {
    let document = try EVEDocument(Array(Self.tls.utf8))
    guard let expected else {
      #expect(throws: RecordExpressionError.self) { try DocumentExpression(parsing: text) }
      return
    }
    #expect(try DocumentExpression(parsing: text).matches(document) == expected)
  }

  @Test(arguments: [
    ("dst_port == 443", "dest_port"), ("host == 10.0.0.1", "ip"),
    ("flow.byte_toserver > 1", "flow.bytes_toserver"), ("app_protos == tls", "app_proto"),
    ("event_type == flows", "flow"), ("dsn.rrname == x", "dns"),
    ("stats.capture.packet > 0", "stats.capture.packets"), ("tcp.sny", "tcp.syn"),
  ])
  func whatIsLikelyMisspeltIsAnError(_ text: String, _ suggestion: String) {
    #expect { try DocumentExpression(parsing: text) } throws: { error in
      (error as? RecordExpressionError)?.suggestion == suggestion
    }
  }

  @Test(arguments: [
    "stats.anomalies.bad_udp_length > 0", "quic.sni == x", "event_type == opcua",
    "event_type in (ntp, imap, telnet)", "http.status == 404", "email.subject contains invoice",
    "somethingelse.entirely == 7", "stats.workers.packets > 1", "tls.snj == x",
  ])
  func fieldsOfOtherRecordsAreTaken(_ text: String) throws {
    _ = try DocumentExpression(parsing: text)
  }

  /// What is in the protocols' objects is known: an unknown name there would be true of no record, and
  /// all would be acknowledged away.
  @Test(arguments: [
    ("tls.snii == x", "tls.sni"), ("dns.answers.rrnam == x", "dns.answers.rrname"),
    ("dns.answer.rrname == x", "dns.answers.rrname"), ("tls.foreign_to_all", nil),
    ("email.subjct == x", "email.subject"),
  ])
  func namesInProtocolsObjectsAreHeldToTheSchema(_ text: String, _ suggestion: String?) {
    #expect {
      try DocumentExpression(parsing: text, events: Self.events)
    } throws: { error in
      let error = error as? RecordExpressionError
      return error?.suggestion == suggestion && error?.message.contains("unknown field") == true
        && (suggestion != nil || error?.message.contains("\".tls.foreign_to_all\"") == true)
    }
    #expect(throws: RecordTransformError.self) {
      try RecordTransforms(fields: String(text.prefix { $0 != " " }), events: Self.events)
    }
  }

  @Test(arguments: [
    "tls.sni == x", "dns.answers.rrname == x", "dns.answers[].rrname == x", ".tls.snii == x",
    "email.subject == x", "smtp.helo == x", "krb5.cname == x", "tls", "smb.command == x",
  ])
  func otherNamesAreTaken(_ text: String) throws {
    _ = try DocumentExpression(parsing: text, events: Self.events)
  }

  private static let events = EventSchema([
    group(1, .tls, "tls", [("sni", .string)]),
    group(2, .dns, "dns", [("answers", .array), ("rrname", .string)]),
    group(
      3, .smtp, "smtp",
      [("smtp", .object), ("helo", .string), ("email", .object), ("subject", .string)]),
  ])

  private static func group(
    _ number: UInt8, _ type: EventType, _ key: StaticString,
    _ fields: [(StaticString, EventFieldDefinition.Kind)]
  ) -> EventGroup {
    EventGroup(
      number: number, type: type, key: key,
      fields: fields.enumerated().map { index, field in
        EventFieldDefinition(
          EventField(group: number, index: UInt8(index)), field.0, field.1, "", "")
      })
  }

  /// On flow records the compiled expression and the one on their EVE say the same.
  @Test func agreesWithExpressionsOnFlowRecords() throws {
    var generator = SplitMix(seed: 0x7768_6572_65)
    var truths = 0
    var asked = 0
    for _ in 0..<150 {
      let record = FlowSamples.random(&generator)
      let document = try EVEDocument(FlowSamples.eve(record))
      for _ in 0..<40 {
        let text = try Self.condition(depth: 2, document, &generator)
        let expression = try RecordExpression(parsing: text, context: FlowSamples.context)
        let wanted = withUnsafePointer(to: record) { expression.matches($0) }
        let found = try DocumentExpression(parsing: text).matches(document)
        if found != wanted { Issue.record("\(text) is \(found) of \(document.root.text)") }
        asked += 1
        if wanted { truths += 1 }
      }
    }
    #expect((asked / 5...asked * 4 / 5).contains(truths), "\(truths) of \(asked) were true")
  }

  private static func condition(
    depth: Int, _ document: EVEDocument, _ generator: inout SplitMix
  ) throws -> String {
    if depth > 0, Bool.random(using: &generator) {
      let left = try condition(depth: depth - 1, document, &generator)
      let right = try condition(depth: depth - 1, document, &generator)
      let sign = ["and", "or", "&&", "||"].randomElement(using: &generator) ?? "and"
      return "\(Bool.random(using: &generator) ? "!" : "")(\(left)) \(sign) (\(right))"
    }
    let field = try #require(ExpressionField.all.randomElement(using: &generator))
    let name = field.names.randomElement(using: &generator) ?? field.names[0]
    let value = value(of: field, document)
    let sign: String
    switch field.kind {
    case .number, .duration, .time:
      sign = ["==", "!=", "<", "<=", ">", ">="].randomElement(using: &generator) ?? "=="
    case .boolean: return Bool.random(using: &generator) ? name : "\(name) == false"
    case .text, .word, .mac:
      sign = ["==", "!=", "~", "!~"].randomElement(using: &generator) ?? "=="
    default: sign = ["==", "!=", "in"].randomElement(using: &generator) ?? "=="
    }
    return value.map { "\(name) \(sign) \($0)" } ?? name
  }

  /// A literal that is near to what the record has; nil where it has nothing.
  private static func value(of field: ExpressionField, _ document: EVEDocument) -> String? {
    let paths = DocumentExpression.Place(field.source, paths: []).paths
    let element = paths.lazy.compactMap { document.element($0) }.first
    guard let element else { return nil }
    let first = element.kind == .array ? element.children.first { _ in true } : element
    guard let first else { return nil }
    switch field.kind {
    case .duration:
      guard let number = first.unsigned else { return "3s" }
      return "\(number)\(field.unit)"
    case .number: return first.unsigned.map { String($0) } ?? "7"
    default:
      let text = (first.string ?? "x").replacing("\\", with: "\\\\").replacing("'", with: "\\'")
      return "'\(text)'"
    }
  }
}
