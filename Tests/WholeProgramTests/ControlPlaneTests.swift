import ControlAPI
import Foundation
import Synchronization
import Testing

/// The control plane of a real martletd, while packets come.
@Suite(
  .serialized, .enabled(if: Requirements.redis, "needs redis-server"))
struct ControlPlaneTests {
  /// A port that plays the demo capture as fast as it goes, so many times.
  private static func player(_ passes: String, spread: String = "symmetricRss") -> String {
    "  - name: p0\n    player: {capture: \(Captures.demo), spread: \(spread), passes: [\(passes)]}"
  }

  private func client(_ run: EngineRun) throws -> ControlClient {
    try ControlClient(socketPath: run.socketPath, timeoutSeconds: 30)
  }

  /// What a client of a monitoring script does: one question after the other, some of them costly.
  private static func ask(_ client: ControlClient, _ number: Int) throws {
    switch number % 10 {
    case 0: _ = try client.call(.flowsTop, FlowsTopParameters(count: 5), as: FlowsTop.self)
    case 1: _ = try client.call(.engineStatus, as: EngineStatus.self)
    case 2: _ = try client.callValue(.filterList)
    case 3: _ = try client.callValue(.tuningGet, TuningGetParameters())
    case 4: _ = try client.callValue(.portsList)
    case 5:
      let list = FlowsListParameters(where: "proto == udp", limit: 10)
      _ = try client.call(.flowsList, list, as: FlowsList.self)
    default: _ = try client.call(.statsGet, StatsGetParameters(), as: EngineStats.self)
    }
  }

  private func martlet(_ run: EngineRun, _ words: String...) throws -> Subprocess {
    let process = try Subprocess(Programs.martlet, words + ["--socket", run.socketPath])
    _ = try process.wait(seconds: 60)
    return process
  }

  /// A hundred clients ask for everything at once; nobody is refused, and no packet is lost.
  @Test func aHundredClientsUnderLoad() throws {
    let run = try EngineRun(
      ports: Self.player("max*100000", spread: "misdirected"), workers: 2,
      more: "  limits: {clients: 128}", sinks: "  - {type: \"null\"}")
    let failures = Mutex<[String]>([])
    let calls = Mutex(0)
    let isOver = Mutex(false)
    let group = DispatchGroup()
    let socketPath = run.socketPath
    for number in 0..<100 {
      group.enter()
      Thread {
        defer { group.leave() }
        do {
          let client = try ControlClient(socketPath: socketPath, timeoutSeconds: 30)
          var round = number
          while !isOver.withLock({ $0 }) {
            try Self.ask(client, round)
            calls.withLock { $0 += 1 }
            round += 1
            usleep(20_000)
          }
        } catch {
          failures.withLock { $0.append("client \(number): \(error)") }
        }
      }.start()
    }
    let before = try run.stats()
    #expect(eventually(within: 60) { calls.withLock { $0 } > 1000 })
    let after = try run.stats()
    isOver.withLock { $0 = true }
    #expect(group.wait(timeout: .now() + 60) == .success)
    #expect(failures.withLock { $0 } == [])
    #expect(after.totals.received > before.totals.received)
    #expect(after.ports.allSatisfy { $0.missed == 0 && $0.noMbuf == 0 })
    func lost(_ stats: EngineStats) -> UInt64 { stats.totals.discarded.value("handoff_ring_full") }
    #expect(lost(after) == lost(before))
    #expect(try run.process.terminate(seconds: 60) == .exited(0))
    #expect(run.process.standardOutput.contains("accounted for  every packet"))
  }

  /// A rule comes and goes a thousand times while packets pour in: what the rule says it dropped is what
  /// was filtered, and every packet is accounted for.
  @Test func aRuleComesAndGoesAThousandTimes() throws {
    let run = try EngineRun(
      ports: Self.player("max*100000"), workers: 2, sinks: "  - {type: \"null\"}")
    let client = try client(run)
    var dropped: UInt64 = 0
    var evaluated: UInt64 = 0
    for round in 0..<1000 {
      _ = try client.callValue(
        .filterAdd,
        FilterAddParameters(name: "web", expression: round % 2 == 0 ? "tcp" : "udp or tcp port 80"))
      let change = try client.call(
        .filterRemove, FilterRemoveParameters(name: "web"), as: FilterChange.self)
      let counts = try #require(change.before)
      dropped += counts.dropped
      evaluated += counts.evaluated
      #expect(counts.dropped == counts.packets && counts.packets <= counts.evaluated)
    }
    #expect(evaluated > 0 && dropped > 0)
    #expect(eventually(within: 10) { (try? run.stats().totals.filtered) == dropped })
    #expect(try run.process.terminate(seconds: 60) == .exited(0))
    #expect(run.process.standardOutput.contains("accounted for  every packet"))
  }

