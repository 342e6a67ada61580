import Glibc

/// A file, a pipe or standard output that lines or packets are written to, gathered into large pieces.
///
/// After an error nothing more is written, and what a full disk left of the last line (of packets, of the
/// last piece) is cut off, so that whoever reads the file meets whole ones only.
final class OutputFile: @unchecked Sendable {
  let path: String
  private var descriptor: Int32
  private let isStandardOutput: Bool
  /// Bytes in the file; lines end there.
  private(set) var bytesWritten = 0
  private(set) var error: OutputError?
  /// The reader of a pipe went away: it has seen enough.
  private(set) var isUnwanted = false

  static let pieceBytes = 1 << 20

  private let holdsLines: Bool

  /// Whether what the file held before has been cut off.
  private var isBegun = false

  /// `-` is standard output. A file that is there is replaced, by the first write and not before: a run
  /// that fails at once leaves it as it was.
  init(path: String, holdsLines: Bool = true) throws(OutputError) {
    self.path = path
    self.holdsLines = holdsLines
    isStandardOutput = path == "-"
    descriptor =
      isStandardOutput
      ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw OutputError(path, errno) }
  }

  deinit { if !isStandardOutput && descriptor >= 0 { close(descriptor) } }

  var isBroken: Bool { error != nil || isUnwanted }

  /// Writes whole lines or packets.
  func write(_ bytes: UnsafeRawBufferPointer) {
    begin()
    guard !isBroken, bytes.count > 0 else { return }
    var done = 0
    while done < bytes.count {
      // `done` is below `count`.
      let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count > 0 {
        done += count
      } else if errno == EPIPE {
        isUnwanted = true
        return
      } else if errno == EAGAIN {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&request, 1, 1000)
      } else if errno != EINTR {
        error = OutputError(isStandardOutput ? "standard output" : path, errno)
        cutTornLine(bytes, done)
        return
      }
    }
    bytesWritten += bytes.count
  }

  private func begin() {
    if !isBegun && !isStandardOutput { ftruncate(descriptor, 0) }
    isBegun = true
  }

  func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

  private func cutTornLine(_ bytes: UnsafeRawBufferPointer, _ done: Int) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
    let line = holdsLines ? bytes[..<done].lastIndex(of: UInt8(ascii: "\n")) : nil
    let whole = line.map { $0 + 1 } ?? 0
    let torn = done - whole
    if torn > 0 { ftruncate(descriptor, status.st_size - off_t(torn)) }
    bytesWritten += whole
  }

  /// Closes the file, which is when some file systems first tell of a full disk.
  func finish() {
    begin()
    guard !isStandardOutput, descriptor >= 0 else { return }
    if close(descriptor) != 0 && error == nil { error = OutputError(path, errno) }
    descriptor = -1
  }
}

struct OutputError: Error, CustomStringConvertible {
  var description: String

  init(_ path: String, _ what: String) { description = "\(path): \(what)" }

  init(_ path: String, _ code: Int32) {
    let advice =
      switch code {
      case ENOSPC, EDQUOT: "; what was written is whole, and the rest is not there"
      case ENOENT: "; its folder must exist"
      default: ""
      }
    description = "\(path): \(String(cString: strerror(code)))\(advice)"
  }
}
