import ControlAPI
import Forwarding
import Sinks

/// Dead letters as a table, and as JSON.
enum DeadLetterView {
  static func lines(_ letters: [DeadLetterBox.Found], width: Int, style: Style) -> [String] {
    guard !letters.isEmpty else { return ["No dead letters."] }
    var table = Table([
      Table.Column("GIVEN UP"), Table.Column("GROUP"), Table.Column("STREAM", cut: .middle),
      Table.Column("ID"), Table.Column("REASON", minimumWidth: 20),
    ])
    for found in letters {
      let letter = found.letter
      table.add(
        Span(time(letter.atMilliseconds)), Span(letter.group),
        Span(letter.stream.key), Span("\(letter.id)"), Span(letter.reason, .yellow))
    }
    return table.lines(width: width, style: style)
  }

  private static func time(_ milliseconds: UInt64) -> String {
    // The year 2255: nanoseconds do not reach much further, and anybody may write to a stream.
    ControlTime.text(nanoseconds: Int64(min(milliseconds, 9_000_000_000_000)) * 1_000_000)
  }

  /// One letter. A value that is no UTF-8 is shown with replacement characters.
  static func json(_ found: DeadLetterBox.Found) -> JSONValue {
    let letter = found.letter
    var fields: [JSONValue.Member] = []
    switch letter.body {
    case .gone: break
    case .eve(let value):
      fields = [JSONValue.Member("eve", .string(String(decoding: value, as: UTF8.self)))]
    case .fields(let own):
      fields = own.map { field in
        JSONValue.Member(
          String(decoding: field.name, as: UTF8.self),
          .string(String(decoding: field.value, as: UTF8.self)))
      }
    }
    return [
      "sensor": .string(found.sensor), "dead_id": .string("\(found.id)"),
      "reason": .string(letter.reason), "target": .string(letter.target),
      "group": .string(letter.group), "stream": .string(letter.stream.key),
      "id": .string("\(letter.id)"), "at_ms": .number(String(letter.atMilliseconds)),
      "cut_bytes": letter.cutBytes.map { .number(String($0)) } ?? .null,
      "fields": .object(fields),
    ]
  }
}
