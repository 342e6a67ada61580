import CBurst
import Foundation

/// The TSC's rate against the monotonic clock, over a tenth of a second.
enum TimeStampCounter {
  static let perSecond: Double = {
    let clock = ContinuousClock()
    let begin = clock.now
    let ticks = martlet_tsc()
    usleep(100_000)
    let elapsed = (clock.now - begin) / .seconds(1)
    return Double(martlet_tsc() - ticks) / elapsed
  }()
}

/// Figures of several rounds: what is reported is the median, and how far apart they lie.
struct Rounds {
  private let sorted: [Double]

  init(_ figures: [Double]) { sorted = figures.sorted() }

  /// Runs `body`, which gives a figure, `count` times.
  init(_ count: Int, _ body: () -> Double) { self.init((0..<count).map { _ in body() }) }

  var median: Double { sorted[sorted.count / 2] }
  var lowest: Double { sorted.first! }
  var highest: Double { sorted.last! }

  /// Median, lowest and highest in one cell.
  var text: String {
    String(format: "%.1f (%.1f … %.1f)", median, lowest, highest)
  }
}

extension Double {
  /// Ticks a packet as millions of packets a second.
  var megapackets: Double { TimeStampCounter.perSecond / self / 1e6 }

  func text(_ decimals: Int = 1) -> String { String(format: "%.\(decimals)f", self) }
}

extension Int {
  /// With commas between thousands.
  var grouped: String {
    let digits = String(self)
    var out = ""
    for (place, digit) in digits.enumerated() {
      if place > 0 && (digits.count - place) % 3 == 0 { out.append(",") }
      out.append(digit)
    }
    return out
  }
}
