import Foundation

/// Ranks 0 ..< `count` whose frequency falls as 1 / (rank + 1)^`exponent`, by rejection-inversion (Hörmann
/// and Derflinger, 1996): no table, so that ten million ranks cost no more than a thousand.
struct Zipf {
  private let count: Double
  private let exponent: Double
  private let low: Double
  private let high: Double
  private let shortcut: Double

  init(count: Int, exponent: Double) {
    precondition(exponent >= 1)
    self.count = Double(count)
    self.exponent = exponent
    low = Self.integral(1.5, exponent) - 1
    high = Self.integral(Double(count) + 0.5, exponent)
    shortcut =
      2 - Self.inverse(Self.integral(2.5, exponent) - pow(2, -exponent), exponent)
  }

  /// Of x^-exponent, from 1.
  private static func integral(_ x: Double, _ exponent: Double) -> Double {
    exponent == 1 ? log(x) : (pow(x, 1 - exponent) - 1) / (1 - exponent)
  }

  private static func inverse(_ y: Double, _ exponent: Double) -> Double {
    exponent == 1 ? exp(y) : pow(1 + y * (1 - exponent), 1 / (1 - exponent))
  }

  func callAsFunction(_ random: inout Random) -> Int {
    while true {
      let u = high + random.unit() * (low - high)
      let x = Self.inverse(u, exponent)
      let rank = max(1, min(count, (x + 0.5).rounded(.down)))
      if rank - x <= shortcut
        || u >= Self.integral(rank + 0.5, exponent) - pow(rank, -exponent)
      {
        return Int(rank) - 1
      }
    }
  }
}
