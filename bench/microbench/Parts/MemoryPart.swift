import FlowEngine

/// What a flow costs in memory: every array of a worker, by its plan, and what the process has in memory when
/// all its flows are there.
struct MemoryPart {
  let options: Options
  let report: Report

  func run() {
    for flows in options.isQuick ? [100_000] : [1_000_000, 10_000_000] { measure(flows) }
  }

  private func measure(_ flows: Int) {
    report.heading("Memory, \(flows.grouped) flows")
    let port = MemoryPort()
    let traffic = Flood()
    let before = Machine.residentBytes
    let worker = EngineWorker(BenchSettings(capacity: flows), port: port)
    _ = worker.measure(traffic, packets: (flows + 63) / 64 * 64)
    precondition(worker.liveFlows == flows, "the table is full")
    let resident = Machine.residentBytes - before
    let total = worker.planItems.reduce(0) { $0 + $1.bytes }
    // What is small is one line.
    let threshold = max(1 << 20, total / 1_000)
    var rows = worker.planItems.filter { $0.bytes >= threshold }.map {
      row($0.name, $0.bytes, flows)
    }
    let rest = worker.planItems.filter { $0.bytes < threshold }.reduce(0) { $0 + $1.bytes }
    rows.append(row("all else", rest, flows))
    rows.append(row("sum", total, flows))
    rows.append(row("resident, measured", resident, flows))
    report.table(["array", "MiB", "bytes a flow"], rows)
  }

  private func row(_ name: String, _ bytes: Int, _ flows: Int) -> [String] {
    [
      name, (Double(bytes) / Double(1 << 20)).text(),
      (Double(bytes) / Double(flows)).text(),
    ]
  }
}
