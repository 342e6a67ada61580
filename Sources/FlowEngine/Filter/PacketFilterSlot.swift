import CBurst

/// Where workers find the packet filter of the moment: one word that is replaced while they run. A
/// worker looks once a burst.
package struct PacketFilterSlot: BitwiseCopyable, @unchecked Sendable {
  /// The address of a ``PacketFilter``; 0 lets every packet pass.
  fileprivate let word: UnsafeMutablePointer<UInt64>

  @inline(__always)
  var current: UnsafePointer<PacketFilter>? {
    UnsafePointer(bitPattern: UInt(martlet_load_acquire(word)))
  }
}

/// The slot's memory and that of the filters that were ever in it: a worker may still be looking at the
/// last one.
package final class PacketFilterHolder: @unchecked Sendable {
  package let slot: PacketFilterSlot
  private var filters: [UnsafeMutablePointer<PacketFilter>] = []

  package init() {
    let word = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    word.initialize(to: 0)
    slot = PacketFilterSlot(word: word)
  }

  deinit {
    for filter in filters { filter.deallocate() }
    slot.word.deallocate()
  }

  /// Workers take it up at their next burst. What `filter` is a handle of lives longer than they do. One
  /// thread sets.
  package func set(_ filter: PacketFilter) {
    let box = UnsafeMutablePointer<PacketFilter>.allocate(capacity: 1)
    box.initialize(to: filter)
    filters.append(box)
    martlet_store_release(slot.word, UInt64(UInt(bitPattern: box)))
  }
}
