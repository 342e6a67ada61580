internal import FlowEngine

// Requests and responses joined in their order (RFC 9112, section 9.3.2).
//
//     first
//     | request, response | request | request | …
//     └ responses ────────┘                   │
//     └ requests ─────────────────────────────┘

extension HTTPExchange {
  func slot(_ number: UInt8) -> UnsafeMutablePointer<HTTPSlot> {
    // Seven of the ring and one more; numbers come from `ring` and `lone`.
    UnsafeMutableRawPointer(state).assumingMemoryBound(to: HTTPSlot.self) + Int(number & 7)
  }

  /// The slot at a place of the ring, counted from its first.
  func ring(_ place: UInt8) -> UInt8 {
    // Both are below 8.
    (state.pointee.first &+ place) % UInt8(HTTPState.slots)
  }

  func clear(_ number: UInt8) {
    slot(number).pointee = HTTPSlot()
    slot(number).pointee.number = d.nextTransaction()
    slot(number).pointee.time = d.time
    state.pointee.depth &+= 1
  }

  /// The request that the next response answers, if one waits.
  func next() -> UnsafeMutablePointer<HTTPSlot>? {
    guard state.pointee.responses < state.pointee.requests else { return nil }
    return slot(ring(state.pointee.responses))
  }

  /// `isSeen`: not one that a hole has hidden.
  @discardableResult
  func beginRequest(isSeen: Bool = true) -> UnsafeMutablePointer<HTTPSlot> {
    if state.pointee.responses > state.pointee.requests { letEarlierResponseGo(isSeen) }
    let place = min(state.pointee.requests, UInt8(HTTPState.slots) &- 1)
    let number = ring(place)
    if state.pointee.requests < UInt8(HTTPState.slots) {
      if state.pointee.requests >= state.pointee.responses { clear(number) }
      state.pointee.requests &+= 1
    } else {
      // No room: the last one is recorded without its answer, which will be one without a request.
      d.note(.appTooManyTransactions)
      let before = slot(number).pointee.before
      emit(slot(number))
      clear(number)
      slot(number).pointee.before = before < .max ? before &+ 1 : before
    }
    slot(number).pointee.flags |= HTTPSlot.Flags.hasRequest
    slot(number).pointee.time = d.time
    side.pointee.slot = number
    notePlace(of: number, isSeen)
    return slot(number)
  }

  /// `place`: where in its stream it begins.
  @discardableResult
  func beginResponse(at place: UInt64) -> UnsafeMutablePointer<HTTPSlot> {
    var number = HTTPState.lone
    if isPairingUnsure { dropUnanswered(before: place, isAnswer: true) }
    if let waiting = next(), waiting.pointee.has(HTTPSlot.Flags.unsure) { dropUnsure() }
    if isEarlierThanNext {
      clear(number)
      slot(number).pointee.flags |= HTTPSlot.Flags.incomplete
    } else if let waiting = next() {
      if waiting.pointee.before > 0 {
        waiting.pointee.before &-= 1
        clear(number)
      } else {
        number = ring(state.pointee.responses)
        state.pointee.responses &+= 1
      }
    } else {
      // Its request may still come, when packets were taken down in the wrong order; but one at a time.
      if state.pointee.responses > state.pointee.requests {
        state.pointee.responses &-= 1
        emit(slot(ring(state.pointee.responses)))
      }
      if state.pointee.responses < UInt8(HTTPState.slots) {
        number = ring(state.pointee.responses)
        state.pointee.responses &+= 1
        self.place(of: number).pointee = UInt32(truncatingIfNeeded: place)
      }
      clear(number)
    }
    slot(number).pointee.flags |= HTTPSlot.Flags.hasResponse
    side.pointee.slot = number
    return slot(number)
  }

  /// The message of this direction is at its end, or nothing more will be known of it.
  func finish(isComplete: Bool) {
    let number = side.pointee.slot
    let slot = slot(number)
    let missing = stream.pointee.missing &- side.pointee.missingBefore
    side.pointee.missingBefore = stream.pointee.missing
    if number != HTTPState.none {
      slot.pointee.missing &+= missing
      if missing > 0 { side.pointee.flags |= HTTPSide.Flags.gap }
      if !isComplete || missing > 0 { slot.pointee.flags |= HTTPSlot.Flags.incomplete }
      if side.pointee.phase != .head { finishBody(slot, isComplete: isComplete) }
      slot.pointee.flags |=
        isRequest ? HTTPSlot.Flags.requestDone : HTTPSlot.Flags.responseDone
    }
    if isComplete { noteAnswered(upTo: side.pointee.mark) }
    side.pointee.slot = HTTPState.none
    side.pointee.phase = .head
    side.pointee.flags = 0
    side.pointee.scanned = 0
    side.pointee.left = 0
    side.pointee.body = 0
    side.pointee.wire = 0
    side.pointee.magic = .unknown
    if number == HTTPState.lone {
      emit(slot)
    } else {
      settle()
    }
  }

  private func finishBody(_ slot: UnsafeMutablePointer<HTTPSlot>, isComplete: Bool) {
    let inflater = side.pointee.inflater
    if inflater > 0 {
      let first = d.core.pointee.inflaters.first(inflater)
      if !first.isEmpty { side.pointee.magic = FileMagic(first) }
    }
    if isRequest {
      writeRequestBody(slot)
    } else {
      slot.pointee.responseBody = side.pointee.body
      slot.pointee.responseLength = side.pointee.wire
      slot.pointee.magic = side.pointee.magic
    }
    let settings = d.core.pointee.settings
    let isWanted = side.pointee.has(HTTPSide.Flags.hashed) || settings.wantsHiddenRecords
    if form != nil {
      endForm()
    } else if isWanted && side.pointee.body > 0 && !settings.isHeaderOnly {
      writeDecoded(slot)
      emitFile(isComplete: isComplete)
    }
    d.core.pointee.inflaters.giveBack(inflater)
    side.pointee.inflater = 0
  }

  /// Records what is at its end, in order.
  func settle() {
    let done =
      HTTPSlot.Flags.hasRequest | HTTPSlot.Flags.requestDone | HTTPSlot.Flags.responseDone
    while state.pointee.requests > 0, state.pointee.responses > 0 {
      let slot = slot(state.pointee.first)
      guard slot.pointee.has(done) else { return }
      emit(slot)
      let isPair = slot.pointee.flags & (HTTPSlot.Flags.hasResponse | HTTPSlot.Flags.incomplete)
      pop()
      if isPair == HTTPSlot.Flags.hasResponse { forgetHole() }
    }
  }

  private func pop() {
    state.pointee.first = ring(1)
    state.pointee.requests &-= min(state.pointee.requests, 1)
    state.pointee.responses &-= min(state.pointee.responses, 1)
  }

  /// The end: what is not complete is recorded as it is.
  func emitAll() {
    while max(state.pointee.requests, state.pointee.responses) > 0 {
      emit(slot(state.pointee.first))
      pop()
    }
  }
}
