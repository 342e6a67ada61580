import CPosix
import Glibc

/// A regular file, mapped whole: the window is all of it, and its pages come and go with the reading.
final class MappedBytes {
  let base: UnsafeMutableRawPointer
  let length: Int
  private let guardNumber: Int32
  private let path: String
  private let identity: (dev_t, ino_t)
  /// Pages up to here have been asked for, and mapped.
  private var populated = 0
  private var requested = 0

  /// Mapped at a time, and read from disk ahead of that.
  private static let step = 2 << 20
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

  /// The reading has come to `offset`: the pages behind it are mapped in one call, instead of one fault
  /// each.
  @inline(__always)
  func reached(_ offset: Int) {
    if offset &+ Self.step / 2 > populated && populated < length { populate(offset) }
  }

  @inline(never)
  private func populate(_ offset: Int) {
    let start = max(populated, offset & ~(Self.step - 1))
    let end = min(length, max(start, offset) + Self.step)
    if requested < min(length, end + Self.readAhead / 2) {
      let from = max(requested, start) & ~4095
      let to = min(length, end + Self.readAhead)
      madvise(base + from, to - from, MADV_WILLNEED)
      requested = to
    }
    // 22: MADV_POPULATE_READ, Linux 5.14; where it is not known the pages come one by one.
    let page = start & ~4095
    madvise(base + page, end - page, 22)
    populated = end
  }

  /// Nobody looks at [from, to) any more: its pages are unmapped, and stay in the page cache.
  func forget(from: Int, to: Int) {
    let first = (from + 4095) & ~4095
    let last = to & ~4095
    if last > first { madvise(base + first, last - first, MADV_DONTNEED) }
  }
}
