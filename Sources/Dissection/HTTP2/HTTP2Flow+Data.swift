internal import CCrypto
internal import FlowEngine
internal import Records

// Bodies (RFC 9113, section 6.1): measured, told by their first bytes, and hashed where files are.

/// A stream's two bodies, in a block of the pool.
struct HTTP2Bodies: BitwiseCopyable {
  var request = HTTP2Body()
  var response = HTTP2Body()
}

/// A body that is hashed.
struct HTTP2Body: BitwiseCopyable {
  enum Phase: UInt8, BitwiseCopyable {
    case none = 0
    case open
    /// It is over, or nothing more of it will come.
    case ended
  }

  var digest = ccrypto_sha256_state()
  /// When its first byte was seen.
  var began: Int64 = 0
  /// Bytes of it, decoded; and bytes that were not seen.
  var size: UInt64 = 0
  var missing: UInt64 = 0
  /// The inflater that has it, from 1.
  var inflater: UInt8 = 0
  var phase = Phase.none
  var isDecoded = false
  var isWhole = false
  /// Frames of it may have been lost, and nobody knows how many.
  var isCut = false
}

extension HTTP2Flow {
  func takeData(_ frame: HTTP2Frame, _ bytes: Bytes) -> Progress {
    guard let (start, count) = Self.data(frame, bytes) else {
      return .needs(HTTP2Frame.headBytes &+ 1)
    }
    let behind = HTTP2Frame.headBytes &+ frame.length &- start
    guard let exchange = state.pointee.streams.find(d, frame.stream) else {
      return .skip(UInt64(behind), after: start)
    }
    if count > 0, isFirst(exchange), !isHidden(exchange), !d.settings.isHeaderOnly {
      // The first bytes together, so that the type does not depend on how they came.
      let wanted = min(count, FileMagic.longest)
      guard let first = bytes.slice(start, wanted) else { return .needs(start &+ wanted) }
      beginBody(exchange, first)
    }
    add(count, to: exchange)
    guard count > 0, isHashed(exchange) else {
      if frame.has(Flag.endStream) { close(exchange) }
      return .skip(UInt64(behind), after: start)
    }
    begin(frame, start, count)
    var progress = takeBody(bytes.dropFirst(start))
    progress.consumed &+= start
    return progress
  }

  private func begin(_ frame: HTTP2Frame, _ start: Int, _ count: Int) {
    let behind = HTTP2Frame.headBytes &+ frame.length &- start &- count
    withSide {
      // A frame's length has 24 bits.
      $0.data.left = UInt32(truncatingIfNeeded: count)
      $0.data.padding = UInt32(truncatingIfNeeded: behind)
      $0.data.stream = frame.stream
      $0.data.isLast = frame.has(Flag.endStream)
    }
  }

  /// Where a DATA frame's bytes begin, and how many of them are no padding. nil where that is not there yet.
  private static func data(_ frame: HTTP2Frame, _ bytes: Bytes) -> (start: Int, count: Int)? {
    let head = HTTP2Frame.headBytes
    guard frame.has(Flag.padded), frame.length > 0 else { return (head, frame.length) }
    guard let padding = bytes.u8(head) else { return nil }
    return (head &+ 1, max(0, frame.length &- 1 &- Int(padding)))
  }

  private func isFirst(_ exchange: UnsafeMutablePointer<HTTP2Exchange>) -> Bool {
    (isClient ? exchange.pointee.requestBytes : exchange.pointee.responseBytes) == 0
  }

  /// A hole may have hidden the body's beginning.
  private func isHidden(_ exchange: UnsafeMutablePointer<HTTP2Exchange>) -> Bool {
    exchange.pointee.has(isClient ? Flags.requestHidden : Flags.responseHidden)
  }

  private func add(_ count: Int, to exchange: UnsafeMutablePointer<HTTP2Exchange>) {
    if isClient {
      exchange.pointee.requestBytes &+= UInt64(count)
    } else {
      exchange.pointee.responseBytes &+= UInt64(count)
    }
  }

  // MARK: Bytes that are looked at

  private func bodies(
    _ exchange: UnsafeMutablePointer<HTTP2Exchange>
  ) -> UnsafeMutablePointer<HTTP2Bodies>? {
    guard exchange.pointee.bodies != 0 else { return nil }
    return d.core.pointee.blocks.at(exchange.pointee.bodies)
      .assumingMemoryBound(to: HTTP2Bodies.self)
  }

  private func body(
    _ exchange: UnsafeMutablePointer<HTTP2Exchange>, isRequest: Bool
  ) -> UnsafeMutablePointer<HTTP2Body>? {
    guard let bodies = bodies(exchange) else { return nil }
    // Two of a kind, one behind the other.
    return UnsafeMutableRawPointer(bodies).assumingMemoryBound(to: HTTP2Body.self)
      + (isRequest ? 0 : 1)
  }

  private func isHashed(_ exchange: UnsafeMutablePointer<HTTP2Exchange>) -> Bool {
    body(exchange, isRequest: isClient)?.pointee.phase == .open
  }

