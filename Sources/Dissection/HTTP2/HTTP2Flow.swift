internal import FlowEngine
internal import Records

/// A connection's frames, read one after the other.
struct HTTP2Flow: BitwiseCopyable {
  let d: Delivery
  let state: UnsafeMutablePointer<HTTP2Stream.State>

  typealias Kind = HTTP2Frame.Kind
  typealias Flag = HTTP2Frame.Flag

  /// Frames that are looked at as a whole; a header block beyond it is left out.
  private static var longestFrame: Int { 48 << 10 }
  /// Bytes behind a hole in which a frame is looked for.
  private static var mostSearched: UInt32 { 1 << 20 }

  var isClient: Bool { d.isToServer }

  func withSide<Result>(_ body: (inout HTTP2Side) -> Result) -> Result {
    isClient ? body(&state.pointee.client) : body(&state.pointee.server)
  }

  // MARK: Frames

  func take(_ bytes: Bytes) -> Progress {
    if d.flow.pointee.handed != 0 { beginUpgraded() }
    let side = withSide { $0 }
    if side.data.left > 0 { return takeBody(bytes) }
    if side.skip > 0 {
      withSide { $0.skip = 0 }
      return .skip(side.skip, after: 0)
    }
    if side.flags & HTTP2Side.Flags.isSearching != 0 { return search(bytes) }
    if side.flags & HTTP2Side.Flags.isBegun == 0 {
      if let progress = begin(bytes) { return progress }
    }
    guard let frame = HTTP2Frame(bytes) else { return .needs(HTTP2Frame.headBytes) }
    return take(frame, bytes)
  }

  /// The client's preface (section 3.4). nil where frames begin at once.
  private func begin(_ bytes: Bytes) -> Progress? {
    let preface = Bytes(HTTP2Stream.preface)
    let length = min(preface.count, bytes.count)
    if isClient && bytes.prefix(length).equals(preface.prefix(length)) {
      guard length == preface.count else { return .needs(preface.count) }
      withSide { $0.flags |= HTTP2Side.Flags.isBegun }
      return .consumed(preface.count)
    }
    guard let frame = HTTP2Frame(bytes) else { return .needs(HTTP2Frame.headBytes) }
    withSide { $0.flags |= HTTP2Side.Flags.isBegun }
    if d.isMidstream || d.offset > 0 && isClient { return nil }
    // Without preface or settings this is something else (but for what stands behind an upgrade).
    return frame.isPlausible ? nil : .lost()
  }

  private func take(_ frame: HTTP2Frame, _ bytes: Bytes) -> Progress {
    let head = HTTP2Frame.headBytes
    guard frame.isSound else {
      d.note(.appMalformed)
      return .skip(UInt64(frame.length), after: head)
    }
    let isBlock = withSide { $0.block.isOpen }
    // Nothing may stand between the frames of a header block (section 6.10).
    if isBlock && frame.type != Kind.continuation {
      d.note(.appMalformed)
      loseBlock()
    }
    switch frame.type {
    case Kind.data: return takeData(frame, bytes)
    case Kind.headers, Kind.pushPromise, Kind.continuation:
      guard frame.length <= Self.longestFrame else {
        d.note(.appHeadersTooLong)
        markIncomplete(frame.stream)
        loseBlock()
        withSide { $0.table.lose() }
        return .skip(UInt64(frame.length), after: head)
      }
      guard let body = bytes.slice(head, frame.length) else { return .needs(head &+ frame.length) }
      takeHeaders(frame, body)
      return .consumed(head &+ frame.length)
    case Kind.settings, Kind.reset, Kind.goAway, Kind.priority:
      // GOAWAY may carry any amount of text behind the code.
      let wanted = frame.type == Kind.goAway ? 8 : frame.length
      guard frame.type != Kind.settings || frame.length <= 6 * 64 else {
        return .skip(UInt64(frame.length), after: head)
      }
      guard let body = bytes.slice(head, wanted) else { return .needs(head &+ wanted) }
      takeControl(frame, body)
      return .skip(UInt64(frame.length &- wanted), after: head &+ wanted)
    default: return .skip(UInt64(frame.length), after: head)
    }
  }

  private func takeControl(_ frame: HTTP2Frame, _ body: Bytes) {
    switch frame.type {
    case Kind.settings:
      if !frame.has(Flag.acknowledges) && !body.isEmpty { writeSettings(body) }
    case Kind.goAway: writeGoAway(body.be32(4) ?? 0)
    case Kind.reset:
      guard let exchange = state.pointee.streams.find(d, frame.stream) else { return }
      exchange.pointee.errorCode = body.be32(0) ?? 0
      exchange.pointee.flags |=
        isClient ? HTTP2Exchange.Flags.resetByClient : HTTP2Exchange.Flags.resetByServer
      finish(exchange)
    default:
      if let exchange = state.pointee.streams.find(d, frame.stream) {
        exchange.pointee.priority = UInt16(body.u8(4) ?? 0)
      }
    }
  }

