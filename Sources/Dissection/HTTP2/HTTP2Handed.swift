internal import FlowEngine
internal import Records

/// A request of HTTP/1 that asked for HTTP/2 and is answered there, as stream 1 (RFC 7540, section 3.2): what
/// its record has of it, in a block of the pool.
///
///     | time 8, count 4 | tokens |
struct HTTP2Handed: BitwiseCopyable {
  /// When the request came.
  var time: Int64
  /// Bytes of its tokens.
  var count: UInt32

  private static let blockSize: UInt8 = 1
  private static let headBytes = 16

  /// Leaves the request of a transaction for the dissector of HTTP/2.
  static func leave(_ slot: UnsafeMutablePointer<HTTPSlot>, _ d: Delivery) {
    let draft = slot.pointee.draft
    // A flow whose protocol has changed too often is given up, and nobody would take it.
    guard d.flow.pointee.handed == 0, d.flow.pointee.changes < 8, !draft.isEmpty,
      slot.pointee.has(HTTPSlot.Flags.hasRequest)
    else { return }
    let block = d.core.pointee.blocks.take(blockSize)
    guard block != 0 else { return d.core.pointee.counters.add(.dissectionNoMemory) }
    let memory = d.core.pointee.blocks.at(block)
    var w = EventWriter(
      memory + headBytes, capacity: BlockPool.byteCount(blockSize) - headBytes)
    var reader = EventReader(
      UnsafeRawBufferPointer(
        start: UnsafeRawPointer(d.core.pointee.blocks.at(draft.block)), count: Int(draft.count)))
    while let (field, value) = reader.next() {
      switch value {
      case .string(let text) where isText(field):
        guard let base = text.baseAddress else { continue }
        w.string(field, Bytes(base.assumingMemoryBound(to: UInt8.self), text.count))
      case .unsigned(let number) where isNumber(field): w.integer(field, number)
      default: break
      }
    }
    memory.initializeMemory(
      as: HTTP2Handed.self,
      to: HTTP2Handed(time: slot.pointee.time, count: UInt32(truncatingIfNeeded: w.count)))
    d.flow.pointee.handed = block
  }

  private static func isText(_ field: EventField) -> Bool {
    field == HTTPFields.hostname || field == HTTPFields.url || field == HTTPFields.userAgent
      || field == HTTPFields.method || field == HTTPFields.referrer
      || field == HTTPFields.forwardedFor || field == HTTPFields.origin
      || field == HTTPFields.via || field == HTTPFields.requestContentType
  }

  private static func isNumber(_ field: EventField) -> Bool {
    field == HTTPFields.port || field == HTTPFields.requestHeaderCount
  }

  /// What was left, for as long as `body` runs; it is gone afterwards.
  static func take(_ d: Delivery, _ body: (HTTP2Handed, UnsafeRawBufferPointer) -> Void) {
    let block = d.flow.pointee.handed
    guard block != 0 else { return }
    d.flow.pointee.handed = 0
    let memory = d.core.pointee.blocks.at(block)
    let handed = memory.load(as: HTTP2Handed.self)
    body(
      handed,
      UnsafeRawBufferPointer(
        start: UnsafeRawPointer(memory + headBytes), count: Int(handed.count)))
    d.core.pointee.blocks.giveBack(block, blockSize)
  }
}

extension HTTP2Flow {
  /// The request that asked for the upgrade is stream 1, and its client has said all of it.
  @inline(never)
  func beginUpgraded() {
    HTTP2Handed.take(d) { handed, tokens in
      guard let exchange = state.pointee.streams.open(d, 1) else { return }
      exchange.pointee.flags = HTTP2Exchange.Flags.hasRequest | HTTP2Exchange.Flags.requestEnded
      exchange.pointee.requestTime = handed.time
      var w = d.event()
      w.tokens(tokens)
      d.keep(w, in: &exchange.pointee.draft)
      state.pointee.streams.draftBytes &+= exchange.pointee.draft.count
    }
  }
}
