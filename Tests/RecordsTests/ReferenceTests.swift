import FlowEngine
import Foundation
import Testing

@testable import Records

/// docs/records.md and docs/expressions.md against the declarations. `MARTLET_REGENERATE=1 swift test --filter
/// ReferenceTests` writes its tables anew.
@Suite struct ReferenceTests {
  private static let file = packageFolder.appending(path: "docs/records.md")
  private static let expressions = packageFolder.appending(path: "docs/expressions.md")

  @Test func tablesAreThoseOfTheDeclarations() throws {
    let flows = FlowField.allCases.map(\.definition)
    // Under the name of one type: what differs is what was said.
    let events = EventHeadField.allCases.filter { $0 != .said }.map { $0.definition(.dns) }
    let stats = StatsField.allCases.map(\.definition)
    let anomalies = AnomalyField.allCases.map(\.definition)
    try hold(
      Self.file,
      [
        ("flow", table(flows)), ("event", table(events)), ("anomaly", table(anomalies)),
        ("violation", violationTable),
        ("stats", table(stats)), ("zeek", zeekTable),
      ])
    try hold(Self.expressions, [("expression", expressionTable)])
  }

  /// Compares the tables of a file with what they should be, or writes them.
  private func hold(_ file: URL, _ tables: [(String, String)]) throws {
    let regenerates = ProcessInfo.processInfo.environment["MARTLET_REGENERATE"] != nil
    var text = try String(contentsOf: file, encoding: .utf8)
    for (name, expected) in tables {
      let begin = "<!-- \(name) fields -->\n"
      let end = "<!-- end of \(name) fields -->"
      let start = try #require(text.range(of: begin)).upperBound
      let stop = try #require(text.range(of: end)).lowerBound
      if regenerates {
        text.replaceSubrange(start..<stop, with: expected)
      } else {
        // Compared outside the macro, which would look for the least difference of two long texts.
        let isSame = text[start..<stop] == expected
        #expect(isSame, "\(file.lastPathComponent) lags behind the \(name) fields")
      }
    }
    if regenerates { try text.write(to: file, atomically: true, encoding: .utf8) }
  }

  /// What docs/expressions.md gives as examples is taken, its example of an error apart.
  @Test func examplesOfExpressionsAreTaken() throws {
    let text = try String(contentsOf: Self.expressions, encoding: .utf8)
    let blocks = text.components(separatedBy: "```")
    try #require(blocks.count == 7)
    for example in blocks[1].split(separator: "\n") {
      _ = try RecordExpression(parsing: String(example), context: context)
    }
    for example in blocks[3].split(separator: "\n") {
      _ = try ExpressionProgram(documents: String(example))
    }
    let error = try #require(throws: RecordExpressionError.self) {
      _ = try RecordExpression(parsing: "proto == tcp and dst_port == 443", context: context)
    }
    #expect("\n\(error)\n" == blocks[5])
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

  /// The declared list of violations: this is what `anomaly.event` can be.
  private var violationTable: String {
    let rows = Counter.violations.compactMap { counter -> String? in
      guard let violation = counter.violation else { return nil }
      let names =
        "\(violation.event)" == "\(violation.eventIPv6)"
        ? "`\(violation.event)`" + namesByProtocol(counter)
        : "`\(violation.event)`, `\(violation.eventIPv6)`"
      return "| \(names) | `\(counter.name)` | \(counter.meaning) | \(violation.clause) |"
    }
    return (["| event | counter | what it is | against |", "|---|---|---|---|"] + rows)
      .joined(separator: "\n") + "\n"
  }

  /// `; dns, mdns: `malformed_data``
  private func namesByProtocol(_ counter: Counter) -> String {
    let names = AppProtocol.allCases.compactMap { proto in
      counter.event(of: proto).map { (name: "\($0)", proto: "\(proto.name)") }
    }
    return Dictionary(grouping: names, by: \.name).map { name, all in
      all.map(\.proto).sorted().joined(separator: ", ") + ": `\(name)`"
    }.sorted().map { "; " + $0 }.joined()
  }

  private var zeekTable: String {
    let rows = ZeekConnField.allCases.map { "| `\($0.rawValue)` | \($0.type) | \($0.remark) |" }
    return (["| column | type | |", "|---|---|---|"] + rows).joined(separator: "\n") + "\n"
  }

  private var expressionTable: String {
    let rows = ExpressionField.all.map { field in
      let names = field.names.map { "`\($0)`" }.joined(separator: ", ")
      return "| \(names) | \(field.kind.rawValue) | \(field.unit) | \(field.meaning) |"
    }
    let head = ["| names | type | unit | meaning |", "|---|---|---|---|"]
    return (head + rows).joined(separator: "\n") + "\n"
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
