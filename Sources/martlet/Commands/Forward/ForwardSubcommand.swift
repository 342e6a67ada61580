import ArgumentParser
import Forwarding

/// A target's own command: its options, and the common ones.
protocol ForwardSubcommand: ParsableCommand {
  var options: ForwardOptions { get }
  /// Checks the options of the target and makes it; connects to nothing yet.
  func makeTarget() throws -> any ForwardTarget
}

extension ForwardSubcommand {
  func run() throws { try options.run(makeTarget()) }
}
