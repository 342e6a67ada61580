import ControlAPI

/// `martlet trace` as text: a headline a packet, and a line a step of its way.
enum TraceView {
  static func lines(_ answer: TraceAnswer, width: Int, style: Style) -> [String] {
    // Outcomes stand in one column over all packets.
    let outcomes = answer.packets.flatMap(\.path).map(\.outcome.count).max() ?? 0
    var lines: [String] = []
    for packet in answer.packets {
      if !lines.isEmpty { lines.append("") }
      lines.append(head(packet).text(width: width, style: style))
      for step in packet.path {
        let stage = padded(step.stage.rawValue, 6)
        lines += wrap(step.detail, width: max(20, width - 12 - outcomes)).enumerated().map {
          $0 == 0
            ? StyledLine(
              Span("  \(stage)  ", .dim), Span(padded(step.outcome, outcomes), look(step)),
              Span("  \($1)")
            ).text(width: width, style: style)
            : String(repeating: " ", count: 12 + outcomes) + $1
        }
      }
    }
    if !answer.isComplete && !answer.packets.isEmpty {
      lines += ["", style.apply(.yellow, "no more came in time")]
    }
    return lines
  }

  private static func head(_ packet: TracedPacket) -> StyledLine {
    // `2026-11-21T06:38:05.123456+0000`: the time of day is characters 11 to 25.
    let clock =
      packet.timestamp.count >= 26
      ? String(packet.timestamp.dropFirst(11).prefix(15)) : packet.timestamp
    var spans = [
      Span(clock, .bold), Span("  "), Span(packet.port, .cyan), Span("  worker \(packet.worker)"),
      Span("  \(packet.wireLength) bytes"),
    ]
    if packet.capturedLength < packet.wireLength {
      spans.append(Span(" (\(packet.capturedLength) captured)", .dim))
    }
    if let flow = packet.flowId { spans.append(Span("  flow \(flow)", .dim)) }
    if let community = packet.communityId { spans.append(Span("  \(community)", .dim)) }
    return StyledLine(spans)
  }

  private static func look(_ step: TraceStep) -> Style.Look {
    switch step.stage {
    case .event: .yellow
    case .filter where step.outcome.hasPrefix("drop"): .yellow
    case .flow: .green
    case .parse, .filter: .plain
    }
  }

  /// At blanks where there are any; at least one line.
  private static func wrap(_ text: String, width: Int) -> [String] {
    var lines: [String] = [""]
    for word in printable(text).split(separator: " ") {
      if lines[lines.count - 1].isEmpty {
        lines[lines.count - 1] = String(word)
      } else if lines[lines.count - 1].count + 1 + word.count <= width {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
