/// How long an adaptive worker sleeps before it looks at its queues again.
///
///     packets │ empty polls, 20 µs │ sleep ⅛ │ sleep ¼ │ sleep ½ │ sleep, the bound │ the bound …
///
/// A packet that comes meanwhile waits in the queue's ring for no longer than the sleep under way,
/// and that is never longer than the bound: the latency added, and what the ring must hold. (A wake-up
/// itself costs some microseconds more; ``latenessNanoseconds(_:)`` is what the worker counts.) After
/// packets it starts from the beginning, so that a busy link never meets a sleeping worker.
struct PollPacer: BitwiseCopyable, Sendable {
  /// How long empty polls go on before the first sleep.
  static var patienceNanoseconds: UInt64 { 20_000 }

  private let patienceTicks: UInt64
  /// TSC at the last poll that brought packets, or at the first since.
  private var quietSince: UInt64
  /// The last sleep since then, nanoseconds; 0: none yet.
  private var lastSleep: UInt64 = 0

  init(ticksPerMillisecond: UInt64, now tsc: UInt64) {
    patienceTicks = max(1, ticksPerMillisecond * Self.patienceNanoseconds / 1_000_000)
    quietSince = tsc
  }

  /// Whether it has slept since packets came last.
  var hasSlept: Bool { lastSleep > 0 }

  /// A poll brought packets, or somebody wants it awake.
  mutating func wake(at tsc: UInt64) {
    quietSince = tsc
    lastSleep = 0
  }

  /// A poll brought nothing: nanoseconds to sleep now, at most `bound`; 0: poll again.
  mutating func rest(at tsc: UInt64, bound: UInt64) -> UInt64 {
    // Wrapping: a counter that another core read may be a moment behind, which is then no patience left.
    guard bound > 0, tsc &- quietSince >= patienceTicks else { return 0 }
    lastSleep = min(bound, lastSleep == 0 ? max(1, bound / 8) : lastSleep * 2)
    return lastSleep
  }
}
