import ArgumentParser
import ControlAPI
import Foundation

struct Stats: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show every counter, and whether every packet is accounted for.",
    discussion: """
      A view is a name under which counters begin at nought again; the engine's own go on. All who ask \
      for the same name share it.

      EXAMPLES
        martlet stats                    since the engine's start, and rates
        martlet stats --watch 2          again every two seconds
        martlet stats --xstats           the drivers' own counters, too
        martlet stats --reset change42   from now on …
        martlet stats --view change42    … so much since then
        martlet stats --json | jq '.ports[] | {name, missed}'
      """)

  @OptionGroup var options: ControlOptions

  @Option(
    help: ArgumentHelp(
      "Show them again every so many seconds, with rates, until interrupted.",
      valueName: "seconds"))
  var watch: Double?

  @Option(help: ArgumentHelp("Count since this view was reset.", valueName: "name"))
  var view: String?

  @Option(help: ArgumentHelp("Let this view begin at nought, and end.", valueName: "name"))
  var reset: String?

  @Flag(help: "Show the drivers' own counters, too.") var xstats = false

  func validate() throws {
    if let watch, !(0.1...3600).contains(watch) {
      throw ValidationError("--watch takes 0.1 to 3600 seconds")
    }
    if reset != nil && (view != nil || watch != nil) {
      throw ValidationError("--reset stands alone")
    }
  }

  func run() throws {
    if let reset {
      return try options.ask(
        .statsReset, StatsResetParameters(view: reset), as: StatsResetAnswer.self
      ) { answer, _, _ in
        [printable("the view \(answer.view) counts from \(answer.since) on")]
      }
    }
    let client = try options.connect()
    var previous: EngineStats?
    while true {
      let answer = try client.callValue(.statsGet, StatsGetParameters(view: view))
      if options.json {
        // One object a line when there are many.
        if watch == nil { Output.write(answer) } else { Output.write([answer.text]) }
      } else {
        let stats = try client.decode(EngineStats.self, from: answer)
        let text = StatsView(
          stats: stats, previous: previous, view: view, showsDriverCounters: xstats)
        let lines = text.lines(width: Output.width(), style: .ofStandardOutput())
        Output.write(lines, clearingScreen: watch != nil && Output.isTerminal)
        previous = stats
      }
      guard let watch else { return }
      Thread.sleep(forTimeInterval: watch)
    }
  }
}
