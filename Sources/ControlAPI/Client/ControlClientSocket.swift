import Glibc

/// The client's end of the control socket: lines out, lines in, with a deadline.
struct ControlClientSocket: ~Copyable {
  /// The longest answer that is taken; the server's own limit is far lower.
  static let maximumAnswerBytes = 64 << 20

  let path: String
  private let descriptor: CInt
  private let timeoutSeconds: Double
  /// Read, but not yet returned.
  private var pending: [UInt8] = []

  init(path: String, timeoutSeconds: Double) throws(ControlClientError) {
    self.path = path
    self.timeoutSeconds = timeoutSeconds
    guard var address = unixSocketAddress(path: path) else {
      throw ControlClientError(
        .badPath,
        "the socket path \(path) has \(path.utf8.count) bytes; 1 to \(maximumSocketPathBytes) "
          + "are possible")
    }
    // Not blocking, so that a full backlog is an error and not a wait without end.
    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let descriptor = socket(AF_UNIX, CInt(kind), 0)
    guard descriptor >= 0 else { throw Self.failure("cannot make a socket", errno) }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, length)
      }
    }
    if result != 0 {
      let code = errno
      close(descriptor)
      throw Self.connectFailure(path, code)
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  private static func connectFailure(_ path: String, _ code: CInt) -> ControlClientError {
    switch code {
    case ENOENT, ENOTDIR:
      ControlClientError(
        .unavailable,
        "martletd is not running at \(path) (no such socket); start it or give --socket")
    // What connect(2) says of a file that is no socket, too.
    case ECONNREFUSED where !isSocket(path):
      ControlClientError(
        .badPath, "\(path) is no socket; give martletd's control.socket with --socket")
    case ECONNREFUSED:
      ControlClientError(
        .unavailable,
        "martletd is not running at \(path) (nobody listens at the socket it left); start it or "
          + "give --socket")
    case EACCES, EPERM:
      ControlClientError(
        .notPermitted,
        "not permitted to connect to \(path); run as root or as martletd's own user")
    case EAGAIN:
      ControlClientError(
        .unavailable, "martletd at \(path) has too many clients waiting; try again")
    default: failure("cannot connect to \(path)", code)
    }
  }

  private static func isSocket(_ path: String) -> Bool {
    var info = stat()
    guard unsafe stat(path, &info) == 0 else { return true }
    return info.st_mode & S_IFMT == S_IFSOCK
  }

  private static func failure(_ what: String, _ code: CInt) -> ControlClientError {
    ControlClientError(.unavailable, "\(what): \(unsafe String(cString: strerror(code)))")
  }

  /// When what begins now has to be over.
  func deadline() -> Double { Self.now() + timeoutSeconds }

  /// - Parameter deadline: On the clock of ``now()``.
  func write(_ line: [UInt8], until deadline: Double) throws(ControlClientError) {
    var sent = 0
    while sent < line.count {
      try wait(for: POLLOUT, until: deadline)
      let count = unsafe line.withUnsafeBytes { buffer in
        // `sent` is below `count`, so the pointer stays within the buffer.
        unsafe send(
          descriptor, buffer.baseAddress! + sent, buffer.count - sent,
          CInt(MSG_NOSIGNAL))
      }
      if count > 0 {
        sent += count
      } else if errno == EPIPE || errno == ECONNRESET {
        // The server has closed; it may have left a line that says why.
        return
      } else if errno != EAGAIN && errno != EINTR {
        throw lost(errno)
      }
    }
  }

  /// The next line that comes, without its end.
  mutating func readLine(until deadline: Double) throws(ControlClientError) -> [UInt8] {
    var scanned = 0
    while true {
      if let end = pending[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(pending[..<end])
        pending.removeSubrange(...end)
        return line
      }
      scanned = pending.count
      if scanned > Self.maximumAnswerBytes {
        throw ControlClientError(
          .badAnswer, "the answer from \(path) is longer than \(Self.maximumAnswerBytes) bytes")
      }
      try wait(for: POLLIN, until: deadline)
      let chunk = 65536
      var code: CInt = 0
      let received = unsafe [UInt8](unsafeUninitializedCapacity: chunk) { buffer, count in
        let result = unsafe recv(
          descriptor, buffer.baseAddress, chunk, 0)
        code = result < 0 ? errno : 0
        count = max(0, result)
      }
      if code == EAGAIN || code == EINTR { continue }
      if code != 0 { throw lost(code) }
      if received.isEmpty { throw lost(0) }
      pending.append(contentsOf: received)
    }
  }

  private func wait(for event: CInt, until deadline: Double) throws(ControlClientError) {
    while true {
      let left = deadline - Self.now()
      if left <= 0 {
        throw ControlClientError(
          .timedOut, "nothing came from martletd at \(path) in time")
      }
      var request = pollfd(fd: descriptor, events: Int16(event), revents: 0)
      // At most a minute at a time, so that the product fits an Int32.
      let result = unsafe poll(&request, 1, CInt((min(left, 60) * 1000).rounded(.up)))
      if result > 0 { return }
      if result < 0 && errno != EINTR { throw lost(errno) }
    }
  }

  private func lost(_ code: CInt) -> ControlClientError {
    let reason = code == 0 ? "it closed the connection" : unsafe String(cString: strerror(code))
    return ControlClientError(.connectionLost, "lost martletd at \(path): \(reason)")
  }

  /// Seconds on a steady clock.
  static func now() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
