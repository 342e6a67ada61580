import ControlAPI
import Foundation
import Sinks
import Testing

@testable import Forwarding

@Suite(.enabled(if: HTTPReceiver.isInstalled))
struct ElasticsearchTargetTests {
  let receiver: HTTPReceiver

  init() throws { receiver = try HTTPReceiver("elasticsearch") }

  private func target(
    _ pattern: String = "martlet-{type}-{date}", isDataStream: Bool = false,
    _ change: (inout ElasticsearchSettings) -> Void = { _ in }
  ) throws -> ElasticsearchTarget {
    var settings = ElasticsearchSettings(
      http: HTTPSettings(url: try HTTPURL("http://127.0.0.1:\(receiver.port)")),
      destination: try IndexPattern(pattern, isDataStream: isDataStream))
    settings.http.requestTimeoutSeconds = 5
    change(&settings)
    return try ElasticsearchTarget(settings)
  }

  /// The records' numbers in an index; the receiver must have had nothing to complain about.
  private func numbers(_ index: String = "martlet-flow-2026.11.21") throws -> [Int] {
    let state = try receiver.state()
    #expect(state["violations"] == [])
    #expect(state["unusedFaults"] == 0)
    return (state["documents"]?[index]?.members ?? []).compactMap { $0.value["n"]?.integer }
      .sorted()
  }

  @Test func recordsArriveUnderTheirID() throws {
    let target = try target()
    try target.open()
    let records = try httpRecords(0..<100)
    #expect(try deliverAll(records, to: target).faults.isEmpty)
    #expect(try numbers() == Array(0..<100))
    let documents = try receiver.state()["documents"]?["martlet-flow-2026.11.21"]
    let document = documents?["edge1-flow-1763703360000-7"]
    #expect(document?["n"] == 7)
    #expect(document?["@timestamp"] == "2026-11-21T05:36:00.123456Z")
    #expect(document?["timestamp"] == "2026-11-21T05:36:00.123456+0000")
  }

  @Test func whatIsThereAlreadyIsNotDoubled() throws {
    let target = try target()
    let records = try httpRecords(0..<10)
    try deliverAll(records, to: target)
    try deliverAll(records, to: target)
    #expect(try numbers() == Array(0..<10))
    #expect(target.duplicates == 10)
  }

  @Test func eachItemOfAnAnswerIsLookedAt() throws {
    try receiver.disturb([
      "items": [
        "1": "429", "3": "mapper", "4": "shards", "5": "404", "6": "403", "7": "503",
      ]
    ])
    let target = try target()
    let outcomes = try target.deliver(httpRecords(0..<9), interruption: Interruption())
    for place in [0, 2, 8] { #expect(outcomes[place] == .delivered) }
    for place in [1, 4, 5, 6, 7] {
      guard case .again = outcomes[place] else {
        Issue.record("\(place): \(outcomes[place])")
        continue
      }
    }
    #expect(
      outcomes[3]
        == .refused(
          "status 400, document_parsing_exception: failed to parse field [dest_port] of type [long]"
        ))
    #expect(try numbers() == [0, 2, 8])
  }

