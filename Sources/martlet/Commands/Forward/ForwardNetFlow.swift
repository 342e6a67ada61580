import ArgumentParser
import Forwarding

/// `martlet forward netflow`
struct ForwardNetFlow: ParsableCommand, ForwardSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "netflow",
    abstract: "Export flows to a NetFlow v9 collector (RFC 3954) over UDP.",
    discussion: """
      One record for each direction of a flow that has packets. UDP promises nothing: what the \
      network or the collector drops is lost, and shows there as gaps in the sequence. IPFIX over \
      TCP (martlet forward ipfix --tcp) loses less.

      EXAMPLES
        martlet forward netflow collector.example:2055
        martlet forward netflow 192.0.2.1:9995 --per-second 5000
        martlet forward netflow 192.0.2.1:9995 --updates
      """)

  @OptionGroup(title: "Export") var export: FlowExportOptions

  @OptionGroup(title: "Reading and choosing") var options: ForwardOptions

  func makeTarget() throws -> any ForwardTarget {
    try FlowExportOptions.target(export.settings(.netflow9, transport: .udp, defaultPort: 2055))
  }

  func run() throws { try export.reading(options).run(makeTarget()) }
}
