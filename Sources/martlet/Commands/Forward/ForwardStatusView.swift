import ControlAPI
import Forwarding
import Sinks

/// Groups and dead letters as a table, and as JSON.
struct ForwardStatusView {
  private let survey: GroupSurvey
  private let nowMilliseconds: UInt64

  init(_ survey: GroupSurvey, nowMilliseconds: UInt64) {
    self.survey = survey
    self.nowMilliseconds = nowMilliseconds
  }

  private func lagSeconds(_ position: GroupPosition) -> Double {
    guard let oldest = position.oldest, oldest.milliseconds < nowMilliseconds else { return 0 }
    return Double(nowMilliseconds - oldest.milliseconds) / 1000
  }

  func lines(width: Int, style: Style) -> [String] {
    var table = Table([
      Table.Column("GROUP"), Table.Column("STREAM", minimumWidth: 16, cut: .middle),
      Table.Column("UNREAD", .right), Table.Column("PENDING", .right),
      Table.Column("LAG", .right), Table.Column("MEMBERS", minimumWidth: 10),
    ])
    for group in survey.groups {
      let position = group.position
      let lag = lagSeconds(position)
      let members = group.consumers.map { consumer in
        consumer.idleSeconds > 30
          ? "\(consumer.name) (silent for \(Units.duration(consumer.idleSeconds)))"
          : consumer.name
      }
      table.add(
        Span(position.group), Span(position.stream.key),
        Span(position.unread.map { Units.grouped($0) } ?? "?"),
        Span(Units.grouped(position.pending)),
        Span(Units.duration(lag), lag > 60 ? .yellow : .plain),
        Span(members.isEmpty ? "none" : members.joined(separator: ", ")))
    }
    var lines = table.rows.isEmpty ? ["No group reads any stream."] : []
    if !table.rows.isEmpty { lines = table.lines(width: width, style: style) }
    if !survey.unread.isEmpty {
      let keys = survey.unread.map(\.key).joined(separator: ", ")
      lines += ["", printable("Read by nobody: \(keys)")]
    }
    for dead in survey.deadLetters {
      lines += [
        "",
        style.apply(
          .red,
          printable(
            "\(Units.grouped(dead.count)) dead letter\(dead.count == 1 ? "" : "s") of sensor \(dead.sensor):"
              + " martlet forward dead --sensor \(dead.sensor)")),
      ]
    }
    return lines
  }

  var json: JSONValue {
    func number(_ value: UInt64) -> JSONValue { .number(String(value)) }
    return [
      "groups": .array(
        survey.groups.map { group in
          let position = group.position
          return [
            "group": .string(position.group), "sensor": .string(position.stream.sensor),
            "type": .string(position.stream.type), "length": number(position.length),
            "unread": position.unread.map(number) ?? .null,
            "pending": number(position.pending),
            "lag_seconds": .number(String(lagSeconds(position))),
            "last_delivered_id": .string("\(position.lastDelivered)"),
            "last_generated_id": .string("\(position.lastGenerated)"),
            "consumers": .array(
              group.consumers.map { consumer in
                [
                  "name": .string(consumer.name), "pending": number(consumer.pending),
                  "idle_seconds": .number(String(consumer.idleSeconds)),
                ]
              }),
          ]
        }),
      "unread_streams": .array(survey.unread.map { .string($0.key) }),
      "dead_letters": .array(
        survey.deadLetters.map { dead in
          ["sensor": .string(dead.sensor), "count": number(dead.count)]
        }),
    ]
  }
}
