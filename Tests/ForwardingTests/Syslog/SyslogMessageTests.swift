import Testing

@testable import Forwarding

@Suite struct SyslogMessageTests {
  private func message(
    _ record: ForwardRecord, _ change: (inout SyslogSettings) -> Void = { _ in }
  ) throws -> String {
    var settings = SyslogSettings(destination: try SyslogDestination("tcp://host"))
    change(&settings)
    var bytes: [UInt8] = []
    SyslogMessageWriter(settings: settings, process: 4711).write(record, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func everyFieldOfTheHeader() throws {
    let json = #"{"timestamp":"2026-11-21T05:36:00.123456+0000","community_id":"1:a="}"#
    let record = try WireRecords.record(json: json, number: 5)
    #expect(
      try message(record) == "<134>1 2026-11-21T05:36:00.123456+00:00 edge1 martlet 4711 flow "
        + #"[martlet@32473 id="edge1-flow-1763760000000-5" community_id="1:a="] "# + json)
  }

  @Test func anomaliesAreGraver() throws {
    let anomaly = try WireRecords.record(json: "{}", number: 1, type: "anomaly")
    #expect(try message(anomaly).hasPrefix("<133>1 - "))
    #expect(
      try message(anomaly) {
        $0.facility = .daemon
        $0.severities["anomaly"] = .error
      }.hasPrefix("<27>1 - "))
  }

  @Test func whatEndsAParameterIsEscaped() throws {
    let record = try WireRecords.record(json: #"{"community_id":"a]b\"c\\d"}"#, number: 1)
    #expect(try message(record).contains(#"community_id="a\]b\"c\\d"] {"#))
  }

  @Test func aHeaderIsPrintableAndShort() throws {
    let name = "a b\u{e9}" + String(repeating: "x", count: 300)
    let record = try WireRecords.record(json: "{}", number: 1, type: name, sensor: name)
    let fields = try message(record).split(separator: " ")
    #expect(fields[2] == "a?b??" + String(repeating: "x", count: 250))
    #expect(fields[5] == "a?b??" + String(repeating: "x", count: 27))
  }

  @Test(arguments: [
    ("2026-11-21T05:36:00.123456+0000", "2026-11-21T05:36:00.123456+00:00", 1_795_239_360_123),
    ("2026-11-21T05:36:00.123456789Z", "2026-11-21T05:36:00.123456Z", 1_795_239_360_123),
    ("2024-02-29T23:30:00-01:30", "2024-02-29T23:30:00-01:30", 1_709_254_800_000),
    ("1970-01-01T00:00:00.5+0530", "1970-01-01T00:00:00.5+05:30", -19_799_500),
  ])
  func timesAreRead(text: String, written: String, milliseconds: Int64) throws {
    let time = try #require(RecordTimestamp(text))
    #expect(time.rfc5424 == written)
    #expect(time.unixMilliseconds == milliseconds)
  }

  @Test(arguments: [
    "", "2026-11-21", "2026-02-29T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T05:36:60Z",
    "2026-11-21T05:36:00", "2026-11-21T05:36:00.Z", "2026-11-21T05:36:00Zx", "2026-13-01T00:00:00Z",
    "2026-11-21 05:36:00Z", "2026-11-21T05:36:00+9900", "2026-11-21T05:36:00+00:",
  ])
  func whatIsNoTimeIsNone(text: String) { #expect(RecordTimestamp(text) == nil) }
}

@Suite struct SyslogDestinationTests {
  @Test(arguments: [
    ("udp://collector", "udp://collector:514"), ("tcp://10.0.0.1/", "tcp://10.0.0.1:601"),
    ("tls://collector.example", "tls://collector.example:6514"),
    ("tcp://[2001:db8::1]:1514", "tcp://[2001:db8::1]:1514"),
  ])
  func reads(text: String, whole: String) throws {
    #expect(try SyslogDestination(text).description == whole)
  }

  @Test(arguments: [
    "collector", "http://collector", "udp://", "tcp://host:0", "tcp://host:65536", "tcp://host:x",
    "tcp://2001:db8::1", "tls://[::1", "tls://[::1]6514", "tls://user@host", "tcp://host/path",
  ])
  func refuses(text: String) throws {
    let fault = try #require(throws: TargetFault.self) { try SyslogDestination(text) }
    #expect(fault.isFinal)
    #expect(fault.description.contains("expected udp://HOST"))
  }
}
