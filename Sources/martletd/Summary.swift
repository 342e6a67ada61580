import ControlAPI
import FlowEngine
import Foundation
import Runtime

/// What a run amounted to, for the person who ended it.
struct Summary {
  let text: String

  init(_ engine: Engine) {
    let stats = engine.stats()
    let totals = stats.totals
    var lines: [(String, String)] = []
    lines.append(
      (
        "packets",
        "\(Self.grouped(totals.received)) received, \(Self.grouped(totals.countedInFlows)) in flows"
      ))
    lines.append(("bytes", Self.grouped(totals.receivedBytes)))
    let ended = totals.flowsExpired.filter { $0.value > 0 }
      .map { "\(Self.grouped($0.value)) \($0.name.replacing("_", with: " "))" }
    lines.append(
      ("flows", ([Self.grouped(totals.flowsCreated)] + ended).joined(separator: ", ")))
    let other = (totals.nonIP + totals.discarded).filter { $0.value > 0 }
      .map { "\(Self.grouped($0.value)) \($0.name.replacing("_", with: " "))" }
    lines.append(("not in flows", other.isEmpty ? "none" : other.joined(separator: ", ")))
    for port in stats.ports {
      lines.append(
        (
          "port \(port.name)",
          "\(Self.grouped(port.missed)) missed, \(Self.grouped(port.noMbuf)) without a buffer,"
            + " \(Self.grouped(port.errors)) in error"
        ))
    }
    for (worker, snapshot) in engine.snapshots().enumerated() {
      let seconds = Double(snapshot[.busyTicks]) / max(engine.clock.ticksPerSecond, 1)
      let packets = snapshot[.received] + snapshot[.handedIn]
      let rate = seconds > 0 ? Double(packets) / seconds / 1e6 : 0
      lines.append(
        (
          "worker \(worker)",
          "\(Self.grouped(packets)) packets in \(String(format: "%.3f", seconds)) s of work:"
            + " \(String(format: "%.2f", rate)) Mpps"
            + " (\(Self.grouped(snapshot[.handedOut])) handed over)"
        ))
    }
    for sink in stats.sinks {
      lines.append(
        (
          "sink \(sink.name)",
          "\(Self.grouped(sink.delivered)) records delivered,"
            + " \(Self.grouped(sink.lost)) dropped"
            + (sink.backlog > 0
              ? ", \(Self.grouped(sink.backlog)) left in the spool for the next start" : "")
            // What was wrong in between does not matter where everything has arrived.
            + (sink.lost > 0 || sink.backlog > 0 ? sink.lastError.map { " (\($0))" } ?? "" : "")
        ))
    }
    lines.append(
      (
        "records dropped",
        totals.recordsDropped == 0 ? "none" : Self.grouped(totals.recordsDropped)
      ))
    lines.append(
      (
        "accounted for",
        stats.conservation.holds
          ? "every packet" : "all but \(stats.conservation.difference) packets"
      ))
    let width = lines.map(\.0.count).max() ?? 0
    text =
      "\n"
      + lines.map { name, value in
        "  " + String(repeating: " ", count: width - name.count) + "\(name)  \(value)\n"
      }.joined() + "\n"
  }

  /// 1234567 as `1,234,567`.
  static func grouped(_ value: UInt64) -> String {
    var out = ""
    for (index, digit) in String(value).reversed().enumerated() {
      if index > 0 && index % 3 == 0 { out.append(",") }
      out.append(digit)
    }
    return String(out.reversed())
  }
}
