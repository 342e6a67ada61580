import CBurst
import FlowEngine

/// Each stage of a burst alone. The counter is read between the stages of a burst, never between packets;
/// what a stage has prefetched arrives in the next one's time, as it does in the worker.
struct StagePart {
  let options: Options
  let report: Report

  private var port: MemoryPort { MemoryPort(capacity: options.ringPackets) }

  private enum Stage: Int, CaseIterable {
    case receive, parse, update, expire, giveBack

    var name: String {
      switch self {
      case .receive: "receive"
      case .parse: "parse, key and hash, bucket on its way"
      case .update: "table hit and update, entry on its way"
      case .expire: "expiry, nothing due"
      case .giveBack: "give back"
      }
    }
  }

  func run(flows: Int) {
    let traffic = KnownFlows(count: flows, choice: .uniform)
    let bed = StageBed(BenchSettings(capacity: flows + flows / 8), port: port)
    pass(bed, traffic, packets: traffic.warmUpPackets + options.packets) { $0.work() }
    var figures = [[Double]](repeating: [], count: Stage.allCases.count)
    for _ in 0..<options.rounds {
      var ticks = [UInt64](repeating: 0, count: Stage.allCases.count)
      ticks.withUnsafeMutableBufferPointer { ticks in
        let ticks = ticks.baseAddress!
        pass(bed, traffic, packets: options.packets) { bed in
          let t0 = martlet_tsc()
          bed.receive()
          let t1 = martlet_tsc()
          bed.parse()
          let t2 = martlet_tsc()
          bed.update()
          let t3 = martlet_tsc()
          _ = bed.expire()
          let t4 = martlet_tsc()
          bed.giveBack()
          let t5 = martlet_tsc()
          ticks[0] &+= t1 &- t0
          ticks[1] &+= t2 &- t1
          ticks[2] &+= t3 &- t2
          ticks[3] &+= t4 &- t3
          ticks[4] &+= t5 &- t4
        }
      }
      for stage in Stage.allCases {
        figures[stage.rawValue].append(Double(ticks[stage.rawValue]) / Double(options.packets))
      }
    }
    var rows = Stage.allCases.map { [$0.name, Rounds(figures[$0.rawValue]).text] }
    let sums = (0..<options.rounds).map { round in figures.reduce(0) { $0 + $1[round] } }
    rows.append(["sum", Rounds(sums).text])
    rows += alone(bed, traffic, flows: flows)
    report.heading("Stages, \(flows.grouped) known flows, uniform")
    report.table(["stage", "ticks a packet"], rows)
  }

  /// What the sums do not show one by one.
  private func alone(_ bed: StageBed, _ traffic: KnownFlows, flows: Int) -> [[String]] {
    let hash = time(bed, traffic) { $0.hash() }
    let hit = time(bed, traffic) { $0.find() }
    let miss = time(bed, UnknownFlows(beyond: flows)) { $0.find() }
    var next = 0
    let export = Rounds(options.rounds) {
      let batch = 256
      var ticks: UInt64 = 0
      for _ in 0..<max(1, options.packets / 10 / batch) {
        if next + batch > bed.liveFlows { next = 0 }
        let begin = martlet_tsc()
        bed.export(first: next, count: min(batch, bed.liveFlows))
        ticks &+= martlet_tsc() &- begin
        bed.consume()
        next += batch
      }
      return Double(ticks) / Double(max(1, options.packets / 10 / batch) * batch)
    }
    return [
      ["alone: key's hash", hash.text],
      ["alone: table hit (buckets have come)", hit.text],
      ["alone: table miss (buckets have come)", miss.text],
      ["alone: export, a record into the ring", export.text],
    ]
  }

  /// A stage alone, of bursts that have been parsed.
  private func time(
    _ bed: StageBed, _ traffic: some Traffic, _ stage: (StageBed) -> Void
  ) -> Rounds {
    Rounds(options.rounds) {
      var ticks: UInt64 = 0
      pass(bed, traffic, packets: options.packets) { bed in
        bed.receive()
        bed.parse()
        let begin = martlet_tsc()
        stage(bed)
        ticks &+= martlet_tsc() &- begin
        bed.giveBack()
      }
      return Double(ticks) / Double(options.packets)
    }
  }

  /// `packets` packets through `body`, a burst at a time.
  private func pass(
    _ bed: StageBed, _ traffic: some Traffic, packets: Int, _ body: (StageBed) -> Void
  ) {
    var done = 0
    while done < packets {
      let count = min(bed.port.capacity, (packets - done + StageBed.burst - 1) / 64 * 64)
      bed.port.fill(traffic, count: count)
      for _ in 0..<count / StageBed.burst {
        body(bed)
        bed.now &+= traffic.burstNanoseconds
      }
      done += count
    }
  }
}

/// Packets of flows that are not in the table.
final class UnknownFlows: Traffic {
  let burstNanoseconds = lineRateBurstNanoseconds
  private var flow: Int

  init(beyond flows: Int) { flow = flows + 1_000_000 }

  @inline(__always)
  func next(_ frame: FrameWriter) -> Int {
    flow += 1
    return Conversation.packet(FlowShape(flow), step: 3, frame)
  }
}
