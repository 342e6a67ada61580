import Glibc

/// Which regular file it is, under whatever name.
struct FileIdentity: Hashable {
  private let device: UInt64
  private let inode: UInt64

  /// Nil for what is there no more, and for what is no regular file.
  init?(_ path: String, _ descriptor: Int32? = nil) {
    var status = stat()
    let isKnown = descriptor.map { fstat($0, &status) == 0 } ?? (stat(path, &status) == 0)
    guard isKnown, status.st_mode & S_IFMT == S_IFREG else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}
