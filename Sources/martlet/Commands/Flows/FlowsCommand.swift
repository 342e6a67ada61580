import ArgumentParser
import ControlAPI

struct FlowsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flows",
    abstract: "Look at live flows, add them up, or end them now.",
    discussion: """
      Expressions are record expressions, as `martlet read --where` has them: fields of a flow's \
      record by EVE's names (docs/expressions.md).

      EXAMPLES
        martlet flows                                  the 100 with the most bytes
        martlet flows --where 'dest_port == 443' --order rate --limit 20
        martlet flows get 1125899906842623             the EVE record of this moment
        martlet flows get 1:LQU9qZlK+B5F3KDmev6m5PMibrg=
        martlet flows top --key address --by rate      the busiest talkers
        martlet flows kill --where 'ip == 192.0.2.7'   their records leave now
      """,
    subcommands: [FlowsListCommand.self, FlowsGet.self, FlowsTopCommand.self, FlowsKill.self],
    defaultSubcommand: FlowsListCommand.self)
}

struct FlowsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Show live flows.",
    discussion: """
      EXAMPLES
        martlet flows list --where 'proto == udp and flow.age > 1h' --order age
        martlet flows list --order idle --ascending --limit 10
      """)

  @OptionGroup var options: ControlOptions

  @Option(
    name: [.customLong("where")],
    help: ArgumentHelp("Only flows for which this is true.", valueName: "expression"))
  var expression: String?

  @Option(help: "What they are ordered by.") var order = FlowOrder.bytes
  @Flag(help: "The least first.") var ascending = false

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("How many, 1 to 10000.", valueName: "count"))
  var limit = FlowsListParameters.defaultLimit

  func validate() throws {
    if !FlowsListParameters.limitRange.contains(limit) {
      throw ValidationError("--limit takes 1 to \(FlowsListParameters.limitRange.upperBound)")
    }
  }

  func run() throws {
    let parameters = FlowsListParameters(
      where: expression, order: order, ascending: ascending, limit: limit)
    try options.ask(
      .flowsList, parameters, as: FlowsList.self, timeoutSeconds: FlowsCommand.patience
    ) { FlowsView.lines($0, order: order, ascending: ascending, $1, style: $2) }
  }
}

extension FlowsCommand {
  /// Seconds: the engine looks through every flow, and may have ten millions of them.
  static let patience = 30.0
}

struct FlowsGet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Show a live flow's EVE record as of now.",
    discussion: """
      EXAMPLES
        martlet flows get 1125899906842623
        martlet flows get 1:LQU9qZlK+B5F3KDmev6m5PMibrg=
        martlet flows get 1125899906842623 --json | jq .records[0].flow
      """)

  @OptionGroup var options: ControlOptions
  @Argument(help: "Its flow_id or Community ID, as records have them.") var id: FlowName

  func run() throws {
    let client = try options.connect(timeoutSeconds: FlowsCommand.patience)
    let parameters = FlowsGetParameters(flowId: id.flowId, communityId: id.communityId)
    let value = try client.callValue(.flowsGet, parameters)
    let answer = try client.decode(FlowsGetAnswer.self, from: value)
    if options.json {
      Output.write(value)
    } else {
      let style = Style.ofStandardOutput()
      Output.write(answer.records.map { $0.inRecordOrder.indentedText(style: style) })
    }
    if answer.records.isEmpty {
      throw NothingFound(
        answer.isPartial
          ? "the flow \(id.text) was not found, but not all flows could be looked through; try again"
          : "no live flow is \(id.text); its record may have left already")
    }
  }
}

struct FlowsTopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Show the busiest flows, or what they add up to by a key.",
    discussion: """
      KEYS
        flow, address (either end), source, destination, pair,
        port (the responder's), protocol, vlan, app

      EXAMPLES
        martlet flows top --key address --by rate
        martlet flows top --key port --by bytes --where 'src_ip in 10.0.0.0/8'
      """)

  @OptionGroup var options: ControlOptions
  @Option(help: "What flows are added up by.") var key = FlowKeyKind.flow

  @Option(
    help: "What makes them busy: bytes, packets, rate or packetRate.",
    completion: .list(FlowsTopParameters.orders.map(\.rawValue)))
  var by = FlowOrder.rate

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("How many, 1 to 1000.", valueName: "count"))
  var count = FlowsTopParameters.defaultCount

  @Option(
    name: [.customLong("where")],
    help: ArgumentHelp("Only flows for which this is true.", valueName: "expression"))
  var expression: String?

  func validate() throws {
    if !FlowsTopParameters.countRange.contains(count) {
      throw ValidationError("--count takes 1 to \(FlowsTopParameters.countRange.upperBound)")
    }
    try FlowOrder.validateForTop(by)
  }

  func run() throws {
    let parameters = FlowsTopParameters(count: count, by: by, key: key, where: expression)
    try options.ask(
      .flowsTop, parameters, as: FlowsTop.self, timeoutSeconds: FlowsCommand.patience
    ) { FlowsView.lines($0, key: key, order: by, $1, style: $2) }
  }
}

extension FlowKeyKind: ExpressibleByArgument {}

extension FlowOrder {
  static func validateForTop(_ order: FlowOrder) throws {
    if !FlowsTopParameters.orders.contains(order) {
      let words = FlowsTopParameters.orders.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--by takes one of \(words)")
    }
  }
}

extension JSONValue {
  /// A record with what EVE begins with at its front; the rest as it came.
  var inRecordOrder: JSONValue {
    guard case .object(let members) = self else { return self }
    let names = [
      "timestamp", "flow_id", "community_id", "event_type", "src_ip", "src_port", "dest_ip",
      "dest_port", "proto", "app_proto", "vlan",
    ]
    let head = names.compactMap { name in members.first { $0.name == name } }
    return .object(head + members.filter { !names.contains($0.name) })
  }
}

/// A flow by its `flow_id` or its Community ID.
struct FlowName: ExpressibleByArgument, Equatable {
  var text: String
  var flowId: UInt64?
  var communityId: String?

  init?(argument: String) {
    text = argument
    if let number = UInt64(argument) {
      flowId = number
    } else if argument.wholeMatch(of: /\d+:\S+/) != nil {
      communityId = argument
    } else {
      return nil
    }
  }
}
