import ArgumentParser
import ControlAPI

extension FlowOrder: ExpressibleByArgument {}

struct Top: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the link, live: rates, drops, busiest flows and talkers.",
    discussion: """
      On a terminal: a full-screen view. Keys: 1 to 9 or Tab what flows are added up by, r k b p what \
      makes them busy, / an expression they have to fulfil, space pause, + - interval, h help, q quit. \
      Otherwise, and with --once: one table.

      EXAMPLES
        martlet top
        martlet top --key address --where 'dest_port == 443'
        martlet top --once --by bytes -n 5
        martlet top --json | jq .flows[0]
      """)

  @OptionGroup var options: ControlOptions

  @Option(
    help: "What makes a flow busy: bytes, packets, rate or packetRate.",
    completion: .list(FlowsTopParameters.orders.map(\.rawValue)))
  var by = FlowOrder.rate

  @Option(help: "What flows are added up by.") var key = FlowKeyKind.flow

  @Option(
    name: [.customLong("where")],
    help: ArgumentHelp("Only flows for which this is true.", valueName: "expression"))
  var expression: String?

  @Option(
    name: [.customShort("n"), .long],
    help: "How many flows, 1 to 1000. Default: 20, and what fits on a full screen.")
  var count: Int?

  @Option(help: ArgumentHelp("Between two views.", valueName: "seconds"))
  var interval = 1.0

  @Flag(help: "Print one table and end.")
  var once = false

  func validate() throws {
    if let count, !FlowsTopParameters.countRange.contains(count) {
      throw ValidationError("--count takes 1 to \(FlowsTopParameters.countRange.upperBound)")
    }
    if !(0.1...3600).contains(interval) {
      throw ValidationError("--interval takes 0.1 to 3600 seconds")
    }
    try FlowOrder.validateForTop(by)
  }

  func run() throws {
    if options.json || once || !Output.isTerminal || !Keyboard.isTerminal {
      let parameters = FlowsTopParameters(
        count: count ?? FlowsTopParameters.defaultCount, by: by, key: key, where: expression)
      try options.ask(
        .flowsTop, parameters, as: FlowsTop.self, timeoutSeconds: FlowsCommand.patience
      ) { FlowsView.lines($0, key: key, order: by, $1, style: $2) }
    } else {
      var loop = TopLoop(
        options: options, order: by, key: key, expression: expression ?? "", count: count,
        intervalSeconds: interval)
      try loop.run()
    }
  }
}
