import FlowEngine
import Foundation
import Records
import Sinks
import Testing

@testable import Forwarding

/// The flat form becomes the EVE that the sensor's own encoder writes.
@Suite struct FlatRecordTests {
  @Test func flowsAreByteForByteWhatTheSensorWrites() throws {
    var generator = SplitMix(seed: 0x666c_6174)
    for index in 0..<2000 {
      var record = index == 0 ? FlowSamples.extreme() : FlowSamples.random(&generator)
      // What the flat form leaves out cannot come back; it has a test of its own.
      record.parts &= ~FlowRecord.Parts.tunnel
      record.sampling = .none
      let context = index % 5 == 0 ? FlowSamples.readContext : FlowSamples.context
      let type = record.kind == FlowRecordKind.flowUpdate ? "flow_update" : "flow"
      let document = try EVEDocument(
        flatFields: FlowSamples.flat(record, context: context),
        stream: StreamName(sensor: "edge1", type: type))
      #expect(text(document.bytes) == text(FlowSamples.eve(record, context: context)))
    }
  }

  @Test func statsAreByteForByteWhatTheSensorWrites() throws {
    let document = try EVEDocument(
      flatFields: FlowSamples.flat(FlowSamples.stats()),
      stream: StreamName(sensor: "edge1", type: "stats"))
    #expect(text(document.bytes) == text(FlowSamples.eve(FlowSamples.stats())))
  }

  @Test func anomaliesAreByteForByteWhatTheSensorWrites() throws {
    var generator = SplitMix(seed: 0x666c_6174)
    for index in 0..<200 {
      var record = FlowSamples.random(&generator)
      record.kind = FlowRecordKind.anomaly
      let context = index % 2 == 0 ? FlowSamples.readContext : FlowSamples.context
      let document = try EVEDocument(
        flatFields: FlowSamples.flat(record, context: context),
        stream: StreamName(sensor: "edge1", type: "anomaly"))
      #expect(text(document.bytes) == text(FlowSamples.eve(record, context: context)))
    }
  }

  @Test(arguments: [(EventType.dns, EventSamples.dns), (.smtp, EventSamples.smtp), (.dns, [])])
  func protocolRecordsAreByteForByteWhatTheSensorWrites(
    _ type: EventType, _ tokens: [EventSamples.Token]
  ) throws {
    for context in [FlowSamples.context, FlowSamples.readContext] {
      for index in 0..<4 {
        let message = EventSamples.message(type, tokens) { head in
          head.side = UInt8(index & 1)
          head.sequence = 77
          if index & 1 != 0 { head.transaction = 3 }
          if index & 2 != 0 {
            head.flags |= EventHead.Flags.truncated
            head.vlanOuter = 12
            head.tags = 3
          }
        }
        let flat = EventSamples.encoded(message, .fields, context)
        let document = try EVEDocument(
          flatFields: FlowSamples.bulkPairs(flat),
          stream: StreamName(sensor: "edge1", type: type.rawValue))
        #expect(text(document.bytes) == text(EventSamples.encoded(message, .eve, context)))
      }
    }
  }

  /// The declaration has the encoder's names in the encoder's order.
  @Test func protocolRecordsAreAsDeclared() {
    let message = EventSamples.message(.dns, EventSamples.dns) { _ in }
    let fields = EventSamples.encoded(message, .fields, FlowSamples.context)
    let names = FlowSamples.bulkPairs(fields).map { text(Array($0.name)) }
    #expect(names == EventHeadField.allCases.compactMap { $0.definition(.dns).name })
  }

  @Test func whatTheFlatFormLeavesOutIsAllThatIsMissing() throws {
    var generator = SplitMix(seed: 0x666c_6174)
    for _ in 0..<500 {
      let record = FlowSamples.random(&generator)
      let document = try EVEDocument(
        flatFields: FlowSamples.flat(record), stream: StreamName(sensor: "edge1", type: "flow"))
      var wanted = try object(FlowSamples.eve(record))
      if var tunnel = wanted["tunnel"] as? [String: Any] {
        tunnel["proto"] = nil
        tunnel["dest_port"] = nil
        wanted["tunnel"] = tunnel
      }
      if var sampling = wanted["sampling"] as? [String: Any] {
        sampling["highest_interval"] = nil
        wanted["sampling"] = sampling
      }
      #expect(try object(document.bytes) as NSDictionary == wanted as NSDictionary)
    }
  }

  @Test func fieldsOfLaterSensorsAreKept() throws {
    let document = try EVEDocument(
      flatFields: fields(["ts": "t", "event": "dns", "rrname": "a\"b", "seq": "7"]),
      stream: StreamName(sensor: "edge1", type: "dns"))
    let json = try object(document.bytes)
    #expect(json["event_type"] as? String == "dns")
    #expect(json["seq"] as? Int == 7)
    #expect((json["flat"] as? [String: String]) == ["rrname": "a\"b"])
  }

  @Test(arguments: [
    (["seq": "007", "event": "flow"], "integer"), (["seq": "1,\"x\":2"], "integer"),
    (["frag": "yes"], "true or false"), (["nothing": "known"], "none of its fields"),
  ])
  func whatNoSensorWritesIsRefused(_ entry: [String: String], _ part: String) {
    #expect {
      try EVEDocument(flatFields: fields(entry), stream: StreamName(sensor: "e", type: "flow"))
    } throws: { "\($0)".contains(part) }
  }

  @Test func jsonWithinCannotBreakOut() {
    for value in [#"{"a":1},"seq":7,"x":{"y":2}"#, "[", "7", "{\"a\":1}}"] {
      #expect(throws: EVEDocumentError.self) {
        try EVEDocument(
          flatFields: fields(["event": "stats", "ports": value]),
          stream: StreamName(sensor: "e", type: "stats"))
      }
    }
  }

  @Test func aFieldThatStandsThereTwiceIsRefused() {
    let twice = fields(["event": "flow"]) + fields(["event": "flow"])
    #expect {
      try EVEDocument(flatFields: twice, stream: StreamName(sensor: "e", type: "flow"))
    } throws: { "\($0)".contains("twice") }
  }

  @Test func whatIsNotUTF8IsRefused() {
    var entry = fields(["event": "flow"])
    entry.append((Array("iface".utf8)[...], [0xff, 0xfe]))
    #expect {
      try EVEDocument(flatFields: entry, stream: StreamName(sensor: "e", type: "flow"))
    } throws: { "\($0)".contains("not UTF-8") }
  }

  private func fields(_ entry: [String: String])
    -> [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)]
  {
    entry.map { (Array($0.utf8)[...], Array($1.utf8)[...]) }
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private func object(_ bytes: [UInt8]) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }
}
