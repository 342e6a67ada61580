import ControlAPI
import Foundation
import Synchronization

/// An engine made of ``SampleData``: rules, ports and a log level that can be changed, in memory.
protocol SampleEngine: EngineInterface {
  var controls: SampleControls { get }
  var sampleUptimeSeconds: Double { get }
}

/// What operators change of a ``SampleEngine``.
final class SampleControls: Sendable {
  struct State {
    var rules: [Rule] = []
    var generation: UInt64 = 0
    var stoppedPorts: Set<String> = []
    var logLevel = "info"
    var killed: Set<UInt64> = []
    var isReloaded = false
  }

  struct Rule {
    var rule: FilterRule
    /// The engine's uptime when it was added or replaced.
    var addedAtSeconds: Double
  }

  let state = Mutex(State())
}

extension SampleEngine {
  func listFlows(_ parameters: FlowsListParameters) throws -> FlowsList {
    let all = SampleData.flows(uptimeSeconds: sampleUptimeSeconds)
    let live = all.filter { flow in !controls.state.withLock { $0.killed.contains(flow.flowId) } }
    let expression = try SampleExpression(parameters.where)
    var matching = live.filter(expression.holds)
    matching.sort { left, right in
      let (a, b) = (left.value(of: parameters.order), right.value(of: parameters.order))
      return parameters.ascending ? a < b : a > b
    }
    var answer = FlowsList()
    answer.timestamp = SampleData.timestamp
    answer.intervalSeconds = 1
    answer.flowsLive = UInt64(live.count)
    answer.matched = UInt64(matching.count)
    answer.flows = Array(matching.prefix(parameters.limit))
    return answer
  }

  func sampleTop(_ parameters: FlowsTopParameters) throws -> FlowsTop {
    let list = try listFlows(
      FlowsListParameters(where: parameters.where, order: parameters.by, limit: 10_000))
    var answer = FlowsTop()
    answer.timestamp = list.timestamp
    answer.intervalSeconds = list.intervalSeconds
    answer.flowsLive = 97_426
    answer.matched = parameters.where == nil ? answer.flowsLive : list.matched
    if parameters.key == .flow {
      answer.flows = Array(list.flows.prefix(parameters.count))
    } else {
      answer.groups = Array(
        SampleData.groups(list.flows, by: parameters.key, order: parameters.by)
          .prefix(parameters.count))
    }
    return answer
  }

  func getFlows(_ parameters: FlowsGetParameters) throws -> FlowsGetAnswer {
    guard (parameters.flowId == nil) != (parameters.communityId == nil) else {
      throw RPCError(
        .invalidParams, "flows.get takes flowId or communityId",
        data: ["expected": "one of flowId and communityId"])
    }
    let list = try listFlows(FlowsListParameters(limit: 10_000))
    var answer = FlowsGetAnswer()
    answer.timestamp = list.timestamp
    answer.records = list.flows.filter {
      $0.flowId == parameters.flowId || $0.communityId == parameters.communityId
    }.map(SampleData.record)
    return answer
  }

  func killFlows(_ parameters: FlowsKillParameters) throws -> FlowsKilled {
    let list = try listFlows(FlowsListParameters(where: parameters.where, limit: 10_000))
    let matching = list.flows.filter {
      parameters.where != nil || $0.flowId == parameters.flowId
        || $0.communityId == parameters.communityId
    }
    let victims = matching.prefix(parameters.limit ?? 1000)
    controls.state.withLock { state in
      for flow in victims { state.killed.insert(flow.flowId) }
    }
    var answer = FlowsKilled()
    answer.matched = UInt64(matching.count)
    answer.killed = UInt64(victims.count)
    return answer
  }

  func portList() throws -> PortList {
    let stats = try stats()
    var answer = PortList()
    answer.ports = try status().ports.map { status in
      var port = PortState()
      port.status = status
      port.isStarted = !controls.state.withLock { $0.stoppedPorts.contains(status.name) }
      port.stats = stats.ports.first { $0.name == status.name } ?? PortStats()
      return port
    }
    return answer
  }

