import CReference
import FlowEngine

/// Martlet's worker beside the one in C: the same frames, round by round in turn, and the same records from
/// both.
struct ReferencePart {
  let options: Options
  let report: Report

  private var port: MemoryPort { MemoryPort(capacity: options.ringPackets) }

  func run() {
    report.heading("Swift to C, whole worker, TSC ticks a packet")
    report.note(
      "bench/reference/reference.c, -O3, does what FlowWorker does with these packets: the same headers "
        + "checked, the same table, prefetches, states of TCP, timers and records. Rounds alternate; "
        + "the ratio is the median of the rounds' own. Both end with the same counts and records.")
    let scale = options.isQuick ? 10 : 1
    var rows: [[String]] = []
    for flows in options.flows {
      rows += compare(
        "known flows, uniform", capacity: flows + flows / 8,
        traffic: { KnownFlows(count: flows, choice: .uniform) },
        warmUp: { $0.warmUpPackets + options.packets })
    }
    let flows = 1_000_000 / scale
    rows += compare(
      "known flows, Zipf 1.0", capacity: flows + flows / 8,
      traffic: { KnownFlows(count: flows, choice: .zipf(1.0)) },
      warmUp: { $0.warmUpPackets + options.packets })
    rows += compare(
      "connections of 10 packets, queries of 2", capacity: flows,
      traffic: { ShortFlows(atOnce: flows / 10, packetsPerSecond: flows * 4 / 25) },
      warmUp: { _ in flows * 4 / 25 * 40 })
    rows += compare(
      "SYN flood, table full: one evicted for each", capacity: flows, traffic: { Flood() },
      warmUp: { _ in flows + flows / 4 })
    let perSecond = flows * 9 / 100
    rows += compare(
      "SYN flood, each timing out", capacity: perSecond * 12,
      traffic: { Flood(burstNanoseconds: 64_000_000_000 / Int64(perSecond)) },
      warmUp: { _ in perSecond * 11 })
    report.table(["workload", "live flows", "Swift", "C", "ratio"], rows)
  }

  private func compare<Source: Traffic>(
    _ name: String, capacity: Int, traffic make: () -> Source, warmUp: (Source) -> Int
  ) -> [[String]] {
    guard options.wants(name) else { return [] }
    let settings = BenchSettings(capacity: capacity)
    let (swiftTraffic, cTraffic) = (make(), make())
    let swift = EngineWorker(settings, port: port)
    let c = ReferenceWorker(settings, port: port)
    var swiftDigest = RecordDigest()
    var cDigest = RecordDigest()
    swift.onRecord = { swiftDigest.add($0) }
    c.onRecord = { cDigest.add($0) }
    _ = swift.measure(swiftTraffic, packets: warmUp(swiftTraffic))
    _ = c.measure(cTraffic, packets: warmUp(cTraffic))
    var swiftTicks: [Double] = []
    var cTicks: [Double] = []
    // More rounds and shorter ones than elsewhere: what disturbs the machine disturbs both of a pair.
    for _ in 0..<options.rounds * 4 {
      swiftTicks.append(swift.measure(swiftTraffic, packets: options.packets / 4))
      cTicks.append(c.measure(cTraffic, packets: options.packets / 4))
    }
    let live = swift.liveFlows
    precondition(live == c.liveFlows, "as many flows in both tables")
    swift.drain()
    c.drain()
    Self.check(swift, c)
    precondition(swiftDigest == cDigest, "\(name): the same records: \(swiftDigest), \(cDigest)")
    let ratio = Rounds(zip(swiftTicks, cTicks).map { $0 / $1 })
    return [
      [name, live.grouped, Rounds(swiftTicks).text, Rounds(cTicks).text, ratio.median.text(2)]
    ]
  }

  /// Every count that both keep is the same, and nothing came that only one of them handles.
  private static func check(_ swift: EngineWorker, _ c: ReferenceWorker) {
    swift.checkClean()
    precondition(c.count(REFERENCE_UNUSUAL) == 0 && c.count(REFERENCE_DISCARDED) == 0)
    let pairs: [(Counter, reference_counter)] = [
      (.received, REFERENCE_RECEIVED), (.receivedBytes, REFERENCE_RECEIVED_BYTES),
      (.countedInFlows, REFERENCE_COUNTED_IN_FLOWS), (.countedBytes, REFERENCE_COUNTED_BYTES),
      (.filtered, REFERENCE_FILTERED), (.flowsCreated, REFERENCE_FLOWS_CREATED),
      (.endedIdle, REFERENCE_ENDED_IDLE), (.endedByProtocol, REFERENCE_ENDED_BY_PROTOCOL),
      (.endedForced, REFERENCE_ENDED_FORCED), (.evicted, REFERENCE_EVICTED),
      (.flowUpdates, REFERENCE_FLOW_UPDATES), (.recordsMade, REFERENCE_RECORDS_MADE),
      (.recordsDropped, REFERENCE_RECORDS_DROPPED), (.portsReused, REFERENCE_PORTS_REUSED),
      (.timeWentBackwards, REFERENCE_TIME_WENT_BACKWARDS), (.polls, REFERENCE_POLLS),
      (.emptyPolls, REFERENCE_EMPTY_POLLS),
    ]
    for (own, reference) in pairs {
      precondition(
        swift.counters[own] == c.count(reference),
        "\(own.name): \(swift.counters[own]), in C \(c.count(reference))")
    }
  }
}
