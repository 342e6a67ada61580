/// What time it is by the packets of a source, which may be out of order, stand still, or be wrong.
///
/// The clock follows the packets forward. One that is up to a second late leaves it where it is; one
/// that is later than that takes it back. A leap of more than a minute ahead holds only once the next
/// packet has confirmed it, so that one wrong time stamp does not end every flow. What it says depends
/// on the packets and their order and on nothing else.
struct PacketClock {
  /// The latest time a packet can have: 2^32 seconds, the year 2106.
  static let latest: UInt64 = (1 << 32) * 1_000_000_000

  static let tolerance: UInt64 = 1_000_000_000
  static let leap: UInt64 = 60_000_000_000

  /// What no packet's time is near: the first one is unusual.
  private static let never: UInt64 = 1 << 63

  /// Means nothing before the first packet.
  private(set) var now = never
  /// A leap that waits to be confirmed; 0 for none.
  private var pending: UInt64 = 0

  /// Takes a packet's time. Returns true where the clock went back (or began): `before` then holds
  /// what it had reached.
  @inline(__always)
  mutating func take(_ time: UInt64, before: inout UInt64) -> Bool {
    // Both differences wrap where they are negative, and are then beyond any bound.
    if time &- now <= Self.leap {
      now = time
      pending = 0
      return false
    }
    if now &- time <= Self.tolerance {
      pending = 0
      return false
    }
    return takeUnusual(time, &before)
  }

  @inline(never)
  private mutating func takeUnusual(_ time: UInt64, _ before: inout UInt64) -> Bool {
    guard now != Self.never else {
      before = time
      now = time
      return true
    }
    if time < now {
      before = now
      now = time
      pending = 0
      return true
    }
    if pending != 0 && time >= pending &- min(pending, Self.tolerance) {
      // Confirmed; where this packet leaps on from there it waits in its turn.
      let goesOn = time > pending && time &- pending > Self.leap
      now = goesOn ? pending : time
      pending = goesOn ? time : 0
    } else {
      pending = time
    }
    return false
  }
}
