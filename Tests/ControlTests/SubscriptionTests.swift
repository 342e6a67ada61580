import ControlAPI
import ControlServer
import Foundation
import Glibc
import Testing

/// `stats.subscribe`: notifications at a period, and clients that do not read them.
struct SubscriptionTests {
  static func subscribe(_ id: Int, period: Double, more: String = "") -> String {
    #"{"jsonrpc":"2.0","id":\#(id),"method":"stats.subscribe","#
      + #""params":{"periodSeconds":\#(period)\#(more)}}"#
  }

  static let status = #"{"jsonrpc":"2.0","id":"s","method":"engine.status"}"#

  @Test func notificationsComeBehindTheAnswer() throws {
    try withServer(engine: FixedEngine(moves: true)) { path in
      let client = try RawClient(path)
      let answer = try client.ask(Self.subscribe(1, period: 0.1))
      #expect(answer["result"]?["subscription"] == 1)
      var uptimes: [Double] = []
      for sequence in 1...4 {
        let update = try client.answer()
        #expect(update["id"] == nil && update["method"] == "stats.update")
        let params = try #require(update["params"])
        #expect(params["subscription"] == 1 && params["lost"] == 0)
        #expect(params["sequence"] == .number(String(sequence)))
        let bytes = Data((params["stats"] ?? .null).text.utf8)
        uptimes.append(try JSONDecoder().decode(EngineStats.self, from: bytes).uptimeSeconds)
      }
      #expect(uptimes == [3725, 3726, 3727, 3728])
    }
  }

  @Test func subscriptionsThatAreDueTogetherShareOneReading() throws {
    let engine = FixedEngine(moves: true)
    try withServer(engine: engine) { path in
      let client = try RawClient(path)
      // In one message, so that all begin at the same moment.
      let batch = (1...8).map { Self.subscribe($0, period: 3600) }.joined(separator: ",")
      guard case .array(let answers) = try client.ask("[\(batch)]") else {
        Issue.record("no array")
        return
      }
      #expect(answers.map { $0["result"]?["subscription"] } == (1...8).map { .number("\($0)") })
      let updates = try (0..<8).map { _ in try client.answer() }
      #expect(Set(updates.map { $0["params"]?["subscription"]?.text ?? "" }).count == 8)
      #expect(Set(updates.map { $0["params"]?["stats"]?.text ?? "" }).count == 1)
      #expect(engine.statsRead == 1)
    }
  }

