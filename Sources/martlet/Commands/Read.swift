import ArgumentParser
import Foundation
import Ports

/// `martlet read`
struct Read: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "read",
    abstract: "Every conversation in capture files.")

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case table, eve, fields, none
  }

  @Argument(help: ArgumentHelp("Capture files, folders of them, or - for standard input."))
  var inputs: [String] = []

  @Option(name: .shortAndLong, help: "How records are written.")
  var format: Format?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Where to; - is standard output.", valueName: "path"))
  var output = "-"

  @Option(help: ArgumentHelp("Threads that track flows.", valueName: "n"))
  var workers: Int?

  @Option(help: ArgumentHelp("Flows that live at a time.", valueName: "n"))
  var flows = 2_097_152

  @Flag(help: "One file after the other as they are given.")
  var inOrder = false

  @Flag(help: "No flow ends by time.")
  var noTimeouts = false

  func run() throws {
    let run = ReadRun(self)
    let status = try run.run()
    if status != .success { throw ExitCode(status.rawValue) }
  }
}