  // MARK: Holes

  /// A hole within a frame whose head was seen does not hide where the next one begins.
  func gap(_ rest: Bytes, missing: UInt64) -> GapAnswer {
    if d.flow.pointee.handed != 0 { beginUpgraded() }
    if withSide({ $0.block.isOpen }) { loseBlock() }
    var rest = rest
    if let frame = HTTP2Frame(rest), frame.type == Kind.data, frame.isSound,
      withSide({ $0.flags & HTTP2Side.Flags.isSearching == 0 }), beginPartialData(frame, rest)
    {
      rest = .empty
    }
    // Of a body that is looked at nothing is left over.
    let hidden = missing &- missBody(missing)
    let skip = withSide { $0.skip }
    if rest.isEmpty, hidden <= skip {
      withSide { $0.skip = skip &- hidden }
      return .resume
    }
    if let frame = HTTP2Frame(rest) {
      let whole = UInt64(HTTP2Frame.headBytes &+ frame.length)
      let seen = UInt64(rest.count) &+ hidden
      if frame.type == Kind.headers || frame.type == Kind.pushPromise
        || frame.type == Kind.continuation
      {
        markIncomplete(frame.stream)
        withSide { $0.table.lose() }
      }
      if whole >= seen {
        withSide { $0.skip = whole &- seen }
        return .resume
      }
    }
    loseBodies()
    withSide {
      $0.table.lose()
      $0.skip = 0
      $0.flags |= HTTP2Side.Flags.isSearching | HTTP2Side.Flags.isBegun
      $0.searched = 0
    }
    return .resume
  }

  /// Looks for a frame that another one follows: a single head is too easily found in a body.
  private func search(_ bytes: Bytes) -> Progress {
    let head = HTTP2Frame.headBytes
    var place = 0
    while place &+ head <= bytes.count {
      if let frame = HTTP2Frame(bytes.dropFirst(place)), frame.isPlausible {
        let behind = place &+ head &+ frame.length
        guard let next = HTTP2Frame(bytes.dropFirst(behind)) else {
          // It cannot be told yet; a frame that is longer than what is kept is not waited for.
          if behind &+ head &- place <= Self.longestFrame {
            return Progress(consumed: place, needs: behind &+ head &- place)
          }
          place &+= 1
          continue
        }
        if next.isPlausible {
          withSide { $0.flags &= ~HTTP2Side.Flags.isSearching }
          return place > 0 ? .consumed(place) : take(frame, bytes)
        }
      }
      place &+= 1
    }
    let searched = withSide {
      $0.searched = min($0.searched &+ UInt32(truncatingIfNeeded: place), Self.mostSearched)
      return $0.searched
    }
    guard searched < Self.mostSearched else { return .directionDone() }
    return Progress(consumed: place, needs: head)
  }

  /// A header block that will not be read.
  func loseBlock() {
    let stream = withSide { $0.block.stream }
    withSide {
      $0.block.drop(d)
      $0.table.lose()
    }
    markIncomplete(stream)
  }

  func markIncomplete(_ stream: UInt32) {
    if let exchange = state.pointee.streams.find(d, stream) {
      exchange.pointee.flags |= HTTP2Exchange.Flags.isIncomplete
    }
  }

  // MARK: Ends

  /// One side of a stream has said all.
  func close(_ exchange: UnsafeMutablePointer<HTTP2Exchange>) {
    typealias Flags = HTTP2Exchange.Flags
    exchange.pointee.flags |= isClient ? Flags.requestEnded : Flags.responseEnded
    endBody(exchange, isRequest: isClient, isComplete: true)
    // A server need not read the request to its end.
    if exchange.pointee.has(Flags.responseEnded) { finish(exchange) }
  }

  func finish(_ exchange: UnsafeMutablePointer<HTTP2Exchange>) {
    endBody(exchange, isRequest: true, isComplete: false)
    endBody(exchange, isRequest: false, isComplete: false)
    writeFiles(exchange)
    write(exchange)
    dropBodies(exchange)
    state.pointee.streams.close(d, exchange)
  }

  func end() {
    if d.flow.pointee.handed != 0 { beginUpgraded() }
    while let exchange = state.pointee.streams.oldest(d) { finish(exchange) }
    state.pointee.streams.drop(d)
    state.pointee.client.block.drop(d)
    state.pointee.server.block.drop(d)
    state.pointee.client.table.release(d)
    state.pointee.server.table.release(d)
  }
}
