import CBurst

/// A bounded queue between one producing and one consuming thread, in memory that somebody else owns.
///
///     | tail, head seen by the producer | head, tail seen by the consumer | slot 0 | slot 1 | …
///       64 bytes, written by producer     64 bytes, written by consumer
///
/// Tail and head only rise; a slot is their low bits. Each side keeps a copy of the other's counter
/// and reads the real one only when the copy says full or empty, so in steady state a push or a pop
/// touches no line that the other side writes but the slot itself.
@frozen
package struct Ring<Element: BitwiseCopyable>: BitwiseCopyable, @unchecked Sendable {
  @usableFromInline let control: UnsafeMutablePointer<UInt64>
  @usableFromInline let slots: UnsafeMutablePointer<Element>
  @usableFromInline let mask: UInt64

  /// Bytes a ring of `capacity` slots takes.
  package static func byteCount(capacity: Int) -> Int {
    128 + capacity * MemoryLayout<Element>.stride
  }

  /// `memory` is zeroed, `byteCount(capacity:)` long and aligned to 64; `capacity` is a power of two.
  package init(memory: UnsafeMutableRawPointer, capacity: Int) {
    precondition(capacity > 0 && capacity & (capacity - 1) == 0, "capacity is a power of two")
    control = memory.assumingMemoryBound(to: UInt64.self)
    slots = (memory + 128).assumingMemoryBound(to: Element.self)
    mask = UInt64(capacity - 1)
  }

  package var capacity: Int { Int(mask) + 1 }

  /// Elements waiting, as seen from any thread.
  @inlinable
  package var count: Int {
    // Read the head first: the tail only grows, so the difference never goes below zero.
    let head = martlet_load_acquire(control + 8)
    return Int(martlet_load_acquire(control) &- head)
  }

  /// Producer: a free slot to write in place, or nil where the ring is full. Nothing is visible to
  /// the consumer until ``commit()``.
  @inlinable @inline(__always)
  package func reserve() -> UnsafeMutablePointer<Element>? {
    let tail = control[0]
    if tail &- control[1] > mask {
      control[1] = martlet_load_acquire(control + 8)
      if tail &- control[1] > mask { return nil }
    }
    return slots + Int(tail & mask)
  }

  /// Producer: hands over the slot that ``reserve()`` gave.
  @inlinable @inline(__always)
  package func commit() { martlet_store_release(control, control[0] &+ 1) }

  /// Producer: the free slot `ahead` behind the next one, or nil where the ring is full.
  @inlinable @inline(__always)
  package func reserve(ahead: Int) -> UnsafeMutablePointer<Element>? {
    let slot = control[0] &+ UInt64(truncatingIfNeeded: ahead)
    if slot &- control[1] > mask {
      control[1] = martlet_load_acquire(control + 8)
      if slot &- control[1] > mask { return nil }
    }
    return slots + Int(slot & mask)
  }

  /// Producer: hands over the next `count` slots.
  @inlinable @inline(__always)
  package func commit(_ count: Int) {
    martlet_store_release(control, control[0] &+ UInt64(truncatingIfNeeded: count))
  }

  /// How many elements were ever handed over, and how many given back, as seen from any thread.
  package var produced: UInt64 { martlet_load_acquire(control) }
  package var consumed: UInt64 { martlet_load_acquire(control + 8) }

  /// Producer: pushes one, or returns false where the ring is full.
  @inlinable @inline(__always)
  package func push(_ element: Element) -> Bool {
    guard let slot = reserve() else { return false }
    slot.pointee = element
    commit()
    return true
  }

  /// Consumer: how many elements can be read in place, at the most `limit`.
  @inlinable @inline(__always)
  package func available(limit: Int) -> Int {
    let head = control[8]
    if control[9] == head { control[9] = martlet_load_acquire(control) }
    return min(Int(control[9] &- head), limit)
  }

  /// Consumer: the element `offset` behind the head; `offset` is below what ``available(limit:)`` gave.
  @inlinable @inline(__always)
  package func peek(_ offset: Int) -> UnsafeMutablePointer<Element> {
    slots + Int((control[8] &+ UInt64(truncatingIfNeeded: offset)) & mask)
  }

  /// Consumer: gives `count` slots back.
  @inlinable @inline(__always)
  package func release(_ count: Int) {
    martlet_store_release(control + 8, control[8] &+ UInt64(truncatingIfNeeded: count))
  }
}
