import Glibc
import Runtime

/// A long row of words, all zero until they are written, in a temporary file's mapping: it takes room on
/// disk and in memory only where it is reserved, and memory can be had back from it at any time.
final class SparseWords: @unchecked Sendable {
  let words: UnsafeMutablePointer<UInt64>
  let count: Int
  private let byteCount: Int
  private let descriptor: Int32
  /// Bytes that have their place on the disk; what lies behind them must not be touched, or a full disk
  /// would end the process.
  private var reservedBytes = 0

  private static let step = 16 << 20

  init(count: Int) throws(OutputError) {
    self.count = max(count, 1)
    byteCount = (self.count * 8 + 4095) & ~4095
    descriptor = try TemporaryFile.forOutput()
    var memory: UnsafeMutableRawPointer?
    if ftruncate(descriptor, off_t(byteCount)) == 0 {
      memory = mmap(
        nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0)
    }
    guard let memory, memory != MAP_FAILED else {
      let error = OutputError("a temporary file in \(TemporaryFile.folder)", errno)
      close(descriptor)
      throw error
    }
    words = memory.assumingMemoryBound(to: UInt64.self)
  }

  deinit {
    munmap(words, byteCount)
    close(descriptor)
  }

  /// Makes the first `count` words fit to be written. One thread asks.
  func reserve(_ count: Int) throws(OutputError) {
    let wanted = min(count * 8, byteCount)
    guard wanted > reservedBytes else { return }
    let end = min(byteCount, max(wanted, reservedBytes + Self.step))
    let error = posix_fallocate(descriptor, off_t(reservedBytes), off_t(end - reservedBytes))
    guard error == 0 else {
      throw OutputError("a temporary file in \(TemporaryFile.folder)", error)
    }
    reservedBytes = end
  }
}
