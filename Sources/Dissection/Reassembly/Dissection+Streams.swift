internal import FlowEngine

// Streams to dissectors: bytes in order, holes as holes, ends as ends.

extension Dissection {
  /// Bytes that are next in a direction.
  mutating func deliver(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ bytes: Bytes
  ) {
    side.pointee.nextSequence &+= UInt32(truncatingIfNeeded: bytes.count)
    if side.pointee.flags & StreamSide.Flags.done != 0 {
      advance(state, side, toServer, bytes.count)
      return addUnheard(side, UInt64(bytes.count))
    }
    let place = side.pointee.offset
    let rest = skip(state, side, toServer, bytes)
    // Numbers come again every 4 GiB, and of what is skipped nothing takes the place of what was kept.
    if (place ^ side.pointee.offset) >> 31 != 0 { forgetSegments(state, side) }
    if rest.isEmpty { return }
    remember(state, side, rest)
    if side.pointee.carryCount == 0 {
      feed(state, side, toServer, rest)
    } else {
      feedBehindCarry(state, side, toServer, rest)
    }
  }

  /// Drops what nobody wants to see, up to the depth: what stands behind that ends the direction.
  @inline(__always)
  private func skip(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ bytes: Bytes
  ) -> Bytes {
    if side.pointee.skip == 0 { return bytes }
    let wanted = min(bytes.count, bytesLeft(state, side, toServer))
    let count = min(side.pointee.skip, UInt64(wanted))
    side.pointee.skip &-= count
    side.pointee.offset &+= count
    return bytes.dropFirst(Int(count))
  }

  /// Gives bytes to the dissector as long as it takes any, and keeps what it leaves.
  private mutating func feed(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ bytes: Bytes
  ) {
    let rest = feedOnce(state, side, toServer, bytes)
    if !rest.isEmpty && isWanted(state, side) { carry(state, side, rest) }
  }

  @inline(__always)
  private func isWanted(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>
  ) -> Bool {
    isLive(state) && side.pointee.flags & StreamSide.Flags.done == 0
  }

  /// The same without keeping; returns what is left.
  private mutating func feedOnce(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ bytes: Bytes
  ) -> Bytes {
    var rest = bytes
    while !rest.isEmpty {
      let progress = dissect(state, side, toServer, rest)
      guard isLive(state) else { return .empty }
      let consumed = min(max(progress.consumed, 0), rest.count)
      rest = rest.dropFirst(consumed)
      side.pointee.offset &+= UInt64(consumed)
      side.pointee.needs = 0
      side.pointee.skip = progress.skip
      let isMoving = consumed > 0 || progress.skip > 0
      rest = skip(state, side, toServer, rest)
      switch progress.next {
      case .more: break
      case .directionDone:
        // What was looked at in vain is all there is.
        if side.pointee.unheard > 0 {
          side.pointee.unheard = UInt32(truncatingIfNeeded: rest.count)
        }
        return stop(state, side, toServer, rest.count)
      case .done, .lost:
        release(state)
        return .empty
      case .change(let proto):
        guard change(state, to: proto) else { return .empty }
        continue
      }
      if !isMoving || progress.needs > rest.count {
        // Beyond the depth it is given nothing: what it waits for may be there, or will never be.
        let wanted = bytesLeft(state, side, toServer)
        if rest.count >= wanted { return stop(state, side, toServer, rest.count) }
        let needs = min(max(progress.needs, rest.count + 1), wanted)
        side.pointee.needs = UInt32(truncatingIfNeeded: needs)
        return rest
      }
      if side.pointee.flags & StreamSide.Flags.done != 0 { return .empty }
    }
    return rest
  }

  /// Bytes from where a direction stands up to its depth, behind which nobody looks by configuration.
  @inline(__always)
  func bytesLeft(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) -> Int {
    let depth = core.depth(state.pointee.proto, toServer: toServer)
    return depth > side.pointee.offset ? Int(clamping: depth &- side.pointee.offset) : 0
  }

  /// Bytes of a direction that nobody wants: its place goes on, and no further than its depth, so that who
  /// asks for it is told the same however it was cut.
  func advance(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ count: Int
  ) {
    side.pointee.offset &+= UInt64(min(count, bytesLeft(state, side, toServer)))
  }

  /// Nobody wants more of a direction, beginning with `count` bytes that are there.
  private mutating func stop(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ count: Int
  ) -> Bytes {
    advance(state, side, toServer, count)
    side.pointee.flags |= StreamSide.Flags.done
    finishIfBothDone(state)
    return .empty
  }