  func setPort(_ parameters: PortParameters, started: Bool) throws -> PortChange {
    let names = try status().ports.map(\.name)
    guard names.contains(parameters.port) else {
      throw RPCError(
        .invalidParams, "there is no port \"\(parameters.port)\"",
        data: ["parameter": "port", "allowed": .array(names.map { .string($0) })])
    }
    return controls.state.withLock { state in
      let before = !state.stoppedPorts.contains(parameters.port)
      if started {
        state.stoppedPorts.remove(parameters.port)
      } else {
        state.stoppedPorts.insert(parameters.port)
      }
      let isLast = !started && names.allSatisfy(state.stoppedPorts.contains)
      return PortChange(
        port: parameters.port, before: before, after: started,
        notes: isLast ? ["no port takes packets now"] : [])
    }
  }

  func reload(_ parameters: ReloadParameters) throws -> ReloadAnswer {
    var answer = ReloadAnswer()
    answer.path = "/etc/martlet/martlet.yaml"
    answer.isDryRun = parameters.dryRun ?? false
    let wasReloaded = controls.state.withLock { state in
      defer { if !answer.isDryRun { state.isReloaded = true } }
      return state.isReloaded
    }
    if !wasReloaded {
      answer.applied = [
        ReloadItem(key: "flows.timeouts.tcpSeconds", before: "300", after: "600"),
        ReloadItem(key: "filters[scan]", before: "", after: "drop tcp[tcpflags] == tcp-syn"),
      ]
    }
    answer.needsRestart = [ReloadItem(key: "engine.workers", before: "2", after: "3")]
    answer.warnings = ["sinks[1].path is on the same disk as the spool"]
    return answer
  }

  func setLogLevel(_ parameters: LogLevelParameters) throws -> LogLevelChange {
    guard LogLevelParameters.levels.contains(parameters.level) else {
      throw RPCError(
        .invalidParams, "there is no log level \"\(parameters.level)\"",
        data: [
          "parameter": "level", "allowed": .array(LogLevelParameters.levels.map { .string($0) }),
        ])
    }
    return controls.state.withLock { state in
      defer { state.logLevel = parameters.level }
      return LogLevelChange(before: state.logLevel, after: parameters.level)
    }
  }
}

extension LiveFlow {
  func value(of order: FlowOrder) -> Double {
    switch order {
    case .bytes: Double(bytes)
    case .packets: Double(packets)
    case .rate: bitsPerSecond
    case .packetRate: packetsPerSecond
    case .age: ageSeconds
    case .idle: idleSeconds
    }
  }
}

/// As much of the record expressions as samples need: comparisons joined by `and`.
struct SampleExpression {
  private let terms: [(LiveFlow) -> Bool]

  init(_ text: String?) throws {
    guard let text else {
      terms = []
      return
    }
    terms = try text.components(separatedBy: " and ").map { term in
      let words = term.split(separator: " ").map(String.init)
      guard words.count == 3 else { throw Self.wrong("\"\(term)\" is no comparison") }
      switch (words[0], words[1]) {
      case ("proto", "=="): return { $0.proto.lowercased() == words[2].lowercased() }
      case ("dest_port", "=="): return { String($0.destPort) == words[2] }
      case ("src_ip", "=="): return { $0.srcIP == words[2] }
      case ("app_proto", "=="): return { $0.appProto == words[2] }
      case ("bytes", ">"):
        guard let least = UInt64(words[2]) else { throw Self.wrong("\(words[2]) is no number") }
        return { $0.bytes > least }
      default: throw Self.wrong("there is no field \"\(words[0])\"")
      }
    }
  }

  func holds(_ flow: LiveFlow) -> Bool { terms.allSatisfy { $0(flow) } }

  private static func wrong(_ reason: String) -> RPCError {
    RPCError(
      .invalidParams, "where: \(reason)",
      data: ["parameter": "where", "expected": "a record expression, such as dest_port == 443"])
  }
}
