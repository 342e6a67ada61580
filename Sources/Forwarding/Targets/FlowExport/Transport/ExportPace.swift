internal import Glibc

/// Holds a rate, so that a collector's socket buffer does not overflow.
struct ExportPace {
  private let recordsPerSecond: Int
  /// Monotonic nanoseconds: when the next message may go.
  private var next: Int64 = 0

  init(recordsPerSecond: Int) { self.recordsPerSecond = recordsPerSecond }

  /// Waits until so many records may be sent.
  mutating func wait(for records: Int, _ interruption: Interruption) throws(TargetFault) {
    guard recordsPerSecond > 0 else { return }
    var now = ExportClock.monotonic
    while now < next {
      if interruption.isSet { throw TargetFault("interrupted") }
      usleep(UInt32(min(next - now, 250_000_000) / 1000) + 1)
      now = ExportClock.monotonic
    }
    // What a pause did not use is not made up for: that would be a burst.
    next = max(next, now - 10_000_000) + Int64(records) * 1_000_000_000 / Int64(recordsPerSecond)
  }
}