  private mutating func finishIfBothDone(_ state: UnsafeMutablePointer<FlowState>) {
    if state.pointee.sideA.flags & state.pointee.sideB.flags & StreamSide.Flags.done != 0 {
      release(state)
    }
  }

  /// Another protocol from here on. False where it changes too often, and the flow was given up.
  private mutating func change(
    _ state: UnsafeMutablePointer<FlowState>, to proto: AppProtocol
  ) -> Bool {
    endDissector(state)
    state.pointee.changes &+= 1
    state.pointee.excluded = 0
    guard state.pointee.changes <= 8 else {
      state.pointee.proto = AppProtocol.failed.rawValue
      release(state)
      return false
    }
    for number in 0..<UInt8(2) {
      let side = Self.side(state, number)
      side.pointee.flags &= ~(StreamSide.Flags.done | StreamSide.Flags.probed)
      side.pointee.needs = 0
      side.pointee.skip = 0
      side.pointee.unheard = 0
    }
    if proto == .unknown {
      state.pointee.proto = AppProtocol.unknown.rawValue
      let app = core.flows.app + Int(state.pointee.entry)
      if app.pointee.original == 0 { app.pointee.original = app.pointee.proto }
      state.pointee.expected = 0
    } else {
      guard core.settings.isOn(proto) else {
        assign(proto, state)
        release(state)
        return false
      }
      assign(proto, state)
    }
    return true
  }

  // MARK: What is left for later

  /// Keeps bytes until more of them are there.
  private mutating func carry(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ bytes: Bytes
  ) {
    // What is announced must be possible; memory is taken for what is there.
    guard Int(side.pointee.needs) <= DissectionSettings.longestMessage,
      let size = BlockPool.size(for: bytes.count)
    else { return giveUp(state, .appMessageTooLong) }
    let block = core.blocks.take(size)
    guard block != 0 else {
      core.counters.add(.dissectionNoMemory)
      return giveUp(state, nil)
    }
    core.blocks.at(block).copyMemory(from: bytes.base, byteCount: bytes.count)
    side.pointee.carry = block
    side.pointee.carrySize = size
    side.pointee.carryCount = UInt32(truncatingIfNeeded: bytes.count)
  }

  /// Bytes behind what was left: copied until the dissector has taken all that was kept, and from there
  /// on given to it where they lie.
  private mutating func feedBehindCarry(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ bytes: Bytes
  ) {
    var rest = bytes
    while !rest.isEmpty, isWanted(state, side) {
      rest = skip(state, side, toServer, rest)
      guard !rest.isEmpty else { return }
      let kept = Int(side.pointee.carryCount)
      if kept == 0 { return feed(state, side, toServer, rest) }
      let wanted = max(Int(side.pointee.needs), kept &+ 1) &- kept
      if wanted > rest.count {
        _ = extend(state, side, rest)
        return
      }
      // As much as it asked for, and some more where that is little, so that few calls do.
      // But no more than a block has room for, so that the longest message fits.
      let room = DissectionSettings.longestMessage &- kept
      let piece = rest.prefix(max(wanted, min(rest.count, 2048, room)))
      guard extend(state, side, piece) else { return }
      let whole = Bytes(
        UnsafePointer(core.blocks.at(side.pointee.carry).assumingMemoryBound(to: UInt8.self)),
        Int(side.pointee.carryCount))
      // The block is nobody's while it is looked at.
      let (block, size) = (side.pointee.carry, side.pointee.carrySize)
      side.pointee.carry = 0
      side.pointee.carryCount = 0
      let left = feedOnce(state, side, toServer, whole)
      if isWanted(state, side) {
        if left.count <= piece.count {
          // All that had been kept is taken: what is left lies in the packet, too.
          core.blocks.giveBack(block, size)
          let unread = skip(state, side, toServer, rest.dropFirst(piece.count &- left.count))
          if unread.isEmpty { return }
          if side.pointee.needs > unread.count { return carry(state, side, unread) }
          return feed(state, side, toServer, unread)
        }
        keepLeft(side, left, block, size)
        rest = rest.dropFirst(piece.count)
      } else {
        core.blocks.giveBack(block, size)
        if isLive(state) {
          advance(state, side, toServer, rest.count &- piece.count)
          addUnheard(side, UInt64(rest.count &- piece.count))
        }
        return
      }
    }
  }

