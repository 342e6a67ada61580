internal import Synchronization

/// What became of the entries that a forwarder read. At the end, and whenever nothing is in hand:
///
///     read = delivered + filtered + refused + trimmed
package struct ForwardCounters: Sendable, Equatable {
  /// Entries taken from streams, in whatever state.
  package var read: UInt64 = 0
  /// Of them, what had been handed out before, to this member or another: the target may have it
  /// already, under the same identifier.
  package var redelivered: UInt64 = 0
  /// Passed the conditions.
  package var matched: UInt64 = 0
  /// Did not pass them: acknowledged, not delivered.
  package var filtered: UInt64 = 0
  package var delivered: UInt64 = 0
  /// JSON that was delivered.
  package var deliveredBytes: UInt64 = 0
  /// In the dead letters: poison, or refused by the target.
  package var refused: UInt64 = 0
  /// How often a record was put off by the target.
  package var again: UInt64 = 0
  /// Pending entries whose bodies had been trimmed.
  package var trimmed: UInt64 = 0
  /// Entries that were trimmed before anybody of the group read them.
  package var trimmedUnread: UInt64 = 0
  /// Gaps of which Redis (before 7.0) cannot say how many entries they had, if any.
  package var possibleGaps: UInt64 = 0
  /// Batches that arrived.
  package var batches: UInt64 = 0
  /// Batches that did not, as a whole.
  package var targetFaults: UInt64 = 0
  package var redisFaults: UInt64 = 0
  /// Groups that Redis had lost and that were made again.
  package var groupsMadeAgain: UInt64 = 0
  /// Of target or Redis.
  package var lastError: String?
  /// Read, and not settled yet.
  package var inHand: UInt64 = 0
  package var lag = ForwardLag()
  /// What the target has counted of its own.
  package var target: [TargetFigure] = []

  package init() {}
}

/// How far behind the sensors a forwarder's group is.
package struct ForwardLag: Sendable, Equatable {
  package var streams = 0
  /// Entries that are not delivered: unread or pending; nil where Redis (before 7.0) cannot count
  /// them.
  package var entries: UInt64?
  /// Age of the oldest of them; 0 where there is none.
  package var seconds: Double = 0

  package init() {}
}

/// The counters, changed by the forwarder's threads and read by whoever shows them.
final class CounterBook: Sendable {
  private let counters = Mutex(ForwardCounters())

  var current: ForwardCounters { counters.withLock { $0 } }

  func update(_ change: (inout ForwardCounters) -> Void) { counters.withLock { change(&$0) } }
}
