import ArgumentParser
import ControlAPI
import Foundation

struct Watch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a line of rates a period, as vmstat has it.",
    discussion: """
      Subscribes to the engine's counters: it sends them, and a line is what they grew by since the one \
      before, a second. Lines that this program could not take in time are left out and counted.

      EXAMPLES
        martlet watch
        martlet watch --period 10 --count 6
        martlet watch --json | jq -c '[.timestamp, .totals.received]'
      """)

  @OptionGroup var options: ControlOptions

  @Option(
    name: [.customShort("p"), .long], help: ArgumentHelp("Between two lines.", valueName: "seconds")
  )
  var period = 1.0

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("End after so many lines.", valueName: "count"))
  var count: Int?

  func validate() throws {
    let range = StatsSubscribeParameters.periodRange
    if !range.contains(period) {
      throw ValidationError(
        "--period takes \(range.lowerBound) to \(Int(range.upperBound)) seconds")
    }
    if let count, count < 1 { throw ValidationError("--count begins at 1") }
  }

  func run() throws {
    let client = try options.connect()
    var before = try client.call(.statsGet, as: EngineStats.self)
    let subscription = try client.call(
      .statsSubscribe, StatsSubscribeParameters(periodSeconds: period), as: SubscriptionAnswer.self)
    let style = Style.ofStandardOutput()
    var lost: UInt64 = 0
    var shown = 0
    while count.map({ shown < $0 }) ?? true {
      // A period without news may be one that was left out; several are not.
      let notification = try client.nextNotification(withinSeconds: 3 * period + 10)
      guard notification.method == StatsNotification.method, let params = notification.params
      else { continue }
      let update = try client.decode(StatsNotification.self, from: params)
      if update.subscription != subscription.subscription { continue }
      if update.lost > lost {
        Output.writeError(
          "martlet: \(Units.grouped(update.lost - lost)) lines were lost here: they came faster "
            + "than they could be shown\n")
      }
      lost = update.lost
      if options.json {
        Output.write([params["stats"]?.text ?? ""])
      } else {
        // The first comes at once; it has nothing to be held against.
        let seconds = update.stats.uptimeSeconds - before.uptimeSeconds
        if update.sequence == 1 && seconds < min(period, 0.5) / 2 { continue }
        let height = Output.isTerminal ? Output.size().height : nil
        if WatchView.isHeadDue(line: shown, height: height) {
          Output.write(WatchView.head(width: Output.width(), style: style))
        }
        Output.write([
          WatchView.line(update.stats, before, width: Output.width(), style: style)
        ])
        before = update.stats
      }
      shown += 1
    }
  }
}
