import ArgumentParser
import Foundation
import Testing

@testable import martlet

/// docs/read.md against `martlet read` itself.
@Suite struct ReadReferenceTests {
  /// Option names as they stand in `text`, longest forms: `--write-pcap`.
  private func options(in text: String) -> Set<String> {
    Set(text.matches(of: /(?:^|[^\w-])(--[a-z][a-z-]*[a-z])/).map { String($0.1) })
  }

  private func guide() throws -> String {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: folder.appending(path: "docs/read.md"), encoding: .utf8)
  }

  /// What the help lists, one at a line's beginning, not what its prose mentions.
  private var declared: Set<String> {
    let names = Read.helpMessage(columns: 1000).split(separator: "\n").compactMap { line in
      line.prefixMatch(of: #/  (?:-[a-z], )?(--[a-z-]+)/#).map { String($0.1) }
    }
    // `-h, --help` is everywhere.
    return Set(names).subtracting(["--help"])
  }

  @Test func everyOptionIsInTheGuideAndNoOther() throws {
    let declared = declared
    // Enough to say that the help has been understood.
    try #require(
      declared.isSuperset(of: ["--format", "--output", "--quiet", "--where", "--count"]))
    let named = options(in: try guide())
    #expect(declared.subtracting(named).sorted() == [], "not in docs/read.md")
    #expect(named.subtracting(declared).sorted() == [], "not options of martlet read")
  }

  /// Formats, tunnels and criteria stand there in words of their own.
  @Test func everyValueIsInTheGuide() throws {
    let text = try guide()
    let values =
      Read.Format.allCases.map(\.rawValue) + Read.Decapsulation.allCases.map(\.rawValue)
    for value in values { #expect(text.contains("`\(value)`") || text.contains(" \(value)`")) }
    for value in Read.SplitCriterion.allCases.map(\.rawValue) {
      #expect(text.contains("`\(value)`") || text.contains("--split-by` \(value)"))
    }
  }

  @Test func everyExitStatusIsInTheGuide() throws {
    let text = try guide()
    let help = Read.helpMessage(columns: 1000)
    let statuses: [martlet.ExitStatus] = [
      .success, .usage, .badData, .noInput, .unavailable, .ioError, .interrupted,
    ]
    for status in statuses.map(\.rawValue) {
      #expect(text.contains("\n| \(status) | "))
      #expect(help.contains("\n  \(status) "))
    }
  }

  /// The guide's own command lines are taken, options, conditions and filters.
  @Test func commandsOfTheGuideAreTaken() throws {
    var count = 0
    for block in try guide().matches(of: /```sh\n([^`]*)```/) {
      for line in block.1.split(separator: "\n") {
        guard let start = line.firstRange(of: "martlet read ") else { continue }
        var words = shellWords(line[start.upperBound...])
        // For the shell: what other programs get.
        words = Array(words.prefix { $0 != "|" && !$0.hasPrefix("#") })
        #expect(throws: Never.self, "\(line)") { _ = try Read.parse(words) }
        count += 1
      }
    }
    #expect(count >= 8)
  }

  /// Words as a shell makes them of a line with single quotes only.
  private func shellWords(_ line: Substring) -> [String] {
    var words: [String] = []
    for (number, part) in line.split(separator: "'", omittingEmptySubsequences: false).enumerated()
    {
      if number % 2 == 1 {
        words.append(String(part))
      } else {
        words += part.split(separator: " ").map(String.init)
      }
    }
    return words
  }
}
