internal import FlowEngine

// Datagrams, of UDP or with a segment of TCP, out of their fragments (RFC 791, section 3.2; RFC 8200, section
// 4.5). Which flow a fragment belongs to is known when it comes here. A datagram is shown once, when its last
// piece comes, as though it had come whole with that; one with pieces that share bytes is not (RFC 5722,
// section 4).

extension Dissection {
  /// A fragment of a flow; returns what ``show(_:_:)`` does.
  @inline(never)
  mutating func showFragment(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>
  ) -> UInt64 {
    let proto = packet.pointee.key.proto
    guard proto == IPProtocol.udp || proto == IPProtocol.tcp else { return core.noted }
    let app = core.flows.app + Int(entry)
    if app.pointee.state == 0 {
      let isKeptAlone =
        core.settings.keepsStreams
        && (app.pointee.flags & FlowApp.Flags.settled != 0 || core.settings.protocols == 0)
      guard isKeptAlone ? beginKept(entry, packet) : begin(entry, packet) else {
        return core.noted
      }
    }
    if core.fragments.used > 0 { dropOldFragments(now: packet.pointee.time) }
    let place = core.fragments.find(entry, packet) ?? beginDatagram(entry, packet)
    add(packet, to: core.fragments[place])
    let d = core.fragments[place].pointee
    guard !d.isBroken, d.end > UInt32(d.base), d.pieces.isSurelyWhole else { return core.noted }
    // The block is nobody's while it is looked at.
    core.fragments[place].pointee.block = 0
    dropDatagram(place)
    var whole = packet.pointee
    whole.flags &= ~(ParsedPacket.Flags.fragment | ParsedPacket.Flags.firstFragment)
    whole.data = UnsafePointer(
      core.blocks.at(d.block).assumingMemoryBound(to: UInt8.self) + Int(d.base))
    whole.captured = d.end &- UInt32(d.base)
    whole.transportOffset = 0
    whole.payloadOffset = 8
    whole.payloadLength = whole.captured &- min(8, whole.captured)
    var noted = core.noted
    if proto == IPProtocol.udp || readSegment(&whole) { noted = show(entry, &whole) }
    core.blocks.giveBack(d.block, d.size)
    return noted
  }

  /// The TCP header of a segment that was put together, as the parser would have it. False where it is none.
  private func readSegment(_ packet: inout ParsedPacket) -> Bool {
    guard let data = packet.data else { return false }
    let bytes = Bytes(data, Int(packet.captured))
    guard let sequence = bytes.be32(4), let acknowledgement = bytes.be32(8),
      let offset = bytes.u8(12), let flags = bytes.u8(13), let window = bytes.be16(14)
    else { return false }
    let header = UInt16(offset >> 4) &* 4
    guard header >= 20, UInt32(header) <= packet.captured else { return false }
    packet.sequence = sequence
    packet.acknowledgement = acknowledgement
    packet.tcpFlags = flags
    packet.window = window
    packet.payloadOffset = header
    packet.payloadLength = packet.captured &- UInt32(header)
    // The first fragment alone may have been too short to be read: `Dissection.isBeyondBelieved`.
    packet.flags &= ~ParsedPacket.Flags.badTransportHeader
    packet.flags |= ParsedPacket.Flags.firstFragment
    return true
  }

  /// A state for a flow whose datagrams nobody dissects, and somebody keeps.
  private mutating func beginKept(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>
  ) -> Bool {
    let number = core.states.take()
    guard number != 0 else {
      core.counters.add(.dissectionNoState)
      return false
    }
    let app = core.flows.app + Int(entry)
    app.pointee.state = number
    app.pointee.flags |= FlowApp.Flags.settled
    let state = core.states.at(number)
    state.pointee.entry = entry
    state.pointee.began = packet.pointee.time
    // Nothing is made of it.
    state.pointee.proto = AppProtocol.failed.rawValue
    state.pointee.clientSide =
      core.flows.hot[Int(entry)].flags & FlowFlags.originatorIsB != 0 ? 1 : 0
    state.pointee.sideA.missing = app.pointee.missing
    return true
  }

