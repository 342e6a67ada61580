internal import Records

/// One stream as its publisher sees it: what waits for it, the transaction under way, its last ID,
/// and what it has acknowledged lately.
///
/// Belongs to the sink's thread.
///
///     window: [ acknowledged ]  pending: [ under way: `underWay` records under their IDs | waiting … ]
///
/// Records under way stay at the head of `pending` until Redis has answered for them, and keep
/// their IDs when they are sent again. Whether an entry with an ID that is not above the stream's
/// last one has been written is never guessed: it is looked up (``lookUp(_:on:_:)``).
final class RedisLane {
  /// A transaction ends at this size whatever batchRecords says: it bounds `wire`.
  static let transactionBytes = 4 << 20

  /// EVE's `event_type`.
  let type: String
  let key: String
  var pending = RecordQueue()
  /// How many records at the head of `pending` are in a transaction: one that Redis executes, one
  /// that has been sent but for its EXEC, and one that waits to be sent.
  var underWay = 0
  /// The highest ID that is, or may be, in the stream: new ones are above it.
  var highest = StreamID()
  /// The highest ID that Redis has acknowledged.
  var acknowledged = StreamID()
  /// The highest ID that any record of this lane has been given.
  private var assigned = StreamID()
  /// Records up to this ID may be in the stream already.
  var uncertain = StreamID()
  /// What the stream was like when it was last asked.
  var state = StreamState()
  /// Somebody else has written to the stream: its state must be read before the next transaction.
  var needsState = false
  var window = RetransmitWindow()
  private(set) var maxStreamLength = -1
  /// Of XADD, what stands between the array's head and the ID, and how many arguments that is.
  private var commandHead: [UInt8] = []
  private var commandHeadCount = 2
  private let lease: RedisLease
  private let prologue: [UInt8]

  init(type: String, sensor: String, maxStreamLength: Int, lease: RedisLease) {
    self.type = type
    self.lease = lease
    prologue = lease.prologue
    key = "martlet:{\(sensor)}:\(type)"
    limit(to: maxStreamLength)
  }

  /// The stream's length from the next transaction on; 0: no bound.
  func limit(to maxStreamLength: Int) {
    guard maxStreamLength != self.maxStreamLength else { return }
    self.maxStreamLength = maxStreamLength
    commandHead = []
    commandHead.appendRESP("XADD")
    commandHead.appendRESP(key)
    commandHeadCount = 2
    if maxStreamLength > 0 {
      for word in ["MAXLEN", "~", "\(maxStreamLength)"] { commandHead.appendRESP(word) }
      commandHeadCount += 3
    }
  }

  // MARK: IDs

  /// Gives a record the next ID, for the spool. Nil when the space of IDs is used up.
  func assign(_ record: inout PublishedRecord, wallMilliseconds: UInt64) -> Bool {
    guard let id = max(assigned, highest).next(wallMilliseconds: wallMilliseconds) else {
      return false
    }
    record.id = id
    assigned = id
    return true
  }

  /// A record came back from the spool under the ID it was given before.
  func adopt(_ record: PublishedRecord) {
    assigned = max(assigned, record.id)
    pending.append(record)
  }

  // MARK: Transactions

  /// Writes the transaction of the next records down: those behind the ones under way. Records
  /// without an ID, or with one that is too low by now, are given theirs.
  ///
  /// Returns which of them had been spooled under another ID; nil when no ID is left above the
  /// stream's last.
  func prepare(_ transaction: RedisTransaction, wallMilliseconds: UInt64, batchRecords: Int)
    -> [SpoolRenumbering]?
  {
    transaction.lane = self
    transaction.wire.removeAll()
    transaction.wire.append(prologue)
    var renumbered: [SpoolRenumbering] = []
    var floor = underWay == 0 ? highest : pending[underWay - 1].id
    var next = underWay
    let end = min(next + batchRecords, pending.count)
    while next < end && (next == underWay || transaction.wire.count < Self.transactionBytes) {
      if pending[next].id <= floor {
        // What has been overtaken goes right behind, below the IDs that wait on disk behind it.
        let wall = pending[next].position == nil ? wallMilliseconds : 0
        guard let id = floor.next(wallMilliseconds: wall) else { return nil }
        pending[next].id = id
        assigned = max(assigned, id)
        if let position = pending[next].position { renumbered.add(position, id) }
      }
      floor = pending[next].id
      pending[next].mayBeSent = true
      encode(next, into: &transaction.wire)
      next += 1
    }
    transaction.count = next - underWay
    expect(transaction)
    underWay = next
    return renumbered
  }

  private func encode(_ index: Int, into wire: inout WireBuffer) {
    let pairs = pending[index].format == .eve ? 1 : pending[index].fieldCount
    wire.appendHead(UInt8(ascii: "*"), commandHeadCount + 1 + 2 * pairs)
    wire.append(commandHead)
    wire.appendBulk(pending[index].id)
    let (offset, length) = (pending[index].offset, pending[index].length)
    pending[index].bytes.withUnsafeBytes {
      let fields = UnsafeRawBufferPointer(rebasing: $0[offset..<offset + length])
      switch pending[index].format {
      case .eve:
        wire.append(eveFieldName)
        wire.appendBulk(fields)
      case .fields:
        wire.append(fields)
      }
    }
  }

  private func expect(_ transaction: RedisTransaction) {
    let count = transaction.count
    transaction.expected.removeAll()
    transaction.expected.append(lease.expectedHead)
    for _ in 0..<count { transaction.expected.append(queued) }
    transaction.expected.appendHead(UInt8(ascii: "*"), count + 1)
    transaction.expected.append(lease.expectedRenewal)
    for index in underWay..<underWay + count {
      transaction.expected.appendBulk(pending[index].id)
    }
    transaction.expected.append(lease.expectedTail)
  }

  /// Nothing is under way any more: what was sent is pending again, under its IDs.
  func rollBack() { underWay = 0 }

  /// Empties the lane, transaction and all.
  func takeAll() -> [PublishedRecord] {
    rollBack()
    return Array(pending.removeFirst(pending.count))
  }

  /// Takes those of the first `count` records for which `isDone` says so; the rest are pending
  /// again. Returns what was taken.
  func conclude(_ count: Int, _ isDone: (Int) -> Bool = { _ in true }) -> [PublishedRecord] {
    let taken = pending.filterFirst(count, keeping: { !isDone($0) })
    underWay -= min(count, underWay)
    return taken
  }
}

extension [SpoolRenumbering] {
  /// Adds to the last one where the ID follows on, else begins another.
  mutating func add(_ position: SpoolPosition, _ id: StreamID) {
    if let last, last.first.milliseconds == id.milliseconds,
      last.first.sequence + UInt64(last.positions.count) == id.sequence
    {
      self[count - 1].positions.append(position)
    } else {
      append(SpoolRenumbering(positions: [position], first: id))
    }
  }
}

/// The name of the one field that an entry in format `eve` has, as a bulk string.
private let eveFieldName = [UInt8]("$3\r\neve\r\n".utf8)
/// What Redis answers to a command behind MULTI.
private let queued = [UInt8]("+QUEUED\r\n".utf8)