  private func beginBody(_ exchange: UnsafeMutablePointer<HTTP2Exchange>, _ first: Bytes) {
    let coding = isClient ? exchange.pointee.requestCoding : exchange.pointee.responseCoding
    if coding == .none {
      let magic = FileMagic(first)
      if isClient {
        exchange.pointee.requestMagic = magic
      } else {
        exchange.pointee.responseMagic = magic
      }
    }
    guard d.settings.hashesFiles else { return }
    if exchange.pointee.bodies == 0 {
      let block = d.core.pointee.blocks.take(0)
      guard block != 0 else { return d.core.pointee.counters.add(.dissectionNoMemory) }
      exchange.pointee.bodies = block
      d.core.pointee.blocks.at(block).initializeMemory(as: HTTP2Bodies.self, to: HTTP2Bodies())
    }
    guard let body = body(exchange, isRequest: isClient) else { return }
    body.pointee.phase = .open
    body.pointee.began = d.time
    ccrypto_sha256_begin(&body.pointee.digest)
    body.pointee.inflater = coding.inflater(d)
    d.fileBegins(toServer: isClient, name: exchange.pointee.number)
  }

  /// Bytes of the DATA frame at hand.
  func takeBody(_ bytes: Bytes) -> Progress {
    let data = withSide { $0.data }
    let piece = bytes.prefix(Int(data.left))
    if let exchange = state.pointee.streams.find(d, data.stream),
      let body = body(exchange, isRequest: isClient)
    {
      look(piece, body, data.stream)
    }
    let padding = pass(UInt64(piece.count))
    return .skip(padding, after: piece.count)
  }

  private func look(_ bytes: Bytes, _ body: UnsafeMutablePointer<HTTP2Body>, _ stream: UInt32) {
    guard body.pointee.phase == .open, !bytes.isEmpty else { return }
    guard body.pointee.inflater > 0 else {
      ccrypto_sha256_add(&body.pointee.digest, bytes.base, bytes.count)
      body.pointee.size &+= UInt64(bytes.count)
      d.fileBytes(bytes, toServer: isClient, name: stream)
      return
    }
    guard body.pointee.missing == 0 else { return }
    d.core.pointee.inflaters.add(
      bytes, to: body.pointee.inflater, &body.pointee.digest, d, toServer: isClient, name: stream)
  }

  /// So many bytes of the DATA frame at hand have gone by. Returns how much padding is behind them, 0 while
  /// there are more.
  private func pass(_ count: UInt64) -> UInt64 {
    let data = withSide { side in
      side.data.left &-= UInt32(truncatingIfNeeded: min(count, UInt64(side.data.left)))
      return side.data
    }
    guard data.left == 0 else { return 0 }
    withSide { $0.data = HTTP2Data() }
    if data.isLast, let exchange = state.pointee.streams.find(d, data.stream) { close(exchange) }
    return UInt64(data.padding)
  }

  // MARK: Holes and ends

  /// A hole in the DATA frame at hand, and perhaps beyond it. Returns how much of it is the frame's data.
  func missBody(_ missing: UInt64) -> UInt64 {
    let data = withSide { $0.data }
    guard data.left > 0 else { return 0 }
    let lost = min(missing, UInt64(data.left))
    if let exchange = state.pointee.streams.find(d, data.stream),
      let body = body(exchange, isRequest: isClient)
    {
      body.pointee.missing &+= lost
      if body.pointee.inflater == 0 {
        d.fileGap(lost, toServer: isClient, name: data.stream)
      }
    }
    let padding = pass(lost)
    withSide { $0.skip = padding }
    return lost
  }

  /// What there is of a DATA frame in front of a hole or at the end: it counts as it says. True where the rest
  /// of it is to be looked at.
  func beginPartialData(_ frame: HTTP2Frame, _ bytes: Bytes) -> Bool {
    guard let exchange = state.pointee.streams.find(d, frame.stream),
      let (start, count) = Self.data(frame, bytes)
    else { return false }
    let seen = bytes.dropFirst(start).prefix(count)
    if count > 0, isFirst(exchange), !isHidden(exchange), !d.settings.isHeaderOnly {
      beginBody(exchange, seen.prefix(FileMagic.longest))
    }
    add(count, to: exchange)
    guard count > seen.count, isHashed(exchange) else {
      if frame.has(Flag.endStream) { close(exchange) }
      return false
    }
    begin(frame, start, count)
    if !seen.isEmpty { _ = takeBody(seen) }
    return true
  }

  /// A hole has hidden where the next frame begins, and with it frames of any stream: of this direction's bodies
  /// nobody knows what comes next, nor whether those that have not begun will be seen from their beginning.
  func loseBodies() {
    withSide { $0.data = HTTP2Data() }
    state.pointee.streams.forEach(d) { exchange in
      guard !exchange.pointee.has(isClient ? Flags.requestEnded : Flags.responseEnded) else {
        return
      }
      exchange.pointee.flags |= isClient ? Flags.requestHidden : Flags.responseHidden
      exchange.pointee.flags |= Flags.isIncomplete
      guard let body = body(exchange, isRequest: isClient), body.pointee.phase == .open else {
        return
      }
      body.pointee.isCut = true
      endBody(exchange, isRequest: isClient, isComplete: false)
    }
  }

