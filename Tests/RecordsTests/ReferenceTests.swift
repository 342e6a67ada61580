import Foundation
import Testing

@testable import Records

/// docs/records.md against the declarations. `MARTLET_REGENERATE=1 swift test --filter
/// ReferenceTests` writes its tables anew.
@Suite struct ReferenceTests {
  private static let file = packageFolder.appending(path: "docs/records.md")

  @Test func tablesAreThoseOfTheDeclarations() throws {
    var text = try String(contentsOf: Self.file, encoding: .utf8)
    let flows = FlowField.allCases.map(\.definition)
    let stats = StatsField.allCases.map(\.definition)
    let tables = [("flow", table(flows)), ("stats", table(stats)), ("zeek", zeekTable)]
    for (name, expected) in tables {
      let begin = "<!-- \(name) fields -->\n"
      let end = "<!-- end of \(name) fields -->"
      let start = try #require(text.range(of: begin)).upperBound
      let stop = try #require(text.range(of: end)).lowerBound
      if ProcessInfo.processInfo.environment["MARTLET_REGENERATE"] != nil {
        text.replaceSubrange(start..<stop, with: expected)
      } else {
        #expect(text[start..<stop] == expected, "docs/records.md lags behind the fields of \(name)")
      }
    }
    if ProcessInfo.processInfo.environment["MARTLET_REGENERATE"] != nil {
      try text.write(to: Self.file, atomically: true, encoding: .utf8)
    }
  }

  /// Words that records can hold and the reference explains.
  @Test func wordsAreExplained() throws {
    let text = try String(contentsOf: Self.file, encoding: .utf8)
    for reason in 1...5 as ClosedRange<UInt8> {
      #expect(text.contains("`\(FlowWords.endReason(reason))`"))
      #expect(text.contains("`\(FlowWords.reason(reason))`"))
    }
    for raw in 0...12 as ClosedRange<UInt8> {
      let state = try #require(ConnectionState(rawValue: raw))
      #expect(text.contains("`\(state.text)`"))
    }
    for state in TCPState.allCases {
      #expect(text.contains("`\(state.text)`"))
    }
  }

  private var zeekTable: String {
    let rows = ZeekConnField.allCases.map { "| `\($0.rawValue)` | \($0.type) | \($0.remark) |" }
    return (["| column | type | |", "|---|---|---|"] + rows).joined(separator: "\n") + "\n"
  }

  private func table(_ fields: [RecordField]) -> String {
    var rows = ["| EVE | flat | type | unit | from | meaning |", "|---|---|---|---|---|---|"]
    for field in fields {
      rows.append(row(field, field.path))
      rows += field.members.map { row($0, "\(field.path).\($0.path)") }
    }
    return rows.joined(separator: "\n") + "\n"
  }

  private func row(_ field: RecordField, _ path: String) -> String {
    let name = field.name.map { "`\($0)`" } ?? ""
    return "| `\(path)` | \(name) | \(field.kind.rawValue) | \(field.unit) | \(field.source) "
      + "| \(field.meaning) |"
  }
}
