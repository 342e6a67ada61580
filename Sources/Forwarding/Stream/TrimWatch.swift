internal import Sinks

/// Finds entries that were trimmed before the group read them: the group's place in the stream lies
/// before the first entry that is left.
///
/// Redis 7.0 numbers a stream's entries (`entries-added`) and a group's (`entries-read`), so what lies
/// between can be counted:
///
///     1 ........ read ······ trimmed | first ........ added
///                      lost          |<--- length --->
///
/// Its `entries-read` counts what was handed out, though, and goes on by one over such a gap; later
/// versions set it to the entry's place. ``counted`` is what this one is behind for that reason.
/// Several members of a group see a gap together with the read that goes over it, in one transaction,
/// so only one of them counts it.
struct TrimWatch {
  /// A stream and a group at one moment.
  struct Sight: Equatable {
    var length: UInt64
    /// Nil where the stream is empty.
    var first: StreamID?
    var lastGenerated: StreamID
    /// Nil before Redis 7.0.
    var entriesAdded: UInt64?
    var lastDelivered: StreamID
    /// Nil before Redis 7.0, and where it does not know.
    var entriesRead: UInt64?
  }

  enum Finding: Equatable {
    case nothing
    case trimmed(UInt64)
    /// Something may have been; Redis cannot say how much.
    case possible
  }

  private var counted: UInt64 = 0
  private var trimmedBefore: UInt64?
  private var possibleAt: StreamID?
  private var lastGap: UInt64 = 0

  mutating func look(_ sight: Sight) -> Finding {
    lastGap = 0
    let trimmed = sight.entriesAdded.map { $0 - min($0, sight.length) }
    defer { if let trimmed { trimmedBefore = trimmed } }
    // A group that has not read anything begins where the stream does.
    guard sight.lastDelivered != StreamID() else { return .nothing }
    let isBehind =
      sight.first.map { sight.lastDelivered < $0 } ?? (sight.lastDelivered < sight.lastGenerated)
    guard isBehind, sight.lastDelivered < sight.lastGenerated else { return .nothing }
    guard let trimmed, let read = sight.entriesRead else {
      if possibleAt == sight.lastDelivered { return .nothing }
      possibleAt = sight.lastDelivered
      return .possible
    }
    var gap = trimmed - min(trimmed, read &+ counted)
    // Not more than have gone since the last look: other members may have counted earlier gaps.
    if let trimmedBefore { gap = min(gap, trimmed - min(trimmed, trimmedBefore)) }
    guard gap > 0 else { return .nothing }
    counted += gap
    lastGap = gap
    return .trimmed(gap)
  }

  /// After the read that went over the gap.
  ///
  /// - Parameters:
  ///   - before: `entries-read` before it.
  ///   - after: and after it.
  ///   - handedOut: how many entries it gave.
  mutating func read(before: UInt64?, after: UInt64?, handedOut: UInt64) {
    guard lastGap > 0, let before, let after, after > before &+ handedOut else { return }
    // This Redis has taken the gap into its own count.
    counted = 0
    lastGap = 0
  }
}
