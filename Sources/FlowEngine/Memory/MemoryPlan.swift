/// Cuts one region of memory into named pieces, each on cache lines of its own.
///
/// The same plan is walked twice: once over nothing, to add up what is needed, and once over the
/// memory that was then taken. Nothing is allocated afterwards.
package struct MemoryPlan {
  package struct Item: Sendable {
    package var name: String
    package var bytes: Int
  }

  package private(set) var items: [Item] = []
  package private(set) var total = 0
  private let base: UnsafeMutableRawPointer?

  /// A plan that only adds up.
  package init() { base = nil }

  /// A plan over `memory`, which is zeroed and aligned to 128.
  package init(memory: UnsafeMutableRawPointer) { base = memory }

  /// Takes `bytes`, aligned to 128. While adding up it gives an address that is not to be touched.
  package mutating func take(_ name: String, bytes: Int) -> UnsafeMutableRawPointer {
    items.append(Item(name: name, bytes: bytes))
    let offset = total
    total += (bytes + 127) & ~127
    return (base ?? UnsafeMutableRawPointer(bitPattern: 4096)!) + offset
  }
}
