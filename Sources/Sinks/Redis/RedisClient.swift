internal import CHiredis
internal import Glibc
internal import Synchronization

/// One connection to Redis, over hiredis, for a thread that waits for its answers.
///
/// Used by one thread; only ``interrupt()`` may be called from another. hiredis connects and
/// parses answers. Bytes go straight between the caller's buffers and the socket, because hiredis
/// would copy what is sent, and would raise SIGPIPE; and while the thread waits, for as long as it
/// may be, it does what ``whileWaiting`` says: a publisher has records to bring to safety.
package final class RedisClient: @unchecked Sendable {
  private let context: UnsafeMutablePointer<redisContext>
  /// The descriptor while it is open, so that interrupt() never meets one that was closed.
  private let descriptor: Mutex<Int32>
  private var replyTimeoutSeconds: Double
  /// Called about every 20 ms while an answer is waited for; false ends the waiting with a fault.
  var whileWaiting: (() -> Bool)?
  /// What has come and nobody has read: `buffer[unread ..< filled]`.
  private var buffer = [UInt8](repeating: 0, count: 256 << 10)
  private var unread = 0
  private var filled = 0
  /// Nil: bytes go as they are.
  private var tls: RedisTLSSession?
  /// Said behind a loss until a first answer has come: what a server that wants TLS does.
  private var doubt: String

  /// How long one wait lasts before ``whileWaiting`` has its turn, in milliseconds.
  private static let sliceMilliseconds: Int32 = 20

  /// Connects, signs in and selects the database.
  ///
  /// - Parameters:
  ///   - timeoutSeconds: for connecting, and for each answer until ``setReplyTimeout(seconds:)``.
  ///   - whileWaiting: called about every 20 ms while something is waited for; false gives up.
  package convenience init(_ url: RedisURL, timeoutSeconds: Double) throws(RedisFault) {
    try self.init(url, timeoutSeconds: timeoutSeconds, whileWaiting: nil)
  }

  init(_ url: RedisURL, timeoutSeconds: Double, whileWaiting: (() -> Bool)?) throws(RedisFault) {
    guard url.tls == nil || RedisTLS.isAvailable else {
      throw RedisFault(.refused, "\(url.target): \(RedisTLS.absence)")
    }
    let deadline = monotonicDeadline(afterSeconds: timeoutSeconds)
    context = try Self.open(url, until: deadline, whileWaiting)
    replyTimeoutSeconds = timeoutSeconds
    descriptor = Mutex(context.pointee.fd)
    self.whileWaiting = whileWaiting
    doubt = url.host.isEmpty || url.tls != nil ? "" : "; a port that speaks TLS wants rediss://"
    // From here on every property is set, so deinit frees the context where this throws.
    if let settings = url.tls { try shakeHands(settings, url, until: deadline) }
    if let password = url.password {
      try expectOK(["AUTH"] + (url.username.map { [$0] } ?? []) + [password], at: url)
    }
    if url.database != 0 { try expectOK(["SELECT", "\(url.database)"], at: url) }
  }

  deinit {
    descriptor.withLock { $0 = -1 }
    redisFree(context)
  }

  private func expectOK(_ command: [String], at url: RedisURL) throws(RedisFault) {
    let reply = try self.command(command)
    if case .error(let text) = reply {
      throw RedisFault(answer: text, to: "\(command[0]) at \(url.target)")
    }
  }

  // MARK: Connecting

  private static func open(_ url: RedisURL, until deadline: UInt64, _ whileWaiting: (() -> Bool)?)
    throws(RedisFault) -> UnsafeMutablePointer<redisContext>
  {
    switch url.endpoint {
    case .unix(let path):
      return try finish(redisConnectUnixNonBlock(path), url.target, until: deadline, whileWaiting)
    case .tcp(let host, let port):
      let resolver = HostResolver(host)
      var addresses = try resolver.addresses()
      while addresses == nil {
        guard monotonicNanoseconds() < deadline else {
          throw RedisFault(.connection, "\(url.target): no name server has answered for \(host)")
        }
        usleep(2_000)
        if whileWaiting?() == false { throw RedisFault(.connection, "\(url.target): given up") }
        addresses = try resolver.addresses()
      }
      var first: RedisFault?
      for address in addresses ?? [] {
        do throws(RedisFault) {
          return try finish(
            redisConnectNonBlock(address, Int32(port)), url.target, until: deadline, whileWaiting)
        } catch {
          first = first ?? error
        }
      }
      throw first ?? RedisFault(.connection, "\(url.target): it has no address")
    }
  }

  /// Waits until a connection that was begun stands.
  private static func finish(
    _ begun: UnsafeMutablePointer<redisContext>?, _ target: String, until deadline: UInt64,
    _ whileWaiting: (() -> Bool)?
  ) throws(RedisFault) -> UnsafeMutablePointer<redisContext> {
    guard let begun else { throw RedisFault(.connection, "\(target): hiredis found no memory") }
    do throws(RedisFault) {
      guard begun.pointee.err == 0 else {
        throw RedisFault(.connection, "\(target): \(errorText(begun))")
      }
      while true {
        var wait = pollfd(fd: begun.pointee.fd, events: Int16(POLLOUT), revents: 0)
        if poll(&wait, 1, sliceMilliseconds) > 0 { break }
        if whileWaiting?() == false { throw RedisFault(.connection, "\(target): given up") }
        guard monotonicNanoseconds() < deadline else {
          throw RedisFault(.connection, "\(target): \(systemErrorText(ETIMEDOUT))")
        }
      }
      var error: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(begun.pointee.fd, SOL_SOCKET, SO_ERROR, &error, &size)
      guard error == 0 else {
        throw RedisFault(.connection, "\(target): \(systemErrorText(error))")
      }
      return begun
    } catch {
      redisFree(begun)
      throw error
    }
  }

  private func shakeHands(
    _ settings: RedisTLS, _ url: RedisURL, until deadline: UInt64
  ) throws(RedisFault) {
    do throws(RedisFault) {
      let session = try RedisTLSSession(context, settings, host: url.host)
      while try session.shakeHands() == .wouldBlock {
        try wait(
          for: session.awaited, until: deadline,
          "its TLS handshake was not done in time; a port that speaks TLS (tls-port) would be right"
        )
      }
      tls = session
    } catch {
      throw RedisFault(error.kind, "\(url.target): \(error.description)")
    }
  }

  private static func errorText(_ context: UnsafeMutablePointer<redisContext>) -> String {
    withUnsafeBytes(of: context.pointee.errstr) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// How long to wait for each answer, and for room to send.
  package func setReplyTimeout(seconds: Double) { replyTimeoutSeconds = max(seconds, 0.001) }

  // MARK: Sending and receiving

  /// Waits until the socket is ready, in slices; the deadline is one for all of them.
  private func wait(for events: Int32, until deadline: UInt64, _ late: String) throws(RedisFault) {
    while true {
      var wait = pollfd(fd: context.pointee.fd, events: Int16(events), revents: 0)
      if poll(&wait, 1, Self.sliceMilliseconds) > 0 { return }
      if whileWaiting?() == false {
        throw RedisFault(.connection, "given up while waiting for Redis")
      }
      if monotonicNanoseconds() >= deadline { throw RedisFault(.connection, late) }
    }
  }

  /// Sends bytes that are RESP already, all of them.
  package func send(_ bytes: [UInt8]) throws(RedisFault) {
    // typed throws do not pass through withUnsafeBytes.
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(RedisFault) in try send(buffer) }
    }
    try result.get()
  }

  func send(_ bytes: UnsafeRawBufferPointer) throws(RedisFault) {
    if let tls { return try send(bytes, over: tls) }
    guard let start = bytes.baseAddress else { return }
    var sent = 0
    var deadline = monotonicDeadline(afterSeconds: replyTimeoutSeconds)
    while sent < bytes.count {
      let count = Glibc.send(
        context.pointee.fd, start + sent, bytes.count - sent, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      if count >= 0 {
        sent += count
        deadline = monotonicDeadline(afterSeconds: replyTimeoutSeconds)
      } else if errno == EAGAIN {
        try wait(
          for: POLLOUT, until: deadline, "Redis took nothing for \(replyTimeoutSeconds) s")
      } else if errno != EINTR {
        throw RedisFault(
          .connection, "connection lost while sending: \(systemErrorText(errno))\(doubt)")
      }
    }
  }

  private func send(
    _ bytes: UnsafeRawBufferPointer, over tls: RedisTLSSession
  ) throws(RedisFault) {
    // hiredis copies what it encrypts, and says nothing before all of it is sent: in pieces, so that
    // the deadline is one for each of them.
    let piece = 64 << 10
    var sent = 0
    while sent < bytes.count {
      let end = min(sent + piece, bytes.count)
      let deadline = monotonicDeadline(afterSeconds: replyTimeoutSeconds)
      try tls.append(UnsafeRawBufferPointer(rebasing: bytes[sent..<end]))
      while try tls.flush() == .wouldBlock {
        try wait(
          for: tls.awaited, until: deadline, "Redis took nothing for \(replyTimeoutSeconds) s")
      }
      sent = end
    }
  }

  /// As ``receive(until:)``. TLS may hold bytes that poll() knows nothing of, so it is read first,
  /// until it would block.
  private func receive(over tls: RedisTLSSession, until deadline: UInt64) throws(RedisFault) {
    while unread == filled {
      let count = try tls.read(into: &buffer)
      if count > 0 {
        unread = 0
        filled = count
        return
      }
      try wait(
        for: tls.awaited, until: deadline, "no answer from Redis for \(replyTimeoutSeconds) s")
    }
  }

  /// Waits until there is at least a byte to read in `buffer`.
  private func receive(until deadline: UInt64) throws(RedisFault) {
    if let tls { return try receive(over: tls, until: deadline) }
    while unread == filled {
      let count = buffer.withUnsafeMutableBytes {
        recv(context.pointee.fd, $0.baseAddress!, $0.count, Int32(MSG_DONTWAIT))
      }
      if count > 0 {
        unread = 0
        filled = count
        return
      }
      if count == 0 {
        throw RedisFault(.connection, "connection lost: Redis has closed it\(doubt)")
      } else if errno == EAGAIN {
        try wait(
          for: POLLIN, until: deadline, "no answer from Redis for \(replyTimeoutSeconds) s")
      } else if errno != EINTR {
        throw RedisFault(.connection, "connection lost: \(systemErrorText(errno))\(doubt)")
      }
    }
  }

  package func readReply() throws(RedisFault) -> RedisReply {
    try nextReply().copy
  }

  func nextReply() throws(RedisFault) -> BorrowedReply {
    let deadline = monotonicDeadline(afterSeconds: replyTimeoutSeconds)
    var fed = 0
    while true {
      var raw: UnsafeMutableRawPointer?
      guard redisReaderGetReply(context.pointee.reader, &raw) == REDIS_OK else {
        throw RedisFault(.connection, "connection lost: Redis answered what is no RESP\(doubt)")
      }
      if let raw {
        if !doubt.isEmpty { doubt = "" }
        return BorrowedReply(raw.assumingMemoryBound(to: redisReply.self))
      }
      try receive(until: deadline)
      guard feed(buffer[unread..<filled]) else {
        throw RedisFault(.connection, "connection lost: hiredis found no memory")
      }
      fed += filled - unread
      unread = filled
      // An answer that never ends, however fast it comes.
      if fed > Self.answerBytes {
        throw RedisFault(.connection, "Redis answers more than \(Self.answerBytes >> 20) MiB")
      }
      if monotonicNanoseconds() >= deadline {
        throw RedisFault(.connection, "no whole answer from Redis for \(replyTimeoutSeconds) s")
      }
    }
  }

  private static let answerBytes = 512 << 20

  private func feed(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes {
      redisReaderFeed(
        context.pointee.reader, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
    } == REDIS_OK
  }

  /// Reads answers that are known beforehand: true where just those came, and nothing need be
  /// parsed. False where something else came, all of which ``nextReply()`` gives then.
  ///
  /// To be called only where no answer before these is left in hiredis's reader.
  func readExpected(_ expected: UnsafeRawBufferPointer) throws(RedisFault) -> Bool {
    guard let start = expected.baseAddress else { return true }
    var matched = 0
    while matched < expected.count {
      try receive(until: monotonicDeadline(afterSeconds: replyTimeoutSeconds))
      let count = min(filled - unread, expected.count - matched)
      let isSame = buffer.withUnsafeBytes {
        memcmp(start + matched, $0.baseAddress! + unread, count) == 0
      }
      guard isSame else {
        guard feed(Array(expected[..<matched])[...]) else {
          throw RedisFault(.connection, "connection lost: hiredis found no memory")
        }
        return false
      }
      unread += count
      matched += count
    }
    return true
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
}
