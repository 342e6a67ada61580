internal import FlowEngine

// Which answer is whose behind a hole. Who does not pipeline sends a request when he has the whole answer to
// the one before: what he acknowledges with it says where its answer begins at the earliest.
//
//     requests    1 ─┐          2 (has a) ─┐        3 (has b)
//     answers        a└ 1 … hole …        b└ hole   └ this one begins at or behind b: it is 3's
//
// Places are those in a stream, of 32 bits: they wrap, and are compared as sequence numbers are. What lies
// between two that are compared is less than 2 GiB: a body that is longer is the answer at hand.

extension HTTPExchange {
  /// Of a request how much of the answers its sender had when he began it; of an answer whose request has
  /// not come, where it begins.
  func place(of slot: UInt8) -> UnsafeMutablePointer<UInt32> {
    // Seven, one for each slot of the ring.
    (UnsafeMutableRawPointer(state) + HTTPState.placesOffset)
      .assumingMemoryBound(to: UInt32.self) + Int(slot) % HTTPState.slots
  }

  private static func isBehind(_ a: UInt32, _ b: UInt32) -> Bool {
    Int32(bitPattern: a &- b) > 0
  }

  private var requests: HTTPExchange { HTTPExchange(d, state, isRequest: true) }
  private var responses: HTTPExchange { HTTPExchange(d, state, isRequest: false) }

  // MARK: What is noted

  /// A message's first bytes: later ones of it may acknowledge more.
  @inline(__always)
  func noteBegin() {
    if side.pointee.has(HTTPSide.Flags.begun) { return }
    side.pointee.flags |= HTTPSide.Flags.begun
    // Where nothing tells: of the answers those that were followed, of the requests all there are.
    let had =
      d.acknowledged(toServer: isToServer)
      ?? (isRequest
        ? UInt64(state.pointee.answered) : d.side(toServer: !isToServer).pointee.offset)
    side.pointee.had = UInt32(truncatingIfNeeded: had)
  }

  /// The answer at hand has ended there, and what follows is the next one's.
  func noteAnswered(upTo place: UInt64) {
    if isRequest { return }
    let isUnsure = isPairingUnsure
    let end = UInt32(truncatingIfNeeded: place)
    state.pointee.answered = end
    // A hole before that has hidden nothing that is still waited for.
    if !isUnsure || !Self.isBehind(side.pointee.holeEnd, end) { side.pointee.holeEnd = end }
  }

  /// A hole of this direction has ended.
  func noteHole(upTo place: UInt64) {
    side.pointee.holeEnd = UInt32(truncatingIfNeeded: place)
    side.pointee.hasHole = true
    guard isRequest, state.pointee.responses < state.pointee.requests else { return }
    // Those before it stand behind another one, which is not known any more.
    for place in state.pointee.responses..<state.pointee.requests {
      slot(ring(place)).pointee.flags &= ~HTTPSlot.Flags.behindHole
    }
  }

  /// What was searched for the next message, which begins there, may have hidden others as a hole has.
  func noteFound(at place: UInt64) {
    if side.pointee.hasHole { side.pointee.holeEnd = UInt32(truncatingIfNeeded: place) }
  }

  /// Request and answer were there, and nothing waits: they are in step again.
  func forgetHole() {
    if state.pointee.requests | state.pointee.responses == 0 {
      requests.side.pointee.hasHole = false
    }
  }

  /// Of a request that begins.
  func notePlace(of number: UInt8, _ isSeen: Bool) {
    let isKnown = isSeen && side.pointee.has(HTTPSide.Flags.begun)
    // Of one that was not seen only that it comes behind those before it; it stands in the ring already.
    let isAlone = state.pointee.requests <= state.pointee.responses &+ 1
    place(of: number).pointee =
      isKnown
      ? side.pointee.had
      : isAlone ? state.pointee.answered : place(of: ring(state.pointee.requests &- 2)).pointee
    if isSeen && side.pointee.hasHole {
      slot(number).pointee.flags |= HTTPSlot.Flags.behindHole
    }
    let responses = responses
    if responses.side.pointee.slot == HTTPState.none, responses.isPairingUnsure {
      responses.dropUnanswered(before: responses.stream.pointee.offset, isAnswer: false)
    }
  }

  // MARK: What follows from it

  /// Up to where messages may have been hidden: by a hole, and where it is not known where one begins.
  private var unsureEnd: UInt32 {
    side.pointee.phase == .lost && side.pointee.hasHole
      ? UInt32(truncatingIfNeeded: stream.pointee.offset) : side.pointee.holeEnd
  }

  /// Of responses: behind the last one that was followed to its end is a hole.
  var isPairingUnsure: Bool {
    !isRequest && Self.isBehind(unsureEnd, state.pointee.answered)
  }

  /// Where answers are searched for: bytes up to where the next one begins, by what was acknowledged with a
  /// request, if it was not sent before the answers to others were there. nil where nothing tells.
  func nextAnswer(behind place: UInt64) -> Int? {
    guard !isRequest, side.pointee.hasHole else { return nil }
    let place = UInt32(truncatingIfNeeded: place)
    var least: Int?
    for i in 0..<state.pointee.requests where i >= state.pointee.responses {
      let known = self.place(of: ring(i)).pointee
      if Self.isBehind(place, known) { continue }
      least = min(least ?? .max, Int(known &- place))
    }
    return least
  }

  /// Where the answer to a request that waits begins at the earliest.
  private func earliest(_ place: UInt8) -> UInt32 {
    let known = self.place(of: ring(place)).pointee
    let answered = state.pointee.answered
    return Self.isBehind(known, answered) ? known : answered
  }

