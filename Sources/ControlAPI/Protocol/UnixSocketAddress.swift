package import Glibc

/// How long a Unix socket's path may be: `sun_path` has 108 bytes, the last is the terminator.
package let maximumSocketPathBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

/// The address of a socket in the file system; nil where the path is empty, too long, or has a
/// zero byte in it.
package func unixSocketAddress(path: String) -> sockaddr_un? {
  let bytes = Array(path.utf8)
  guard (1...maximumSocketPathBytes).contains(bytes.count), !bytes.contains(0) else { return nil }
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  // The rest of sun_path is zero, and the guard leaves room for at least one of it.
  unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
    unsafe target.copyBytes(from: bytes)
  }
  return address
}