  private mutating func beginDatagram(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>
  ) -> Int {
    let place = core.fragments.place()
    if core.fragments[place].pointee.isUsed {
      core.counters.add(.dissectionNoMemory)
      dropDatagram(place)
    }
    let d = core.fragments[place]
    d.pointee = PartialDatagram()
    d.pointee.entry = entry
    d.pointee.id = packet.pointee.fragmentID
    d.pointee.side = packet.pointee.side
    d.pointee.time = packet.pointee.time
    d.pointee.isUsed = true
    core.fragments.used &+= 1
    core.states.at(core.flows.app[Int(entry)].state).pointee.datagrams &+= 1
    return place
  }

  /// Puts a fragment's bytes into their place.
  private mutating func add(
    _ packet: UnsafePointer<ParsedPacket>, to d: UnsafeMutablePointer<PartialDatagram>
  ) {
    if d.pointee.isBroken { return }
    let p = packet.pointee
    let isFirst = p.flags & ParsedPacket.Flags.firstFragment != 0
    let units = UInt32(p.fragmentOffset & 0x1fff) &* 8
    let more = p.fragmentOffset & 0x8000 != 0
    // From the transport header on, which the first one has, or of TCP a part of it.
    let count = p.ipLength &- min(UInt32(p.transportOffset &- p.networkOffset), p.ipLength)
    let isTCP = p.key.proto == IPProtocol.tcp
    let start = isFirst ? units &- min(units, count) : units
    let end = start &+ count
    let offset = UInt32(p.transportOffset)
    let wrong = ParsedPacket.Flags.tooLong | ParsedPacket.Flags.overlap
    guard let data = p.data, p.flags & wrong == 0, end <= 65_535,
      offset <= p.captured, p.captured &- offset >= count,
      !isFirst || isTCP || p.flags & ParsedPacket.Flags.badTransportHeader == 0
    else { return breakUp(d) }
    switch d.pointee.pieces.add(packet) {
    case .duplicate: return
    case .overlap: return breakUp(d)
    case .new: break
    }
    if isFirst { d.pointee.base = UInt16(truncatingIfNeeded: start) }
    if !more { d.pointee.end = end }
    guard makeRoom(d, Int(end)) else {
      core.counters.add(.dissectionNoMemory)
      return breakUp(d)
    }
    (core.blocks.at(d.pointee.block) + Int(start)).copyMemory(
      from: data + Int(offset), byteCount: Int(count))
  }

  private mutating func makeRoom(
    _ d: UnsafeMutablePointer<PartialDatagram>, _ count: Int
  ) -> Bool {
    if d.pointee.block != 0 && count <= BlockPool.byteCount(d.pointee.size) { return true }
    guard let size = BlockPool.size(for: count) else { return false }
    let block = core.blocks.take(size)
    guard block != 0 else { return false }
    if d.pointee.block != 0 {
      core.blocks.at(block).copyMemory(
        from: core.blocks.at(d.pointee.block), byteCount: BlockPool.byteCount(d.pointee.size))
      core.blocks.giveBack(d.pointee.block, d.pointee.size)
    }
    d.pointee.block = block
    d.pointee.size = size
    return true
  }

  /// Remembers the datagram as one of which nothing will come.
  private mutating func breakUp(_ d: UnsafeMutablePointer<PartialDatagram>) {
    core.blocks.giveBack(d.pointee.block, d.pointee.size)
    d.pointee.block = 0
    d.pointee.isBroken = true
  }

  private mutating func dropDatagram(_ place: Int) {
    let d = core.fragments[place]
    core.blocks.giveBack(d.pointee.block, d.pointee.size)
    // A datagram is dropped before its flow's state is: there is one.
    core.states.at(core.flows.app[Int(d.pointee.entry)].state).pointee.datagrams &-= 1
    d.pointee = PartialDatagram()
    core.fragments.used &-= 1
  }

  private mutating func dropOldFragments(now: Int64) {
    for place in 0..<core.fragments.capacity {
      let d = core.fragments[place]
      if d.pointee.isUsed && now &- d.pointee.time > FragmentStore.lifetimeNanoseconds {
        dropDatagram(place)
      }
    }
  }

  /// Those of a flow that nobody looks at any more.
  @inline(never)
  mutating func dropFragments(of entry: UInt32) {
    for place in 0..<core.fragments.capacity {
      let d = core.fragments[place]
      if d.pointee.isUsed && d.pointee.entry == entry { dropDatagram(place) }
    }
  }
}
