/// Takes everything and keeps nothing: for measuring how fast records can be read, and for emptying a
/// group's backlog.
package final class NullTarget: ForwardTarget {
  package let name = "null"
  package let destination = "nowhere"
  package let limits = BatchLimits(records: 4096, bytes: 8 << 20)

  package init() {}

  package func open() throws(TargetFault) {}

  package func deliver(
    _ batch: [ForwardRecord], interruption: Interruption
  ) throws(TargetFault) -> [DeliveryOutcome] {
    Array(repeating: .delivered, count: batch.count)
  }

  package func close() {}
}
