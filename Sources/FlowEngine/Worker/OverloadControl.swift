/// When a worker samples flows, and how many: halves them while pressure lasts, doubles them when it
/// is gone.
///
///     pressure  ───────┐▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
///     interval  1 2 4 8 8 8 8 │ 4 │ 2 │ 1      a step up each `step`, one down each `calm`
///
/// Pressure is a run of bursts that all came back full, since a worker that keeps up empties its ring
/// every few bursts; or a port that says it has missed packets.
package struct OverloadControl: BitwiseCopyable, Sendable {
  package struct Limits: BitwiseCopyable, Equatable, Sendable {
    /// False: it never samples, whatever else is set.
    package var isOn = false
    /// Exponents of the interval.
    package var minimumShift: UInt32 = 0
    package var maximumShift: UInt32 = 6
    package var fullBursts: UInt32 = 64
    package var stepNanoseconds: Int64 = 20_000_000
    package var calmNanoseconds: Int64 = 5_000_000_000

    package init() {}
  }

  package var limits = Limits()
  private var fullInARow: UInt32 = 0
  private var isPressed = false
  private var shift: UInt32 = 0
  private var steppedAt: Int64 = .min
  private var pressedAt: Int64 = .min

  package init() {}

  /// After each round of polls: whether one of them brought as much as it could.
  @inline(__always)
  package mutating func note(isFull: Bool) {
    // Wrapping, after 2^32 full bursts in a row, gives one run more.
    fullInARow = isFull ? fullInARow &+ 1 : 0
    if fullInARow >= limits.fullBursts { isPressed = true }
  }

  /// A port has missed packets since the last time.
  package mutating func noteLoss() { isPressed = true }

  /// The exponent from now on; called every millisecond or so.
  package mutating func decide(now: Int64) -> UInt32 {
    defer { isPressed = false }
    guard limits.isOn else {
      shift = 0
      return 0
    }
    let least = min(limits.minimumShift, limits.maximumShift)
    if isPressed {
      pressedAt = now
      if shift < limits.maximumShift
        && (steppedAt == .min || now &- steppedAt >= limits.stepNanoseconds)
      {
        shift += 1
        steppedAt = now
      }
    } else if shift > least && now &- max(pressedAt, steppedAt) >= limits.calmNanoseconds {
      shift -= 1
      steppedAt = now
    }
    shift = min(max(shift, least), limits.maximumShift)
    return shift
  }
}
