import Forwarding
import Sinks

/// Records as a sensor writes them, numbered from `numbers`.
func httpRecords(
  _ numbers: Range<Int>, poison: Set<Int> = [], padding: Int = 0
) throws -> [ForwardRecord] {
  try numbers.map { number in
    let more = poison.contains(number) ? #","poison":true"# : ""
    let fill = padding == 0 ? "" : ",\"fill\":\"\(String(repeating: "x", count: padding))\""
    let text =
      #"{"timestamp":"2026-11-21T05:36:00.123456+0000","event_type":"flow","n":\#(number)\#(more)\#(fill)}"#
    return ForwardRecord(
      stream: StreamName(sensor: "edge1", type: "flow"),
      entry: StreamID(milliseconds: 1_763_703_360_000, sequence: UInt64(number)),
      document: try EVEDocument(Array(text.utf8)))
  }
}

/// Delivers as the pipeline does: again what is to be delivered again, and all of it after a fault.
/// Gives how often each record was refused, by its place.
@discardableResult
func deliverAll(
  _ records: [ForwardRecord], to target: any ForwardTarget, attempts: Int = 60
) throws -> (refused: [Int: String], faults: [TargetFault]) {
  var left = Array(records.indices)
  var refused: [Int: String] = [:]
  var faults: [TargetFault] = []
  for _ in 0..<attempts where !left.isEmpty {
    do throws(TargetFault) {
      let outcomes = try target.deliver(left.map { records[$0] }, interruption: Interruption())
      guard outcomes.count == left.count else {
        throw TargetFault("\(outcomes.count) outcomes for \(left.count) records")
      }
      var again: [Int] = []
      for (index, outcome) in zip(left, outcomes) {
        switch outcome {
        case .delivered: break
        case .refused(let reason): refused[index] = reason
        case .again: again.append(index)
        }
      }
      left = again
    } catch {
      faults.append(error)
    }
  }
  if !left.isEmpty { throw ReceiverError("\(left.count) records are left: \(faults)") }
  return (refused, faults)
}
