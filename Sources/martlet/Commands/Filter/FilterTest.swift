import ArgumentParser
import ControlAPI

struct FilterTest: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Compile an expression, and count what it would catch of the next packets.",
    discussion: """
      EXAMPLES
        martlet filter test 'tcp port 80'             of the next 100,000 packets
        martlet filter test 'udp port 53' -n 1000000 --timeout 30
        martlet filter test 'tcp[13] & 2 != 0' -n 0   compiled only: its program
      """)

  @OptionGroup var options: ControlOptions
  @Argument(help: "A libpcap expression.") var expression: [String]

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp(
      "It is shown so many packets; 0: none. Default: 100000.", valueName: "count"))
  var packets: Int?

  @Option(
    help: ArgumentHelp("Where fewer come, wait no longer. Default: 5.", valueName: "seconds"))
  var timeout: Double?

  @Option(
    help: ArgumentHelp("Only packets of this port; may be repeated.", valueName: "port"),
    completion: Completion.ports)
  var port: [String] = []

  @Flag(help: "It sees the innermost packet, behind the tunnel.") var inner = false

  func validate() throws {
    if let packets, !FilterTestParameters.packetsRange.contains(packets) {
      throw ValidationError(
        "--packets takes 0 to \(FilterTestParameters.packetsRange.upperBound)")
    }
    if let timeout, !FilterTestParameters.timeoutRange.contains(timeout) {
      throw ValidationError(
        "--timeout takes 0 to \(Int(FilterTestParameters.timeoutRange.upperBound)) seconds")
    }
  }

  func run() throws {
    let expression = expression.joined(separator: " ")
    let parameters = FilterTestParameters(
      expression: expression, packets: packets, timeoutSeconds: timeout,
      ports: port.isEmpty ? nil : port, inner: inner ? true : nil)
    // The engine answers within its own timeout; the client gives it some more.
    try options.ask(
      .filterTest, parameters, as: FilterTestAnswer.self, timeoutSeconds: (timeout ?? 5) + 10
    ) { FilterView.lines($0, of: expression, $1, style: $2) }
  }
}
