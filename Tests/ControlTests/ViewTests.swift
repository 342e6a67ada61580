import ControlAPI
import Foundation
import Testing

@testable import ControlServer

/// `stats.reset` and what a view shows.
struct ViewTests {
  @Test func aViewCountsFromItsReset() throws {
    let engine = FixedEngine(moves: true)
    try withServer(engine: engine) { path in
      let client = try ControlClient(socketPath: path)
      let reset = try client.call(
        .statsReset, StatsResetParameters(view: "mine"), as: StatsResetAnswer.self)
      #expect(reset.view == "mine" && !reset.since.isEmpty)
      let view = try client.call(
        .statsGet, StatsGetParameters(view: "mine"), as: EngineStats.self)
      let then = SampleData.stats(uptimeSeconds: 3725)
      let now = SampleData.stats(uptimeSeconds: 3726)
      #expect(view.uptimeSeconds == 3726)
      #expect(view.ports[0].missed == now.ports[0].missed - then.ports[0].missed)
      #expect(view.totals.filtered == now.totals.filtered - then.totals.filtered)
      #expect(view.totals.flowsLive == now.totals.flowsLive)
      #expect(view.workers[0].counters[0].value < now.workers[0].counters[0].value)
      // What was held in the fragment cache then is received in the view: its balance holds.
      #expect(view.totals.received == now.totals.received - then.totals.received + 4)
      #expect(view.conservation == Conservation(totals: view.totals) && view.conservation.holds)
      let sink = view.sinks[0]
      #expect(sink.accepted == sink.delivered + sink.droppedError + sink.backlog)
      // The truth is as it was.
      #expect(try client.call(.statsGet, as: EngineStats.self).totals.received > 1_000_000_000)
    }
  }

  @Test func aViewsBalanceIsTheTruthsAtEveryWorker() {
    // Nothing stands still: counters of all kinds, and packets that are held at either reading.
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      func account(_ least: PacketAccount) -> PacketAccount {
        var account = least
        account.filtered += .random(in: 0...1000, using: &generator)
        // More than is handed in, or fewer would have been received than before.
        account.countedInFlows += .random(in: 200...1000, using: &generator)
        account.discarded = [
          Counter("a", least.discarded.value("a") + .random(in: 0...9, using: &generator)),
          Counter("b", least.discarded.value("b") + .random(in: 0...9, using: &generator)),
        ]
        account.handedOut += .random(in: 0...100, using: &generator)
        account.handedIn += .random(in: 0...100, using: &generator)
        account.heldInFragments = .random(in: 0...50, using: &generator)
        account.received =
          account.countedInFlows + account.filtered + account.discarded.total
          + account.heldInFragments + account.handedOut &- account.handedIn
        return account
      }
      func stats(_ least: EngineStats?) -> EngineStats {
        var stats = EngineStats()
        stats.workers = (0..<3).map { index in
          var worker = WorkerStats()
          worker.index = index
          var start = PacketAccount()
          start.handedOut = 1000
          worker.account = account(least?.workers[index].account ?? start)
          return worker
        }
        for worker in stats.workers { stats.totals.add(worker.account) }
        stats.totals.heldInRings = stats.totals.handedOut &- stats.totals.handedIn
        stats.conservation = Conservation(totals: stats.totals)
        return stats
      }
      let then = stats(nil)
      let now = stats(then)
      #expect(then.conservation.holds && now.conservation.holds)
      let view = now.since(then.asBaseline)
      #expect(view.conservation.holds, "\(view.conservation)")
      for worker in view.workers {
        let a = worker.account
        #expect(
          a.received + a.handedIn == a.countedInFlows + a.filtered + a.discarded.total
            + a.heldInFragments + a.handedOut)
      }
    }
  }

  @Test func aPortThatBeganAgainCountsFromNought() {
    var then = EngineStats()
    var port = PortStats()
    port.name = "tap0"
    port.receivedPackets = 1000
    then.ports = [port]
    var now = then
    now.ports[0].receivedPackets = 7
    #expect(now.since(then.asBaseline).ports[0].receivedPackets == 7)
  }

  @Test(arguments: ["", "a b", "ä", "../x", String(repeating: "a", count: 65)])
  func namesThatCannotBe(name: String) throws {
    try withServer { path in
      let error = #expect(throws: RPCError.self) {
        try ControlClient(socketPath: path).callValue(
          .statsReset, StatsResetParameters(view: name))
      }
      #expect(error?.code == .invalidParams)
    }
  }

  @Test(arguments: [ControlMethod.statsGet, .statsSubscribe])
  func aViewThatThereIsNot(method: ControlMethod) throws {
    try withServer { path in
      let client = try ControlClient(socketPath: path)
      _ = try client.callValue(.statsReset, StatsResetParameters(view: "mine"))
      let error = #expect(throws: RPCError.self) {
        try client.callValue(method: method.rawValue, params: ["view": "yours"])
      }
      #expect(error?.code == .invalidParams && error?.data?["allowed"] == ["mine"])
    }
  }

  @Test func thereAreSoManyViewsAndUnusedOnesGiveWay() throws {
    let inUse = StatsViews(limit: 3)
    for name in ["a", "b", "c", "a"] { _ = try inUse.reset(name, to: EngineStats()) }
    let error = #expect(throws: RPCError.self) { try inUse.reset("d", to: EngineStats()) }
    #expect(error?.code == .limitExceeded && error?.data?["allowed"] == ["a", "b", "c"])
    let unused = StatsViews(limit: 3, unusedSeconds: 0)
    for name in ["a", "b", "c"] { _ = try unused.reset(name, to: EngineStats()) }
    _ = try unused.stats(of: "a", from: EngineStats())
    _ = try unused.reset("d", to: EngineStats())
    #expect(throws: RPCError.self) { try unused.expect("b") }
    for name in ["a", "c", "d"] { try unused.expect(name) }
  }
}
