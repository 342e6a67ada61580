import Testing

@testable import martlet

struct TimeLineTests {
  @Test func intervalsDoubleWhenTheSpanGrows() {
    var line = TimeLine()
    line.add(start: 0, end: 0, bytes: 10, packets: 1)
    line.add(start: 1023, end: 1023, bytes: 20, packets: 1)
    #expect(line.shift == 0 && line.intervals.count == 1024)
    line.add(start: 1024, end: 1024, bytes: 30, packets: 1)
    #expect(line.shift == 1 && line.intervals.count == 513)
    line.add(start: -1, end: -1, bytes: 40, packets: 1)
    #expect(line.shift == 1 && line.intervals.count == 514)
    line.add(start: 1_000_000_000, end: 1_000_000_000, bytes: 50, packets: 1)
    // 2^20 ns · 953.7 = 1 s, and the interval before nought.
    #expect(line.shift == 20 && line.intervals.count == 955)
    #expect(line.intervals.map(\.bytes).filter { $0 > 0 } == [40, 60, 50])
    #expect(line.span == -1...1_000_000_000)
  }

  @Test func aFlowIsSpreadEvenly() {
    var line = TimeLine()
    line.add(start: 0, end: 1 << 30, bytes: 1 << 20, packets: 1 << 10)
    let intervals = line.intervals
    #expect(line.shift == 21 && intervals.count == 513)
    #expect(intervals.dropLast().allSatisfy { $0.bytes == 2048 && $0.packets == 2 })
    #expect(intervals.last?.bytes == 0 && intervals.last?.nanoseconds == 0)
    let rates = line.rates(\.bytes, columns: 7)
    let second = Double(1 << 30) / 1e9
    for rate in rates { #expect(abs(rate - Double(1 << 20) / second) < 1) }
  }

  /// Held against adding up every flow in every interval, as it says it does not.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func sumsAreThoseOfEveryFlowByItself(seed: UInt64) {
    var random = SampleFlows.Generator(state: seed)
    let reach = 1 << (10 + random.below(40))
    let flows = (0..<200).map { _ in
      let start = Int64(random.below(reach)) - Int64(reach / 3)
      let end = start + (random.below(3) == 0 ? 0 : Int64(random.below(reach)))
      return (start: start, end: end, bytes: random.next() >> 20, packets: random.next() >> 40)
    }
    var line = TimeLine()
    for flow in flows {
      line.add(start: flow.start, end: flow.end, bytes: flow.bytes, packets: flow.packets)
    }
    let intervals = line.intervals
    #expect(intervals.count <= TimeLine.capacity)
    #expect(intervals.count > TimeLine.capacity / 2 || line.shift == 0)
    let first = flows.map(\.start).min()! >> line.shift
    var sums = [Double](repeating: 0, count: intervals.count)
    for flow in flows {
      if flow.start == flow.end {
        sums[Int((flow.end >> line.shift) - first)] += Double(flow.bytes)
        continue
      }
      for place in Int((flow.start >> line.shift) - first)...Int((flow.end >> line.shift) - first) {
        let from = max(flow.start, (first + Int64(place)) << line.shift)
        let to = min(flow.end, (first + Int64(place) + 1) << line.shift)
        sums[place] += Double(flow.bytes) * Double(to - from) / Double(flow.end - flow.start)
      }
    }
    let total = Double(flows.reduce(0) { $0 + $1.bytes })
    for (interval, sum) in zip(intervals, sums) {
      #expect(abs(interval.bytes - sum) <= 1e-9 * total + 1)
    }
    #expect(abs(intervals.reduce(0) { $0 + $1.bytes } - total) <= 1e-12 * total)
    for columns in [1, 13, 100, 1500] {
      let seconds = Double(line.span!.upperBound - line.span!.lowerBound) / 1e9
      let sum = line.rates(\.bytes, columns: columns).reduce(0, +) * seconds / Double(columns)
      #expect(abs(sum - total) <= 1e-6 * total)
    }
    var shuffled = TimeLine()
    for flow in flows.shuffled(using: &random) {
      shuffled.add(start: flow.start, end: flow.end, bytes: flow.bytes, packets: flow.packets)
    }
    #expect(shuffled.intervals == intervals && shuffled.shift == line.shift)
  }

  @Test func allOfTimeFits() {
    var line = TimeLine()
    line.add(start: .min, end: .max, bytes: .max, packets: .max)
    line.add(start: 0, end: -5, bytes: 7, packets: 1)
    line.add(start: .max, end: .max, bytes: 7, packets: 1)
    #expect(line.shift == 54 && line.intervals.count == 1024)
    #expect(abs(line.intervals.reduce(0) { $0 + $1.bytes } - 0x1p64) < 0x1p20)
    #expect(line.rates(\.bytes, columns: 100).allSatisfy { $0.isFinite && $0 > 0 })
  }

  @Test func oneMomentHasNoRates() {
    var line = TimeLine()
    #expect(line.intervals.isEmpty && line.rates(\.bytes, columns: 10).isEmpty)
    line.add(start: 5, end: 5, bytes: 10, packets: 1)
    #expect(line.intervals.map(\.bytes) == [10] && line.rates(\.bytes, columns: 10).isEmpty)
  }

  @Test func chartShowsEvenTheLeast() {
    let chart = Chart(
      values: [0, 0.001, 4, 8], height: 2, label: { "\(Int($0))" }, times: ("a", "b", "c"))
    #expect(
      chart.lines.map { $0.text(width: 80, style: noStyle) } == [
        "         8 ┤   █", "           ┤ ▁██", "         0 └────", "            a  c",
      ])
    #expect(Chart.bar(0, width: 8) == "" && Chart.bar(1e-9, width: 8) == "▏")
    #expect(Chart.bar(0.5, width: 3) == "█▌" && Chart.bar(7, width: 3) == "███")
  }
}
