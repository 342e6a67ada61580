import ArgumentParser
import ControlAPI

struct FilterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "filter",
    abstract: "Show, try and change the rules that packets are shown to, while they run.",
    discussion: """
      Rules stand in an order, each with a libpcap expression (pcap-filter(7)). Packets that no rule \
      drops are kept. A change holds from the workers' next burst on, and until the engine ends: what \
      is to last belongs in its configuration.

      ACTIONS
        drop          looked at no further, and counted as filtered
        keep          looked at, whatever the rules behind say
        --sample 1/N  of N flows one is kept, whole
        nopublish     counted, but their flows' records go to nobody
        --tag NAME    their flows' records bear the name

      EXAMPLES
        martlet filter                      the rules, and what each has caught
        martlet filter test 'tcp port 80'   what it would catch
        martlet filter add web 'tcp port 80' --action drop
        martlet filter add vpn 'net 10.8.0.0/16' --inner --tag vpn --first
        martlet filter add bulk 'port 873' --sample 1/64 --port tap0
        martlet filter replace web 'tcp port 80 or port 8080'
        martlet filter move web --first
        martlet filter remove web
      """,
    subcommands: [
      FilterListCommand.self, FilterAdd.self, FilterReplace.self, FilterRemove.self,
      FilterMove.self, FilterTest.self,
    ], defaultSubcommand: FilterListCommand.self)
}

struct FilterListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Show the rules in their order, and what each has caught.")

  @OptionGroup var options: ControlOptions

  func run() throws {
    try options.ask(.filterList, as: FilterList.self) { FilterView.lines($0, $1, style: $2) }
  }
}

struct FilterRemove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Take a rule away; say what it had caught.")

  @OptionGroup var options: ControlOptions
  @Argument(help: "The rule's name.", completion: Completion.filters) var name: String

  func run() throws {
    try options.ask(.filterRemove, FilterRemoveParameters(name: name), as: FilterChange.self) {
      FilterView.lines($0, verb: "removed", $1, style: $2)
    }
  }
}

struct FilterMove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move", abstract: "Give a rule another place in the order.",
    discussion: """
      EXAMPLES
        martlet filter move web --first
        martlet filter move web 2
      """)

  @OptionGroup var options: ControlOptions
  @Argument(help: "The rule's name.", completion: Completion.filters) var name: String
  @Argument(help: "Where it stands then; 0 is the first place.") var position: Int?
  @Flag(help: "The first place.") var first = false

  func validate() throws {
    if first == (position != nil) { throw ValidationError("give a position or --first") }
    if let position, position < 0 { throw ValidationError("positions begin at 0") }
  }

  func run() throws {
    let parameters = FilterMoveParameters(name: name, position: position ?? 0)
    try options.ask(.filterMove, parameters, as: FilterChange.self) {
      FilterView.lines($0, verb: "moved", $1, style: $2)
    }
  }
}
