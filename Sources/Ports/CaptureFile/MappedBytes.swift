import CPosix
import Glibc

/// A regular file, mapped whole: the window is all of it, and its pages come and go with the reading.
final class MappedBytes {
  let base: UnsafeMutableRawPointer
  let length: Int
  private let guardNumber: Int32
  private let path: String
  private let identity: (dev_t, ino_t)
  /// Read from disk up to here, or on the way.
  private var requested = 0
  private static let readAhead = 32 << 20

  /// Nil where the file cannot be mapped, or too many are.
  init?(descriptor: Int32, path: String, status: stat) {
    let length = Int(status.st_size)
    guard length > 0 else { return nil }
    let mapping = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let mapping, mapping != MAP_FAILED else { return nil }
    guardNumber = martlet_mapping_guard(mapping, length)
    if guardNumber < 0 {
      munmap(mapping, length)
      return nil
    }
    self.path = path
    identity = (status.st_dev, status.st_ino)
    base = mapping
    self.length = length
  }

  deinit {
    martlet_mapping_release(guardNumber)
    munmap(base, length)
  }

  /// A page was missed: the file became shorter while it was read.
  @inline(__always)
  var isCut: Bool { martlet_mapping_cut(guardNumber) != .max }

  /// How many bytes the file still holds; behind them the mapping shows zeros, within a page without
  /// anything being missed. Of a file that has been replaced or deleted, as far as pages tell.
  var validLength: Int {
    let missed = min(martlet_mapping_cut(guardNumber), length)
    var status = stat()
    guard stat(path, &status) == 0, (status.st_dev, status.st_ino) == identity else {
      return missed
    }
    return min(missed, Int(status.st_size))
  }

  /// The reading has come to `offset`: what follows is read from disk, where it is not in the page cache.
  /// Its pages are mapped as they are met, sixteen a fault; asking for that by MADV_POPULATE_READ goes
  /// page by page and takes twice as long.
  @inline(__always)
  func reached(_ offset: Int) {
    if offset &+ Self.readAhead / 2 > requested && requested < length { readOn(offset) }
  }

  @inline(never)
  private func readOn(_ offset: Int) {
    let from = max(requested, offset) & ~4095
    let to = min(length, max(from, offset) + Self.readAhead)
    madvise(base + from, to - from, MADV_WILLNEED)
    requested = to
  }

  /// Nobody looks at [from, to) any more: its pages are unmapped, and stay in the page cache.
  func forget(from: Int, to: Int) {
    let first = (from + 4095) & ~4095
    let last = to & ~4095
    if last > first { madvise(base + first, last - first, MADV_DONTNEED) }
  }
}
