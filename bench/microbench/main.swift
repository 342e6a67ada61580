// What each stage of the hot path costs, in TSC ticks and nanoseconds a packet, on ordinary memory
// and without a port: `make bench`, or `MARTLET_BENCH=1 swift run -c release martlet-bench`.
//
// Packets are made once and lie in memory one behind the other. Every figure is the median of several
// rounds; the machine's other load shows in the spread.

import CBurst
import FlowEngine
import Foundation

nonisolated(unsafe) var options = Options()

struct Options {
  var flows = [1_000, 100_000, 1_000_000]
  var rounds = 7
  var packets = 2_000_000
}

var arguments = CommandLine.arguments.dropFirst().makeIterator()
while let argument = arguments.next() {
  switch argument {
  case "--quick": options = Options(flows: [1_000, 100_000], rounds: 3, packets: 300_000)
  case "--flows":
    options.flows = arguments.next()?.split(separator: ",").compactMap { Int($0) } ?? []
  default:
    print("usage: martlet-bench [--quick] [--flows N,N…]")
    exit(64)
  }
}

let bed = Bed(burst: 64)
let ticks = Ticks.perSecond()
print(
  "TSC \(String(format: "%.0f", ticks / 1e6)) MHz, \(options.rounds) rounds, median (min … max)")
print("")
print(row("stage", "flows", "ticks/packet", "ns/packet", "Mpps"))
for flows in options.flows {
  let frames = FrameSet(flows: flows, count: max(flows, 65_536))
  report("parse and hash", flows) { bed.parse(frames, packets: options.packets) }
  let worker = BenchWorker(frames: frames, capacity: flows * 5 / 4)
  worker.warm()
  report("whole burst, hits", flows) { worker.run(packets: options.packets) }
}
let flood = FrameSet(flows: 1 << 20, count: 1 << 20)
let worker = BenchWorker(frames: flood, capacity: 262_144)
worker.warm()
report("new flows, evicting", 1 << 20) { worker.run(packets: options.packets) }

for expression in ["tcp port 80", "host 10.0.0.1", "net 10.0.0.0/8 and udp port 53"] {
  let frames = FrameSet(flows: 4_096, count: 4_096)
  let bench = try FilterBench(expression, frames: frames, count: 4_096)
  let rounds = max(1, options.packets / 4_096)
  report("filter \(expression)", 4_096) { bench.martlet(rounds: rounds) }
  report("  by libpcap", 4_096) { bench.libpcap(rounds: rounds) }
}

/// Runs `body`, which gives ticks a packet, and prints its median.
func report(_ name: String, _ flows: Int, _ body: () -> Double) {
  let figures = (0..<options.rounds).map { _ in body() }.sorted()
  let median = figures[figures.count / 2]
  let nanoseconds = median / ticks * 1e9
  print(
    row(
      name, "\(flows)",
      String(format: "%.1f (%.1f … %.1f)", median, figures.first!, figures.last!),
      String(format: "%.1f", nanoseconds), String(format: "%.1f", 1e3 / nanoseconds)))
}

func row(_ columns: String...) -> String {
  zip(columns, [39, 10, 26, 12, 8]).map { text, width in
    text + String(repeating: " ", count: max(1, width - text.count))
  }.joined()
}
