import ControlAPI
import Logging

/// What the handlers of one server work with.
struct MethodContext: Sendable {
  let engine: any EngineInterface
  let views: StatsViews
  let limits: ControlServerLimits
  let audit: AuditTrail?
}

extension MethodTable {
  /// The methods that an engine answers, in the order of the reference. A new one is a case of
  /// ``ControlMethod``, its parameter and result types in ControlAPI, and an entry here.
  static func methods(_ context: MethodContext) -> MethodTable {
    let described =
      engineMethods(context) + statsMethods(context) + filterMethods(context.engine)
      + flowMethods(context.engine) + tuningMethods(context.engine) + portMethods(context.engine)
    return MethodTable(rpcMethods(context.engine, described) + described)
  }

  // MARK: - engine.*, log.*

  private static func engineMethods(_ context: MethodContext) -> [MethodEntry] {
    let engine = context.engine
    let audit = context.audit
    return [
      MethodEntry(
        .engineStatus, "What the engine is made of and which state it is in", role: .viewer
      ) { (_, _: NoParameters) in
        var status = try engine.status()
        status.audit = audit?.status
        return status
      },
      MethodEntry(
        .engineShutdown,
        "Begins an orderly end and answers at once: ports stop, live flows are exported, sinks drain",
        role: .admin, effect: .audited
      ) { (_, _: NoParameters) in
        try engine.requestShutdown()
        return ShutdownAnswer()
      },
      MethodEntry(
        .engineReload,
        "Reads the configuration file again; what can change live does, or nothing where it is wrong",
        role: .operator, effect: .audited, errors: [.wrongState]
      ) { _, parameters in try engine.reload(parameters) },
      MethodEntry(
        .logSetLevel, "Sets the least level of the daemon's own messages, until it ends",
        role: .operator, effect: .audited
      ) { _, parameters in try engine.setLogLevel(parameters) },
    ]
  }

  // MARK: - filter.*

  private static func filterMethods(_ engine: any EngineInterface) -> [MethodEntry] {
    [
      MethodEntry(
        .filterList, "The filter rules in their order, with what each has caught", role: .viewer
      ) { (_, _: NoParameters) in try engine.filters() },
      MethodEntry(
        .filterAdd, "Adds a filter rule, between two bursts of every worker", role: .operator,
        effect: .audited, errors: [.wrongState]
      ) { _, parameters in try engine.addFilter(parameters) },
      MethodEntry(
        .filterReplace, "Puts another rule into the place of one, between two bursts",
        role: .operator, effect: .audited, errors: [.wrongState]
      ) { _, parameters in try engine.replaceFilter(parameters) },
      MethodEntry(
        .filterRemove, "Removes a filter rule, and says what it had caught to the last packet",
        role: .operator, effect: .audited, errors: [.wrongState]
      ) { _, parameters in try engine.removeFilter(parameters) },
      MethodEntry(
        .filterMove, "Moves a filter rule to another place in the order", role: .operator,
        effect: .audited, errors: [.wrongState]
      ) { _, parameters in try engine.moveFilter(parameters) },
      MethodEntry(
        .filterTest,
        "Compiles an expression, shows its program, and counts what it would catch of the next packets",
        role: .viewer, pace: .inItsOwnTime, errors: [.wrongState]
      ) { _, parameters in try engine.testFilter(parameters) },
    ]
  }

  // MARK: - flows.*, trace.*

  private static func flowMethods(_ engine: any EngineInterface) -> [MethodEntry] {
    [
      MethodEntry(
        .flowsTop, "The busiest live flows, or groups of them, busiest first", role: .viewer,
        pace: .inItsOwnTime
      ) { _, parameters in try engine.topFlows(parameters) },
      MethodEntry(
        .flowsList, "Live flows, of an expression and in an order", role: .viewer,
        pace: .inItsOwnTime
      ) { _, parameters in try engine.listFlows(parameters) },
      MethodEntry(
        .flowsGet, "One flow by its id or Community ID, as an EVE record of this moment",
        role: .viewer, pace: .inItsOwnTime
      ) { _, parameters in try engine.getFlows(parameters) },
      MethodEntry(
        .flowsKill, "Ends flows as if they had timed out; their records leave at once",
        role: .operator, pace: .inItsOwnTime, effect: .audited
      ) { _, parameters in try engine.killFlows(parameters) },
      MethodEntry(
        .tracePackets, "The next packets that match an expression, each with the path it took",
        role: .admin, pace: .inItsOwnTime, effect: .audited, errors: [.wrongState],
        logs: { (answer: TraceAnswer) in
          ["packets": .number(String(answer.packets.count)), "pcapng": .bool(answer.pcapng != nil)]
        },
        handler: { _, parameters in try engine.tracePackets(parameters) }),
    ]
  }

  // MARK: - tuning.*, ports.*

  private static func tuningMethods(_ engine: any EngineInterface) -> [MethodEntry] {
    [
      MethodEntry(
        .tuningGet, "What can be tuned: value, range, default, unit, and whether it is live",
        role: .viewer
      ) { _, parameters in try engine.tunables(parameters) },
      MethodEntry(
        .tuningSet, "Changes one value, until the engine ends; packets do not stop for it",
        role: .operator, effect: .audited
      ) { _, parameters in try engine.tune(parameters) },
    ]
  }

  private static func portMethods(_ engine: any EngineInterface) -> [MethodEntry] {
    [
      MethodEntry(
        .portsList, "The ports: what they are, their link, and their counters", role: .viewer
      ) { (_, _: NoParameters) in try engine.portList() },
      MethodEntry(
        .portsStart, "Lets a stopped port receive again", role: .admin, effect: .audited,
        errors: [.wrongState]
      ) { _, parameters in try engine.setPort(parameters, started: true) },
      MethodEntry(
        .portsStop, "Stops a port; the others, and its flows, live on", role: .admin,
        effect: .audited, errors: [.wrongState]
      ) { _, parameters in try engine.setPort(parameters, started: false) },
    ]
  }
}
