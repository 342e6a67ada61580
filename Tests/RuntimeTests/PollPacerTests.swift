import Testing

@testable import Runtime

/// The pace of an adaptive worker, on a clock of a thousand million ticks a second.
struct PollPacerTests {
  private static let ticksPerMillisecond: UInt64 = 1_000_000

  /// Sleeps of a worker that finds nothing from time 0 on, polling every 100 ns.
  private func sleeps(bound: UInt64, count: Int) -> (firstAt: UInt64, sleeps: [UInt64]) {
    var pacer = PollPacer(ticksPerMillisecond: Self.ticksPerMillisecond, now: 0)
    var time: UInt64 = 0
    var firstAt: UInt64 = 0
    var sleeps: [UInt64] = []
    while sleeps.count < count {
      let sleep = pacer.rest(at: time, bound: bound)
      if sleep > 0 {
        if sleeps.isEmpty { firstAt = time }
        sleeps.append(sleep)
      }
      time += sleep + 100
    }
    return (firstAt, sleeps)
  }

  @Test func sleepsGrowUpToTheBound() {
    let found = sleeps(bound: 50_000, count: 6)
    #expect(found.firstAt == PollPacer.patienceNanoseconds)
    #expect(found.sleeps == [6250, 12_500, 25_000, 50_000, 50_000, 50_000])
  }

  @Test(arguments: [1, 7, 1000, 34_406, 10_000_000] as [UInt64])
  func noSleepIsLongerThanTheBound(bound: UInt64) {
    let found = sleeps(bound: bound, count: 40)
    #expect(found.sleeps.allSatisfy { $0 > 0 && $0 <= bound })
    #expect(found.sleeps.last == bound)
  }

  @Test func packetsStartItFromTheBeginning() {
    var pacer = PollPacer(ticksPerMillisecond: Self.ticksPerMillisecond, now: 0)
    #expect(pacer.rest(at: 25_000, bound: 8000) == 1000)
    #expect(pacer.rest(at: 27_000, bound: 8000) == 2000)
    #expect(pacer.hasSlept)
    pacer.wake(at: 30_000)
    #expect(!pacer.hasSlept)
    #expect(pacer.rest(at: 49_999, bound: 8000) == 0)
    #expect(pacer.rest(at: 50_000, bound: 8000) == 1000)
  }

  @Test func aBoundThatShrinksHoldsAtOnce() {
    var pacer = PollPacer(ticksPerMillisecond: Self.ticksPerMillisecond, now: 0)
    for _ in 0..<10 { _ = pacer.rest(at: 25_000, bound: 10_000_000) }
    #expect(pacer.rest(at: 25_000, bound: 3000) == 3000)
    #expect(pacer.rest(at: 25_000, bound: 0) == 0)
  }

  /// 84 bytes on the wire at 10 Gbit/s are 67.2 ns.
  @Test func ringsSetTheBound() {
    #expect(SleepBound.coverNanoseconds(slots: 1024, linkMbps: 10_000) == 68_812)
    #expect(SleepBound.coverNanoseconds(slots: 1024, linkMbps: 0) == 68_812)
    #expect(SleepBound.coverNanoseconds(slots: 1024, linkMbps: 1000) == 688_128)
    #expect(SleepBound.nanoseconds(queues: [(1024, 10_000)], handoffSlots: nil) == 34_406)
    // The ring that is full first.
    #expect(
      SleepBound.nanoseconds(queues: [(4096, 10_000), (1024, 40_000)], handoffSlots: 4096)
        == 68_812 / 4 / 2)
    #expect(SleepBound.nanoseconds(queues: [(4096, 1000)], handoffSlots: 64) == 64 * 672 / 2)
    // Ports that are no rings.
    #expect(SleepBound.nanoseconds(queues: [(0, 0)], handoffSlots: nil) == .max)
    #expect(SleepBound.nanoseconds(queues: [], handoffSlots: nil) == .max)
  }

  @Test func sharesAddUp() {
    #expect(TimeMeter.split(busy: 0.25, asleep: 0.5) == .init(busy: 0.25, asleep: 0.5, idle: 0.25))
    #expect(TimeMeter.split(busy: 0.75, asleep: 0.9) == .init(busy: 0.75, asleep: 0.25, idle: 0))
    #expect(TimeMeter.split(busy: 1.5, asleep: -1) == .init(busy: 1, asleep: 0, idle: 0))
  }
}
