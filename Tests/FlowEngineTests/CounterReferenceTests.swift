import FlowEngine
import Foundation
import Testing

/// The guide's table of counters is the declared list; `MARTLET_REGENERATE=1` writes it.
@Suite struct CounterReferenceTests {
  @Test func guideHasEveryCounter() throws {
    let guide = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/guide.md")
    let text = try String(contentsOf: guide, encoding: .utf8)
    let begin = try #require(text.range(of: "<!-- counters -->\n"))
    let end = try #require(text.range(of: "<!-- /counters -->"))
    let rows = Counter.allCases.map { "| `\($0.name)` | \($0.group.rawValue) | \($0.meaning) |\n" }
    let table = "| counter | group | meaning |\n|---|---|---|\n" + rows.joined()
    if ProcessInfo.processInfo.environment["MARTLET_REGENERATE"] != nil {
      let written = text[..<begin.upperBound] + table + text[end.lowerBound...]
      try String(written).write(to: guide, atomically: true, encoding: .utf8)
    } else {
      #expect(text[begin.upperBound..<end.lowerBound] == table)
    }
  }
}
