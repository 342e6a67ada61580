import CBurst
import FlowEngine

/// What one core can do with packets from memory: the whole worker by workload, then its stages.
struct CeilingPart {
  let options: Options
  let report: Report

  private var port: MemoryPort { MemoryPort(capacity: options.ringPackets) }

  func run() {
    report.heading("Whole worker, TSC ticks a packet, receive included")
    report.note(
      "60-byte frames (a fifth of them IPv6: 62 to 80 bytes), 7 of 10 TCP with live sequence numbers "
        + "and acknowledgements, else UDP, 1 of 64 ICMP. Median (lowest … highest) of "
        + "\(options.rounds) rounds of \(options.packets.grouped) packets. ns and Mpps are the median's."
    )
    var rows: [[String]] = []
    for flows in options.flows {
      for choice in [KnownFlows.Choice.uniform, .zipf(1.0), .zipf(1.1)]
      where flows >= 100_000 || choice.isUniform {
        rows += row("known flows, \(choice.name)") { knownFlows(flows, choice) }
      }
    }
    rows += row("connections of 10 packets, queries of 2", shortFlows)
    rows += row("SYN flood, into an empty table", floodFilling)
    rows += row("SYN flood, table full: one evicted for each", floodEvicting)
    rows += row("SYN flood, each timing out", floodTimingOut)
    report.table(["workload", "live flows", "ticks a packet", "ns", "Mpps"], rows)
  }

  private func row(_ name: String, _ body: () -> (flows: Int, rounds: Rounds)) -> [[String]] {
    guard options.wants(name) else { return [] }
    let (flows, rounds) = body()
    return [
      [
        name, flows.grouped, rounds.text,
        (rounds.median / TimeStampCounter.perSecond * 1e9).text(),
        rounds.median.megapackets.text(),
      ]
    ]
  }

  private func knownFlows(_ flows: Int, _ choice: KnownFlows.Choice) -> (flows: Int, rounds: Rounds)
  {
    let traffic = KnownFlows(count: flows, choice: choice)
    let worker = EngineWorker(BenchSettings(capacity: flows + flows / 8), port: port)
    _ = worker.measure(traffic, packets: traffic.warmUpPackets)
    _ = worker.measure(traffic, packets: options.packets)
    let created = worker.counters[.flowsCreated]
    let rounds = Rounds(options.rounds) { worker.measure(traffic, packets: options.packets) }
    precondition(worker.counters[.flowsCreated] == created, "known flows stay known")
    worker.checkClean()
    return (worker.liveFlows, rounds)
  }

  private func shortFlows() -> (flows: Int, rounds: Rounds) {
    let scale = options.isQuick ? 10 : 1
    let traffic = ShortFlows(atOnce: 100_000 / scale, packetsPerSecond: 160_000 / scale)
    let worker = EngineWorker(BenchSettings(capacity: 1_000_000 / scale), port: port)
    // Longer than the longest timeout: as many end as begin.
    _ = worker.measure(traffic, packets: 160_000 / scale * 40)
    let rounds = Rounds(options.rounds) { worker.measure(traffic, packets: options.packets) }
    worker.checkClean()
    precondition(worker.counters[.evicted] == 0, "the table is large enough")
    return (worker.liveFlows, rounds)
  }

  /// From an empty table to a full one, again and again.
  private func floodFilling() -> (flows: Int, rounds: Rounds) {
    let flows = options.isQuick ? 100_032 : 1_000_000
    let traffic = Flood()
    let worker = EngineWorker(BenchSettings(capacity: flows), port: port)
    let rounds = Rounds(options.rounds) {
      let ticks = worker.measure(traffic, packets: flows)
      precondition(worker.liveFlows == flows, "each packet is a flow")
      worker.drain()
      return ticks
    }
    precondition(worker.counters[.evicted] == 0)
    return (flows, rounds)
  }

  private func floodEvicting() -> (flows: Int, rounds: Rounds) {
    let flows = options.isQuick ? 100_000 : 1_000_000
    let traffic = Flood()
    let worker = EngineWorker(BenchSettings(capacity: flows), port: port)
    _ = worker.measure(traffic, packets: flows + flows / 4)
    let rounds = Rounds(options.rounds) { worker.measure(traffic, packets: options.packets) }
    precondition(worker.counters[.evicted] > options.packets * options.rounds / 2)
    return (worker.liveFlows, rounds)
  }

  /// So slow a flood that each flow ends by the timeout of half-open connections.
  private func floodTimingOut() -> (flows: Int, rounds: Rounds) {
    let perSecond = options.isQuick ? 9_000 : 90_000
    let traffic = Flood(burstNanoseconds: 64_000_000_000 / Int64(perSecond))
    let worker = EngineWorker(BenchSettings(capacity: perSecond * 12), port: port)
    _ = worker.measure(traffic, packets: perSecond * 11)
    let rounds = Rounds(options.rounds) { worker.measure(traffic, packets: options.packets) }
    precondition(worker.counters[.evicted] == 0, "the table is large enough")
    return (worker.liveFlows, rounds)
  }
}

extension EngineWorker {
  /// The workload is what it should be: in order, nothing lost, nothing odd, all of it counted.
  func checkClean() {
    for counter in [
      Counter.tcpRetransmissions, .tcpOutOfOrder, .tcpGap, .tcpKeepAlives, .tcpZeroWindows,
      .anomalyRecords, .timeWentBackwards, .recordsDropped, .detailsNotKept,
    ] {
      precondition(counters[counter] == 0, "\(counter.name) is \(counters[counter])")
    }
    precondition(counters[.received] == counters[.countedInFlows], "every packet is in a flow")
  }
}
