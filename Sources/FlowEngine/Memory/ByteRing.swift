import CBurst

/// A bounded queue of messages of any length between one producing and one consuming thread, in memory
/// that somebody else owns.
///
///     | tail, head seen by the producer | head, tail seen by the consumer | bytes … |
///
/// A message is its length (8 bytes) and its bytes, rounded up to eight, and never wraps: where it does not
/// fit behind the last one, the rest of the memory is skipped, which a length of ``skip`` says.
package struct ByteRing: BitwiseCopyable, @unchecked Sendable {
  private let control: UnsafeMutablePointer<UInt64>
  private let bytes: UnsafeMutableRawPointer
  private let size: UInt64

  private static var skip: UInt64 { .max }
  private static let head = 8

  /// Bytes a ring takes that holds `capacity`, a power of two.
  package static func byteCount(capacity: Int) -> Int { 128 + capacity }

  /// `memory` is zeroed, `byteCount(capacity:)` long and aligned to 64.
  package init(memory: UnsafeMutableRawPointer, capacity: Int) {
    precondition(
      capacity >= 64 && capacity & (capacity - 1) == 0, "capacity is a power of two from 64 on")
    control = memory.assumingMemoryBound(to: UInt64.self)
    bytes = memory + 128
    size = UInt64(capacity)
  }

  package var capacity: Int { Int(size) }

  /// The longest message that is sure to fit into an empty ring.
  package var longestMessage: Int { Int(size) / 2 - Self.head }

  /// Bytes in use, as seen from any thread.
  package var used: Int {
    let head = martlet_load_acquire(control + 8)
    return Int(martlet_load_acquire(control) &- head)
  }

  /// Bytes ever put in, and ever given back, room that was skipped included, as seen from any thread: what
  /// was there at a moment is gone when the second one has come to where the first one was.
  package var produced: UInt64 { martlet_load_acquire(control) }
  package var consumed: UInt64 { martlet_load_acquire(control + 8) }

  /// Producer: appends a message of two parts. Returns false, with nothing changed, where the ring has no
  /// room for it, as for one that is longer than ``longestMessage``.
  package func push(
    _ first: UnsafeRawPointer, _ firstCount: Int, _ second: UnsafeRawPointer, _ secondCount: Int
  ) -> Bool {
    let count = firstCount &+ secondCount
    guard count <= longestMessage else { return false }
    let need = UInt64((Self.head &+ count &+ 7) & ~7)
    var tail = control[0]
    let place = tail & (size &- 1)
    let rest = size &- place
    let total = need <= rest ? need : need &+ rest
    if tail &+ total &- control[1] > size {
      control[1] = martlet_load_acquire(control + 8)
      if tail &+ total &- control[1] > size { return false }
    }
    var to = bytes + Int(place)
    if need > rest {
      to.storeBytes(of: Self.skip, as: UInt64.self)
      to = bytes
      tail &+= rest
    }
    to.storeBytes(of: UInt64(count), as: UInt64.self)
    (to + Self.head).copyMemory(from: first, byteCount: firstCount)
    (to + Self.head + firstCount).copyMemory(from: second, byteCount: secondCount)
    martlet_store_release(control, tail &+ need)
    return true
  }

  /// Consumer: the next message, which stays until ``release(_:)``; nil where there is none.
  package func peek() -> UnsafeRawBufferPointer? {
    var head = control[8]
    while true {
      if control[9] == head {
        control[9] = martlet_load_acquire(control)
        if control[9] == head { return nil }
      }
      let place = bytes + Int(head & (size &- 1))
      let count = place.load(as: UInt64.self)
      if count != Self.skip {
        return UnsafeRawBufferPointer(start: place + Self.head, count: Int(count))
      }
      head = (head | (size &- 1)) &+ 1
      martlet_store_release(control + 8, head)
    }
  }

  /// Consumer: gives the message back that ``peek()`` gave.
  package func release(_ message: UnsafeRawBufferPointer) {
    martlet_store_release(
      control + 8, control[8] &+ UInt64((Self.head &+ message.count &+ 7) & ~7))
  }
}
