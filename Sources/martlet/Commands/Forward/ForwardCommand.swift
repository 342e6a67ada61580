import ArgumentParser

/// `martlet forward`
struct ForwardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forward",
    abstract: "Carry records from Redis streams to a SIEM, a collector or files.",
    subcommands: [])
}
