/// Spreads messages over time, for a receiver whose socket buffer overflows in silence.
struct SyslogPace {
  private let interval: Duration
  private var next: ContinuousClock.Instant

  /// Ten a second at the least, so that no single pause is long.
  init(perSecond: Double, from start: ContinuousClock.Instant) {
    interval = .seconds(1 / max(perSecond, 10))
    next = start
  }

  /// How long to wait after the message that was sent now. Short pauses are saved up: a sleep of
  /// less than a millisecond takes longer than it says.
  mutating func pauseMicroseconds(at now: ContinuousClock.Instant) -> UInt32 {
    // No credit for the time in which there was nothing to send.
    next = max(next, now - .milliseconds(2)) + interval
    let ahead = next - now
    guard ahead > .milliseconds(1) else { return 0 }
    return UInt32(min(ahead / .microseconds(1), 100_000))
  }
}
