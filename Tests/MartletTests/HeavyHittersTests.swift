import FlowEngine
import Testing

@testable import martlet

struct HeavyHittersTests {
  func address(_ number: Int) -> IPAddress { IPAddress(v4: UInt32(number)) }

  @Test func exactUpToTheLimit() {
    var hosts = HeavyHitters(limit: 1000)
    var random = SampleFlows.Generator(state: 3)
    var expected: [Int: (sent: UInt64, received: UInt64, flows: UInt64)] = [:]
    for _ in 0..<20_000 {
      let number = random.below(1000)
      let (sent, received) = (UInt64(random.below(10_000)), UInt64(random.below(100)))
      hosts.add(address(number), ipVersion: 4, sent: sent, received: received, packets: 2)
      let before = expected[number] ?? (0, 0, 0)
      expected[number] = (before.sent + sent, before.received + received, before.flows + 1)
    }
    let top = hosts.top(2000)
    #expect(hosts.isExact && top.count == expected.count && hosts.count == expected.count)
    #expect(top.map(\.bytes) == top.map(\.bytes).sorted(by: >))
    for host in top {
      let truth = expected[Int(host.address.v4)]
      #expect(host.isExact && host.sentBytes == truth?.sent)
      #expect(host.receivedBytes == truth?.received && host.flows == truth?.flows)
      #expect(host.packets == 2 * (truth?.flows ?? 0))
    }
  }

  /// The same number as IPv4 and as IPv6 are two hosts.
  @Test func versionsAreApart() {
    var hosts = HeavyHitters()
    hosts.add(address(1), ipVersion: 4, sent: 1, received: 0, packets: 1)
    hosts.add(address(1), ipVersion: 6, sent: 2, received: 0, packets: 1)
    #expect(hosts.top(5).map(\.ipVersion) == [6, 4])
  }

  @Test(arguments: [64, 256, 1024])
  func boundedBeyondIt(limit: Int) {
    var hosts = HeavyHitters(limit: limit)
    var random = SampleFlows.Generator(state: UInt64(limit))
    var truth: [Int: UInt64] = [:]
    for step in 0..<100_000 {
      // Ten that matter among 60,000 that do not.
      let isBig = step % 4 == 0
      let number = isBig ? random.below(10) : 1000 + random.below(60_000)
      let bytes = UInt64(isBig ? 5000 + random.below(100 * (1 + number)) : random.below(1500))
      hosts.add(address(number), ipVersion: 4, sent: bytes, received: 0, packets: 1)
      truth[number, default: 0] += bytes
      if hosts.count > limit { Issue.record("\(hosts.count) hosts at step \(step)") }
    }
    let total = truth.values.reduce(0, +)
    #expect(!hosts.isExact)
    let found = hosts.top(limit)
    #expect(Set(found.prefix(10).map { Int($0.address.v4) }) == Set(0..<10))
    for host in found {
      let actual = truth[Int(host.address.v4)] ?? 0
      #expect(host.bytes <= actual && actual <= host.bytes + host.missedAtMost)
    }
    let bound = 2 * total / UInt64(limit)
    #expect(found.allSatisfy { $0.missedAtMost <= bound })
    for (number, bytes) in truth where bytes > bound {
      #expect(found.contains { Int($0.address.v4) == number }, "\(number) with \(bytes) is lost")
    }
  }

  @Test func bestKeepsTheFirstFew() {
    var best = Best<Int>(capacity: 3, isBefore: >)
    for number in [5, 1, 9, 9, 2, 7] { best.add(number) }
    #expect(best.elements == [9, 9, 7])
  }
}
