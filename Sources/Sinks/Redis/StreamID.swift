/// The ID of a stream's entry: milliseconds of the wall clock and a sequence number.
package struct StreamID: Sendable, Hashable, Comparable, CustomStringConvertible {
  package var milliseconds: UInt64
  package var sequence: UInt64

  package init(milliseconds: UInt64 = 0, sequence: UInt64 = 0) {
    self.milliseconds = milliseconds
    self.sequence = sequence
  }

  /// Reads `1526919030474-55`.
  package init?(_ text: String) {
    let parts = text.split(separator: "-")
    guard parts.count == 2, let milliseconds = UInt64(parts[0]), let sequence = UInt64(parts[1])
    else { return nil }
    self.init(milliseconds: milliseconds, sequence: sequence)
  }

  package var description: String { "\(milliseconds)-\(sequence)" }

  package static func < (left: StreamID, right: StreamID) -> Bool {
    (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
  }

  /// The lowest ID that is above this one and not before the wall clock: a clock set back makes the
  /// sequence rise instead. Nil when the space of IDs is used up.
  func next(wallMilliseconds: UInt64) -> StreamID? {
    if wallMilliseconds > milliseconds { return StreamID(milliseconds: wallMilliseconds) }
    if sequence < .max { return StreamID(milliseconds: milliseconds, sequence: sequence + 1) }
    return milliseconds == .max ? nil : StreamID(milliseconds: milliseconds + 1)
  }
}
