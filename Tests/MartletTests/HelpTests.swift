import ArgumentParser
import Testing

@testable import martlet

/// What `--help` says, on a terminal of 80 columns.
struct HelpTests {
  private static func commands(_ root: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
    [root] + root.configuration.subcommands.flatMap(commands)
  }

  /// Lines that are indented are set by hand: one of 80 characters or more would be broken in its
  /// middle, and go on at the margin.
  @Test func indentedLinesFitATerminal() {
    var count = 0
    for command in Self.commands(Martlet.self) {
      // Its page is Read.swift's own.
      if ObjectIdentifier(command) == ObjectIdentifier(Read.self) { continue }
      for line in command.configuration.discussion.split(separator: "\n")
      where line.hasPrefix("  ") {
        count += 1
        #expect(line.count < 80, "\(command): \(line)")
      }
    }
    #expect(count > 80)
  }
}
