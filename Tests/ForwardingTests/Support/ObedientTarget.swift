import Forwarding
import Synchronization

/// Notes what it gets, and misbehaves on order.
final class ObedientTarget: ForwardTarget, Sendable {
  struct Notes: Sendable {
    /// Identifiers in the order in which they were accepted, with those that came twice.
    var accepted: [String] = []
    var sizes: [Int] = []
    var calls = 0
    var isOpen = false
  }

  typealias Order =
    @Sendable (_ batch: [ForwardRecord], _ call: Int) throws(TargetFault) -> [DeliveryOutcome]

  let name = "obedient"
  let destination = "test"
  let limits: BatchLimits
  private let order: Order
  private let state = Mutex(Notes())

  init(
    limits: BatchLimits = BatchLimits(records: 500, bytes: 1 << 20),
    _ order: @escaping Order = { batch, _ throws(TargetFault) in
      Array(repeating: .delivered, count: batch.count)
    }
  ) {
    self.limits = limits
    self.order = order
  }

  var notes: Notes { state.withLock { $0 } }

  func open() throws(TargetFault) { state.withLock { $0.isOpen = true } }

  func deliver(
    _ batch: [ForwardRecord], interruption: Interruption
  ) throws(TargetFault) -> [DeliveryOutcome] {
    let call = state.withLock {
      $0.calls += 1
      return $0.calls
    }
    let outcomes = try order(batch, call)
    state.withLock { notes in
      notes.sizes.append(batch.count)
      for (record, outcome) in zip(batch, outcomes) where outcome == .delivered {
        notes.accepted.append(record.identifier)
      }
    }
    return outcomes
  }

  func close() { state.withLock { $0.isOpen = false } }
}
