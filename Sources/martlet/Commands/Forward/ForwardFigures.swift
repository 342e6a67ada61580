import ControlAPI
import Forwarding

/// What a forwarder has done, at its end.
struct ForwardFigures {
  private let counters: ForwardCounters
  private let seconds: Double
  private let group: String
  private let consumer: String
  private let target: String

  init(
    _ counters: ForwardCounters, seconds: Double, group: String, consumer: String, target: String
  ) {
    self.counters = counters
    self.seconds = seconds
    self.group = group
    self.consumer = consumer
    self.target = target
  }

  /// `1.2 M delivered in 12 s (98.4 k/s), 3 refused, 12 filtered`
  var line: String {
    let rate = seconds > 0 ? Double(counters.delivered) / seconds : 0
    var parts = [
      "\(Units.scaled(Double(counters.delivered))) delivered in \(Units.duration(seconds))"
        + " (\(Units.scaled(rate))/s)"
    ]
    for (count, word) in Self.oddities(counters) where count > 0 {
      parts.append("\(Units.scaled(Double(count))) \(word)")
    }
    for figure in counters.target where figure.count > 0 {
      parts.append("\(Units.scaled(Double(figure.count))) \(figure.name)")
    }
    if counters.inHand > 0 { parts.append("\(counters.inHand) left pending for the next member") }
    return parts.joined(separator: ", ")
  }

  static func oddities(_ counters: ForwardCounters) -> [(UInt64, String)] {
    [
      (counters.filtered, "filtered"), (counters.refused, "in the dead letters"),
      (counters.trimmed + counters.trimmedUnread, "trimmed before they were delivered"),
      (counters.redelivered, "read a second time"),
    ]
  }

  var json: JSONValue {
    func number(_ value: UInt64) -> JSONValue { .number(String(value)) }
    return [
      "target": .string(target), "group": .string(group), "consumer": .string(consumer),
      "seconds": .number(String(seconds)), "read": number(counters.read),
      "redelivered": number(counters.redelivered), "matched": number(counters.matched),
      "filtered": number(counters.filtered), "delivered": number(counters.delivered),
      "delivered_bytes": number(counters.deliveredBytes), "refused": number(counters.refused),
      "again": number(counters.again), "trimmed": number(counters.trimmed),
      "trimmed_unread": number(counters.trimmedUnread),
      "possible_gaps": number(counters.possibleGaps), "batches": number(counters.batches),
      "target_faults": number(counters.targetFaults),
      "redis_faults": number(counters.redisFaults),
      "groups_made_again": number(counters.groupsMadeAgain),
      "left_pending": number(counters.inHand),
      "target_figures": .object(
        counters.target.map {
          JSONValue.Member($0.name.replacing(" ", with: "_"), number($0.count))
        }),
      "last_error": counters.lastError.map { .string($0) } ?? .null,
      "lag": [
        "streams": .number(String(counters.lag.streams)),
        "entries": counters.lag.entries.map(number) ?? .null,
        "seconds": .number(String(counters.lag.seconds)),
      ],
    ]
  }
}