  @Test func thereIsALimitAndUnsubscribingMakesRoom() throws {
    try withServer { path in
      let client = try RawClient(path)
      var updates = 0
      func ask(_ line: String) throws -> JSONValue {
        client.send(line + "\n")
        while true {
          let answer = try client.answer()
          if answer["id"] != nil { return answer }
          updates += 1
        }
      }
      for id in 1...8 { #expect(try ask(Self.subscribe(id, period: 3600))["result"] != nil) }
      let refused = try ask(Self.subscribe(9, period: 3600))
      #expect(refused.errorCode == -32001)
      #expect(refused["error"]?["data"]?["limit"] == "subscriptionsPerClient")
      let end = { (number: Int) in
        #"{"jsonrpc":"2.0","id":0,"method":"stats.unsubscribe","params":[\#(number)]}"#
      }
      #expect(try ask(end(3))["result"]?["subscription"] == 3)
      #expect(try ask(end(3)).errorCode == -32602)
      #expect(try ask(end(99))["error"]?["data"]?["parameter"] == "subscription")
      #expect(try ask(Self.subscribe(10, period: 3600))["result"]?["subscription"] == 9)
      // Another connection numbers its own.
      let other = try RawClient(path)
      #expect(try other.ask(Self.subscribe(1, period: 3600))["result"]?["subscription"] == 1)
    }
  }

  @Test(arguments: ["0", "0.01", "3601", "-1", "\"1\"", "1e99"])
  func periodsOutOfRangeAreRefused(period: String) throws {
    try withServer { path in
      let answer = try RawClient(path).ask(
        #"{"jsonrpc":"2.0","id":1,"method":"stats.subscribe","params":[\#(period)]}"#)
      #expect(answer.errorCode == -32602, "\(answer.text)")
    }
  }

  @Test func aSubscribedClientIsNotIdle() throws {
    var limits = ControlServerLimits()
    limits.idleSeconds = 0.3
    try withServer(limits: limits) { path in
      let client = try RawClient(path)
      _ = try client.ask(Self.subscribe(1, period: 0.5))
      for _ in 0..<3 { #expect(try client.answer()["method"] == "stats.update") }
      client.send(Self.status + "\n")
      var answer = try client.answer()
      while answer["id"] == nil { answer = try client.answer() }
      #expect(answer["result"] != nil)
    }
  }

  @Test func whoDoesNotReadLosesByCountAndIsAnsweredAllTheSame() throws {
    let engine = FixedEngine(moves: true)
    try withServer(engine: engine) { path in
      let slow = try RawClient(path)
      // Eight subscriptions of the shortest period fill the socket's buffer, and nobody reads.
      for id in 1...8 { slow.send(Self.subscribe(id, period: 0.1) + "\n") }
      let quick = try RawClient(path)
      _ = try quick.ask(Self.subscribe(1, period: 0.1))
      for sequence in 1...25 {
        let update = try quick.answer()
        #expect(update["params"]?["sequence"] == .number(String(sequence)))
        #expect(update["params"]?["lost"] == 0)
      }
      // Everything that waits is read now; then what was lost has been counted.
      var lost: Set<String> = []
      var lastSequence: [String: Int] = [:]
      var answers = 0
      for _ in 0..<400 where lost.count < 8 {
        let line = try slow.answer()
        guard let params = line["params"], case .number(let digits) = params["sequence"] else {
          answers += 1
          continue
        }
        let subscription = params["subscription"]?.text ?? ""
        let sequence = try #require(Int(digits))
        #expect(sequence > lastSequence[subscription] ?? 0)
        lastSequence[subscription] = sequence
        if params["lost"] != 0 { lost.insert(subscription) }
      }
      #expect(answers == 8 && lost.count == 8)
      #expect(try RawClient(path).ask(Self.status)["result"] != nil)
    }
  }

  @Test func aClientThatVanishesIsForgotten() throws {
    let engine = FixedEngine(moves: true)
    try withServer(engine: engine) { path in
      for _ in 0..<20 {
        let client = try RawClient(path)
        client.send(Self.subscribe(1, period: 0.1) + "\n" + Self.subscribe(2, period: 0.1) + "\n")
      }
      let last = try RawClient(path)
      _ = try last.ask(Self.subscribe(1, period: 3600))
      _ = try last.answer()
      // Once all are gone nobody asks the engine any more.
      var before = -1
      for _ in 0..<50 where engine.statsRead != before {
        before = engine.statsRead
        Thread.sleep(forTimeInterval: 0.25)
      }
      #expect(engine.statsRead == before)
    }
  }

  @Test func statsDoNotWaitForATrace() throws {
    let engine = FixedEngine(slowSeconds: 1)
    try withServer(engine: engine) { path in
      let tracer = try RawClient(path)
      tracer.send(
        #"[{"jsonrpc":"2.0","id":1,"method":"stats.get"},"#
          + #"{"jsonrpc":"2.0","id":2,"method":"trace.packets"},"#
          + #"{"jsonrpc":"2.0","id":3,"method":"engine.status"}]"# + "\n"
          + #"{"jsonrpc":"2.0","id":4,"method":"engine.status"}"# + "\n")
      while engine.changes.isEmpty { Thread.sleep(forTimeInterval: 0.01) }
      let other = try RawClient(path)
      let began = ContinuousClock.now
      #expect(try other.ask(#"{"jsonrpc":"2.0","id":5,"method":"stats.get"}"#)["result"] != nil)
      #expect(ContinuousClock.now - began < .seconds(0.8))
      // The trace's client has its answers in the order of its messages.
      guard case .array(let batch) = try tracer.answer() else {
        Issue.record("no array")
        return
      }
      #expect(batch.map { $0["id"] } == [1, 2, 3])
      #expect(batch.allSatisfy { $0["result"] != nil })
      #expect(try tracer.answer()["id"] == 4)
    }
  }
}