  /// What is left of a block, to the front of it, or into a smaller one where that is enough.
  private mutating func keepLeft(
    _ side: UnsafeMutablePointer<StreamSide>, _ left: Bytes, _ block: UInt32, _ size: UInt8
  ) {
    var (place, placeSize) = (block, size)
    if let enough = BlockPool.size(for: left.count), enough < size {
      let smaller = core.blocks.take(enough)
      if smaller != 0 { (place, placeSize) = (smaller, enough) }
    }
    core.blocks.at(place).copyMemory(from: left.base, byteCount: left.count)
    if place != block { core.blocks.giveBack(block, size) }
    side.pointee.carry = place
    side.pointee.carrySize = placeSize
    side.pointee.carryCount = UInt32(truncatingIfNeeded: left.count)
  }

  /// Puts bytes behind what is kept. False where there is no room; then the flow was given up.
  private mutating func extend(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ bytes: Bytes
  ) -> Bool {
    let count = Int(side.pointee.carryCount) &+ bytes.count
    if count > BlockPool.byteCount(side.pointee.carrySize) {
      guard Int(side.pointee.needs) <= DissectionSettings.longestMessage,
        let size = BlockPool.size(for: count)
      else {
        giveUp(state, .appMessageTooLong)
        return false
      }
      let block = core.blocks.take(size)
      guard block != 0 else {
        core.counters.add(.dissectionNoMemory)
        giveUp(state, nil)
        return false
      }
      core.blocks.at(block).copyMemory(
        from: core.blocks.at(side.pointee.carry), byteCount: Int(side.pointee.carryCount))
      core.blocks.giveBack(side.pointee.carry, side.pointee.carrySize)
      side.pointee.carry = block
      side.pointee.carrySize = size
    }
    (core.blocks.at(side.pointee.carry) + Int(side.pointee.carryCount)).copyMemory(
      from: bytes.base, byteCount: bytes.count)
    side.pointee.carryCount = UInt32(truncatingIfNeeded: count)
    return true
  }

  private mutating func giveUp(_ state: UnsafeMutablePointer<FlowState>, _ event: Counter?) {
    if let event { core.note(event) }
    release(state)
  }

  /// What is kept, taken out of the state; to be given back with ``BlockPool/giveBack(_:_:)``.
  private func carried(_ side: UnsafeMutablePointer<StreamSide>) -> (Bytes, UInt32, UInt8) {
    guard side.pointee.carryCount > 0 else { return (.empty, 0, 0) }
    let bytes = Bytes(
      UnsafePointer(core.blocks.at(side.pointee.carry).assumingMemoryBound(to: UInt8.self)),
      Int(side.pointee.carryCount))
    let (block, size) = (side.pointee.carry, side.pointee.carrySize)
    side.pointee.carry = 0
    side.pointee.carryCount = 0
    return (bytes, block, size)
  }

  /// What was kept of a direction while nobody knew what it speaks goes to the dissector.
  mutating func feedCarried(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) {
    let (bytes, block, size) = carried(side)
    side.pointee.needs = 0
    feed(state, side, toServer, bytes)
    core.blocks.giveBack(block, size)
  }

  // MARK: Holes and ends

  /// A hole of `count` bytes at what is next.
  mutating func missed(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ count: UInt64
  ) {
    core.counters.add(.streamGaps)
    core.counters.add(.streamGapBytes, count)
    side.pointee.nextSequence &+= UInt32(truncatingIfNeeded: count)
    side.pointee.offset &+= count
    if side.pointee.flags & StreamSide.Flags.done != 0 {
      if side.pointee.unheard > 0 { addMissing(side, count) }
      return
    }
    let unwanted = min(side.pointee.skip, count)
    side.pointee.skip &-= unwanted
    // Of a body that nobody looks at nothing is missing in the record, but the flow knows.
    addMissing(side, count)
    if unwanted == count { return }
    let (rest, block, size) = carried(side)
    side.pointee.needs = 0
    tellGap(state, side, toServer, rest, count &- unwanted)
    core.blocks.giveBack(block, size)
  }

  /// More of a direction that was given up before anybody knew what it is.
  func addUnheard(_ side: UnsafeMutablePointer<StreamSide>, _ count: UInt64) {
    guard side.pointee.unheard > 0 else { return }
    let sum = UInt64(side.pointee.unheard) &+ count
    side.pointee.unheard = UInt32(truncatingIfNeeded: min(sum, UInt64(UInt32.max)))
  }

