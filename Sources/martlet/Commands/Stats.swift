import ArgumentParser
import ControlAPI
import Foundation

struct Stats: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show every counter, and whether every packet is accounted for.")

  @OptionGroup var options: ControlOptions

  @Option(
    help: ArgumentHelp(
      "Show them again every so many seconds, with rates, until interrupted.",
      valueName: "seconds"))
  var watch: Double?

  func validate() throws {
    if let watch, !(0.1...3600).contains(watch) {
      throw ValidationError("--watch takes 0.1 to 3600 seconds")
    }
  }

  func run() throws {
    let client = try options.connect()
    var previous: EngineStats?
    while true {
      let answer = try client.callValue(.statsGet)
      if options.json {
        // One object a line when there are many.
        if watch == nil { Output.write(answer) } else { Output.write([answer.text]) }
      } else {
        let stats = try client.decode(EngineStats.self, from: answer)
        let view = StatsView(stats: stats, previous: previous)
        let lines = view.lines(width: Output.width(), style: .ofStandardOutput())
        Output.write(lines, clearingScreen: watch != nil && Output.isTerminal)
        previous = stats
      }
      guard let watch else { return }
      Thread.sleep(forTimeInterval: watch)
    }
  }
}
