import Glibc

/// Files that are gone as soon as nobody has them open.
package enum TemporaryFile {
  /// `$TMPDIR`, else /var/tmp: what is put there may be more than memory has room for, and /tmp often is
  /// memory.
  package static var folder: String {
    getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
  }

  package struct Failure: Error {
    package let folder: String
    package let code: Int32
  }

  package static func open(in folder: String = Self.folder) throws(Failure) -> Int32 {
    var template = Array("\(folder)/martlet-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw Failure(folder: folder, code: errno) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(template)
    return descriptor
  }
}