  /// Nothing more comes in this direction.
  func close(_ rest: Bytes) {
    guard withSide({ $0.flags & HTTP2Side.Flags.isSearching == 0 && !$0.block.isOpen }),
      let frame = HTTP2Frame(rest), frame.isSound, frame.type == Kind.data,
      beginPartialData(frame, rest)
    else { return }
    _ = missBody(withSide { UInt64($0.data.left) })
  }

  /// No more of a body comes.
  func endBody(
    _ exchange: UnsafeMutablePointer<HTTP2Exchange>, isRequest: Bool, isComplete: Bool
  ) {
    guard let body = body(exchange, isRequest: isRequest), body.pointee.phase == .open else {
      return
    }
    body.pointee.phase = .ended
    body.pointee.isWhole = isComplete && body.pointee.missing == 0
    let inflater = body.pointee.inflater
    guard inflater > 0 else { return }
    let head = d.core.pointee.inflaters.head(inflater).pointee
    body.pointee.size = head.written
    body.pointee.isDecoded = true
    if head.state != .ended { body.pointee.isWhole = false }
    let first = d.core.pointee.inflaters.first(inflater)
    if !first.isEmpty {
      let magic = FileMagic(first)
      if isRequest {
        exchange.pointee.requestMagic = magic
      } else {
        exchange.pointee.responseMagic = magic
      }
    }
    d.core.pointee.inflaters.giveBack(inflater)
    body.pointee.inflater = 0
  }

  func dropBodies(_ exchange: UnsafeMutablePointer<HTTP2Exchange>) {
    d.core.pointee.blocks.giveBack(exchange.pointee.bodies, 0)
    exchange.pointee.bodies = 0
  }

  // MARK: Records

  /// Of a body that is over, in its stream's record: what it is, and its length without its encoding.
  func writeBody(
    _ exchange: UnsafeMutablePointer<HTTP2Exchange>, isRequest: Bool, to w: inout EventWriter
  ) {
    let magic = isRequest ? exchange.pointee.requestMagic : exchange.pointee.responseMagic
    if magic != .unknown {
      w.text(
        isRequest ? HTTPFields.requestMIMEType : HTTPFields.responseMIMEType, magic.mimeType)
    }
    guard let body = body(exchange, isRequest: isRequest), body.pointee.isDecoded else { return }
    w.integer(
      isRequest ? HTTPFields.requestDecodedLength : HTTPFields.responseDecodedLength,
      body.pointee.size)
  }

  /// The `fileinfo` records of a stream that is over, in front of its own.
  func writeFiles(_ exchange: UnsafeMutablePointer<HTTP2Exchange>) {
    writeFile(exchange, isRequest: true)
    writeFile(exchange, isRequest: false)
  }

  private func writeFile(_ exchange: UnsafeMutablePointer<HTTP2Exchange>, isRequest: Bool) {
    guard let body = body(exchange, isRequest: isRequest), body.pointee.phase == .ended else {
      return
    }
    let draft = exchange.pointee.draft
    let known = UnsafeRawBufferPointer(
      start: draft.isEmpty ? nil : UnsafeRawPointer(d.core.pointee.blocks.at(draft.block)),
      count: Int(draft.count))
    var w = d.event()
    w.beginObject(FileFields.http)
    w.tokens(known)
    w.text(HTTPFields.version, "2")
    w.beginObject(HTTPFields.http2)
    w.integer(HTTPFields.streamID, exchange.pointee.number)
    w.end()
    w.end()
    w.text(FileFields.appProto, "http2")
    w.beginObject(FileFields.fileinfo)
    if let name = HTTPFileHead(known, isRequest: isRequest).name {
      w.string(FileFields.filename, name)
    }
    // The stream's own record takes the next number.
    var file = FileRecord(
      source: "HTTP", isFromClient: isRequest, began: body.pointee.began,
      transaction: d.flow.pointee.transactions, isWhole: body.pointee.isWhole,
      hasGaps: body.pointee.missing > 0 || body.pointee.isCut, size: body.pointee.size)
    file.missing = body.pointee.missing
    file.magic = isRequest ? exchange.pointee.requestMagic : exchange.pointee.responseMagic
    let coding = isRequest ? exchange.pointee.requestCoding : exchange.pointee.responseCoding
    file.isEncoded = coding != .none && !body.pointee.isDecoded
    withUnsafeMutablePointer(to: &body.pointee.digest) {
      if !file.hasGaps { file.digest = $0 }
      file.write(d, &w)
    }
    w.end()
    d.fileEndsNext(toServer: isRequest, name: exchange.pointee.number)
    d.emit(.fileinfo, w, toServer: isRequest)
  }
}