  /// What an operator types, in the order of a working day.
  @Test func theCommandsWork() throws {
    let run = try EngineRun(ports: Self.player("max*100000"), sinks: "  - {type: \"null\"}")
    let added = try martlet(run, "filter", "add", "web", "tcp port 80", "--action", "drop")
    #expect(try added.wait(seconds: 1) == .exited(0), "\(added.standardError)")
    let list = try martlet(run, "filter", "list")
    #expect(list.standardOutput.contains("web") && list.standardOutput.contains("tcp port 80"))
    let wrong = try martlet(run, "filter", "add", "x", "tcp prot 80")
    #expect(try wrong.wait(seconds: 1) == .exited(1))
    #expect(wrong.standardError.contains("syntax error"))
    let test = try martlet(run, "filter", "test", "udp port 53", "-n", "1000")
    #expect(test.standardOutput.contains("ldh"), "\(test.standardOutput)\(test.standardError)")
    // Flows over UDP live on from one pass to the next.
    let flows = try martlet(run, "flows", "--where", "proto == udp", "--limit", "5", "--json")
    let answer = try JSONDecoder().decode(
      FlowsList.self, from: Data(flows.standardOutput.utf8))
    #expect(!answer.flows.isEmpty && answer.flows.allSatisfy { $0.proto == "UDP" })
    let flow = try #require(answer.flows.first)
    let one = try martlet(run, "flows", "get", String(flow.flowId), "--json")
    #expect(one.standardOutput.contains("\(flow.flowId)"), "\(one.standardError)")
    let top = try martlet(run, "flows", "top", "--key", "port", "--by", "bytes")
    #expect(top.standardOutput.contains("/53"), "\(top.standardOutput)\(top.standardError)")
    #expect(try martlet(run, "ports").standardOutput.contains("p0"))
    #expect(try martlet(run, "stats", "--json").standardOutput.contains("\"rates\""))
    #expect(try martlet(run, "reload", "--dry-run").wait(seconds: 1) == .exited(0))
    #expect(try martlet(run, "log-level", "debug").standardOutput.contains("debug"))
    let removed = try martlet(run, "filter", "remove", "web")
    #expect(try removed.wait(seconds: 1) == .exited(0))
    #expect(try run.process.terminate(seconds: 60) == .exited(0))
    #expect(run.process.standardOutput.contains("accounted for  every packet"))
  }

  /// Traced packets as a file: tshark reads it, and sees the path that each took.
  @Test(.enabled(if: Requirements.tshark, "needs tshark"))
  func tracedPacketsAreAFile() throws {
    let run = try EngineRun(ports: Self.player("max*100000"), sinks: "  - {type: \"null\"}")
    let file = run.folder.file("trace.pcapng")
    let trace = try martlet(run, "trace", "udp port 53", "-n", "20", "--write", file)
    #expect(try trace.wait(seconds: 1) == .exited(0), "\(trace.standardError)")
    #expect(trace.standardOutput.contains("parse") && trace.standardOutput.contains("flow"))
    let tshark = try Subprocess(
      "tshark",
      [
        "-r", file, "-T", "fields", "-e", "udp.port", "-e", "frame.comment", "-e",
        "frame.interface_name",
      ])
    #expect(try tshark.wait(seconds: 30) == .exited(0))
    let lines = tshark.standardOutput.split(separator: "\n")
    #expect(lines.count == 20, "\(tshark.standardError)")
    #expect(lines.allSatisfy { $0.contains("53") && $0.contains("parse:") && $0.hasSuffix("p0") })
    _ = try run.process.terminate(seconds: 60)
  }

  /// A port that plays stops and goes on where it was: in the end everything has been played.
  @Test func aPortStopsAndGoesOn() throws {
    // Twice 3.7 seconds at that pace: the port still plays when it is told to stop.
    let run = try EngineRun(ports: Self.player("8, 8"), arguments: ["--until-players-finish"])
    let client = try client(run)
    let stop = try client.call(
      .portsStop, PortParameters(port: "p0"), as: PortChange.self)
    #expect(stop.before && !stop.after)
    let received = try run.stats().totals.received
    usleep(200_000)
    #expect(try run.stats().totals.received == received)
    #expect(run.process.isRunning)
    let start = try client.call(
      .portsStart, PortParameters(port: "p0"), as: PortChange.self)
    #expect(!start.before && start.after)
    #expect(try run.process.wait(seconds: 120) == .exited(0))
    let outcome = try run.outcome()
    #expect(outcome.imbalance.isEmpty)
    let packets = ((outcome.stats["stats"] as? [String: Any])?["decoder"] as? [String: Any])?[
      "pkts"]
    #expect((packets as? Int).map { $0 % 2 == 0 && $0 > 0 } == true)
  }

  /// SIGHUP reads the file again: filters and timeouts change, the rest is named in the log.
  @Test func aHangUpReloads() throws {
    let run = try EngineRun(ports: "  - {name: p0, device: \"net_ring0\"}")
    let path = run.folder.file("martlet.yaml")
    var text = try String(contentsOfFile: path, encoding: .utf8)
    text.replace("capacity: 65536", with: "capacity: 32768")
    text += "\nfilters:\n  - {name: noise, expression: \"udp port 5353\"}\n"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    run.process.signal(SIGHUP)
    let client = try client(run)
    #expect(
      eventually(within: 20) {
        (try? client.call(.filterList, as: FilterList.self).rules.map(\.rule.name)) == ["noise"]
      })
    #expect(
      eventually(within: 5) {
        run.process.standardError.contains("needs a restart: flows.capacity: 65536 → 32768")
      })
    try (text + "nonsense: 1\n").write(toFile: path, atomically: true, encoding: .utf8)
    run.process.signal(SIGHUP)
    #expect(
      eventually(within: 20) {
        run.process.standardError.contains("not reloaded: the configuration")
      }
    )
    #expect(try run.finish().imbalance.isEmpty)
  }
}
