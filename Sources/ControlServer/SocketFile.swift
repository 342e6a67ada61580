import ControlAPI
import Glibc

/// A listening Unix socket and its name in the file system.
///
/// Looking for a socket left behind, removing it and taking its place is done under a lock on the
/// directory, so that of two daemons that start together one gets the path and the other an error.
struct SocketFile: Sendable {
  let path: String
  /// Listening; whoever takes it closes it.
  let descriptor: CInt
  /// Which file is ours, so that nothing else is removed in its place.
  private let device: dev_t
  private let inode: ino_t

  /// - Parameters:
  ///   - mode: permission bits of the file, in force from the moment it exists.
  ///   - group: name or number of the group it belongs to; nil leaves the process's own.
  init(path: String, mode: UInt32, group: String?, backlog: CInt) throws(ControlServerError) {
    guard let address = unixSocketAddress(path: path) else {
      throw ControlServerError(
        "control socket path \(path) has \(path.utf8.count) bytes; 1 to \(maximumSocketPathBytes) "
          + "are possible")
    }
    let groupID = try group.map(Self.groupID(named:))
    let directory = Self.directory(of: path)
    let directoryDescriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directoryDescriptor >= 0 else {
      throw ControlServerError(
        "cannot use directory \(directory) for control socket \(path) (make it, or name another "
          + "path)", errno: errno)
    }
    defer { close(directoryDescriptor) }
    guard flock(directoryDescriptor, LOCK_EX) == 0 else {
      throw ControlServerError("cannot lock directory \(directory)", errno: errno)
    }
    try Self.removeStale(path, address)

    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let descriptor = socket(AF_UNIX, CInt(kind), 0)
    guard descriptor >= 0 else {
      throw ControlServerError("cannot make the control socket", errno: errno)
    }
    var isBound = false
    do throws(ControlServerError) {
      // On Linux the file gets the mode that the socket has when it is bound (less the umask), so
      // it is never open to more than the owner before its group and mode are as they should be.
      guard fchmod(descriptor, 0o600) == 0 else {
        throw ControlServerError("cannot set the mode of control socket \(path)", errno: errno)
      }
      guard Self.withSocketAddress(address, { bind(descriptor, $0, $1) }) == 0 else {
        throw ControlServerError("cannot make control socket \(path)", errno: errno)
      }
      isBound = true
      if let groupID, chown(path, uid_t.max, groupID) != 0 {
        throw ControlServerError(
          "cannot give control socket \(path) to group \(group ?? "")", errno: errno)
      }
      guard chmod(path, mode) == 0 else {
        throw ControlServerError("cannot set the mode of control socket \(path)", errno: errno)
      }
      guard listen(descriptor, backlog) == 0 else {
        throw ControlServerError("cannot listen at control socket \(path)", errno: errno)
      }
      var information = stat()
      guard lstat(path, &information) == 0 else {
        throw ControlServerError("cannot find control socket \(path) again", errno: errno)
      }
      device = information.st_dev
      inode = information.st_ino
    } catch {
      if isBound { unlink(path) }
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
  }

  /// Takes the name away, unless the file is no longer ours.
  func remove() {
    var information = stat()
    if lstat(path, &information) == 0, information.st_dev == device, information.st_ino == inode {
      unlink(path)
    }
  }

  /// Removes a socket that nobody listens at; refuses one in use and anything else.
  private static func removeStale(
    _ path: String, _ address: sockaddr_un
  ) throws(ControlServerError) {
    var information = stat()
    if lstat(path, &information) != 0 {
      if errno == ENOENT { return }
      throw ControlServerError("cannot look at control socket \(path)", errno: errno)
    }
    guard information.st_mode & S_IFMT == S_IFSOCK else {
      throw ControlServerError(
        "control socket path \(path) is taken by a file that is no socket; move it, or name "
          + "another path")
    }
    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let probe = socket(AF_UNIX, CInt(kind), 0)
    guard probe >= 0 else { throw ControlServerError("cannot make a socket", errno: errno) }
    defer { close(probe) }
    if withSocketAddress(address, { connect(probe, $0, $1) }) == 0 || errno == EAGAIN {
      throw ControlServerError(
        "control socket \(path) is in use by another process; stop that one, or name another path")
    }
    guard errno == ECONNREFUSED else {
      throw ControlServerError("cannot tell whether control socket \(path) is in use", errno: errno)
    }
    if unlink(path) != 0 && errno != ENOENT {
      throw ControlServerError("cannot remove the old control socket \(path)", errno: errno)
    }
  }

  private static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func groupID(named name: String) throws(ControlServerError) -> gid_t {
    guard let number = gid_t(name) ?? AccountNames.gid(ofGroup: name) else {
      throw ControlServerError("there is no group \(name) for the control socket")
    }
    return number
  }

  private static func withSocketAddress(
    _ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
  ) -> CInt {
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}

/// The words of `strerror(3)`.
func errorText(_ code: CInt) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  _ = strerror_r(code, &buffer, buffer.count)
  return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
