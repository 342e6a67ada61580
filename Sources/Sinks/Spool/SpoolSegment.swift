internal import Glibc

/// One file of a spool: a head, then frames that are only ever appended.
///
///     0   "MRTLSPL1"
///     8   number of the segment, 8 bytes, little-endian: also the file's name, `0000…42.spool`
final class SpoolSegment {
  static let magic = [UInt8]("MRTLSPL1".utf8)
  static let headBytes = 16

  let number: UInt64
  let path: String
  /// Bytes of the file that hold whole frames; what stands behind them counts as not written.
  private(set) var size: Int
  /// Entries in it, read or not.
  var entries: UInt32 = 0
  /// Entries that are still to be delivered or given up on.
  var unsettled = 0
  private var descriptor: Int32

  /// Makes the file.
  init(creating number: UInt64, in directory: String) throws(SpoolFault) {
    self.number = number
    path = Self.path(of: number, in: directory)
    size = Self.headBytes
    // 0640: records tell who talked to whom.
    descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw SpoolFault(path, errno) }
    var head = Self.magic
    head.appendLittle(number)
    do throws(SpoolFault) {
      try write(head, at: 0)
    } catch {
      close(descriptor)
      unlink(path)
      throw error
    }
  }

  /// Opens one that an earlier process left; its size is that of the whole file until
  /// ``cut(to:)``. Nil where it is no segment; what cannot be opened is thrown, for it may be one.
  init?(reading number: UInt64, in directory: String) throws(SpoolFault) {
    self.number = number
    path = Self.path(of: number, in: directory)
    size = 0
    descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw SpoolFault(path, errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = errno
      close(descriptor)
      throw SpoolFault(path, error)
    }
    guard status.st_mode & S_IFMT == S_IFREG else { return nil }
    size = Int(status.st_size)
    var expected = Self.magic
    expected.appendLittle(number)
    guard read(at: 0, count: Self.headBytes) == expected else { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  static func path(of number: UInt64, in directory: String) -> String {
    let digits = String(number)
    return "\(directory)/\(String(repeating: "0", count: max(0, 20 - digits.count)))\(digits).spool"
  }

  /// The number in a file's name; nil where it is another file.
  static func number(ofFile name: String) -> UInt64? {
    guard name.hasSuffix(".spool"), name.utf8.count == 26 else { return nil }
    // Numbers that no spool comes to, and that could not be counted on from.
    return UInt64(name.dropLast(6)).flatMap { $0 < .max / 2 ? $0 : nil }
  }

  /// Bytes from a place on; fewer where the file ends.
  func read(at offset: Int, count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let got = pread(
          descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
        if got < 0 && errno == EINTR { continue }
        if got <= 0 { return }
        filled += got
      }
    }
  }

  /// Appends frames, all of them or, where the disk is full, none.
  func append(_ frames: [UInt8]) throws(SpoolFault) {
    try write(frames, at: size)
    size += frames.count
  }

  private func write(_ bytes: [UInt8], at offset: Int) throws(SpoolFault) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(
          descriptor, $0.baseAddress! + written, bytes.count - written, off_t(offset + written))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        let error = count < 0 ? errno : ENOSPC
        // What stands there now is read by nobody; cutting it off only gives its room back.
        _ = ftruncate(descriptor, off_t(offset))
        throw SpoolFault(path, error)
      }
      written += count
    }
  }

  /// Down to the disk itself.
  func synchronize() throws(SpoolFault) {
    if fdatasync(descriptor) != 0 { throw SpoolFault(path, errno) }
  }

  /// Forgets what stands behind the last whole frame.
  func cut(to size: Int) {
    self.size = size
    _ = ftruncate(descriptor, off_t(size))
  }

  func remove() {
    unlink(path)
    close(descriptor)
    descriptor = -1
  }
}

/// Why the spool could not be written.
package struct SpoolFault: Error, Sendable, CustomStringConvertible {
  package var description: String
  /// The spool holds as much as it may, or its disk is full: there will be room again.
  package var isFull: Bool

  init(_ path: String, _ error: Int32) {
    isFull = [ENOSPC, EDQUOT, EFBIG].contains(error)
    description = "spool \(path): \(systemErrorText(error))"
  }

  init(full bytes: Int) {
    isFull = true
    description = "the spool holds the \(bytes >> 20) MiB that it may (spoolMegabytes)"
  }
}