  /// Records requests without their answers, which a hole has hidden: a later request was sent with all of
  /// them received, and the next answer, which begins at `place` or, where there is none yet, behind it, is
  /// none of theirs. Of several that were sent together it is any one's.
  @inline(never)
  func dropUnanswered(before place: UInt64, isAnswer: Bool) {
    let place = UInt32(truncatingIfNeeded: place)
    guard state.pointee.responses < state.pointee.requests else { return }
    // No answer begins before that.
    var latest = state.pointee.answered
    for i in state.pointee.responses..<state.pointee.requests {
      let earliest = earliest(i)
      if !Self.isBehind(earliest, place) && Self.isBehind(earliest, latest) { latest = earliest }
    }
    let before = state.pointee.responses
    while state.pointee.responses < state.pointee.requests {
      let current = earliest(state.pointee.responses)
      guard Self.isBehind(latest, current), Self.isBehind(unsureEnd, current) else { break }
      // There is a next one: the latest is not before it.
      drop(missing: earliest(state.pointee.responses &+ 1) &- current)
    }
    if isAnswer { markUnsure(latest) }
    if state.pointee.responses > before { settle() }
  }

  /// Requests that were sent together, behind which a hole has hidden nobody knows how many answers; and one
  /// behind which another hole may have hidden more of them.
  private func markUnsure(_ latest: UInt32) {
    guard Self.isBehind(unsureEnd, latest) else { return }
    var end = state.pointee.responses
    while end < state.pointee.requests, earliest(end) == latest { end &+= 1 }
    if end == state.pointee.responses &+ 1, requests.side.pointee.hasHole,
      let waiting = next(), !waiting.pointee.has(HTTPSlot.Flags.behindHole)
    {
      waiting.pointee.flags |= HTTPSlot.Flags.incomplete
    }
    guard end &- state.pointee.responses > 1 else { return }
    for place in state.pointee.responses..<end {
      slot(ring(place)).pointee.flags |= HTTPSlot.Flags.incomplete | HTTPSlot.Flags.unsure
    }
  }

  /// The request that waits longest, and up to so many bytes that are missing, are over.
  private func drop(missing most: UInt32) {
    let slot = slot(ring(state.pointee.responses))
    state.pointee.responses &+= 1
    let missing = min(stream.pointee.missing &- side.pointee.missingBefore, most)
    side.pointee.missingBefore &+= missing
    slot.pointee.missing &+= missing
    slot.pointee.flags |= HTTPSlot.Flags.incomplete | HTTPSlot.Flags.responseDone
  }

  /// An answer begins, and what waits is of several requests that were sent together: where a later one was
  /// sent with all answers that were seen received, those before it are taken to be over. It may be that they
  /// are not, and so nothing is sure of that one either.
  @inline(never)
  func dropUnsure() {
    let before = state.pointee.responses
    while let waiting = next(), waiting.pointee.has(HTTPSlot.Flags.unsure) {
      guard let later = laterRequest else { break }
      later.pointee.flags |= HTTPSlot.Flags.incomplete
      drop(missing: 0)
    }
    if state.pointee.responses > before { settle() }
  }

  private var laterRequest: UnsafeMutablePointer<HTTPSlot>? {
    let first = place(of: ring(state.pointee.responses)).pointee
    // The caller has found one that waits.
    for i in state.pointee.responses..<state.pointee.requests {
      let (slot, known) = (slot(ring(i)), place(of: ring(i)).pointee)
      if !slot.pointee.has(HTTPSlot.Flags.unsure), Self.isBehind(known, first),
        !Self.isBehind(state.pointee.answered, known)
      {
        return slot
      }
    }
    return nil
  }

  /// Whether the answer that begins is to a request that was not seen: when it was sent, the one that waits,
  /// behind a hole, had not come to the server.
  var isEarlierThanNext: Bool {
    guard requests.side.pointee.hasHole, side.pointee.has(HTTPSide.Flags.begun),
      let waiting = next(), waiting.pointee.has(HTTPSlot.Flags.behindHole)
    else { return false }
    return !Self.isBehind(side.pointee.had, requests.side.pointee.holeEnd)
  }

  /// A response waits for its request, and one begins. Where its sender had some of the response already, that
  /// is no answer to it: the response's own was not seen.
  @inline(never)
  func letEarlierResponseGo(_ isSeen: Bool) {
    let isWhole = d.missingBytes == 0 && !isMidstream
    guard isSeen, !isWhole, side.pointee.has(HTTPSide.Flags.begun) else { return }
    let number = ring(state.pointee.responses &- 1)
    guard Self.isBehind(side.pointee.had, place(of: number).pointee) else { return }
    state.pointee.responses &-= 1
    let missing = stream.pointee.missing &- side.pointee.missingBefore
    side.pointee.missingBefore &+= missing
    slot(number).pointee.missing &+= missing
    if d.missingBytes > 0 { slot(number).pointee.flags |= HTTPSlot.Flags.incomplete }
    let responses = responses
    if responses.side.pointee.slot == number {
      // It is still under way.
      slot(HTTPState.lone).pointee = slot(number).pointee
      responses.side.pointee.slot = HTTPState.lone
    } else {
      emit(slot(number))
    }
  }

  private var isMidstream: Bool {
    (d.side(toServer: true).pointee.flags | d.side(toServer: false).pointee.flags)
      & StreamSide.Flags.midstream != 0
  }
}
