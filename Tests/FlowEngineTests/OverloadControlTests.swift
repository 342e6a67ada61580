import FlowEngine
import Testing

/// When a worker samples: every case on a clock of its own.
@Suite struct OverloadControlTests {
  private static let millisecond: Int64 = 1_000_000

  private func control(
    _ adjust: (inout OverloadControl.Limits) -> Void = { _ in }
  ) -> OverloadControl {
    var control = OverloadControl()
    control.limits.isOn = true
    control.limits.fullBursts = 4
    adjust(&control.limits)
    return control
  }

  /// A millisecond with so many bursts, all full.
  private func spend(_ control: inout OverloadControl, full: Int, now: Int64) -> UInt32 {
    for _ in 0..<full { control.note(isFull: true) }
    if full == 0 { control.note(isFull: false) }
    return control.decide(now: now)
  }

  @Test func stepsUpWhilePressureLastsAndDownWhenItIsGone() {
    var control = control { $0.maximumShift = 3 }
    var rising: [UInt32] = []
    for ms in 0..<100 {
      rising.append(spend(&control, full: 10, now: Int64(ms) * Self.millisecond))
    }
    // At once, then every 20 ms.
    #expect(rising[0] == 1 && rising[19] == 1 && rising[20] == 2 && rising[40] == 3)
    #expect(rising[99] == 3)
    // The last pressure was at 99 ms; five seconds of calm a step.
    func later(_ ms: Int64) -> UInt32 {
      spend(&control, full: 0, now: (99 + ms) * Self.millisecond)
    }
    #expect(later(4999) == 3 && later(5000) == 2 && later(9999) == 2)
    #expect(later(10_000) == 1 && later(15_000) == 0 && later(60_000) == 0)
  }

  @Test func aBurstThatIsNotFullBreaksTheRun() {
    var control = control()
    for _ in 0..<100 {
      for _ in 0..<3 { control.note(isFull: true) }
      control.note(isFull: false)
    }
    #expect(control.decide(now: 0) == 0)
    for _ in 0..<4 { control.note(isFull: true) }
    #expect(control.decide(now: 1) == 1)
  }

  @Test func pressureThatComesBackStartsTheCalmAnew() {
    var control = control()
    #expect(spend(&control, full: 9, now: 0) == 1)
    #expect(spend(&control, full: 0, now: 4900 * Self.millisecond) == 1)
    control.noteLoss()
    #expect(control.decide(now: 4950 * Self.millisecond) == 2)
    #expect(spend(&control, full: 0, now: 9900 * Self.millisecond) == 2)
    #expect(spend(&control, full: 0, now: 9950 * Self.millisecond) == 1)
  }

  @Test func offMeansNever() {
    var control = control {
      $0.isOn = false
      $0.minimumShift = 3
    }
    #expect(spend(&control, full: 1000, now: 0) == 0)
    control.limits.isOn = true
    #expect(spend(&control, full: 0, now: 1) == 3)
    control.limits.isOn = false
    #expect(spend(&control, full: 1000, now: 2) == 0)
  }

  @Test func limitsHoldAtOnce() {
    var control = control { $0.minimumShift = 2 }
    #expect(spend(&control, full: 0, now: 0) == 2)
    for ms in 1..<200 { _ = spend(&control, full: 9, now: Int64(ms) * 100 * Self.millisecond) }
    #expect(control.decide(now: 20_000 * Self.millisecond) == 6)
    control.limits.maximumShift = 1
    // The maximum, where it is below the minimum.
    #expect(control.decide(now: 20_001 * Self.millisecond) == 1)
  }
}
