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

  @OptionGroup(title: "Export") var export: FlowExportOptions

  @Flag(help: "Over TCP: a batch is delivered when the collector's machine has taken it.")
  var tcp = false

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Flow records have both directions (RFC 5103), and not one record each.",
      discussion: "Collectors that do not know RFC 5103 see the originator's direction only."))
  var biflow = false

  @Flag(help: "Start and end in nanoseconds (elements 156, 157) and not in milliseconds.")
  var nanoseconds = false

  @Flag(
    inversion: .prefixedNo,
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
    settings.isBiflow = biflow
    settings.timeUnit = nanoseconds ? .nanoseconds : .milliseconds
    settings.sendsOptions = names
    settings.enterpriseNumber = enterpriseNumber
    return try FlowExportOptions.target(settings)
  }

  func run() throws { try export.reading(options).run(makeTarget()) }
}
