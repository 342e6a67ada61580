/// How long to wait before the next attempt: twice as long each time up to a limit, the upper half of
/// it at random, so that many who lost the same server do not come back all at once.
struct Backoff {
  let firstSeconds: Double
  let limitSeconds: Double
  private var attempts = 0

  init(firstSeconds: Double = 0.2, limitSeconds: Double = 30) {
    self.firstSeconds = firstSeconds
    self.limitSeconds = limitSeconds
  }

  /// The wait after one more failure; at least as long as the other side asked for, but no longer
  /// than an hour, whatever it asked for.
  mutating func next(askedSeconds: Double? = nil) -> Double {
    let seconds = Self.seconds(attempt: attempts, first: firstSeconds, limit: limitSeconds)
    attempts += 1
    guard let askedSeconds, askedSeconds.isFinite else { return seconds }
    return max(seconds, min(askedSeconds, 3600))
  }

  mutating func reset() { attempts = 0 }

  /// - Parameter attempt: 0 after the first failure.
  static func seconds(attempt: Int, first: Double, limit: Double) -> Double {
    // 2^20 is beyond any limit; a shift by more would overflow.
    let full = min(limit, first * Double(1 << min(attempt, 20)))
    return full * Double.random(in: 0.5...1)
  }
}
