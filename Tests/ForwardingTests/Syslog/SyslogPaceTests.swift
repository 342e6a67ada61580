import Testing

@testable import Forwarding

@Suite struct SyslogPaceTests {
  @Test(arguments: [100.0, 5_000, 40_000])
  func aSecondHasSoManyMessages(perSecond: Double) {
    var now = ContinuousClock.now
    let start = now
    var pace = SyslogPace(perSecond: perSecond, from: start)
    var sent = 0.0
    while now - start < .seconds(1) {
      sent += 1
      now += .microseconds(Int(pace.pauseMicroseconds(at: now)) + 2)
    }
    #expect(abs(sent - perSecond) <= perSecond * 0.02 + 1)
  }

  @Test func silenceEarnsNoBurst() {
    let start = ContinuousClock.now
    var pace = SyslogPace(perSecond: 1_000, from: start)
    var free = 0
    while pace.pauseMicroseconds(at: start + .seconds(60)) == 0 { free += 1 }
    #expect(free <= 4)
  }
}
