internal import CHiredis
internal import Glibc
internal import Synchronization

/// One blocking connection to Redis, over hiredis.
///
/// Used by one thread; only ``interrupt()`` may be called from another. hiredis connects and
/// parses answers; what is sent goes straight from the caller's buffer to send(2), because
/// hiredis would copy it, and with MSG_NOSIGNAL, because hiredis would raise SIGPIPE.
package final class RedisClient: @unchecked Sendable {
  private let context: UnsafeMutablePointer<redisContext>
  /// The descriptor while it is open, so that interrupt() never meets one that was closed.
  private let descriptor: Mutex<Int32>
  private var replyTimeoutSeconds: Double

  /// Connects, signs in and selects the database.
  ///
  /// - Parameter timeoutSeconds: for connecting, and for each answer until
  ///   ``setReplyTimeout(seconds:)``.
  package init(_ url: RedisURL, timeoutSeconds: Double) throws(RedisFault) {
    let time = timeval(seconds: timeoutSeconds)
    let opened =
      switch url.endpoint {
      case .tcp(let host, let port): redisConnectWithTimeout(host, Int32(port), time)
      case .unix(let path): redisConnectUnixWithTimeout(path, time)
      }
    guard let opened else {
      throw RedisFault(.connection, "\(url.target): hiredis found no memory")
    }
    context = opened
    replyTimeoutSeconds = timeoutSeconds
    descriptor = Mutex(opened.pointee.err == 0 ? opened.pointee.fd : -1)
    // From here on every property is set, so deinit frees the context where this throws.
    guard opened.pointee.err == 0 else {
      throw RedisFault(.connection, "\(url.target): \(contextError)")
    }
    setReplyTimeout(seconds: timeoutSeconds)
    if let password = url.password {
      try expectOK(["AUTH"] + (url.username.map { [$0] } ?? []) + [password], at: url)
    }
    if url.database != 0 { try expectOK(["SELECT", "\(url.database)"], at: url) }
  }

  deinit {
    close()
    redisFree(context)
  }

  private func expectOK(_ command: [String], at url: RedisURL) throws(RedisFault) {
    let reply = try self.command(command)
    if case .error(let text) = reply {
      throw RedisFault(answer: text, to: "\(command[0]) at \(url.target)")
    }
  }

  private var contextError: String {
    withUnsafeBytes(of: context.pointee.errstr) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// How long to wait for each read and write; rounded to microseconds, never 0 (which would be
  /// for ever).
  package func setReplyTimeout(seconds: Double) {
    replyTimeoutSeconds = seconds
    redisSetTimeout(context, timeval(seconds: max(seconds, 0.001)))
  }

  // MARK: Sending and receiving

  /// Sends bytes that are RESP already, all of them.
  package func send(_ bytes: [UInt8]) throws(RedisFault) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          context.pointee.fd, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 {
        sent += count
      } else if errno == EAGAIN {
        throw RedisFault(.connection, "Redis took nothing for \(replyTimeoutSeconds) s")
      } else if errno != EINTR {
        throw RedisFault(.connection, "connection lost while sending: \(systemErrorText(errno))")
      }
    }
  }

  package func readReply() throws(RedisFault) -> RedisReply {
    try nextReply().copy
  }

  func nextReply() throws(RedisFault) -> BorrowedReply {
    var raw: UnsafeMutableRawPointer?
    guard redisGetReply(context, &raw) == REDIS_OK, let raw else {
      // EAGAIN is how SO_RCVTIMEO shows; hiredis passes it on as "Resource temporarily unavailable".
      let timedOut = context.pointee.err == REDIS_ERR_IO && errno == EAGAIN
      throw RedisFault(
        .connection,
        timedOut
          ? "no answer from Redis for \(replyTimeoutSeconds) s" : "connection lost: \(contextError)"
      )
    }
    return BorrowedReply(raw.assumingMemoryBound(to: redisReply.self))
  }

  /// One command and its answer; an error that Redis answers is an answer and does not throw.
  package func command(_ arguments: [String]) throws(RedisFault) -> RedisReply {
    var bytes: [UInt8] = []
    bytes.appendRESP(command: arguments)
    try send(bytes)
    return try readReply()
  }

  // MARK: The end

  /// From any thread: whatever waits for Redis fails at once.
  package func interrupt() {
    descriptor.withLock { if $0 >= 0 { shutdown($0, Int32(SHUT_RDWR)) } }
  }

  private func close() {
    descriptor.withLock { $0 = -1 }
  }
}

extension timeval {
  init(seconds: Double) {
    let microseconds = Int(max(0, min(seconds, 1e6)) * 1e6)
    self.init(tv_sec: microseconds / 1_000_000, tv_usec: microseconds % 1_000_000)
  }
}
