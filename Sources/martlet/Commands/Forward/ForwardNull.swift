import ArgumentParser
import Forwarding

/// `martlet forward null`
struct ForwardNull: ParsableCommand, ForwardSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "null",
    abstract: "Read and acknowledge, and keep nothing.",
    discussion: """
      For measuring what reading costs, with a group of its own that takes nothing from others.

      EXAMPLES
        martlet forward null --once --json | jq '.delivered / .seconds'
        martlet forward null --once --where 'app_proto == tls'   how many?
      """)

  @OptionGroup(title: "Reading and choosing") var options: ForwardOptions

  func makeTarget() throws -> any ForwardTarget { NullTarget() }
}
