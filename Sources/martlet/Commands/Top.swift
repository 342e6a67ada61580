import ArgumentParser
import ControlAPI

extension FlowOrder: ExpressibleByArgument {}

struct Top: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the busiest flows, live.",
    discussion: """
      On a terminal: a full-screen view. Keys: r rate, k packet rate, b bytes, p packets, \
      space pause, q quit. Otherwise, and with --once: one table.
      """)

  @OptionGroup var options: ControlOptions

  @Option(help: "What makes a flow busy.")
  var by = FlowOrder.rate

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
  }

  func run() throws {
    if options.json || once || !Output.isTerminal || !Keyboard.isTerminal {
      try printOnce()
    } else {
      var loop = TopLoop(
        options: options, order: by, count: count, intervalSeconds: interval)
      try loop.run()
    }
  }

  private func printOnce() throws {
    let client = try options.connect()
    let parameters = FlowsTopParameters(
      count: count ?? FlowsTopParameters.defaultCount, by: by)
    let answer = try client.callValue(.flowsTop, parameters)
    if options.json {
      Output.write(answer)
      return
    }
    let top = try client.decode(FlowsTop.self, from: answer)
    let style = Style.ofStandardOutput()
    var lines = [
      style.dim(
        "\(top.timestamp)  \(Units.grouped(top.flowsLive)) live flows, rates over "
          + Units.duration(top.intervalSeconds))
    ]
    lines += FlowTable.make(top.flows, order: by).lines(width: Output.width(), style: style)
    Output.write(lines)
  }
}
