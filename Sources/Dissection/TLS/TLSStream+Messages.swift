internal import FlowEngine

// Handshake messages out of records: several in one, one over several (RFC 8446, section 5.1).

extension TLSStream {
  /// Beyond it a length is no length: encrypted, or not TLS.
  private static var longestMessage: UInt32 { 1 << 20 }
  /// What is kept of one message; of a longer one the record has what stands there.
  private static var mostKept: Int { DissectionSettings.longestMessage }

  /// What a record in the clear holds.
  static func takeHandshake(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ direction: inout TLSDirection,
    _ record: Bytes
  ) {
    let skipped = min(Int(direction.unwanted), record.count)
    direction.unwanted &-= UInt32(truncatingIfNeeded: skipped)
    var rest = record.dropFirst(skipped)
    while !rest.isEmpty, !direction.has(TLSDirection.Flags.encrypted) {
      if direction.seen == 0 {
        if let head = rest.be32(0) {
          guard isMessage(head) else { return giveUp(d, &direction, head) }
          let length = Int(head & 0xff_ffff)
          if let body = rest.slice(TLSMessage.headerBytes, length) {
            direction.flags &= ~TLSDirection.Flags.lost
            takeMessage(d, state, UInt8(truncatingIfNeeded: head >> 24), body, isCut: false)
            rest = rest.dropFirst(TLSMessage.headerBytes &+ length)
            continue
          }
        }
      }
      rest = rest.dropFirst(collect(d, &direction, rest))
      guard direction.seen >= 4 else { continue }
      guard isMessage(direction.head) else { return giveUp(d, &direction, direction.head) }
      let left = Int((direction.head & 0xff_ffff) &+ 4 &- direction.seen)
      // Behind a hole only what ends within its record is believed.
      if direction.has(TLSDirection.Flags.lost), left > rest.count &+ Int(direction.record) {
        return giveUp(d, &direction, direction.head)
      }
      if left == 0 {
        direction.flags &= ~TLSDirection.Flags.lost
        endMessage(d, state, &direction, isCut: direction.kept &+ 4 < direction.seen)
      }
    }
  }

  /// Type and length are those of a message.
  private static func isMessage(_ head: UInt32) -> Bool {
    TLSMessage.letter(UInt8(truncatingIfNeeded: head >> 24)) != nil
      && head & 0xff_ffff < longestMessage
  }

  /// In the middle of a connection what looks like a handshake is encrypted; behind a hole it may
  /// be the middle of a message.
  private static func giveUp(
    _ d: Delivery, _ direction: inout TLSDirection, _ head: UInt32
  ) {
    if direction.has(TLSDirection.Flags.lost) {
      direction.unwanted = direction.record
    } else {
      let isKnown = TLSMessage.letter(UInt8(truncatingIfNeeded: head >> 24)) != nil
      if isKnown, !d.isMidstream, d.missingBytes == 0 { d.note(.appMessageTooLong) }
      direction.flags |= TLSDirection.Flags.encrypted
    }
    dropMessage(d, &direction)
  }

  /// Takes what belongs to the message under way, its type and length first; returns how many
  /// bytes.
  private static func collect(_ d: Delivery, _ direction: inout TLSDirection, _ bytes: Bytes)
    -> Int
  {
    if direction.seen < 4 {
      direction.head = direction.head << 8 | UInt32(bytes.u8(0) ?? 0)
      direction.seen &+= 1
      return 1
    }
    // No more than 2^20, which ``isMessage(_:)`` has looked at; `seen` is no more than the length
    // and 4.
    let wanted = Int((direction.head & 0xff_ffff) &+ 4 &- direction.seen)
    let piece = bytes.prefix(wanted)
    keep(d, &direction, piece)
    direction.seen &+= UInt32(truncatingIfNeeded: piece.count)
    return piece.count
  }

  private static func keep(_ d: Delivery, _ direction: inout TLSDirection, _ piece: Bytes) {
    // What is missing in the middle cannot be made good by what follows.
    guard direction.kept &+ 4 == direction.seen else { return }
    if piece.count > mostKept &- Int(direction.kept) { d.note(.appMessageTooLong) }
    let piece = piece.prefix(mostKept &- Int(direction.kept))
    let count = Int(direction.kept) &+ piece.count
    guard !piece.isEmpty, let size = BlockPool.size(for: count) else { return }
    if direction.block == 0 || size > direction.size {
      let block = d.core.pointee.blocks.take(size)
      guard block != 0 else { return d.core.pointee.counters.add(.dissectionNoMemory) }
      if direction.block != 0 {
        d.core.pointee.blocks.at(block).copyMemory(
          from: d.core.pointee.blocks.at(direction.block), byteCount: Int(direction.kept))
        d.core.pointee.blocks.giveBack(direction.block, direction.size)
      }
      direction.block = block
      direction.size = size
    }
    (d.core.pointee.blocks.at(direction.block) + Int(direction.kept)).copyMemory(
      from: piece.base, byteCount: piece.count)
    direction.kept = UInt32(truncatingIfNeeded: count)
  }

  private static func endMessage(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ direction: inout TLSDirection,
    isCut: Bool
  ) {
    let type = UInt8(truncatingIfNeeded: direction.head >> 24)
    if direction.block == 0 {
      takeMessage(d, state, type, .empty, isCut: isCut)
    } else {
      let memory = d.core.pointee.blocks.at(direction.block)
      let body = Bytes(
        UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)), Int(direction.kept))
      takeMessage(d, state, type, body, isCut: isCut)
    }
    dropMessage(d, &direction)
  }

  /// A hole, or the end, in the middle of a message: what there is of it is all there will be.
  /// Returns how many bytes of it are missing.
  static func endCutMessage(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ direction: inout TLSDirection
  ) -> UInt32 {
    if direction.unwanted > 0 { return direction.unwanted }
    guard direction.seen >= 4, !direction.has(TLSDirection.Flags.encrypted),
      !state.pointee.has(TLSState.Flags.emitted)
    else {
      dropMessage(d, &direction)
      return 0
    }
    let left = (direction.head & 0xff_ffff) &+ 4 &- direction.seen
    endMessage(d, state, &direction, isCut: true)
    return left
  }

  /// Of both directions, before the record is made or thrown away.
  static func endCutMessages(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    var direction = state.pointee.client
    _ = endCutMessage(d.turned(toServer: true), state, &direction)
    state.pointee.client = direction
    direction = state.pointee.server
    _ = endCutMessage(d.turned(toServer: false), state, &direction)
    state.pointee.server = direction
  }

  /// Gives back what was kept of a message.
  static func dropMessage(_ d: Delivery, _ direction: inout TLSDirection) {
    d.core.pointee.blocks.giveBack(direction.block, direction.size)
    direction.block = 0
    direction.size = 0
    direction.kept = 0
    direction.head = 0
    direction.seen = 0
  }
}

extension Delivery {
  /// The same in one of the directions.
  fileprivate func turned(toServer: Bool) -> Delivery {
    Delivery(
      core: core, flow: flow, isToServer: toServer, time: time, ordinal: ordinal, offset: offset)
  }
}
