internal import FlowEngine
internal import Records

/// SSL and TLS over TCP: the handshake as long as it is in the clear, one record a connection.
///
/// The record is emitted when both sides have gone over to encryption, when one has sent a fatal
/// alert, or at the flow's end. It bears time and place of the packet with which Suricata has its
/// record: that of the server's certificate, or of the first application data where there is none
/// in the clear.
enum TLSStream: StreamDissector {
  typealias State = TLSState

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    var direction = d.isToServer ? state.pointee.client : state.pointee.server
    var progress = take(d, state, &direction, bytes)
    store(direction, d, state)
    if state.pointee.has(TLSState.Flags.over) {
      conclude(d, state)
      progress.next = .done
    }
    return progress
  }

  private static func store(
    _ direction: TLSDirection, _ d: Delivery, _ state: UnsafeMutablePointer<State>
  ) {
    if d.isToServer {
      state.pointee.client = direction
    } else {
      state.pointee.server = direction
    }
  }

  private static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ direction: inout TLSDirection,
    _ bytes: Bytes
  ) -> Progress {
    if direction.rest > 0 {
      let rest = direction.rest
      direction.rest = 0
      return .skip(UInt64(rest), after: 0)
    }
    if direction.record > 0 {
      let piece = bytes.prefix(Int(direction.record))
      direction.record &-= UInt32(truncatingIfNeeded: piece.count)
      takeHandshake(d, state, &direction, piece)
      return .consumed(piece.count)
    }
    if !direction.has(TLSDirection.Flags.begun) && !d.isMidstream {
      let (length, isOpen) = TLSPrelude.measure(
        bytes, toServer: d.isToServer, isFirst: false)
      if length > 0 { return .consumed(length) }
      if isOpen { return .needs(bytes.count &+ 1) }
    }
    if !direction.has(TLSDirection.Flags.begun), (bytes.u8(0) ?? 0) & 0x80 != 0 {
      if let length = TLSSSL2.length(bytes) {
        guard let message = bytes.slice(0, length) else { return .needs(length) }
        direction.flags |= TLSDirection.Flags.begun
        takeSSL2(d, state, message)
        return .consumed(length)
      }
      if TLSSSL2.mayBegin(bytes) { return .needs(bytes.count &+ 1) }
    }
    guard let header = TLSRecordHeader(bytes) else {
      if bytes.count < TLSRecordHeader.byteCount && TLSRecordHeader.mayBegin(bytes) {
        return .needs(TLSRecordHeader.byteCount)
      }
      if direction.has(TLSDirection.Flags.unsure) { return .directionDone() }
      if !direction.has(TLSDirection.Flags.begun) && !isInteresting(state) { return .lost() }
      d.note(.appMalformed)
      return .directionDone()
    }
    direction.flags |= TLSDirection.Flags.begun
    direction.flags &= ~TLSDirection.Flags.unsure
    if state.pointee.start == 0 { state.pointee.start = d.time }
    return take(d, state, &direction, header, bytes)
  }

  /// One record, of which the head is there.
  private static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ direction: inout TLSDirection,
    _ header: TLSRecordHeader, _ bytes: Bytes
  ) -> Progress {
    let whole = TLSRecordHeader.byteCount &+ header.length
    let isClear = !direction.has(TLSDirection.Flags.encrypted)
    switch header.type {
    case TLSRecordHeader.Kind.handshake where isClear:
      direction.record = UInt32(truncatingIfNeeded: header.length)
      return .consumed(TLSRecordHeader.byteCount)
    case TLSRecordHeader.Kind.changeCipherSpec:
      guard bytes.has(whole, at: 0) else { return .needs(whole) }
      if isClear { takeChangeCipherSpec(d, state, &direction) }
    case TLSRecordHeader.Kind.alert where isClear && header.length == 2:
      guard let level = bytes.u8(5), let description = bytes.u8(6) else { return .needs(whole) }
      takeAlert(d, state, level, description)
    case TLSRecordHeader.Kind.heartbeat where isClear:
      addHistory(state, UInt8(ascii: "b"), d.isToServer)
      return .skip(UInt64(header.length), after: TLSRecordHeader.byteCount)
    default:
      takeCiphertext(d, state, direction, header.type)
      return .skip(UInt64(header.length), after: TLSRecordHeader.byteCount)
    }
    return .consumed(whole)
  }

  // MARK: Holes and ends

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    var direction = d.isToServer ? state.pointee.client : state.pointee.server
    let left = endCutMessage(d, state, &direction)
    if missing <= UInt64(min(left, direction.record)) {
      // Within a message: the next one's beginning is known.
      direction.unwanted = left &- UInt32(truncatingIfNeeded: missing)
      direction.record &-= UInt32(truncatingIfNeeded: missing)
    } else {
      direction.flags |= TLSDirection.Flags.lost
      direction.unwanted = 0
      // Within a record: the next one's beginning is known.
      let unseen = UInt64(direction.record)
      direction.record = 0
      if missing <= unseen {
        direction.rest = UInt32(truncatingIfNeeded: unseen &- missing)
      } else {
        direction.rest = 0
        direction.flags |= TLSDirection.Flags.unsure
      }
    }
    direction.flags |= TLSDirection.Flags.begun
    store(direction, d, state)
    return .resume
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    var direction = d.isToServer ? state.pointee.client : state.pointee.server
    _ = endCutMessage(d, state, &direction)
    store(direction, d, state)
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    conclude(d, state)
    d.drop(&state.pointee.draft)
    dropMessage(d, &state.pointee.client)
    dropMessage(d, &state.pointee.server)
  }

  /// There is something to tell.
  static func isInteresting(_ state: UnsafeMutablePointer<State>) -> Bool {
    state.pointee.flags
      & (TLSState.Flags.clientHello | TLSState.Flags.serverHello | TLSState.Flags.retryRequest
        | TLSState.Flags.serverCertificate) != 0
  }
}
