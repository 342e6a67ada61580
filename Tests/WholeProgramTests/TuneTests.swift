import ControlAPI
import Foundation
import Testing

/// What is changed while martletd runs, and what it does by itself when it is told to leave flows out.
@Suite(
  .serialized, .enabled(if: Requirements.tshark && Requirements.redis, "needs tshark and redis"))
struct TuneTests {
  private func martlet(_ run: EngineRun, _ words: String...) throws -> Subprocess {
    let process = try Subprocess(Programs.martlet, words + ["--socket", run.socketPath])
    _ = try process.wait(seconds: 20)
    return process
  }

  /// A port that nothing comes in at, so that only the worker's own habits count.
  @Test func pollingChangesWhileItRuns() throws {
    let run = try EngineRun(ports: "  - {name: p0, device: \"net_ring0\"}")
    #expect(try eventually(within: 20) { try run.stats().workers[0].sleeps > 10 })
    let all = try martlet(run, "tune")
    #expect(all.standardOutput.contains("engine.maximumSleepMicroseconds"))
    let busy = try martlet(run, "tune", "polling", "busy")
    #expect(busy.standardOutput.hasPrefix("engine.polling: adaptive → busy\n"))
    // At most one sleep was under way.
    let before = try run.stats().workers[0]
    #expect(
      try eventually(within: 20) {
        try run.stats().workers[0].emptyPolls > before.emptyPolls + 100_000
      })
    #expect(try run.stats().workers[0].sleeps <= before.sleeps + 1)
    let wrong = try martlet(run, "tune", "polling", "lazy")
    #expect(wrong.standardError.contains("it is one of busy, adaptive"))
    #expect(try wrong.wait(seconds: 1) == .exited(1))
    let workers = try martlet(run, "tune", "workers", "3")
    #expect(workers.standardError.contains("engine.workers cannot change while the engine runs"))
    #expect(!workers.standardError.contains("known are"))
    #expect(run.process.standardError.contains("control: tuning.set"))
    #expect(try run.finish().imbalance.isEmpty)
  }

  /// Of four flows one, and each as tshark has it: none is there in part.
  @Test func sampledFlowsAreWhole() throws {
    let truth = try TsharkTruth(capture: Captures.demo)
    let run = try EngineRun(
      ports: """
          - name: p0
            player: {capture: \(Captures.demo), spread: misdirected, passes: [max]}
        """, workers: 2, more: "overload: {sampling: auto, minimumInterval: 4, maximumInterval: 4}")
    try run.waitForPackets(truth.packets)
    let outcome = try run.finish()
    #expect(outcome.imbalance.isEmpty)
    let records = try CompareFlows.totals(ofEVE: outcome.flows)
    #expect(!records.isEmpty && records.count < truth.flows.count / 2)
    for (tuple, totals) in records { #expect(truth.flows[tuple] == totals, "\(tuple)") }
    let samples = outcome.flows.map { $0["sampling"] as? [String: Int] }
    #expect(samples.allSatisfy { $0 == ["interval": 4, "highest_interval": 4] })
    let discarded = (outcome.stats["stats"] as? [String: Any])?["discarded"] as? [String: Int]
    let counted = records.values.reduce(0) { $0 + Int($1.packets) }
    #expect(counted + (discarded?["sampled_out"] ?? 0) <= truth.packets)
    #expect((discarded?["sampled_out"] ?? 0) > 0)
  }
}
