/// What was sent last and acknowledged by the receiver's kernel.
///
/// That acknowledgement does not say that the receiver has read it. When the receiver dies, what
/// waits in its socket or in its own memory dies with it, and nothing in syslog tells how much that
/// was; so the last of it is sent again, and the records' identifiers tell what came twice.
struct SyslogResendWindow {
  private struct Piece {
    var bytes: ArraySlice<UInt8>
    var records: Int
    var sent: ContinuousClock.Instant
  }

  private let limitBytes: Int
  private let limitSeconds: Double
  private var pieces: [Piece] = []
  private(set) var byteCount = 0

  init(limitBytes: Int, limitSeconds: Double) {
    self.limitBytes = limitBytes
    self.limitSeconds = limitSeconds
  }

  var isEmpty: Bool { pieces.isEmpty }
  var recordCount: Int { pieces.reduce(0) { $0 + $1.records } }
  /// The oldest first.
  var contents: [ArraySlice<UInt8>] { pieces.map(\.bytes) }

  /// Holds `limitBytes` at least of what was sent last, and at most a batch more.
  mutating func append(
    _ bytes: ArraySlice<UInt8>, records: Int, at now: ContinuousClock.Instant
  ) {
    guard limitBytes > 0, !bytes.isEmpty else { return }
    pieces.append(Piece(bytes: bytes, records: records, sent: now))
    byteCount += bytes.count
    while let first = pieces.first, byteCount - first.bytes.count >= limitBytes { removeFirst() }
  }

  /// Forgets what is older than the limit. Only while the connection lives: when it is lost, what
  /// it held then must not get too old while the receiver is away.
  mutating func trim(now: ContinuousClock.Instant) {
    while let first = pieces.first, now - first.sent > .seconds(limitSeconds) { removeFirst() }
  }

  /// All of it has been sent again.
  mutating func refresh(at now: ContinuousClock.Instant) {
    for index in pieces.indices { pieces[index].sent = now }
  }

  private mutating func removeFirst() { byteCount -= pieces.removeFirst().bytes.count }
}
