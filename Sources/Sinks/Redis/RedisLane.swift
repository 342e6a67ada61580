internal import Records

/// One stream as its publisher sees it: what waits for it, the transaction under way, its last ID.
///
/// Belongs to the sink's thread.
///
///     pending:  [ under way: count records under fixed IDs | waiting … ]
///
/// Records under way stay at the head of `pending` until Redis has answered for them, so that a
/// lost answer leaves everything at hand for sending again.
final class RedisLane {
  /// A record in the batch it came in.
  struct Record {
    var bytes: [UInt8]
    var offset: Int
    var length: Int
    var fieldCount: Int
  }

  /// A transaction as it was sent, or is to be sent again under the same IDs.
  struct Transaction {
    var first: StreamID
    var count: Int
    /// Whether Redis may have executed it without our knowing.
    var isUncertain: Bool
    /// MULTI did not hold, so that each command had a fate of its own.
    var isInParts = false

    var last: StreamID { self[count - 1] }

    subscript(index: Int) -> StreamID {
      // next(wallMilliseconds:count:) left room for `count` sequence numbers above the first.
      StreamID(milliseconds: first.milliseconds, sequence: first.sequence + UInt64(index))
    }
  }

  /// A transaction ends at this size whatever batchRecords says: it bounds `wire`.
  static let transactionBytes = 4 << 20

  let type: EventType
  let key: String
  private(set) var pending: [Record] = []
  /// When the oldest waiting record came, in monotonic nanoseconds; too early rather than too late.
  private(set) var oldestNanoseconds: UInt64 = 0
  private(set) var underWay: Transaction?
  /// The highest ID known to be in the stream.
  var lastID = StreamID()
  /// Somebody else has written to the stream: its last ID must be read before the next batch.
  var needsLastID = false
  /// The RESP of the transaction under way, from MULTI to the check of the lease.
  private(set) var wire: [UInt8] = []

  private let format: RecordFormat
  /// Of XADD, what stands between the array's head and the ID, and how many arguments that is.
  private var commandHead: [UInt8] = []
  private var commandHeadCount = 2
  private var limitedTo = -1
  private let prologue: [UInt8]
  private let epilogue: [UInt8]

  /// - Parameters:
  ///   - prologue: stands before the XADDs (MULTI, and renewing the lease).
  ///   - epilogue: stands behind them (EXEC, and checking the lease).
  init(
    type: EventType, sensor: String, format: RecordFormat, maxStreamLength: Int,
    prologue: [UInt8], epilogue: [UInt8]
  ) {
    self.type = type
    self.format = format
    self.prologue = prologue
    self.epilogue = epilogue
    key = "martlet:{\(sensor)}:\(type.rawValue)"
    limit(to: maxStreamLength)
  }

  /// The stream's length from the next transaction on; 0: no bound.
  func limit(to maxStreamLength: Int) {
    guard maxStreamLength != limitedTo else { return }
    limitedTo = maxStreamLength
    commandHead = []
    commandHead.appendRESP("XADD")
    commandHead.appendRESP(key)
    commandHeadCount = 2
    if maxStreamLength > 0 {
      for word in ["MAXLEN", "~", "\(maxStreamLength)"] { commandHead.appendRESP(word) }
      commandHeadCount += 3
    }
  }

  func append(_ record: Record, nowNanoseconds: UInt64) {
    if pending.isEmpty { oldestNanoseconds = nowNanoseconds }
    pending.append(record)
  }

  /// Fixes IDs for the head of `pending` and writes the transaction down, unless one is under way
  /// already: that is sent again as it is. False when no ID is left above the stream's last.
  func prepare(wallMilliseconds: UInt64, batchRecords: Int) -> Bool {
    if underWay != nil { return true }
    let limit = min(batchRecords, pending.count)
    guard let first = lastID.next(wallMilliseconds: wallMilliseconds, count: limit) else {
      return false
    }
    wire.removeAll(keepingCapacity: true)
    wire += prologue
    var count = 0
    while count < limit && (count == 0 || wire.count < Self.transactionBytes) {
      encode(
        pending[count],
        milliseconds: first.milliseconds, sequence: first.sequence + UInt64(count))
      count += 1
    }
    wire += epilogue
    underWay = Transaction(first: first, count: count, isUncertain: false)
    return true
  }

  private func encode(_ record: Record, milliseconds: UInt64, sequence: UInt64) {
    let fields = record.bytes[record.offset..<record.offset + record.length]
    let pairs = format == .eve ? 1 : record.fieldCount
    wire.appendRESP(arrayOf: commandHeadCount + 1 + 2 * pairs)
    wire += commandHead
    wire.append(UInt8(ascii: "$"))
    wire.appendDecimal(UInt64(decimalDigits(milliseconds) + 1 + decimalDigits(sequence)))
    wire.appendLineEnd()
    wire.appendDecimal(milliseconds)
    wire.append(UInt8(ascii: "-"))
    wire.appendDecimal(sequence)
    wire.appendLineEnd()
    switch format {
    case .eve:
      wire.append(contentsOf: eveFieldName)
      wire.appendRESP(fields)
    case .fields:
      wire += fields
    }
  }

  /// Empties the lane, transaction and all.
  func takeAll() -> [Record] {
    defer {
      pending = []
      underWay = nil
    }
    return pending
  }

  /// The transaction has been sent; until ``conclude(removing:)`` or
  /// ``markUnwritten()`` its fate is unknown.
  func markSent() { underWay?.isUncertain = true }

  /// Redis executed commands outside MULTI: each ID must be looked up.
  func markInParts() { underWay?.isInParts = true }

  /// Redis did not execute the transaction: it may be sent again as it is.
  func markUnwritten() { underWay?.isUncertain = false }

  /// Takes the records for which `removing` says so out of the transaction's head and forgets the
  /// transaction; the rest are pending again and will get new IDs. Returns the bytes removed.
  func conclude(removing: (Int) -> Bool) -> Int {
    guard let transaction = underWay else { return 0 }
    var bytes = 0
    var kept: [Record] = []
    for index in 0..<transaction.count {
      if removing(index) {
        bytes += pending[index].length
      } else {
        kept.append(pending[index])
      }
    }
    pending.replaceSubrange(0..<transaction.count, with: kept)
    underWay = nil
    return bytes
  }
}

/// The name of the one field that an entry in format `eve` has, as a bulk string.
private let eveFieldName = [UInt8]("$3\r\neve\r\n".utf8)
