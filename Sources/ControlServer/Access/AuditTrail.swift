package import AuditLog
package import ControlAPI
import Glibc
package import Logging
import Synchronization

/// Who changed what over the control socket, and who was not let: the server's side of the audit log.
///
/// A change has two lines. The first (`begin`) is on disk before the change is made: what cannot be
/// logged is not done. The second (`end`) says what came of it. A refusal has one line (`refused`);
/// each uid has so many a minute, and what is beyond them is counted and comes as one line (`refusals`),
/// so that nobody can fill the disk.
package final class AuditTrail: Sendable {
  /// Lines a minute for refusals: of one uid, and of all together.
  static let refusalsPerUser = 5
  static let refusalsTogether = 60
  /// Parameters and states longer than this are logged by length and hash.
  static let maximumValueBytes = 16 << 10
  private static let minute = Duration.seconds(60)
  private static let maximumUsers = 1024

  private struct Spell {
    var began: ContinuousClock.Instant
    var logged = 0
    var suppressed: UInt64 = 0
  }

  private struct Refusals {
    var users: [uid_t: Spell] = [:]
    var together = Spell(began: .now)
  }

  private let writer: AuditWriter
  /// Whether a change whose line cannot be written is refused.
  private let isRequired: Bool
  private let logger: Logger
  private let refusals = Mutex(Refusals())

  package init(writer: AuditWriter, isRequired: Bool = true, logger: Logger) {
    self.writer = writer
    self.isRequired = isRequired
    self.logger = logger
  }

  package var status: AuditStatus {
    let head = writer.head
    return AuditStatus(path: writer.path, sequence: head.sequence, lastHash: head.hash)
  }

  // MARK: - The daemon

  /// The daemon begins or ends.
  package func note(_ event: String, version: String) {
    _ = write([
      .init("event", .string(event)), .init("program", .string("martletd \(version)")),
      .init("uid", .number(String(geteuid()))), .init("pid", .number(String(getpid()))),
    ])
  }

  package func finish() {
    flushRefusals(all: true)
    writer.finish()
  }

  // MARK: - Changes

  /// The number of the line that says what is about to be done; nil where it could not be written and
  /// need not be.
  ///
  /// - Throws: ``RPCError`` where it could not, and has to.
  func begin(
    _ method: MethodEntry, _ params: JSONValue?, by peer: ControlPeer
  ) throws(RPCError) -> UInt64? {
    let line =
      [.init("event", "begin")] + Self.who(peer) + [
        .init("method", .string(method.name)), .init("params", Self.clipped(params ?? .null)),
      ]
    if let sequence = write(line) { return sequence }
    guard isRequired else { return nil }
    throw RPCError(
      .auditUnavailable, "the audit log cannot be written, so nothing was changed",
      data: ["path": .string(writer.path)])
  }

  /// What came of it.
  func end(
    _ sequence: UInt64?, _ method: MethodEntry, by peer: ControlPeer,
    _ outcome: Result<MethodAnswer, RPCError>
  ) {
    var line = [JSONValue.Member("event", "end")]
    if let sequence { line.append(.init("of", .number(String(sequence)))) }
    line += Self.who(peer) + [.init("method", .string(method.name))]
    switch outcome {
    case .success(let answer):
      line.append(.init("outcome", "ok"))
      if let before = answer.before { line.append(.init("before", Self.clipped(before))) }
      if let after = answer.after { line.append(.init("after", Self.clipped(after))) }
    case .failure(let error):
      line += [.init("outcome", "failed"), .init("error", Self.describe(error))]
    }
    _ = write(line)
  }

  // MARK: - Refusals

  /// A client that may connect, and asked for what it may not, or asked wrongly.
  func refuse(
    _ method: MethodEntry, _ params: JSONValue?, by peer: ControlPeer, _ error: RPCError
  ) {
    refuse(
      peer.credentials.uid,
      Self.who(peer) + [
        .init("method", .string(method.name)), .init("params", Self.clipped(params ?? .null)),
        .init("outcome", "refused"), .init("error", Self.describe(error)),
      ])
  }

  /// A peer that may not connect.
  func refuse(_ credentials: PeerCredentials, _ error: RPCError) {
    refuse(
      credentials.uid,
      [
        .init("uid", .number(String(credentials.uid))),
        .init("pid", .number(String(credentials.pid))),
        .init("outcome", "refused"), .init("error", Self.describe(error)),
      ])
  }

  private func refuse(_ uid: uid_t, _ line: [JSONValue.Member]) {
    flushRefusals(all: false)
    let mayLog = refusals.withLock { refusals in
      if refusals.users[uid] == nil && refusals.users.count < Self.maximumUsers {
        refusals.users[uid] = Spell(began: .now)
      }
      guard var spell = refusals.users[uid] else { return false }
      let isLogged =
        spell.logged < Self.refusalsPerUser
        && refusals.together.logged < Self.refusalsTogether
      spell.logged += isLogged ? 1 : 0
      spell.suppressed += isLogged ? 0 : 1
      refusals.together.logged += isLogged ? 1 : 0
      refusals.users[uid] = spell
      return isLogged
    }
    if mayLog { _ = write([.init("event", "refused")] + line) }
  }

  /// Writes how many refusals were not logged, of the users whose minute is over; or of all.
  func flushRefusals(all: Bool) {
    let now = ContinuousClock.now
    let over: [(uid_t, UInt64)] = refusals.withLock { refusals in
      if now - refusals.together.began >= Self.minute { refusals.together = Spell(began: now) }
      let users = refusals.users.filter { all || now - $0.value.began >= Self.minute }
      for uid in users.keys { refusals.users[uid] = nil }
      return users.filter { $0.value.suppressed > 0 }.map { ($0.key, $0.value.suppressed) }
    }
    for (uid, count) in over.sorted(by: { $0.0 < $1.0 }) {
      _ = write([
        .init("event", "refusals"), .init("uid", .number(String(uid))),
        .init("count", .number(String(count))),
      ])
    }
  }

  // MARK: - Lines

  /// The line's number; nil where it could not be written.
  private func write(_ members: [JSONValue.Member]) -> UInt64? {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let now = ControlTime.text(
      nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    do {
      return try writer.append([.init("time", .string(now))] + members).sequence
    } catch {
      logger.error("\(error)")
      return nil
    }
  }

  private static func who(_ peer: ControlPeer) -> [JSONValue.Member] {
    [
      .init("uid", .number(String(peer.credentials.uid))),
      .init("pid", .number(String(peer.credentials.pid))), .init("role", .string(peer.role.name)),
    ]
  }

  private static func describe(_ error: RPCError) -> JSONValue {
    ["code": .number(String(error.code.rawValue)), "message": clipped(.string(error.message))]
  }

  private static func clipped(_ value: JSONValue) -> JSONValue {
    var bytes: [UInt8] = []
    value.write(to: &bytes)
    guard bytes.count > maximumValueBytes else { return value }
    return [
      "bytes": .number(String(bytes.count)), "sha256": .string(AuditHash.text(of: bytes)),
    ]
  }
}
