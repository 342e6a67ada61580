import Glibc

/// A long row of words, all zero until they are written, in a temporary file's mapping: it takes room on
/// disk and in memory only where it is touched, and memory can be had back from it at any time.
final class SparseWords: @unchecked Sendable {
  let words: UnsafeMutablePointer<UInt64>
  let count: Int
  private let byteCount: Int

  init(count: Int) throws(OutputError) {
    self.count = max(count, 1)
    byteCount = (self.count * 8 + 4095) & ~4095
    let descriptor = try TemporaryFile.open()
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else {
      throw OutputError("a temporary file in \(TemporaryFile.folder)", errno)
    }
    let memory = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0)
    guard let memory, memory != MAP_FAILED else {
      throw OutputError("a temporary file in \(TemporaryFile.folder)", errno)
    }
    words = memory.assumingMemoryBound(to: UInt64.self)
  }

  deinit { munmap(words, byteCount) }
}
