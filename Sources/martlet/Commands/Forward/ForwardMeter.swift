import Forwarding
import Foundation

/// The moving figures of a forwarder: rates that do not flicker, and how far behind it is.
struct ForwardMeter {
  private var last: (counters: ForwardCounters, at: Date)?
  private var perSecond = 0.0
  private static let memorySeconds = 2.0

  mutating func update(_ counters: ForwardCounters) {
    let now = Date()
    guard let last else {
      self.last = (counters, now)
      return
    }
    let seconds = now.timeIntervalSince(last.at)
    guard seconds > 0, counters.delivered >= last.counters.delivered else { return }
    let rate = Double(counters.delivered - last.counters.delivered) / seconds
    perSecond += (1 - exp(-seconds / Self.memorySeconds)) * (rate - perSecond)
    self.last = (counters, now)
  }

  func line(_ counters: ForwardCounters, name: String) -> StyledLine {
    var spans = [
      Span(name, .dim), Span("  \(Units.scaled(perSecond, "/s"))", .bold),
      Span("  \(Units.scaled(Double(counters.delivered))) delivered"),
    ]
    let entries = counters.lag.entries.map { Units.scaled(Double($0)) } ?? "?"
    spans.append(
      Span(
        "  lag \(entries), \(Units.duration(counters.lag.seconds))",
        counters.lag.seconds > 60 ? .yellow : .plain))
    if counters.inHand > 0 {
      spans.append(Span("  \(Units.scaled(Double(counters.inHand))) in hand", .dim))
    }
    for (count, word) in ForwardFigures.oddities(counters) where count > 0 {
      let isLoss = !(word == "filtered" || word.hasPrefix("read"))
      spans.append(
        Span("  \(Units.scaled(Double(count))) \(word)", isLoss ? .red : .dim))
    }
    return StyledLine(spans)
  }
}
