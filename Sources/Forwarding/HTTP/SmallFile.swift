internal import Glibc

/// Files that are read as a whole: secrets, templates, lists of headers.
enum SmallFile {
  /// The bytes of a file; an error in words where it cannot be read or is longer than it may be.
  static func read(_ path: String, maximumBytes: Int) throws(TargetSettingsError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 { throw TargetSettingsError("\(path): \(String(cString: strerror(errno)))") }
    defer { close(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = Glibc.read(file, &piece, piece.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw TargetSettingsError("\(path): \(String(cString: strerror(errno)))") }
      if count == 0 { return bytes }
      bytes += piece[..<count]
      if bytes.count > maximumBytes {
        throw TargetSettingsError(
          "\(path) is longer than the \(maximumBytes) bytes that it may have")
      }
    }
  }

  /// Why a file cannot be read; nil where it can.
  static func problem(_ path: String) -> String? {
    access(path, R_OK) == 0 ? nil : String(cString: strerror(errno))
  }
}
