import ControlAPI
import Testing

@testable import Forwarding

@Suite(.enabled(if: HTTPReceiver.isInstalled))
struct SplunkTargetTests {
  let receiver: HTTPReceiver

  init() throws { receiver = try HTTPReceiver("splunk", settings: ["token": "abc-123"]) }

  private func target(
    token: String = "abc-123", _ change: (inout SplunkSettings) -> Void = { _ in }
  ) throws -> SplunkTarget {
    var settings = SplunkSettings(
      http: HTTPSettings(url: try HTTPURL("http://127.0.0.1:\(receiver.port)")),
      token: try Secret(Array(token.utf8), of: "the token"))
    settings.http.requestTimeoutSeconds = 5
    change(&settings)
    return try SplunkTarget(settings)
  }

  /// How often each ID arrived; the receiver must have had nothing to complain about.
  private func arrived(violations: JSONValue = []) throws -> [String: Int] {
    let state = try receiver.state()
    #expect(state["violations"] == violations)
    var counts: [String: Int] = [:]
    for event in state["events"]?.elements ?? [] {
      counts[event["fields"]?["martlet_id"]?.string ?? "", default: 0] += 1
    }
    return counts
  }

  private func words(_ target: SplunkTarget) -> String {
    let fault = #expect(throws: TargetFault.self) {
      try target.deliver(httpRecords(0..<3), interruption: Interruption())
    }
    return fault?.description ?? ""
  }

  @Test func eventsHaveWhatSplunkWantsToKnow() throws {
    let target = try target { $0.index = "net" }
    try target.open()
    try deliverAll(httpRecords(0..<100), to: target)
    #expect(try arrived().count == 100)
    let event = try receiver.state()["events"]?.elements[7]
    #expect(event?["time"] == .number("1795239360.123456"))
    #expect(event?["host"] == "edge1")
    #expect(event?["source"] == "martlet:{edge1}:flow")
    #expect(event?["sourcetype"] == "martlet:flow")
    #expect(event?["index"] == "net")
    #expect(event?["event"]?["n"] == 7)
    #expect(event?["fields"]?["martlet_id"] == "edge1-flow-1763703360000-7")
  }

  @Test func settingsThatAreWrongAreSaidInWords() throws {
    #expect(try words(target(token: "wrong")).contains("the token is not taken (code 4"))
    try receiver.set(["indexes": ["main"]])
    let elsewhere = try target { $0.index = "net" }
    #expect(words(elsewhere).contains("may not write to the index net"))
    #expect(
      try words(target { $0.waitsForAcknowledgement = true }).contains("leave out --acknowledge"))
    // It was found out before anything was sent.
    #expect(try arrived().isEmpty)
    try receiver.set(["ack": true])
    #expect(try words(target()).contains("give --acknowledge"))
    try receiver.set(["ack": false])
    try receiver.disturb(["status": 200, "body": "<html>"])
    #expect(try words(target()).contains("not Splunk's HTTP Event Collector"))
  }

  @Test func theEventThatIsNotTakenIsRefusedAlone() throws {
    let records = try httpRecords(0..<50, poison: [20, 40])
    let result = try deliverAll(records, to: target())
    #expect(result.refused.keys.sorted() == [20, 40])
    #expect(result.refused[20] == "code 6, Invalid data format")
    let counts = try arrived()
    #expect(counts.count == 48)
    // What Splunk read before the event that it refused was indexed, and came again.
    #expect(counts["edge1-flow-1763703360000-0"] == 3)
  }

  @Test func aBusyCollectorIsAskedAgain() throws {
    try receiver.disturb(
      [
        "status": 503, "body": #"{"text":"Server is busy","code":9}"#,
        "headers": ["Retry-After": "2"],
      ]
    )
    let target = try target()
    let records = try httpRecords(0..<10)
    let fault = #expect(throws: TargetFault.self) {
      try target.deliver(records, interruption: Interruption())
    }
    #expect(fault?.retryAfterSeconds == 2)
    try deliverAll(records, to: target)
    #expect(try arrived().count == 10)
    try receiver.set(["busy": true])
    #expect(throws: TargetFault.self) { try target.open() }
  }

  @Test func acknowledgementIsWaitedFor() throws {
    try receiver.set(["ack": true, "ackAfter": 3])
    let target = try target {
      $0.waitsForAcknowledgement = true
      $0.requestRecords = 10
    }
    try deliverAll(httpRecords(0..<40), to: target)
    #expect(try arrived().values.allSatisfy { $0 == 1 })
    // One before the first record, and four until all were true.
    #expect(try receiver.state()["questions"] == 5)
    #expect(target.unacknowledged == 0)
  }

  @Test func whatIsNeverAcknowledgedIsSentAgain() throws {
    try receiver.set(["ack": true, "ackAfter": "never"])
    let target = try target {
      $0.waitsForAcknowledgement = true
      $0.acknowledgementTimeoutSeconds = 1
    }
    let records = try httpRecords(0..<5)
    let outcomes = try target.deliver(records, interruption: Interruption())
    #expect(outcomes.allSatisfy { $0 == .again("not acknowledged within 1 s") })
    #expect(target.unacknowledged == 1)
    try receiver.set(["ackAfter": 0])
    try deliverAll(records, to: target)
    #expect(try arrived().count == 5)
  }

  @Test func allArriveThroughEveryFault() throws {
    try receiver.set(["ack": true])
    let target = try target {
      $0.waitsForAcknowledgement = true
      $0.requestRecords = 50
      $0.http.compressesBodies = true
    }
    try receiver.disturb(
      ["silent": true], ["pass": true], ["reset": true], ["cut": 5], ["status": 503],
      ["early": 413], ["answer": "{"], ["status": 500, "body": #"{"text":"x","code":8}"#],
      ["slow": .number("0.2")], ["path": "/services/collector/ack", "status": 503],
      ["path": "/services/collector/ack", "cut": 3])
    let result = try deliverAll(httpRecords(0..<400), to: target)
    #expect(result.refused.isEmpty)
    #expect(try arrived().count == 400)
    #expect(try receiver.state()["unusedFaults"] == 0)
  }
}
