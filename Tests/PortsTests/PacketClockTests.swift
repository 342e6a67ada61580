import Testing

@testable import Ports

/// What time it is by the packets.
@Suite struct PacketClockTests {
  static let second: UInt64 = 1_000_000_000
  static let start: UInt64 = 1_700_000_000 * second

  /// Where the clock stood after each packet, and where it went back: what had been reached.
  private func run(_ times: [UInt64]) -> (now: [UInt64], reached: [UInt64?]) {
    var clock = PacketClock()
    var now: [UInt64] = []
    var reached: [UInt64?] = []
    for time in times {
      var before: UInt64 = 0
      reached.append(clock.take(time, before: &before) ? before : nil)
      now.append(clock.now)
    }
    return (now, reached)
  }

  /// Seconds behind ``start``.
  private func run(seconds: [Double]) -> (now: [Double], back: [Bool]) {
    let (now, reached) = run(seconds.map { UInt64(Double(Self.start) + $0 * 1e9) })
    return (now.map { (Double($0) - Double(Self.start)) / 1e9 }, reached.map { $0 != nil })
  }

  @Test func followsPacketsForward() {
    let (now, back) = run(seconds: [0, 1, 1, 61, 120])
    #expect(now == [0, 1, 1, 61, 120])
    #expect(back == [true, false, false, false, false])
  }

  @Test func staysWhereOneIsABitLate() {
    let (now, back) = run(seconds: [10, 9.5, 9, 10.5])
    #expect(now == [10, 10, 10, 10.5])
    #expect(back == [true, false, false, false])
  }

  @Test func goesBack() {
    let (now, back) = run(seconds: [10, 8.5, 9, 5, 6])
    #expect(now == [10, 8.5, 9, 5, 6])
    #expect(back == [true, true, false, true, false])
  }

  @Test func leapsWhenTheNextPacketConfirmsIt() {
    // More than a minute: the second of two.
    #expect(run(seconds: [0, 61, 62]).now == [0, 0, 62])
    #expect(run(seconds: [0, 3600, 3600, 3601]).now == [0, 0, 3600, 3601])
    // A bit out of order.
    #expect(run(seconds: [0, 3600, 3599.5]).now == [0, 0, 3599.5])
    // Not where the next one is behind.
    #expect(run(seconds: [0, 3600, 3590]).now == [0, 0, 0])
    // Sparse traffic, every packet a leap: each confirms the one before it.
    #expect(run(seconds: [0, 3600, 3700]).now == [0, 0, 3600])
    #expect(run(seconds: [0, 3600, 7200, 7201]).now == [0, 0, 3600, 7201])
    #expect(run(seconds: [0, 300, 600, 900]).now == [0, 0, 300, 600])
  }

  /// A second wrong stamp confirms nothing where right ones stand between them.
  @Test func wrongStampsNowAndThen() {
    let (now, back) = run(seconds: [0, 1e6, 1, 1e6, 0.5, 1e6 + 1, 2])
    #expect(now == [0, 0, 1, 1, 1, 1, 2])
    #expect(back.dropFirst().allSatisfy { !$0 })
  }

  @Test func beginsAnywhere() {
    for first in [0, 1, 59 * Self.second, 61 * Self.second, Self.start, PacketClock.latest] {
      let (now, reached) = run([first])
      #expect(now == [first])
      #expect(reached == [first])
    }
    // Times since the program started, as some writers have them: the same rules.
    let (now, reached) = run([0, 10 * Self.second, 50 * Self.second, 2 * Self.second])
    #expect(now == [0, 10 * Self.second, 50 * Self.second, 2 * Self.second])
    #expect(reached == [0, nil, nil, 50 * Self.second])
  }

  /// Rising times with any one stamp replaced: the clock never gets ahead of the right packets, but for
  /// the first packet, which nothing can be held against.
  @Test(arguments: 0..<300)
  func oneWrongStampEndsNothing(_ seed: Int) {
    var generator = SeededGenerator(state: UInt64(seed))
    var times: [UInt64] = []
    var time = Self.start
    for _ in 0..<50 {
      time += UInt64.random(in: 0...(20 * Self.second), using: &generator)
      times.append(time)
    }
    let place = Int.random(in: 1..<times.count, using: &generator)
    let wrong: [UInt64] = [
      0, 1, PacketClock.latest, UInt64.random(in: 0...PacketClock.latest, using: &generator),
      times[place] + 61 * Self.second, times[place] &- 61 * Self.second,
    ]
    var damaged = times
    damaged[place] = wrong.randomElement(using: &generator)!
    let (now, reached) = run(damaged)
    var right: UInt64 = 0
    for (index, time) in damaged.enumerated() {
      // A stamp a minute ahead at the most is believed: no flow waits that short.
      right = max(right, times[index])
      #expect(now[index] <= right + PacketClock.leap, "at \(index) of \(time)")
      if let reached = reached[index] { #expect(reached <= right + PacketClock.leap) }
    }
    // Two packets later at the most it is right again.
    for index in times.indices where index < place || index >= place + 3 {
      #expect(now[index] + PacketClock.leap >= times[index])
    }
    #expect(now.last! >= times.last! - PacketClock.leap || place > times.count - 3)
  }

  /// Whatever comes: the clock shows the time of some packet that has been, and going back is said with
  /// what had been reached.
  @Test(arguments: 0..<100)
  func anyTimes(_ seed: Int) {
    var generator = SeededGenerator(state: UInt64(seed))
    let span = UInt64.random(in: 1...(1000 * Self.second), using: &generator)
    let times = (0..<200).map { _ in
      Int.random(in: 0..<20, using: &generator) == 0
        ? UInt64.random(in: 0...PacketClock.latest, using: &generator)
        : Self.start + UInt64.random(in: 0...span, using: &generator)
    }
    let (now, reached) = run(times)
    var clock = times[0]
    for (index, time) in times.enumerated() {
      let back = reached[index]
      #expect(
        now[index] == clock || now[index] == time || (index > 0 && now[index] == times[index - 1]))
      if index > 0 { #expect((back != nil) == (now[index] < clock)) }
      if index > 0, let back { #expect(back == clock) }
      // Never more than a second behind a packet that is late, never ahead of one that is not.
      #expect(now[index] <= time || now[index] - time <= PacketClock.tolerance)
      clock = now[index]
    }
    // The same again gives the same.
    #expect(run(times).now == now)
  }
}