  func addMissing(_ side: UnsafeMutablePointer<StreamSide>, _ count: UInt64) {
    let sum = UInt64(side.pointee.missing) &+ count
    side.pointee.missing = UInt32(truncatingIfNeeded: min(sum, UInt64(UInt32.max)))
  }

  private mutating func tellGap(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool, _ rest: Bytes, _ missing: UInt64
  ) {
    let answer = dissectGap(state, toServer, rest, missing)
    guard isLive(state) else { return }
    switch answer {
    case .resume: break
    case .directionDone:
      side.pointee.flags |= StreamSide.Flags.done
      finishIfBothDone(state)
    case .done: release(state)
    }
  }

  /// A hole in a direction, from when nobody knew yet what is spoken.
  mutating func tellHole(_ state: UnsafeMutablePointer<FlowState>, toServer: Bool) {
    let client = state.pointee.clientSide
    let side = Self.side(state, toServer ? client : 1 &- client)
    let missing = UInt64(side.pointee.missing)
    guard missing > 0, side.pointee.flags & StreamSide.Flags.done == 0 else { return }
    tellGap(state, side, toServer, .empty, missing)
  }

  /// Tells the dissector of a FIN, once all before it is there.
  mutating func closeIfDue(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) {
    guard isFINPending(side) else { return }
    let ahead = Int32(bitPattern: side.pointee.finSequence &- side.pointee.nextSequence)
    if ahead > 0 { return }
    // Data has gone past it: its receiver has done the same.
    if ahead < 0 {
      side.pointee.flags &= ~StreamSide.Flags.fin
      return
    }
    let client = state.pointee.clientSide
    let other = Self.side(state, toServer ? 1 &- client : client)
    guard isUnknown(state), side.pointee.carryCount > 0 else {
      close(state, side, toServer)
      // That one may have waited for what this one says.
      if isLive(state) && isUnknown(state) { closeIfDue(state, other, !toServer) }
      return
    }
    // What it has said is still to be told by the other direction, if that says anything more.
    if other.pointee.flags & StreamSide.Flags.done != 0
      || isFINPending(other) && other.pointee.finSequence == other.pointee.nextSequence
    {
      finish(state)
    }
  }

  private func isUnknown(_ state: UnsafeMutablePointer<FlowState>) -> Bool {
    state.pointee.proto == AppProtocol.unknown.rawValue
  }

  /// A FIN has come, and its direction is not closed yet: something before it is missing, or waits.
  @inline(__always)
  func isFINPending(_ side: UnsafeMutablePointer<StreamSide>) -> Bool {
    let flags = StreamSide.Flags.fin | StreamSide.Flags.ended | StreamSide.Flags.done
    return side.pointee.flags & flags == StreamSide.Flags.fin
  }

  private mutating func close(
    _ state: UnsafeMutablePointer<FlowState>, _ side: UnsafeMutablePointer<StreamSide>,
    _ toServer: Bool
  ) {
    side.pointee.flags |= StreamSide.Flags.ended
    feedUntold(state, side, toServer)
    guard isLive(state) else { return }
    let (rest, block, size) = carried(side)
    dissectClosed(state, toServer, rest)
    core.blocks.giveBack(block, size)
    guard isLive(state) else { return }
    side.pointee.flags |= StreamSide.Flags.done
    finishIfBothDone(state)
  }

  /// The flow is over: what waits behind holes is delivered, and both directions are closed.
  mutating func endStreams(_ state: UnsafeMutablePointer<FlowState>) {
    endStream(state, toServer: true)
    if isLive(state) { endStream(state, toServer: false) }
  }

  private mutating func endStream(_ state: UnsafeMutablePointer<FlowState>, toServer: Bool) {
    let client = state.pointee.clientSide
    let side = Self.side(state, toServer ? client : 1 &- client)
    while isLive(state), side.pointee.segments != 0,
      side.pointee.flags & StreamSide.Flags.done == 0
    {
      skipFirstHole(state, side, toServer)
    }
    guard isLive(state) else { return }
    if side.pointee.flags & (StreamSide.Flags.ended | StreamSide.Flags.done) == 0 {
      close(state, side, toServer)
    }
  }

  /// Gives back what both directions hold.
  mutating func dropStreams(_ state: UnsafeMutablePointer<FlowState>) {
    for number in 0..<UInt8(2) {
      let side = Self.side(state, number)
      dropSegments(side)
      core.blocks.giveBack(side.pointee.carry, side.pointee.carrySize)
      side.pointee.carry = 0
      side.pointee.carryCount = 0
    }
  }
}