  @Test(arguments: [
    #"{"drop":1}"#, #"{"swap":true}"#, #"{"answer":"<html>"}"#, #"{"answer":"{}"}"#, #"{"cut":40}"#,
    #"{"answer":"{\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":201}}]}"}"#,
    #"{"answer":"{\"items\":[{\"index\":{\"_id\":\"a\"}},3]}"}"#, #"{"status":500,"body":"no"}"#,
    #"{"status":502}"#, #"{"status":404}"#,
    #"{"status":301,"headers":{"Location":"http://127.0.0.1:1/"}}"#,
  ])
  func whatIsNoAnswerLosesNothing(_ fault: String) throws {
    let target = try target()
    try target.open()
    try receiver.disturb(try JSONParser.parse(fault))
    let records = try httpRecords(0..<2)
    #expect(throws: TargetFault.self) {
      try target.deliver(records, interruption: Interruption())
    }
    #expect(try deliverAll(records, to: target).faults.isEmpty)
    #expect(try numbers() == [0, 1])
  }

  /// Where nothing came back over a connection that was kept, libcurl asks once more by itself.
  @Test(arguments: ["silent", "reset"])
  func aConnectionThatIsLostDoublesNothing(_ how: String) throws {
    let target = try target()
    try target.open()
    try receiver.disturb(.object([.init(how, true)]))
    #expect(try deliverAll(httpRecords(0..<9), to: target).faults.isEmpty)
    #expect(try numbers() == Array(0..<9))
    #expect(target.duplicates == (how == "silent" ? 9 : 0))
  }

  @Test func aBusyClusterIsLeftAloneForAsLongAsItSays() throws {
    let target = try target()
    try receiver.disturb(["status": 429, "headers": ["Retry-After": "3"], "body": "slower"])
    let fault = #expect(throws: TargetFault.self) {
      try target.deliver(httpRecords(0..<2), interruption: Interruption())
    }
    #expect(fault?.retryAfterSeconds == 3)
    #expect(fault?.description == "status 429, too many requests: slower")
  }

  @Test func aSlowAnswerIsWaitedFor() throws {
    try receiver.disturb(["slow": .number("0.5")])
    #expect(try deliverAll(httpRecords(0..<20), to: try target()).faults.isEmpty)
    #expect(try numbers() == Array(0..<20))
  }

  @Test func aBatchThatIsTooLargeIsHalved() throws {
    try receiver.set(["maximumBytes": 3000])
    let target = try target()
    let records = try httpRecords(0..<40) + httpRecords(40..<41, padding: 4000)
    let refused = try deliverAll(records, to: target).refused
    #expect(Array(refused.keys) == [40])
    #expect(try numbers() == Array(0..<40))
    // What was learned stays: the next batch is not tried as a whole again.
    let before = try receiver.state()["requests"]?.elements.count ?? 0
    try deliverAll(try httpRecords(100..<110), to: target)
    let after = try receiver.state()["requests"]?.elements.count ?? 0
    #expect(after - before <= 3)
  }

  @Test func tooLargeIsUnderstoodWhereItIsSaidBeforeTheEnd() throws {
    try receiver.disturb(["early": 413])
    let records = try httpRecords(0..<200, padding: 20_000)
    let result = try deliverAll(records, to: try target())
    #expect(result.refused.isEmpty)
    #expect(try numbers() == Array(0..<200))
  }

  @Test func allArriveOnceThroughEveryFault() throws {
    let target = try target { $0.requestRecords = 50 }
    try receiver.disturb(
      ["silent": true], ["pass": true], ["reset": true], ["cut": 100], ["status": 503],
      ["items": ["0": "429", "9": "503", "49": "403"]], ["drop": 2], ["early": 413],
      ["status": 429, "headers": ["Retry-After": "1"]], ["answer": "{"], ["swap": true])
    let records = try httpRecords(0..<1000, poison: [500])
    let result = try deliverAll(records, to: target)
    #expect(Array(result.refused.keys) == [500])
    #expect(!result.faults.isEmpty)
    #expect(try numbers() == Array(0..<1000).filter { $0 != 500 })
    #expect(target.duplicates > 0)
  }

  @Test func aClusterThatWasAwayGetsAll() throws {
    let target = try target()
    try deliverAll(httpRecords(0..<10), to: target)
    try receiver.listen(false)
    let records = try httpRecords(10..<20)
    #expect(throws: TargetFault.self) {
      try target.deliver(records, interruption: Interruption())
    }
    try receiver.listen(true)
    try deliverAll(records, to: target)
    #expect(try numbers() == Array(0..<20))
  }

  @Test func dataStreamsGetTheirTime() throws {
    try receiver.set(["dataStreams": ["logs-martlet.flow-edge1"]])
    let target = try target("logs-martlet.{type}-{sensor}", isDataStream: true)
    var records = try httpRecords(0..<3)
    let ecs = #"{ "@timestamp":"2026-11-21T05:36:00.1Z","n":3}"#
    let bare = "{\n \"n\":4 }"
    for (place, text) in [ecs, bare, "{}"].enumerated() {
      records.append(
        ForwardRecord(
          stream: records[0].stream,
          entry: StreamID(milliseconds: 1_763_703_360_000, sequence: UInt64(place + 3)),
          document: try EVEDocument(Array(text.utf8))))
    }
    #expect(try deliverAll(records, to: target).refused.isEmpty)
    #expect(try numbers("logs-martlet.flow-edge1") == [0, 1, 2, 3, 4])
    let documents = try receiver.state()["documents"]?["logs-martlet.flow-edge1"]
    #expect(
      documents?["edge1-flow-1763703360000-3"]?["@timestamp"] == "2026-11-21T05:36:00.1Z")
    #expect(
      documents?["edge1-flow-1763703360000-5"]?["@timestamp"] == "2025-11-21T05:36:00.000000Z")
    let path = try receiver.state()["requests"]?.elements.last?["path"]?.string
    #expect(path?.contains("require_data_stream=true") == true)
  }

  @Test func whoThisIsIsShown() throws {
    try receiver.set(["user": "martlet", "password": "geheim:ß"])
    let password = try Secret(Array("geheim:ß".utf8), of: "the password")
    let known = try target { $0.login = .user("martlet", password) }
    try known.open()
    try deliverAll(httpRecords(0..<3), to: known)
    let stranger = try target()
    let fault = #expect(throws: TargetFault.self) { try stranger.open() }
    #expect(fault?.description.contains("give --user with --password-file") == true)
    #expect(fault?.isFinal == false)
    try receiver.set(["apiKey": "aWQ6a2V5"])
    let key = try Secret(Array("aWQ6a2V5".utf8), of: "the key")
    try deliverAll(httpRecords(3..<5), to: target { $0.login = .apiKey(key) })
    #expect(try numbers() == [0, 1, 2, 3, 4])
  }

  @Test func theTemplateIsPutInItsPlace() throws {
    let path = "/tmp/martlet-\(UInt32.random(in: .min ... .max)).json"
    defer { try? FileManager.default.removeItem(atPath: path) }
    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
    try write(#"{"index_patterns":["martlet-*"],"template":{"mappings":{}}}"#)
    let target = try target { $0.templateFile = path }
    try target.open()
    #expect(try receiver.state()["templates"]?.members.first?.name.hasPrefix("martlet-") == true)
    try write(#"{"index_patterns":["martlet-*"],"mappings":{}}"#)
    let other = try self.target { $0.templateFile = path }
    let fault = #expect(throws: TargetFault.self) { try other.open() }
    #expect(fault?.isFinal == true)
    for text in ["{", "{}", #"{"index_patterns":["a-*"],"data_stream":{}}"#] {
      try write(text)
      #expect(throws: TargetSettingsError.self) { try self.target { $0.templateFile = path } }
    }
  }

  @Test func whoIsThereIsLookedAt() throws {
    try receiver.set(["version": "2.17.0", "distribution": "opensearch"])
    try target().open()
    try receiver.set(["mayNotAsk": true])
    try target().open()
    try receiver.set(["version": "6.8.1", "distribution": "elasticsearch", "mayNotAsk": false])
    #expect(#expect(throws: TargetFault.self) { try target().open() }?.isFinal == true)
    let webhook = try HTTPReceiver("webhook")
    try webhook.disturb(["status": 200, "body": "hello", "path": "/"])
    let stranger = try target { $0.http.url = try! HTTPURL("http://127.0.0.1:\(webhook.port)") }
    let fault = #expect(throws: TargetFault.self) { try stranger.open() }
    #expect(fault?.description.contains("neither Elasticsearch nor OpenSearch") == true)
  }

  @Test func bodiesAreCompressedWhereThatIsWanted() throws {
    let target = try target { $0.http.compressesBodies = true }
    try deliverAll(httpRecords(0..<500), to: target)
    #expect(try numbers() == Array(0..<500))
    let request = try receiver.state()["requests"]?.elements.last
    #expect(request?["headers"]?["content-encoding"] == "gzip")
    #expect(try #require(request?["bytes"]?.integer) < 500 * 100 / 4)
  }

  @Test func whatCannotBeNamedIsRefusedAlone() throws {
    var records = try httpRecords(0..<3)
    records[0].stream.type = "a/b"
    records[1].stream.type = String(repeating: "t", count: 500)
    let target = try target("all-{date}")
    let refused = try deliverAll(records, to: target).refused
    #expect(Array(refused.keys) == [1])
    #expect(refused[1]?.contains("512 bytes") == true)
    let byType = try self.target()
    #expect(try deliverAll([records[0]], to: byType).refused.count == 1)
    #expect(try numbers("all-2026.11.21") == [0, 2])
  }
}

@Suite struct IndexPatternTests {
  @Test func namesAreMadeOfPatterns() throws {
    let pattern = try IndexPattern("m-{sensor}-{type}-{date}")
    #expect(
      pattern.name(sensor: "Edge1", type: "flow", day: "2026.11.21") == "m-edge1-flow-2026.11.21")
  }

  @Test(arguments: [
    "", "Martlet", "-a", "_a", "+a", ".a", "a b", "a,b", "a#b", "a:b", "a/b", "a*", "ä", "{kind}",
    "{type", "..", String(repeating: "a", count: 256),
  ])
  func whatNoIndexIsCalledIsRefused(_ text: String) {
    #expect(throws: TargetSettingsError.self) { try IndexPattern(text) }
  }

  @Test func aDataStreamHasNoDate() {
    #expect(throws: TargetSettingsError.self) { try IndexPattern("a-{date}", isDataStream: true) }
  }
}
