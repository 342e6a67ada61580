/// Which flow each packet of a source was counted in: eight bytes a packet, by its ordinal.
///
/// The memory is zeroed, usually a sparse file's mapping, and belongs to whoever asks; workers write
/// disjoint words, so they need no order among themselves.
package struct PacketMap: BitwiseCopyable, @unchecked Sendable {
  /// Never seen, or dropped by the packet filter.
  package static let filtered: UInt64 = 0
  /// Passed the filter and is in no flow: not IP, or discarded by a named cause.
  package static let noFlow: UInt64 = 1

  package let words: UnsafeMutablePointer<UInt64>
  package let count: UInt64

  package init(words: UnsafeMutablePointer<UInt64>, count: UInt64) {
    self.words = words
    self.count = count
  }

  @inline(__always)
  func pass(_ ordinal: UInt64) {
    if ordinal < count { words[Int(ordinal)] = 1 }
  }

  /// `flow` is the ordinal of the flow's first packet, which no two flows share.
  @inline(__always)
  func set(_ ordinal: UInt64, flow: UInt64) {
    if ordinal < count { words[Int(ordinal)] = flow &+ 2 }
  }

  /// The ordinal of the first packet of the flow that a packet is in; nil where it is in none.
  package func flow(of ordinal: UInt64) -> UInt64? {
    guard ordinal < count, words[Int(ordinal)] > Self.noFlow else { return nil }
    return words[Int(ordinal)] &- 2
  }

  package func passed(_ ordinal: UInt64) -> Bool {
    ordinal < count && words[Int(ordinal)] != Self.filtered
  }
}
