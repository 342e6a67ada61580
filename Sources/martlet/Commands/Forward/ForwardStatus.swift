import ArgumentParser
import ControlAPI
import Forwarding
import Sinks

/// `martlet forward status`
struct ForwardStatus: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show groups, members, lag and dead letters, as Redis has them.",
    discussion: """
      Needs no forwarder to run. LAG is what the group has neither read nor had acknowledged, and the \
      age of the oldest of it.

      EXAMPLES
        martlet forward status
        martlet forward status --json | jq '.groups[] | select(.lag_seconds > 60)'
      """)

  @OptionGroup var redisOptions: RedisOptions

  @Option(help: ArgumentHelp("Only this group.", valueName: "name"))
  var group: String?

  @Flag(help: "Print it as JSON.")
  var json = false

  func run() throws {
    let client = try redisOptions.connect()
    let survey = try RedisOptions.asking {
      try GroupSurvey(client, sensors: redisOptions.sensor, group: group)
    }
    let view = ForwardStatusView(survey, nowMilliseconds: wallMilliseconds())
    if json { return Output.write(view.json) }
    Output.write(view.lines(width: Output.width(), style: .ofStandardOutput()))
  }
}
