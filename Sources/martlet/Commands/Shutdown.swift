import ArgumentParser
import ControlAPI

struct Shutdown: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "End the engine in good order.",
    discussion: """
      Ports stop, live flows are exported with their reason, sinks drain. The command returns as \
      soon as that has begun.

      EXAMPLES
        martlet shutdown
        martlet shutdown && tail --pid="$(pidof martletd)" -f /dev/null
      """)

  @OptionGroup var options: ControlOptions

  func run() throws {
    let client = try options.connect()
    let answer = try client.callValue(.engineShutdown)
    if options.json {
      Output.write(answer)
    } else {
      let state = try client.decode(ShutdownAnswer.self, from: answer).state
      Output.write(["martletd is \(state.rawValue): flows are exported and sinks emptied"])
    }
  }
}
