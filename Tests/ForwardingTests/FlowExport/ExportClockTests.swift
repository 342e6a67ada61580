import Testing

@testable import Forwarding

@Suite("Flow export: uptime and pace")
struct ExportClockTests {
  private static let second: Int64 = 1_000_000_000
  private static let day = 86_400 * second
  private static let now = 1_763_700_000 * second + 250_000_000

  @Test("a collector's reckoning gives each time to the millisecond")
  func exact() {
    let clock = ExportClock(nowNanoseconds: Self.now)
    let seconds = ExportClock.headerSeconds(nowNanoseconds: Self.now)
    let boot = seconds * 1000 - Int64(clock.uptime(headerSeconds: seconds))
    for time in [Self.now, Self.now - 1, Self.now - 24 * Self.day, clock.bootSeconds * Self.second]
    {
      #expect(clock.reaches(start: time, end: time, nowNanoseconds: Self.now))
      #expect(boot + Int64(clock.uptime(nanoseconds: time)) == time / 1_000_000)
      #expect(clock.uptime(nanoseconds: time) <= clock.uptime(headerSeconds: seconds))
    }
  }

  @Test("what uptime does not reach is told otherwise")
  func unreached() {
    let clock = ExportClock(nowNanoseconds: Self.now)
    let old = Self.now - 26 * Self.day
    #expect(!clock.reaches(start: old, end: Self.now, nowNanoseconds: Self.now))
    #expect(!clock.reaches(start: Self.now, end: Self.now + 1, nowNanoseconds: Self.now))
  }

  @Test("uptime begins anew before 32 bits run over, and where the clock is set back")
  func renewed() {
    var clock = ExportClock(nowNanoseconds: Self.now)
    let boot = clock.bootSeconds
    clock.renew(nowNanoseconds: Self.now + 20 * Self.day)
    #expect(clock.bootSeconds == boot)
    for days in stride(from: 20 as Int64, through: 400, by: 1) {
      let now = Self.now + days * Self.day
      clock.renew(nowNanoseconds: now)
      let uptime = clock.uptime(headerSeconds: ExportClock.headerSeconds(nowNanoseconds: now))
      #expect(uptime > 1 << 30 && uptime < .max)
    }
    #expect(clock.bootSeconds > boot)
    clock.renew(nowNanoseconds: Self.now - 40 * Self.day)
    #expect(clock.bootSeconds < boot)
  }

  @Test("names of interfaces get numbers of their own, the same in every run")
  func interfaces() {
    var numbers = InterfaceNumbers()
    let eth0 = numbers.number("eth0")
    #expect(eth0 == numbers.number("eth0"))
    var others = InterfaceNumbers()
    _ = others.number("eth1")
    #expect(others.number("eth0") == eth0)
    let all = (0..<4095).map { numbers.number("if\($0)") } + [eth0]
    #expect(Set(all).count == 4096)
    #expect(all.allSatisfy { (1...65_535).contains($0) })
    // More than there are numbers for: not known.
    #expect(numbers.number("one more") == 0)
  }

  @Test("an interruption ends the wait of a slow pace")
  func interrupted() throws {
    var pace = ExportPace(recordsPerSecond: 1)
    let interruption = Interruption()
    try pace.wait(for: 1_000_000, interruption)
    interruption.set()
    #expect(throws: TargetFault.self) { try pace.wait(for: 1, interruption) }
  }
}
