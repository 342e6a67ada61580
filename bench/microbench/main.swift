// What the hot path costs on this machine, with packets from memory and without a NIC: `make bench-core`, or
// `MARTLET_BENCH=1 swift run -c release martlet-bench --help`.

import Foundation

let options = Options(CommandLine.arguments.dropFirst())
let report = Report(markdown: options.markdown)
if options.parts != [.instructions] { report.note(Machine.description) }
for part in options.parts {
  switch part {
  case .ceiling: CeilingPart(options: options, report: report).run()
  case .stages:
    for flows in options.flows where flows == 1_000 || flows == 1_000_000 || options.isQuick {
      StagePart(options: options, report: report).run(flows: flows)
    }
  case .expiry: ExpiryPart(options: options, report: report).run()
  case .scan: ScanPart(options: options, report: report).run()
  case .filter: try FilterPart(options: options, report: report).run()
  case .reference: ReferencePart(options: options, report: report).run()
  case .instructions: InstructionPart(isSlowed: options.isSlowed).run()
  case .scaling: ScalingPart(options: options, report: report).run()
  case .encode: EncodePart(options: options, report: report).run()
  case .dissection: try DissectionPart(options: options, report: report).run()
  case .memory: MemoryPart(options: options, report: report).run()
  }
}
try report.finish(
  command: (["martlet-bench"] + CommandLine.arguments.dropFirst()).joined(separator: " "))
