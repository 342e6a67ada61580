import ArgumentParser
import ControlAPI

struct PortsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ports",
    abstract: "Show ports with link and counters; stop and start them.",
    discussion: """
      EXAMPLES
        martlet ports
        martlet ports stop tap1      its packets are refused; its flows live on
        martlet ports start tap1
        martlet ports --json | jq '.ports[] | select(.stats.missed > 0).status.name'
      """,
    subcommands: [PortsListCommand.self, PortsStart.self, PortsStop.self],
    defaultSubcommand: PortsListCommand.self)
}

struct PortsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Show ports with link and counters.")

  @OptionGroup var options: ControlOptions

  func run() throws {
    try options.ask(.portsList, as: PortList.self) { PortsView.lines($0, $1, style: $2) }
  }
}

struct PortsStart: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Let a port take packets again.")

  @OptionGroup var options: ControlOptions
  @Argument(help: "Its name in the configuration.", completion: Completion.ports)
  var port: String

  func run() throws {
    try options.ask(.portsStart, PortParameters(port: port), as: PortChange.self) {
      PortsView.lines($0, style: $2)
    }
  }
}

struct PortsStop: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Let a port take no more packets; the others and its flows live on.")

  @OptionGroup var options: ControlOptions
  @Argument(help: "Its name in the configuration.", completion: Completion.ports)
  var port: String

  func run() throws {
    try options.ask(.portsStop, PortParameters(port: port), as: PortChange.self) {
      PortsView.lines($0, style: $2)
    }
  }
}
