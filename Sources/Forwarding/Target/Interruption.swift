internal import Synchronization

/// Says that the forwarder is to end: set by a signal, looked at by whatever waits.
package final class Interruption: Sendable {
  private let flag = Atomic(false)

  package init() {}

  package var isSet: Bool { flag.load(ordering: .acquiring) }

  package func set() { flag.store(true, ordering: .releasing) }
}
