internal import FlowEngine
internal import Records

/// HTTP/1.0 and 1.1 (RFC 9112), and what is left of 0.9. A record a transaction, made when request and
/// response are both at their end, or the connection is. Bodies are measured and not kept: they are passed
/// over unseen, but for their first bytes and, where hashes are asked for, by their digest.
enum HTTPStream: StreamDissector {
  typealias State = HTTPState

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    var start = 0
    while start < 4, let byte = bytes.u8(start), byte == 0x0d || byte == 0x0a { start &+= 1 }
    let rest = bytes.dropFirst(start)
    if rest.isEmpty { return .maybe }
    if HTTPLine.isPlainly(rest) { return .yes }
    switch HTTPLine.response(rest) {
    case .yes: return .yes
    case .maybe: return .maybe
    case .no: break
    }
    let request = HTTPLine.request(rest, isSure: true)
    // Whose command a line begins with has been told when HTTP's version ends it, if its bytes came one by one.
    let isTold =
      Signatures.isYes(request)
      && (Signatures.isYes(SMTPStream.probe(bytes, context))
        || Signatures.isYes(IMAPStream.probe(bytes, context)))
    return isTold ? .no : request
  }

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    if state.pointee.roles == .unknown && !tellRoles(d, state, bytes) {
      return .needs(bytes.count &+ 1)
    }
    let x = HTTPExchange(d, state)
    x.pass(to: d.offset)
    var progress = step(x, bytes)
    // Chunks may be of one byte each: all that are there are taken in one go.
    while progress.goesOn, progress.consumed < bytes.count, x.side.pointee.phase.isChunked {
      var next = step(x, bytes.dropFirst(progress.consumed))
      next.consumed &+= progress.consumed
      progress = next
    }
    return progress
  }

  private static func step(_ x: HTTPExchange, _ bytes: Bytes) -> Progress {
    switch x.side.pointee.phase {
    case .head: x.takeHead(bytes)
    case .fixed, .chunkData, .untilClose: x.takeBody(bytes)
    case .chunkSize: x.takeChunkSize(bytes)
    case .chunkEnd: x.takeChunkEnd(bytes)
    case .trailers: x.takeTrailers(bytes)
    case .lost: x.search(bytes)
    case .held: x.takeHeld(bytes)
    }
  }

  /// Who sends requests: who opened the connection, unless its beginning was not seen and the bytes tell
  /// otherwise. False where they do not tell yet.
  private static func tellRoles(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Bool {
    switch HTTPLine.response(bytes) {
    case .maybe: return false
    case .yes: state.pointee.roles = d.isToServer ? .swapped : .asOpened
    case .no where HTTPLine.isPlainly(bytes):
      state.pointee.roles = d.isToServer ? .asOpened : .swapped
    case .no:
      switch HTTPLine.request(bytes, isSure: true) {
      case .maybe: return bytes.count > HTTPLine.longestMethod
      case .yes: state.pointee.roles = d.isToServer ? .asOpened : .swapped
      case .no: state.pointee.roles = .asOpened
      }
    }
    return true
  }

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    if state.pointee.roles == .unknown { state.pointee.roles = .asOpened }
    return HTTPExchange(d, state).miss(rest, missing)
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    if state.pointee.roles == .unknown { state.pointee.roles = .asOpened }
    HTTPExchange(d, state).close(rest)
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    HTTPExchange(d, state, isRequest: true).close(.empty)
    HTTPExchange(d, state, isRequest: false).close(.empty)
    HTTPExchange(d, state, isRequest: true).emitAll()
  }
}

/// A call's view of the connection: the state, and which direction it is about.
struct HTTPExchange: BitwiseCopyable {
  let d: Delivery
  let state: UnsafeMutablePointer<HTTPState>
  /// This direction has requests.
  let isRequest: Bool

  init(_ d: Delivery, _ state: UnsafeMutablePointer<HTTPState>) {
    self.init(d, state, isRequest: d.isToServer == (state.pointee.roles != .swapped))
  }

  init(_ d: Delivery, _ state: UnsafeMutablePointer<HTTPState>, isRequest: Bool) {
    self.d = d
    self.state = state
    self.isRequest = isRequest
  }

  /// This direction's place.
  var side: UnsafeMutablePointer<HTTPSide> {
    (UnsafeMutableRawPointer(state) + HTTPState.sidesOffset)
      .assumingMemoryBound(to: HTTPSide.self) + (isRequest ? 0 : 1)
  }

  var stream: UnsafeMutablePointer<StreamSide> { d.side(toServer: isToServer) }

  /// The direction goes towards who is taken for the server.
  var isToServer: Bool { isRequest == (state.pointee.roles != .swapped) }

  /// Counts what was passed over unseen since the last call.
  func pass(to offset: UInt64) {
    let passed = offset &- side.pointee.mark
    side.pointee.mark = offset
    guard passed > 0, offset >= passed, side.pointee.slot != HTTPState.none else { return }
    advance(passed)
  }

  /// Bytes of the body have gone by.
  func advance(_ count: UInt64) {
    side.pointee.body &+= count
    side.pointee.wire &+= count
    if side.pointee.left != .max { side.pointee.left &-= min(count, side.pointee.left) }
  }

  /// Bytes that are no part of the body have been read.
  func consumed(_ count: Int) -> Progress {
    side.pointee.mark &+= UInt64(count)
    return .consumed(count)
  }
}
