import ControlAPI
import Foundation
import Synchronization

/// An engine that gives every method one answer, with every member filled in, and remembers what was asked.
final class FixedEngine: EngineInterface {
  struct Failure: Error {}

  private let shutdowns = Mutex(0)
  private let readings = Atomic(0)
  /// How often the counters were read.
  var statsRead: Int { readings.load(ordering: .relaxed) }
  private let asked = Mutex<[FlowsTopParameters]>([])
  /// How long each answer takes.
  let delaySeconds: Double
  /// Whether `stats` throws something that is no ``RPCError``.
  let statsFail: Bool

  /// How long a trace takes.
  let slowSeconds: Double

  /// Whether a second passes from one reading of the counters to the next.
  let moves: Bool

  init(
    delaySeconds: Double = 0, statsFail: Bool = false, slowSeconds: Double = 0, moves: Bool = false
  ) {
    self.moves = moves
    self.delaySeconds = delaySeconds
    self.slowSeconds = slowSeconds
    self.statsFail = statsFail
  }

  var shutdownsRequested: Int { shutdowns.withLock { $0 } }
  var topFlowsAsked: [FlowsTopParameters] { asked.withLock { $0 } }

  func status() throws -> EngineStatus {
    if delaySeconds > 0 { Thread.sleep(forTimeInterval: delaySeconds) }
    return SampleData.status()
  }

  func stats() throws -> EngineStats {
    if statsFail { throw Failure() }
    let reading = readings.add(1, ordering: .relaxed).newValue
    return SampleData.stats(uptimeSeconds: 3725 + (moves ? Double(reading - 1) : 0))
  }

  func topFlows(_ parameters: FlowsTopParameters) throws -> FlowsTop {
    asked.withLock { $0.append(parameters) }
    return SampleData.topFlows(parameters, uptimeSeconds: 3725)
  }

  func tunables(_ parameters: TuningGetParameters) throws -> TuningList {
    if let key = parameters.key, key != SampleData.polling.key {
      throw RPCError(.invalidParams, "there is no tunable \"\(key)\"")
    }
    return TuningList([SampleData.polling])
  }

  func tune(_ parameters: TuningSetParameters) throws -> TuningChange {
    tuned.withLock { $0.append(parameters) }
    return TuningChange(
      key: parameters.key, before: SampleData.polling.value, after: parameters.value, unit: "")
  }

  private let tuned = Mutex<[TuningSetParameters]>([])
  var tuningAsked: [TuningSetParameters] { tuned.withLock { $0 } }

  func requestShutdown() throws { shutdowns.withLock { $0 += 1 } }

  // MARK: What changes, by name

  private let changed = Mutex<[String]>([])
  /// The names of the methods that changed something, in their order.
  var changes: [String] { changed.withLock { $0 } }
  private func note(_ method: ControlMethod) { changed.withLock { $0.append(method.rawValue) } }

  func filters() throws -> FilterList { SampleData.filters() }

  func addFilter(_ parameters: FilterAddParameters) throws -> FilterChange {
    if parameters.expression == "nonsense" {
      throw RPCError(.invalidParams, "syntax error", data: ["parameter": "expression"])
    }
    note(.filterAdd)
    var after = SampleData.filters().rules[0]
    after.rule.name = parameters.name
    after.rule.expression = parameters.expression
    return FilterChange(before: nil, after: after, generation: 2)
  }

  func replaceFilter(_ parameters: FilterReplaceParameters) throws -> FilterChange {
    note(.filterReplace)
    let rules = SampleData.filters().rules
    return FilterChange(before: rules[0], after: rules[1], generation: 3, notes: ["a note"])
  }

  func removeFilter(_ parameters: FilterRemoveParameters) throws -> FilterChange {
    note(.filterRemove)
    return FilterChange(before: SampleData.filters().rules[0], after: nil, generation: 4)
  }

  func moveFilter(_ parameters: FilterMoveParameters) throws -> FilterChange {
    note(.filterMove)
    let rule = SampleData.filters().rules[0]
    return FilterChange(before: rule, after: rule, generation: 5)
  }

  func testFilter(_ parameters: FilterTestParameters) throws -> FilterTestAnswer {
    SampleData.filterTest()
  }

  func portList() throws -> PortList { SampleData.portList() }

  func setPort(_ parameters: PortParameters, started: Bool) throws -> PortChange {
    note(started ? .portsStart : .portsStop)
    return PortChange(port: parameters.port, before: !started, after: started)
  }

  func reload(_ parameters: ReloadParameters) throws -> ReloadAnswer {
    note(.engineReload)
    return SampleData.reload()
  }

  func setLogLevel(_ parameters: LogLevelParameters) throws -> LogLevelChange {
    note(.logSetLevel)
    return LogLevelChange(before: "info", after: parameters.level)
  }

  func listFlows(_ parameters: FlowsListParameters) throws -> FlowsList {
    SampleData.listFlows()
  }

  func getFlows(_ parameters: FlowsGetParameters) throws -> FlowsGetAnswer {
    SampleData.getFlows()
  }

  func killFlows(_ parameters: FlowsKillParameters) throws -> FlowsKilled {
    note(.flowsKill)
    var killed = FlowsKilled()
    killed.matched = 2
    killed.killed = 1
    return killed
  }

  func tracePackets(_ parameters: TraceParameters) throws -> TraceAnswer {
    note(.tracePackets)
    if slowSeconds > 0 { Thread.sleep(forTimeInterval: slowSeconds) }
    return SampleData.trace()
  }
}
