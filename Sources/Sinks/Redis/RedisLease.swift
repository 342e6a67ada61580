internal import Glibc

/// The proof that this process alone writes a sensor's streams: the key `martlet:{sensor}:writer`
/// holds its token, and expires unless it is renewed.
///
/// How a write is tied to the lease: by WATCH, carried over from one batch to the next.
///
///     … EXEC │ WATCH lease, GET lease │ MULTI, PEXPIRE lease, XADD …, EXEC │ WATCH lease, GET …
///            └─ answered: ours ───────▶ any change since ──▶ EXEC answers nil, nothing is written
///
/// The WATCH stands *before* the GET that is compared, so a change after the comparison fails the
/// transaction: check and write are atomic. Since the check for the next batch rides behind the
/// EXEC of this one, it costs no round trip, and the renewal within the transaction is one that
/// only the holder can make. A Lua script would do as well, but it would take each batch through
/// Lua's tables, needs EVAL in the ACL, and cannot be streamed to Redis while it is being read.
///
/// Taking the lease is the same in small: WATCH, GET, and where it is free or already ours, SET in
/// MULTI/EXEC. (SET NX would not take what is ours from an earlier connection, and must be *set*
/// then: the change makes void whatever that connection still has in Redis's socket buffers.)
struct RedisLease {
  let key: String
  /// `host:pid:random:origin`: the first two for people, the third against a pid that comes again;
  /// the last says which process it was, see ``ProcessOrigin``.
  let token: String
  private let origin = ProcessOrigin.current
  let milliseconds: Int

  init(sensor: String, milliseconds: Int) {
    key = "martlet:{\(sensor)}:writer"
    self.milliseconds = milliseconds
    var name = [UInt8](repeating: 0, count: 256)
    let named = name.withUnsafeMutableBytes {
      gethostname($0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count - 1) == 0
    }
    let host = named ? String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) : "unknown"
    let random = String(UInt64.random(in: .min ... .max), radix: 16)
    token = "\(host):\(getpid()):\(random):\(origin)"
  }

  /// What a transaction begins with; two answers, `+OK` and `+QUEUED`.
  var prologue: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendRESP(command: ["MULTI"])
    bytes.appendRESP(command: ["PEXPIRE", key, "\(milliseconds)"])
    return bytes
  }

  /// What a transaction ends with; three answers.
  var epilogue: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendRESP(command: ["EXEC"])
    bytes += check
    return bytes
  }

  /// The answers to ``prologue`` where all is well.
  var expectedHead: [UInt8] { [UInt8]("+OK\r\n+QUEUED\r\n".utf8) }
  /// What EXEC answers for the renewal.
  var expectedRenewal: [UInt8] { [UInt8](":1\r\n".utf8) }
  /// The answers behind EXEC's where the lease is ours.
  var expectedTail: [UInt8] {
    var bytes = [UInt8]("+OK\r\n".utf8)
    bytes.appendRESP(token)
    return bytes
  }

  private var check: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendRESP(command: ["WATCH", key])
    bytes.appendRESP(command: ["GET", key])
    return bytes
  }

  /// Takes the lease, or throws `.leaseHeld` with the holder's name.
  func acquire(on client: RedisClient) throws(RedisFault) {
    // Each turn that fails was a race lost to another writer, who then holds the lease.
    for _ in 0..<3 {
      try client.send(check)
      try expectOK(client.readReply(), "WATCH \(key)")
      let reply = try client.readReply()
      if case .error(let text) = reply { throw RedisFault(answer: text, to: key) }
      if let holder = reply.text, holder != token, !isOfTheDead(holder) {
        let left = try client.command(["PTTL", key]).integer ?? -1
        throw RedisFault(
          .leaseHeld,
          "\(key) is held by \(holder): a sensor has one writer, so stop that one or give this one"
            + " a sensor name of its own"
            + (left >= 0 ? "; it expires in \(left) ms unless renewed" : ""))
      }
      try expectOK(client.command(["MULTI"]), "MULTI")
      let queued = try client.command(["SET", key, token, "PX", "\(milliseconds)"])
      let done = try client.command(["EXEC"])
      if case .error(let text) = queued { throw RedisFault(answer: text, to: "SET \(key)") }
      if case .error(let text) = done { throw RedisFault(answer: text, to: "SET \(key)") }
      if done.elements != nil { return }
    }
    throw RedisFault(.leaseHeld, "\(key) changed hands three times while it was being taken")
  }

  /// The holder ran on this machine, in our view of its processes, and is not there any more: what it
  /// still has in Redis's socket buffers, the taking of the lease makes void.
  private func isOfTheDead(_ holder: String) -> Bool {
    let parts = holder.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count >= 4, let pid = Int32(parts[parts.count - 3]),
      let theirs = ProcessOrigin(String(parts[parts.count - 1])), theirs.isOfThisHost(as: origin)
    else { return false }
    if let found = ProcessOrigin(pid: pid) { return found.started != theirs.started }
    // Not to be seen is not dead: it may be another user's, behind hidepid.
    return kill(pid, 0) != 0 && errno == ESRCH
  }

  /// Begins the watch that the next transaction stands on.
  func watch(on client: RedisClient) throws(RedisFault) {
    try client.send(check)
    try readCheck(from: client)
  }

  /// Reads the answers to WATCH and GET; throws `.leaseLost` where the lease is not ours.
  func readCheck(from client: RedisClient) throws(RedisFault) {
    try expectOK(client.readReply(), "WATCH \(key)")
    let reply = try client.readReply()
    if case .error(let text) = reply { throw RedisFault(answer: text, to: "GET \(key)") }
    guard reply.text == token else {
      throw RedisFault(
        .leaseLost,
        reply.text.map { "\(key) was taken over by \($0)" }
          ?? "\(key) expired: this writer was held up for more than \(milliseconds) ms")
    }
  }

  /// Deletes the lease if it is still ours, given a watch that has been checked.
  func release(on client: RedisClient) throws(RedisFault) {
    for command in [["MULTI"], ["DEL", key], ["EXEC"]] { _ = try client.command(command) }
  }

  /// After a start that failed behind ``acquire(on:)``: nobody need wait for the lease to expire.
  func releaseIfOurs(on client: RedisClient) {
    // Where Redis is gone, or the lease another's, there is nothing to release.
    do throws(RedisFault) {
      try watch(on: client)
      try release(on: client)
    } catch {}
  }

  private func expectOK(_ reply: RedisReply, _ subject: String) throws(RedisFault) {
    if case .error(let text) = reply { throw RedisFault(answer: text, to: subject) }
  }
}
