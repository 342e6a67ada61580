import ArgumentParser
import ControlAPI

struct FilterAdd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add a rule.",
    discussion: """
      EXAMPLES
        martlet filter add web 'tcp port 80' --action drop
        martlet filter add lab 'net 10.9.0.0/16' --action keep --first
        martlet filter add bulk 'port 873' --sample 1/64 --port tap0
      """)

  @OptionGroup var options: ControlOptions
  @Argument(help: "Its name: letters, digits and ._-") var name: String
  @Argument(help: "A libpcap expression; '' for every packet.") var expression: [String]
  @OptionGroup var rule: RuleOptions

  @Option(
    help: ArgumentHelp(
      "Where it stands; 0 is the first place. Default: the last.", valueName: "n"))
  var position: Int?

  @Flag(help: "The first place.") var first = false

  func validate() throws {
    if first && position != nil { throw ValidationError("give --position or --first") }
    if let position, position < 0 { throw ValidationError("positions begin at 0") }
  }

  func run() throws {
    let parameters = FilterAddParameters(
      name: name, expression: expression.joined(separator: " "), action: rule.chosenAction,
      oneIn: rule.sample?.oneIn, tag: rule.tag, ports: rule.port.isEmpty ? nil : rule.port,
      inner: rule.inner, position: first ? 0 : position)
    try options.ask(.filterAdd, parameters, as: FilterChange.self) {
      FilterView.lines($0, verb: "added", $1, style: $2)
    }
  }
}

struct FilterReplace: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replace", abstract: "Put another rule in a rule's place, between two bursts.",
    discussion: """
      What is not given stays as it is. Counters begin at nought; what the old rule had caught is said.

      EXAMPLES
        martlet filter replace web 'tcp port 80 or port 8080'
        martlet filter replace web --action nopublish --all-ports --rename quiet
      """)

  @OptionGroup var options: ControlOptions
  @Argument(help: "The rule's name.", completion: Completion.filters) var name: String
  @Argument(help: "Its new expression.") var expression: [String] = []
  @OptionGroup var rule: RuleOptions
  @Flag(help: "It holds for all ports.") var allPorts = false
  @Option(help: ArgumentHelp("Its new name.", valueName: "name")) var rename: String?

  func validate() throws {
    if allPorts && !rule.port.isEmpty { throw ValidationError("give --port or --all-ports") }
    if expression.isEmpty && rule.chosenAction == nil && rule.port.isEmpty && !allPorts
      && rule.inner == nil && rename == nil
    {
      throw ValidationError("say what is to change: an expression, --action …")
    }
  }

  func run() throws {
    let parameters = FilterReplaceParameters(
      name: name, expression: expression.isEmpty ? nil : expression.joined(separator: " "),
      action: rule.chosenAction, oneIn: rule.sample?.oneIn, tag: rule.tag,
      ports: allPorts ? [] : rule.port.isEmpty ? nil : rule.port, inner: rule.inner,
      newName: rename)
    try options.ask(.filterReplace, parameters, as: FilterChange.self) {
      FilterView.lines($0, verb: "replaced", $1, style: $2)
    }
  }
}
