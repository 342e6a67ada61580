internal import FlowEngine
internal import Records

/// What a worker's dissectors share: pools, the ring to the publisher, counters, settings.
struct DissectionCore {
  let settings: DissectionChoices
  let flows: FlowAccess
  var states: FlowStatePool
  var blocks: BlockPool
  var fragments: FragmentStore
  let counters: CounterBlock
  let ring: ByteRing
  let scratch: UnsafeMutableRawPointer
  let redactor: Redactor
  var inflaters: InflaterPool
  /// Data channels that FTP's control connections have announced, to any worker.
  let announcements: AnnouncedTransfers
  /// Payloads to who keeps them; nil where nobody does.
  let payloads: ByteRing?
  let worker: UInt16
  /// Nothing is lost for want of room in the ring: it is waited for.
  let waits: Bool
  /// By ``AppProtocol`` and direction (to the server first): bytes after which nobody looks.
  let depths: UnsafeMutablePointer<UInt64>
  /// Nobody outside knows it: of ``SegmentPrint``.
  let printSeed: UInt64
  /// What is wrong with the packet at hand: a bit for each ``Counter`` from
  /// ``Counter/streamOverlapDiffers`` on.
  var noted: UInt64 = 0
  /// Cipher contexts of the worker (`ccrypto_quic.h`), made at set-up; nil while memory is only added up,
  /// and where libcrypto has no AES.
  var crypto: OpaquePointer?

  static let scratchBytes = 64 << 10

  /// Bytes of a direction after which nobody looks at it.
  @inline(__always)
  func depth(_ proto: UInt8, toServer: Bool) -> UInt64 {
    depths[(Int(proto) & 63) &* 2 &+ (toServer ? 0 : 1)]
  }

  static let depthBytes = 64 * 2 * 8

  // MARK: Drafts

  /// KiB of blocks that one flow's records under way may take: room for some hundred requests without
  /// answers, and a sixty-fourth of the usual memory.
  static var mostDraftKilobytes: Int { 512 }

  /// Puts fields behind those of a draft; where its flow, or all together, have too much already it is
  /// marked as truncated. `isLast`: it is emitted now, and its memory is free in a moment.
  mutating func append(
    _ writer: EventWriter, to draft: inout EventDraft, _ flow: UnsafeMutablePointer<FlowState>,
    isLast: Bool = false
  ) {
    if writer.isTruncated { draft.isTruncated = true }
    // What is open stays open: it is closed by what is put behind it, or when the record is emitted.
    let count = Int(draft.count) &+ writer.count
    guard count > 0 else { return }
    if draft.block == 0 || count > BlockPool.byteCount(draft.size) {
      guard let size = BlockPool.size(for: count), grow(&draft, size, flow, isLast) else {
        draft.isTruncated = true
        return
      }
    }
    (blocks.at(draft.block) + Int(draft.count)).copyMemory(
      from: writer.start, byteCount: writer.count)
    draft.count = UInt32(truncatingIfNeeded: count)
  }

  private mutating func grow(
    _ draft: inout EventDraft, _ size: UInt8, _ flow: UnsafeMutablePointer<FlowState>,
    _ isLast: Bool
  ) -> Bool {
    let before = draft.block == 0 ? 0 : BlockPool.byteCount(draft.size) / 1024
    let after = BlockPool.byteCount(size) / 1024
    let sum = Int(flow.pointee.draftKilobytes) &- before &+ after
    guard isLast || sum <= Self.mostDraftKilobytes else {
      note(.appPendingTooLarge)
      return false
    }
    let block = blocks.take(size)
    guard block != 0 else {
      counters.add(.dissectionNoMemory)
      return false
    }
    if draft.block != 0 {
      blocks.at(block).copyMemory(from: blocks.at(draft.block), byteCount: Int(draft.count))
      blocks.giveBack(draft.block, draft.size)
    }
    draft.block = block
    draft.size = size
    // At the most 512, and the 64 of one that is emitted.
    flow.pointee.draftKilobytes = UInt16(truncatingIfNeeded: sum)
    return true
  }

  mutating func drop(_ draft: inout EventDraft, _ flow: UnsafeMutablePointer<FlowState>) {
    if draft.block != 0 {
      blocks.giveBack(draft.block, draft.size)
      flow.pointee.draftKilobytes &-= UInt16(
        truncatingIfNeeded: BlockPool.byteCount(draft.size) / 1024)
    }
    draft = EventDraft()
  }

  // MARK: Records

  mutating func emit(
    _ type: EventType, _ draft: inout EventDraft, _ writer: EventWriter, _ d: Delivery,
    toServer: Bool, transaction: UInt32?, isHidden: Bool
  ) {
    defer { drop(&draft, d.flow) }
    let entry = Int(d.flow.pointee.entry)
    let hot = flows.hot + entry
    if isHidden && !settings.wantsHiddenRecords { return }
    if hot.pointee.flags & FlowFlags.unpublished != 0 {
      return counters.add(.recordsUnpublished)
    }
    var writer = writer
    var isTruncated = writer.isTruncated || draft.isTruncated
    writer.endAll()
    if !draft.isEmpty && !writer.isEmpty {
      append(writer, to: &draft, d.flow, isLast: true)
      isTruncated = isTruncated || draft.isTruncated
    }
    let cold = flows.cold + entry
    var head = EventHead(key: hot.pointee.key)
    head.type = type.place
    head.side = toServer ? d.flow.pointee.clientSide : 1 &- d.flow.pointee.clientSide
    head.worker = worker
    head.time = d.time
    head.firstSeen = cold.pointee.firstSeen
    head.flowOrdinal = cold.pointee.ordinal
    head.ordinal = d.ordinal
    head.portIndex = cold.pointee.portIndex
    head.vlanOuter = cold.pointee.vlanOuter
    head.vlanInner = cold.pointee.vlanInner
    head.transaction = transaction ?? .max
    head.tags = cold.pointee.marks.tags
    head.proto = d.flow.pointee.proto
    if isHidden { head.flags |= EventHead.Flags.notEVE }
    if isTruncated { head.flags |= EventHead.Flags.truncated }
    if hot.pointee.flags & FlowFlags.originatorIsB != 0 {
      head.flags |= EventHead.Flags.originatorIsB
    }
    let app = flows.app + entry
    if !isHidden && app.pointee.transactions < .max { app.pointee.transactions &+= 1 }
    counters.add(.protocolRecordsMade)
    head.sequence = flows.sequence.pointee
    flows.sequence.pointee &+= 1
    let tokens =
      draft.isEmpty ? UnsafeRawPointer(writer.start) : UnsafeRawPointer(blocks.at(draft.block))
    let count = draft.isEmpty ? writer.count : Int(draft.count)
    if settings.keepsFiles && type == .fileinfo && !isHidden { keepEnd(head, tokens, count) }
    push(&head, tokens, count)
  }

  private func push(_ head: inout EventHead, _ tokens: UnsafeRawPointer, _ count: Int) {
    let isPushed = withUnsafeBytes(of: &head) { head in
      let start = head.baseAddress.unsafelyUnwrapped
      // Capture files can wait: nothing is lost because a reader of records is slow.
      return ring.push(start, head.count, tokens, count)
        || wait(ring, start, head.count, tokens, count)
    }
    if !isPushed { counters.add(.protocolRecordsDropped) }
  }

  /// What is wrong is told by the worker, once a flow.
  @inline(__always)
  mutating func note(_ event: Counter) {
    // Only the events of this group, which a test holds to fewer than 64.
    noted |= 1 << UInt64(event.rawValue &- Counter.streamOverlapDiffers.rawValue)
  }
}
