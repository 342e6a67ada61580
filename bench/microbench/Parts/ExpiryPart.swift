import CBurst
import FlowEngine

/// What ending flows costs beside counting packets: a table of a million flows of which 50,000 a second
/// begin and as many end, at 14.88 Mpps.
struct ExpiryPart {
  let options: Options
  let report: Report

  private var port: MemoryPort { MemoryPort(capacity: options.ringPackets) }

  func run() {
    let scale = options.isQuick ? 20 : 1
    let births = 50_000 / scale
    // With what waits for its timeout (2 s of closed TCP, 30 s of UDP, 10 s of ICMP) this makes a million.
    let traffic = Population(
      alive: births * 95 / 10, birthsPerSecond: births, packetsPerBirth: 14)
    let bed = StageBed(BenchSettings(capacity: 1_250_000 / scale), port: port)
    var ticks: UInt64 = 0
    var visited = 0
    // Few packets to a flow until as many end as begin; then all of them, one second of the clock.
    _ = pass(bed, traffic, packets: births * 14 * 45, &ticks, &visited)
    traffic.packetsPerBirth = 14_880_000 / births / scale
    ticks = 0
    visited = 0
    let packets = options.isQuick ? 744_000 : 14_880_000
    let all = pass(bed, traffic, packets: packets, &ticks, &visited)
    report.heading("Expiry")
    report.note(
      "\(bed.liveFlows.grouped) flows in the table, \(births.grouped) begin and end each second, "
        + "\((Double(packets) / Double(packets / traffic.packetsPerBirth) * Double(births) / 1e6).text(2)) "
        + "Mpps.")
    report.table(
      ["", "figure"],
      [
        ["entries looked at", visited.grouped],
        ["ticks an entry", (Double(ticks) / Double(max(1, visited))).text()],
        ["ticks a packet", (Double(ticks) / Double(packets)).text(2)],
        ["share of the worker's ticks", (Double(ticks) / Double(all) * 100).text(2) + " %"],
      ])
  }

  /// Returns the ticks of all stages.
  private func pass(
    _ bed: StageBed, _ traffic: Population, packets: Int, _ expiry: inout UInt64,
    _ visited: inout Int
  ) -> UInt64 {
    var all: UInt64 = 0
    var done = 0
    while done < packets {
      bed.port.fill(traffic, count: bed.port.capacity)
      for _ in 0..<bed.port.capacity / StageBed.burst {
        let begin = martlet_tsc()
        bed.receive()
        bed.parse()
        bed.update()
        bed.giveBack()
        let before = martlet_tsc()
        visited += bed.expire()
        let end = martlet_tsc()
        expiry &+= end &- before
        all &+= end &- begin
        bed.consume()
        bed.now &+= traffic.burstNanoseconds
      }
      done += bed.port.capacity
    }
    return all
  }
}
