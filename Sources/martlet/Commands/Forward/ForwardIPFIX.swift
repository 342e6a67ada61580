import ArgumentParser
import Forwarding

/// `martlet forward ipfix`
struct ForwardIPFIX: ParsableCommand, ForwardSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "ipfix",
    abstract: "Export flows to an IPFIX collector (RFC 7011) over UDP or TCP.",
    discussion: """
      EXAMPLES
        martlet forward ipfix collector.example:4739
        martlet forward ipfix collector.example:4739 --tcp --biflow
        martlet forward ipfix [2001:db8::1]:4739 --nanoseconds --names
        martlet forward ipfix 192.0.2.1:4739 --enterprise-number 64999
      """)

  enum Direction: EnumerableFlag {
    case uniflow, biflow

    static func help(for value: Direction) -> ArgumentHelp? {
      switch value {
      case .uniflow: "A record for each direction of a flow that has packets."
      case .biflow:
        """
        One record with both directions (RFC 5103). A collector that does not know that RFC sees \
        the originator's packets only.
        """
      }
    }
  }

  @OptionGroup(title: "Export") var export: FlowExportOptions

  @Flag(help: "Over TCP: a batch is delivered when the collector's machine has taken it.")
  var tcp = false

  @Flag var direction = Direction.uniflow

  @Flag(help: "Start and end in nanoseconds (elements 156, 157) and not in milliseconds.")
  var nanoseconds = false

  @Flag(
    help: ArgumentHelp(
      "Send names of sensors and interfaces, and what was exported, as options.",
      discussion: "nfcapd 1.7.1 takes them for errors in the sequence."))
  var names = false

  @Option(
    help: ArgumentHelp(
      """
      Send conn_state, history, Community ID, round-trip time and sampling interval as elements 1 \
      to 5 of this private enterprise number.
      """, valueName: "number"))
  var enterpriseNumber: UInt32?

  @OptionGroup(title: "Reading and choosing") var options: ForwardOptions

  func makeTarget() throws -> any ForwardTarget {
    var settings = try export.settings(.ipfix, transport: tcp ? .tcp : .udp, defaultPort: 4739)
    settings.isBiflow = direction == .biflow
    settings.timeUnit = nanoseconds ? .nanoseconds : .milliseconds
    settings.sendsOptions = names
    settings.enterpriseNumber = enterpriseNumber
    return try FlowExportOptions.target(settings)
  }

  func run() throws { try export.reading(options).run(makeTarget()) }
}
