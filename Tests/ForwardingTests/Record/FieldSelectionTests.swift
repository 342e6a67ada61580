import Testing

@testable import Forwarding

@Suite struct FieldSelectionTests {
  private static let record =
    #"{"timestamp":"t","flow_id":1,"event_type":"dns","src_ip":"10.0.0.1","dest_ip":"10.0.0.2","#
    + #""flow":{"bytes_toserver":1,"bytes_toclient":2,"a\n":3},"dns":{"answers":[{"rrname":"x","#
    + #""ttl":1},{"ttl":2}],"id":[]},"e":{}}"#

  private func applied(fields: String? = nil, drop: String? = nil) throws -> String {
    let transforms = try RecordTransforms(fields: fields, dropFields: drop)
    var record = try ForwardSamples.record(Self.record)
    #expect(try transforms.apply(&record))
    return String(decoding: record.document.bytes, as: UTF8.self)
  }

  @Test(arguments: [
    ("flow_id", #"{"timestamp":"t","flow_id":1,"event_type":"dns"}"#),
    ("nothing_at_all", #"{"timestamp":"t","event_type":"dns"}"#),
    (
      "bytes, src_ip",
      #"{"timestamp":"t","event_type":"dns","src_ip":"10.0.0.1","flow":{"bytes_toserver":1,"bytes_toclient":2}}"#
    ),
    (
      "bytes_tc,dns.answers.rrname",
      #"{"timestamp":"t","event_type":"dns","flow":{"bytes_toclient":2},"dns":{"answers":[{"rrname":"x"}]}}"#
    ),
    ("dns.id,e", #"{"timestamp":"t","event_type":"dns","dns":{"id":[]},"e":{}}"#),
    ("src_ip.x.y", #"{"timestamp":"t","event_type":"dns"}"#),
  ])
  func chosenFieldsKeepOrderAndNesting(_ fields: String, _ expected: String) throws {
    #expect(try applied(fields: fields) == expected)
  }

  @Test(arguments: [
    (
      "flow,dns",
      #"{"timestamp":"t","flow_id":1,"event_type":"dns","src_ip":"10.0.0.1","dest_ip":"10.0.0.2","e":{}}"#
    ),
    (
      "ip,flow_id,flow.bytes_toserver,bytes_tc,dns.answers.ttl",
      #"{"timestamp":"t","event_type":"dns","flow":{"a\n":3},"dns":{"answers":[{"rrname":"x"}],"id":[]},"e":{}}"#
    ),
    ("nothing_at_all", Self.record),
  ])
  func droppedFieldsLeaveTheRest(_ fields: String, _ expected: String) throws {
    #expect(try applied(drop: fields) == expected)
  }

  @Test(arguments: [
    ("dst_port", "did you mean \"dest_port\""), ("a,,b", "a name is missing"),
    ("7x", "no field's name"),
  ])
  func whatCannotBeMeantIsRefused(_ fields: String, _ part: String) {
    for option in ["--fields", "--drop-fields"] {
      #expect {
        _ =
          option == "--fields"
          ? try RecordTransforms(fields: fields) : try RecordTransforms(dropFields: fields)
      } throws: { "\($0)".contains(part) && "\($0)".contains(option) }
    }
  }

  @Test func whatEveryRecordKeepsCannotBeDropped() {
    #expect { try RecordTransforms(dropFields: "ts") } throws: { "\($0)".contains("timestamp") }
  }
}
