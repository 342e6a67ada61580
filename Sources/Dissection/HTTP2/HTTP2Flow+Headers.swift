internal import FlowEngine
internal import Records

// Header blocks: put together, decoded, written into the stream's record.

extension HTTP2Flow {
  func takeHeaders(_ frame: HTTP2Frame, _ body: Bytes) {
    if frame.type == Kind.continuation {
      let block = withSide { $0.block }
      guard block.isOpen, block.stream == frame.stream else {
        d.note(.appMalformed)
        return
      }
      addFragment(frame, body)
      return
    }
    guard let (fragment, priority, stream) = open(frame, body) else {
      d.note(.appMalformed)
      withSide { $0.table.lose() }
      return
    }
    let isEnd = frame.type == Kind.headers && frame.has(Flag.endStream)
    let isPromise = frame.type == Kind.pushPromise
    if frame.has(Flag.endHeaders) {
      decode(fragment, stream: stream, priority, isEnd: isEnd, isPromise: isPromise)
      return
    }
    withSide {
      $0.block.begin(d, stream: frame.stream)
      $0.block.isEnd = isEnd
      $0.block.isPromise = isPromise
      $0.block.priority = priority
    }
    // The frames that follow have the stream's own number, the promised one is kept beside it.
    withSide { $0.block.promised = stream }
    addFragment(frame, fragment)
  }

  /// Padding, priority, promised stream (RFC 9113, sections 6.2 and 6.6).
  private func open(
    _ frame: HTTP2Frame, _ body: Bytes
  ) -> (fragment: Bytes, priority: UInt16, stream: UInt32)? {
    var cursor = ByteCursor(body)
    var padding = 0
    var priority = HTTP2Exchange.noPriority
    var stream = frame.stream
    if frame.has(Flag.padded) {
      guard let count = cursor.u8() else { return nil }
      padding = Int(count)
    }
    if frame.type == Kind.pushPromise {
      guard let promised = cursor.be32() else { return nil }
      stream = promised & 0x7fff_ffff
    } else if frame.has(Flag.priority) {
      guard cursor.skip(4), let weight = cursor.u8() else { return nil }
      priority = UInt16(weight)
    }
    guard padding <= cursor.remaining, stream != 0 else { return nil }
    return (cursor.rest.prefix(cursor.remaining &- padding), priority, stream)
  }

  private func addFragment(_ frame: HTTP2Frame, _ fragment: Bytes) {
    if !withSide({ $0.block.add(d, fragment) }) {
      d.note(.appHeadersTooLong)
      withSide { $0.table.lose() }
      markIncomplete(frame.stream)
    }
    guard frame.has(Flag.endHeaders) else { return }
    let block = withSide { $0.block }
    if !block.isTooLong {
      decode(
        block.bytes(d), stream: block.promised, block.priority, isEnd: block.isEnd,
        isPromise: block.isPromise)
    }
    withSide { $0.block.drop(d) }
  }

  // MARK: Decoding

  private func decode(
    _ bytes: Bytes, stream: UInt32, _ priority: UInt16, isEnd: Bool, isPromise: Bool
  ) {
    let isRequest = d.isToServer || isPromise
    guard let exchange = exchange(stream) else {
      // Nobody hears of it, but the table must.
      withSide { $0.table.lose() }
      return
    }
    typealias Flags = HTTP2Exchange.Flags
    let seen = isRequest ? Flags.hasRequest : Flags.hasResponse
    let isTrailer = exchange.pointee.has(seen)
    if priority != HTTP2Exchange.noPriority { exchange.pointee.priority = priority }
    if isRequest && !isTrailer { exchange.pointee.requestTime = d.time }
    if isPromise { exchange.pointee.flags |= Flags.isPushed | Flags.requestEnded }
    let isFinal = write(bytes, exchange, isRequest: isRequest, isTrailer: isTrailer)
    if isFinal {
      exchange.pointee.flags |= seen
      // The body begins behind this, whatever a hole has hidden before.
      if !isTrailer {
        exchange.pointee.flags &= ~(isRequest ? Flags.requestHidden : Flags.responseHidden)
      }
    }
    if isEnd { close(exchange) }
  }

  private func exchange(_ stream: UInt32) -> UnsafeMutablePointer<HTTP2Exchange>? {
    if let known = state.pointee.streams.find(d, stream) { return known }
    if state.pointee.streams.draftBytes > HTTP2Exchanges.mostDraftBytes { makeRoom() }
    if let fresh = state.pointee.streams.open(d, stream) {
      fresh.pointee.requestTime = d.time
      return fresh
    }
    makeRoom()
    guard let fresh = state.pointee.streams.open(d, stream) else { return nil }
    fresh.pointee.requestTime = d.time
    return fresh
  }

  /// The stream that has been open for longest is written as it is.
  private func makeRoom() {
    d.note(.appTooManyTransactions)
    guard let oldest = state.pointee.streams.oldest(d) else { return }
    oldest.pointee.flags |= HTTP2Exchange.Flags.isIncomplete
    finish(oldest)
  }

  /// Writes a block's fields into the stream's draft. False of an informational response (1xx), behind
  /// which another one comes.
  private func write(
    _ bytes: Bytes, _ exchange: UnsafeMutablePointer<HTTP2Exchange>, isRequest: Bool,
    isTrailer: Bool
  ) -> Bool {
    // For decoded texts, and for what is written beside the list.
    let memory = d.core.pointee.blocks.take(3)
    let beside = d.core.pointee.blocks.take(2)
    defer {
      d.core.pointee.blocks.giveBack(memory, 3)
      d.core.pointee.blocks.giveBack(beside, 2)
    }
    guard memory != 0, beside != 0 else {
      d.core.pointee.counters.add(.dissectionNoMemory)
      withSide { $0.table.lose() }
      exchange.pointee.flags |= HTTP2Exchange.Flags.isIncomplete
      return true
    }
    var list = HTTP2FieldList(
      d, isRequest: isRequest, common: d.core.pointee.blocks.at(beside),
      capacity: BlockPool.byteCount(2))
    let table =
      d.isToServer
      ? withUnsafeMutablePointer(to: &state.pointee.client.table) { $0 }
      : withUnsafeMutablePointer(to: &state.pointee.server.table) { $0 }
    var block = HTTP2HeaderBlock(
      bytes, d, table,
      memory: d.core.pointee.blocks.at(memory).assumingMemoryBound(to: UInt8.self))
    while let item = block.next() { list.add(item) }
    if block.isMalformed || block.isTooLong {
      d.note(block.isTooLong ? .appHeadersTooLong : .appMalformed)
      table.pointee.lose()
      exchange.pointee.flags |= HTTP2Exchange.Flags.isIncomplete
    }
    if list.hasUnknown { exchange.pointee.flags |= HTTP2Exchange.Flags.isIncomplete }
    // Fields behind a body belong to no list that is open.
    if isTrailer { return true }
    let isInformational = !isRequest && 100...199 ~= list.status && list.status != 101
    if isInformational { return false }
    let before = exchange.pointee.draft.count
    list.finish(&exchange.pointee.draft)
    state.pointee.streams.draftBytes &+= exchange.pointee.draft.count &- before
    if isRequest {
      exchange.pointee.requestCoding = list.coding
    } else {
      exchange.pointee.responseCoding = list.coding
      if let length = list.length { exchange.pointee.length = length &+ 1 }
    }
    return true
  }
}
