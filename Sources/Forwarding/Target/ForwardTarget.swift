/// What became of one record of a batch.
package enum DeliveryOutcome: Sendable, Equatable {
  /// The target has it, and has said so as far as its protocol can say so.
  case delivered
  /// The target will never take it (a mapping that it breaks, too large): to the dead letters.
  case refused(String)
  /// Not now (its queue is full, this shard is away): the same record again later.
  case again(String)
}

/// Why a whole batch has not arrived, or may not have.
package struct TargetFault: Error, Sendable, CustomStringConvertible {
  package var description: String
  /// How long the target asked to be left alone (HTTP's Retry-After); nil where it did not say.
  package var retryAfterSeconds: Double?
  /// No later attempt can succeed while the settings are as they are: an option that the target
  /// does not know, a file that is missing. Only ``ForwardTarget/open()`` says so.
  package var isFinal: Bool

  package init(_ description: String, retryAfterSeconds: Double? = nil, isFinal: Bool = false) {
    self.description = description
    self.retryAfterSeconds = retryAfterSeconds
    self.isFinal = isFinal
  }
}

/// How much a batch may hold for a target.
package struct BatchLimits: Sendable, Equatable {
  package var records: Int
  /// Of the records' JSON.
  package var bytes: Int

  package init(records: Int, bytes: Int) {
    self.records = records
    self.bytes = bytes
  }
}

/// Where a forwarder's records go.
///
/// Used by one thread, which waits for it: ``deliver(_:)`` returns when the target has answered for
/// each record. What is not `delivered` or `refused` will be delivered again, by this forwarder or by
/// another of its group, so a target may see a record twice, with the same
/// ``ForwardRecord/identifier``.
package protocol ForwardTarget: AnyObject {
  /// `elasticsearch`, `syslog` …
  var name: String { get }
  /// Where it goes, for people: no user, password or token.
  var destination: String { get }
  var limits: BatchLimits { get }
  /// Checks the settings, and connects where that can be tried. A fault that is not final is no
  /// reason to give up: the target may come.
  func open() throws(TargetFault)
  /// Delivers a batch in its order; as many outcomes as records. Throws where nothing is known of
  /// any of them. Looks at `interruption` at least every half second, and throws when it is set.
  func deliver(_ batch: [ForwardRecord], interruption: Interruption) throws(TargetFault)
    -> [DeliveryOutcome]
  /// Sends what must be sent from time to time although there are no records (templates, polls for
  /// acknowledgement, rotation by time). Called about once a second.
  func tick() throws(TargetFault)
  /// Ends connections and closes files.
  func close()
  /// What it has counted of its own and an operator should see, by name in words.
  var figures: [TargetFigure] { get }
  /// What an operator should read once, and is no fault: what was found of an earlier run, say.
  func takeNotes() -> [String]
}

/// A count of a target's own.
package struct TargetFigure: Sendable, Equatable {
  /// Lower case, as it is said: `connections lost`.
  package var name: String
  package var count: UInt64

  package init(_ name: String, _ count: some BinaryInteger) {
    self.name = name
    self.count = UInt64(clamping: count)
  }
}

extension ForwardTarget {
  package func tick() throws(TargetFault) {}
  package var figures: [TargetFigure] { [] }
  package func takeNotes() -> [String] { [] }
}
