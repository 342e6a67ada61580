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
      for line in command.configuration.discussion.split(separator: "\n")
      where line.hasPrefix("  ") {
        count += 1
        #expect(line.count < 80, "\(command): \(line)")
      }
    }
    #expect(count > 80)
  }

  /// A protocol that does not exist is named, with the one that may be meant.
  @Test func protocolsAreNamed() throws {
    #expect(try ProtocolList(list: "dns,tls").bits.nonzeroBitCount == 2)
    #expect(try ProtocolList(list: "all").bits == ProtocolList.all.bits)
    for (list, said) in [
      ("dns,htttp", "\"htttp\"; did you mean \"http\"?"), ("zzzzzz", "there are bittorrent, "),
      ("unknown", "no protocol \"unknown\""), ("", "no protocol is named"),
    ] {
      let error = #expect(throws: ValidationError.self) { try ProtocolList(list: list) }
      #expect(error.map { "\($0)" }?.contains(said) == true, "\(list)")
    }
  }
}
