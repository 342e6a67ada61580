import ArgumentParser
import ControlAPI

struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what the engine is made of, and whether it is well.",
    discussion: """
      Ports with link and RSS, workers with cores and queues, sinks with their health.

      EXAMPLES
        martlet status
        martlet status --json | jq -e '.state == "running"'
        martlet status --json | jq -e 'all(.sinks[]; .isHealthy)'
      """)

  @OptionGroup var options: ControlOptions

  func run() throws {
    let client = try options.connect()
    let answer = try client.callValue(.engineStatus)
    if options.json {
      Output.write(answer)
      return
    }
    let status = try client.decode(EngineStatus.self, from: answer)
    let style = Style.ofStandardOutput()
    Output.write(StatusView(status: status).lines(width: Output.width(), style: style))
  }
}
