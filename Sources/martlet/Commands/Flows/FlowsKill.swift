import ArgumentParser
import ControlAPI

struct FlowsKill: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kill",
    abstract: "End live flows now: their records leave at once.",
    discussion: """
      The packets go on: what comes later of an ended flow begins a new one. An expression is asked \
      about before anything happens, unless --yes is given.

      EXAMPLES
        martlet flows kill 1125899906842623
        martlet flows kill --where 'ip == 192.0.2.7'
        martlet flows kill --where 'flow.age > 1d' --limit 100000 --yes
      """)

  @OptionGroup var options: ControlOptions
  @Argument(help: "Its flow_id or Community ID.") var id: FlowName?

  @Option(
    name: [.customLong("where")],
    help: ArgumentHelp("All flows for which this is true.", valueName: "expression"))
  var expression: String?

  @Option(
    help: ArgumentHelp("No more than so many, 1 to 1000000. Default: 1000.", valueName: "count"))
  var limit: Int?

  @Flag(name: [.customShort("y"), .long], help: "Do not ask.") var yes = false

  func validate() throws {
    if (id == nil) == (expression == nil) {
      throw ValidationError("give a flow's id or --where, not both")
    }
    if let limit, !FlowsKillParameters.limitRange.contains(limit) {
      throw ValidationError("--limit takes 1 to \(FlowsKillParameters.limitRange.upperBound)")
    }
    if expression != nil && !yes && (!Keyboard.isTerminal || options.json) {
      throw ValidationError("nobody is here to be asked; give --yes if you mean it")
    }
  }

  func run() throws {
    let client = try options.connect(timeoutSeconds: FlowsCommand.patience)
    if let expression, !yes {
      let list = try client.call(
        .flowsList, FlowsListParameters(where: expression, limit: 1), as: FlowsList.self)
      if list.matched == 0 { throw NothingFound("no live flow fulfils \(expression)") }
      let count = min(list.matched, UInt64(limit ?? 1000))
      let of = count < list.matched ? " of \(Units.grouped(list.matched))" : ""
      Output.writeError("end \(Units.grouped(count))\(of) live flows? [y/N] ")
      guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
        throw NothingFound("nothing was ended")
      }
    }
    let value = try client.callValue(
      .flowsKill,
      FlowsKillParameters(
        flowId: id?.flowId, communityId: id?.communityId, where: expression, limit: limit))
    let answer = try client.decode(FlowsKilled.self, from: value)
    if options.json {
      Output.write(value)
    } else if answer.matched > 0 {
      Output.write(FlowsView.lines(answer, style: .ofStandardOutput()))
    }
    if answer.matched == 0 {
      throw NothingFound(
        id.map { "no live flow is \($0.text)" } ?? "no live flow fulfils \(expression ?? "")")
    }
  }
}
