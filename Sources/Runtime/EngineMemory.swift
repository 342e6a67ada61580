import FlowEngine
import Foundation

/// One zeroed region for a worker's tables and rings, taken at start and given back at the end.
///
/// Hugepages where the system has them reserved, transparent ones where it allows that, else ordinary
/// pages. Every page is touched at start, so that no page fault meets a packet; but for capture files,
/// which can wait, and need no memory that they do not use.
package final class EngineMemory: @unchecked Sendable {
  package enum Pages: String, Sendable {
    case huge = "hugepages"
    case transparent = "transparent hugepages"
    case ordinary = "ordinary pages"
  }

  package let base: UnsafeMutableRawPointer
  package let byteCount: Int
  package let pages: Pages
  static let hugePage = 2 << 20
  // Linux's numbers; Foundation does not import the first.
  private static let mapHugeTLB: Int32 = 0x40000

  /// `noHugepages` keeps to ordinary memory; `place` is called before the first page is touched.
  /// `reserved` false takes no reserved hugepages and touches nothing.
  package init(
    byteCount: Int, noHugepages: Bool, reserved: Bool = true,
    place: (UnsafeMutableRawPointer) -> Void
  ) throws {
    let rounded = (byteCount + Self.hugePage - 1) & ~(Self.hugePage - 1)
    self.byteCount = rounded
    let protection = PROT_READ | PROT_WRITE
    let flags = MAP_PRIVATE | MAP_ANONYMOUS
    if !noHugepages && reserved {
      let huge = mmap(nil, rounded, protection, flags | Self.mapHugeTLB, -1, 0)
      if let huge, huge != MAP_FAILED {
        base = huge
        pages = .huge
        place(base)
        touch(every: Self.hugePage)
        return
      }
    }
    // Room to begin at a hugepage's boundary.
    guard let memory = mmap(nil, rounded + Self.hugePage, protection, flags, -1, 0),
      memory != MAP_FAILED
    else {
      throw EngineError(
        "no memory for \(rounded >> 20) MiB of tables and rings; lower flows.capacity or"
          + " records.ringSlots")
    }
    let aligned = (Int(bitPattern: memory) + Self.hugePage - 1) & ~(Self.hugePage - 1)
    base = UnsafeMutableRawPointer(bitPattern: aligned)!
    let advised = madvise(base, rounded, MADV_HUGEPAGE) == 0
    pages = advised && !noHugepages ? .transparent : .ordinary
    place(base)
    if reserved { touch(every: 4096) }
  }

  private func touch(every bytes: Int) {
    for offset in stride(from: 0, to: byteCount, by: bytes) {
      base.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
    }
  }

  deinit { munmap(base, byteCount) }
}

/// What an engine cannot do, in one line: what is wrong, and what would be right.
package struct EngineError: Error, CustomStringConvertible, Sendable {
  package var description: String
  package init(_ description: String) { self.description = description }
}
