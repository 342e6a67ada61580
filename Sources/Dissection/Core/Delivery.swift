internal import FlowEngine
internal import Records

/// What a dissector is called with: whose bytes these are, when they came, and what it can do with them.
struct Delivery: BitwiseCopyable {
  let core: UnsafeMutablePointer<DissectionCore>
  let flow: UnsafeMutablePointer<FlowState>
  /// Sent by the client.
  let isToServer: Bool
  /// Of the packet that brought (or completed) them: nanoseconds since 1970, and its ordinal.
  let time: Int64
  let ordinal: UInt64
  /// Where the bytes stand in their direction; of datagrams 0.
  var offset: UInt64 = 0

  @inline(__always)
  var settings: DissectionChoices { core.pointee.settings }

  /// The client's and the server's end points.
  var key: FlowKey { core.pointee.flows.hot[Int(flow.pointee.entry)].key }
  var clientPort: UInt16 { flow.pointee.clientSide == 0 ? key.portA : key.portB }
  var serverPort: UInt16 { flow.pointee.clientSide == 0 ? key.portB : key.portA }
  var clientAddress: IPAddress { flow.pointee.clientSide == 0 ? key.addressA : key.addressB }
  var serverAddress: IPAddress { flow.pointee.clientSide == 0 ? key.addressB : key.addressA }

  /// Bytes of both directions that holes have hidden so far.
  var missingBytes: UInt64 {
    UInt64(flow.pointee.sideA.missing) + UInt64(flow.pointee.sideB.missing)
  }

  /// This direction's first bytes were not seen.
  var isMidstream: Bool {
    side(toServer: isToServer).pointee.flags & StreamSide.Flags.midstream != 0
  }

  /// How much of the other direction the sender of this one had when he sent his latest data that was seen:
  /// a place in that stream. nil where nothing tells.
  func acknowledged(toServer: Bool) -> UInt64? {
    let other = side(toServer: !toServer)
    guard side(toServer: toServer).pointee.flags & StreamSide.Flags.acknowledges != 0 else {
      return nil
    }
    let isA = toServer == (flow.pointee.clientSide == 0)
    let number = isA ? flow.pointee.acknowledgedByA : flow.pointee.acknowledgedByB
    var next = other.pointee.nextSequence
    if other.pointee.flags & StreamSide.Flags.begun == 0 {
      // Where it will begin; see `Dissection.beginSide`.
      let start = core.pointee.flows.cold[Int(flow.pointee.entry)].start(isA ? 1 : 0)
      if start == 0 { return nil }
      next = start &+ 1
    }
    // What is kept for later has been taken out of the numbers, and not out of the stream.
    let place = other.pointee.offset &+ UInt64(other.pointee.carryCount)
    let beyond = Int64(Int32(bitPattern: number &- next))
    return UInt64(max(0, Int64(truncatingIfNeeded: place) &+ beyond))
  }

  func side(toServer: Bool) -> UnsafeMutablePointer<StreamSide> {
    let isA = toServer == (flow.pointee.clientSide == 0)
    // sideA and sideB stand one behind the other at byte 64; a test asserts it.
    return (UnsafeMutableRawPointer(flow) + 64 + (isA ? 0 : MemoryLayout<StreamSide>.stride))
      .assumingMemoryBound(to: StreamSide.self)
  }

  // MARK: Records

  /// A writer over scratch memory, which is one and the same for all: at any time only one is in use.
  func event() -> EventWriter {
    EventWriter(core.pointee.scratch, capacity: DissectionCore.scratchBytes)
  }

  /// Puts fields behind those that a draft has already.
  func keep(_ writer: EventWriter, in draft: inout EventDraft) {
    core.pointee.append(writer, to: &draft, flow)
  }

  /// Makes a record of a type out of what a draft has and then what the writer has. The draft is empty
  /// afterwards. `toServer`: whether the client is shown as the source.
  func emit(
    _ type: EventType, _ draft: inout EventDraft, _ writer: EventWriter, toServer: Bool = true,
    transaction: UInt32? = nil, isHidden: Bool = false
  ) {
    core.pointee.emit(
      type, &draft, writer, self, toServer: toServer, transaction: transaction,
      isHidden: isHidden)
  }

  func emit(
    _ type: EventType, _ writer: EventWriter, toServer: Bool = true, transaction: UInt32? = nil,
    isHidden: Bool = false
  ) {
    var draft = EventDraft()
    emit(
      type, &draft, writer, toServer: toServer, transaction: transaction, isHidden: isHidden)
  }

  /// Gives a draft's memory back; it is empty afterwards.
  func drop(_ draft: inout EventDraft) { core.pointee.drop(&draft, flow) }

  /// The number of the flow's next transaction, from 0: EVE's `tx_id`.
  func nextTransaction() -> UInt32 {
    let number = flow.pointee.transactions
    flow.pointee.transactions &+= 1
    return number
  }

  /// Something that is against the protocol's rules or beyond a limit, one of the counters from
  /// ``Counter/streamOverlapDiffers`` to ``Counter/appHeadersTooLong``: counted, and told by name once a
  /// flow.
  func note(_ event: Counter) { core.pointee.note(event) }
}
