package import ControlAPI
import Glibc
import Synchronization

/// Why the audit log cannot be written or read: which file, what was wrong, what would be right.
package struct AuditLogError: Error, Equatable, Sendable, CustomStringConvertible {
  package var description: String

  init(_ description: String) { self.description = description }

  init(_ what: String, errno code: CInt) {
    description = "\(what): \(String(cString: strerror(code)))"
  }
}

/// Appends lines to the audit log, each on disk before the call returns.
///
/// The file is only ever appended to, so that `chattr +a` can be set on it. What was written in part (the
/// disk was full, the machine went down) stays: its line is ended, and a line of the event `torn` with
/// the hash of what there is of it says so, in the chain.
package final class AuditWriter: Sendable {
  private struct State {
    var head: AuditHead
    /// Bytes behind the last line end.
    var fragment: [UInt8]
    var isClosed = false
  }

  package let path: String
  private let descriptor: CInt
  private let state: Mutex<State>
  /// What a line may have, with room; the end of the file is looked at as far back.
  private static let maximumLineBytes = 1 << 20

  /// Opens or makes the file (mode 0640) and finds the end of its chain.
  ///
  /// - Throws: where it cannot be opened, another process writes it, or it ends in what is no audit log.
  package init(path: String) throws(AuditLogError) {
    self.path = path
    let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY
    descriptor = open(path, flags, 0o640)
    guard descriptor >= 0 else {
      throw AuditLogError("cannot open audit log \(path)", errno: errno)
    }
    do throws(AuditLogError) {
      var information = stat()
      guard fstat(descriptor, &information) == 0 else {
        throw AuditLogError("cannot look at audit log \(path)", errno: errno)
      }
      guard information.st_mode & S_IFMT == S_IFREG else {
        throw AuditLogError("audit log \(path) is no ordinary file; name another path")
      }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        throw AuditLogError(
          "audit log \(path) is written by another process; give each daemon a file of its own")
      }
      let (head, fragment) = try Self.end(of: descriptor, bytes: Int(information.st_size), path)
      state = Mutex(State(head: head, fragment: fragment))
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { finish() }

  /// Where the chain ends now.
  package var head: AuditHead { state.withLock { $0.head } }

  /// Adds a line of these members, `time` among them, and waits until the disk has it.
  @discardableResult
  package func append(_ members: [JSONValue.Member]) throws(AuditLogError) -> AuditHead {
    try state.withLock { state throws(AuditLogError) in
      if state.isClosed { throw AuditLogError("audit log \(path) is closed") }
      if !state.fragment.isEmpty { try mendTornLine(&state, time: members.first) }
      try write(members, &state)
      return state.head
    }
  }

  /// Nothing can be added any more.
  package func finish() {
    state.withLock { state in
      if !state.isClosed { close(descriptor) }
      state.isClosed = true
    }
  }

  // MARK: - Writing

  private func write(
    _ members: [JSONValue.Member], _ state: inout State
  ) throws(AuditLogError) {
    let (bytes, head) = AuditLine.make(members, after: state.head)
    try put(bytes + [UInt8(ascii: "\n")], &state)
    state.head = head
    guard fdatasync(descriptor) == 0 else {
      throw AuditLogError("cannot write audit log \(path) to disk", errno: errno)
    }
  }

  /// All of it, or what was written of it is the state's fragment.
  private func put(_ bytes: [UInt8], _ state: inout State) throws(AuditLogError) {
    var written = 0
    while written < bytes.count {
      // `written` is below the count, so the pointer stays within the buffer.
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        let code = errno
        state.fragment += bytes[..<written]
        throw AuditLogError("cannot write audit log \(path)", errno: code)
      }
      written += count
    }
    state.fragment = []
  }

  /// Ends a line that was written in part, and names it; or takes it for whole where only its end is
  /// missing.
  private func mendTornLine(
    _ state: inout State, time: JSONValue.Member?
  ) throws(AuditLogError) {
    let fragment = state.fragment
    if let line = try? AuditLine(fragment[...]), line.previous == state.head.hash {
      try put([UInt8(ascii: "\n")], &state)
      state.head = line.head
      return
    }
    let (bytes, head) = AuditLine.make(
      [time].compactMap { $0 } + [
        .init("event", "torn"), .init("tornBytes", .number(String(fragment.count))),
        .init("tornSHA256", .string(AuditHash.text(of: fragment))),
      ], after: state.head)
    try put([UInt8(ascii: "\n")] + bytes + [UInt8(ascii: "\n")], &state)
    state.head = head
  }

  // MARK: - The end of the file

  private static func end(
    of descriptor: CInt, bytes size: Int, _ path: String
  ) throws(AuditLogError) -> (AuditHead, fragment: [UInt8]) {
    let count = min(size, maximumLineBytes)
    var tail = [UInt8](repeating: 0, count: count)
    var read = 0
    while read < count {
      let got = tail.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + read, count - read, off_t(size - count + read))
      }
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else { throw AuditLogError("cannot read audit log \(path)", errno: errno) }
      read += got
    }
    let newline = UInt8(ascii: "\n")
    let wholeEnd = tail.lastIndex(of: newline)
    let fragment = Array(tail[(wholeEnd.map { $0 + 1 } ?? 0)...])
    guard let wholeEnd else {
      guard size <= maximumLineBytes else { throw foreign(path) }
      return (.beginning, fragment)
    }
    let start = tail[..<wholeEnd].lastIndex(of: newline).map { $0 + 1 } ?? 0
    guard start > 0 || size <= maximumLineBytes, let line = try? AuditLine(tail[start..<wholeEnd])
    else { throw foreign(path) }
    return (line.head, fragment)
  }

  private static func foreign(_ path: String) -> AuditLogError {
    AuditLogError(
      "the last line of audit log \(path) is none of an audit log, or was changed; see `martlet audit"
        + " verify \(path)`, and move the file away")
  }
}
