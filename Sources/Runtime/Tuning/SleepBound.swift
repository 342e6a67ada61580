import Ports

/// The longest sleep that a worker's rings last for.
///
/// A sleeping worker takes nothing, so what comes meanwhile must have room: the descriptors of each
/// of its queues, and the slots of its hand-off rings. At 10 Gbit/s a frame of 64 bytes, with preamble
/// and gap 84, comes every 67.2 ns: 1,024 descriptors last 69 µs. Half of that is slept, since a
/// wake-up takes some tens of microseconds on a virtual machine and a few on metal.
package enum SleepBound {
  /// Bits of the shortest Ethernet frame on the wire, preamble and inter-frame gap included.
  static let shortestFrameBits = 84 * 8
  /// Where the port does not tell its speed.
  static let assumedMbps = 10_000

  /// Nanoseconds until `slots` are full of the shortest frames at a link's full rate.
  package static func coverNanoseconds(slots: Int, linkMbps: Int) -> UInt64 {
    let mbps = linkMbps > 0 ? linkMbps : assumedMbps
    return UInt64(max(slots, 0) * shortestFrameBits * 1000 / mbps)
  }

  /// For a worker with these queues; `.max` where no ring sets a bound.
  package static func nanoseconds(
    queues: [(descriptors: Int, linkMbps: Int)], handoffSlots: Int?
  ) -> UInt64 {
    let speeds = queues.map { $0.linkMbps > 0 ? $0.linkMbps : assumedMbps }
    // Ports that are no rings (a capture file's) have no descriptors, and lose nothing.
    var covers = queues.filter { $0.descriptors > 0 }
      .map { coverNanoseconds(slots: $0.descriptors, linkMbps: $0.linkMbps) }
    if let handoffSlots {
      covers.append(
        coverNanoseconds(slots: handoffSlots, linkMbps: speeds.max() ?? assumedMbps))
    }
    return covers.min().map { $0 / 2 } ?? .max
  }
}
