internal import FlowEngine
internal import Records

/// A message among those that belong together: which record it opens, goes into, or closes.
struct MQTTExchange {
  let d: Delivery
  let state: UnsafeMutablePointer<MQTTStream.State>
  let header: MQTTHeader
  let body: Bytes

  func take() {
    var w = d.event()
    w.beginObject(MQTTFields.message(header.type))
    w.integer(MQTTFields.qos, header.qos)
    w.boolean(MQTTFields.retain, header.flags & 1 != 0)
    w.boolean(MQTTFields.dup, header.flags & 8 != 0)
    var body = MQTTBody(
      version: state.pointee.version, d: d, header: header, bytes: body)
    let isRead = body.write(&w)
    w.end()
    guard isRead else {
      d.note(.appMalformed)
      state.pointee.malformed &+= 1
      return
    }
    state.pointee.version = body.version
    file(w, body.id)
  }

  /// Opens, continues or closes an exchange with a message that has been written.
  private func file(_ w: EventWriter, _ id: UInt16) {
    let isFromServer = !d.isToServer
    switch header.type {
    case 1: open(w, 0)
    case 2: close(w, type: 1, id: 0, isFromServer: !isFromServer)
    case 3, 8, 10:
      if header.qos == 0 { emit(w) } else { open(w, id) }
    case 4, 7: close(w, type: 3, id: id, isFromServer: !isFromServer)
    case 5: go(on: w, id: id, isFromServer: !isFromServer)
    case 6: go(on: w, id: id, isFromServer: isFromServer)
    case 9: close(w, type: 8, id: id, isFromServer: !isFromServer)
    case 11: close(w, type: 10, id: id, isFromServer: !isFromServer)
    default: emit(w)
    }
  }

  private func emit(_ w: EventWriter) {
    var w = w
    w.incomplete(d)
    d.emit(.mqtt, w, toServer: d.isToServer, transaction: d.nextTransaction())
  }

  private func open(_ w: EventWriter, _ id: UInt16) {
    if Int(state.pointee.pendingCount) == MQTTPending.count {
      d.note(.appTooManyTransactions)
      Self.emit(d, state, 0)
    }
    var w = w
    w.incomplete(d)
    let slot = Self.slots(state) + Int(state.pointee.pendingCount)
    slot.pointee = MQTTWaiting(
      id: id, type: header.type, isFromServer: !d.isToServer, seen: 1 << UInt16(header.type))
    d.keep(w, in: &slot.pointee.draft)
    state.pointee.pendingCount &+= 1
  }

  private func go(on w: EventWriter, id: UInt16, isFromServer: Bool) {
    guard let place = find(3, id, isFromServer) else { return emit(w) }
    let slot = Self.slots(state) + place
    guard slot.pointee.seen >> UInt16(header.type) & 1 == 0 else { return emit(w) }
    slot.pointee.seen |= 1 << UInt16(header.type)
    d.keep(w, in: &slot.pointee.draft)
  }

  private func close(_ w: EventWriter, type: UInt8, id: UInt16, isFromServer: Bool) {
    guard let place = find(type, id, isFromServer) else { return emit(w) }
    let slot = Self.slots(state) + place
    d.emit(
      .mqtt, &slot.pointee.draft, w, toServer: !slot.pointee.isFromServer,
      transaction: d.nextTransaction())
    Self.remove(state, place)
  }

  private func find(_ type: UInt8, _ id: UInt16, _ isFromServer: Bool) -> Int? {
    let slots = Self.slots(state)
    for i in 0..<Int(state.pointee.pendingCount)
    where slots[i].type == type && slots[i].id == id && slots[i].isFromServer == isFromServer {
      return i
    }
    return nil
  }

  // MARK: What waits

  private static func slots(
    _ state: UnsafeMutablePointer<MQTTStream.State>
  ) -> UnsafeMutablePointer<MQTTWaiting> {
    // The state lies in the flow's: the address holds beyond the call.
    withUnsafeMutablePointer(to: &state.pointee.pending) {
      UnsafeMutableRawPointer($0).assumingMemoryBound(to: MQTTWaiting.self)
    }
  }

  private static func remove(_ state: UnsafeMutablePointer<MQTTStream.State>, _ place: Int) {
    let slots = slots(state)
    let last = Int(state.pointee.pendingCount) &- 1
    var i = place
    while i < last {
      slots[i] = slots[i &+ 1]
      i &+= 1
    }
    slots[last] = MQTTWaiting()
    state.pointee.pendingCount = UInt8(truncatingIfNeeded: last)
  }

  private static func emit(
    _ d: Delivery, _ state: UnsafeMutablePointer<MQTTStream.State>, _ place: Int
  ) {
    let slot = slots(state) + place
    // Nothing is written: a message that the scratch may hold stays as it is.
    d.emit(
      .mqtt, &slot.pointee.draft, d.event(), toServer: !slot.pointee.isFromServer,
      transaction: d.nextTransaction())
    remove(state, place)
  }

  /// Exchanges that had no answer.
  static func emitAll(_ d: Delivery, _ state: UnsafeMutablePointer<MQTTStream.State>) {
    while state.pointee.pendingCount > 0 { emit(d, state, 0) }
  }
}
