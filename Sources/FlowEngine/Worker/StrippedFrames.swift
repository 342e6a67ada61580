import CBurst

/// Frames whose VLAN tags the port has cut out, as they were on the wire: for filters, whose offsets count
/// the tags. The first 512 bytes are copied; no program looks further into a frame for what it compares.
struct StrippedFrames: BitwiseCopyable, @unchecked Sendable {
  private static var room: Int { 512 }

  private let packets: UnsafeMutablePointer<martlet_packet>
  private let bytes: UnsafeMutablePointer<UInt8>

  init(plan: inout MemoryPlan) {
    packets = plan.take(
      "filters", bytes: FlowWorker.burst * MemoryLayout<martlet_packet>.stride
    ).assumingMemoryBound(to: martlet_packet.self)
    bytes = plan.take("filters", bytes: FlowWorker.burst * Self.room)
      .assumingMemoryBound(to: UInt8.self)
  }

  private static var stripped: UInt16 {
    UInt16(MARTLET_PACKET_VLAN_STRIPPED | MARTLET_PACKET_QINQ_STRIPPED)
  }

  /// The burst with all tags in their place: itself, where nothing was cut out.
  @inline(__always)
  func restored(
    _ burst: UnsafeMutablePointer<martlet_packet>, _ count: Int
  ) -> UnsafeMutablePointer<martlet_packet> {
    var flags: UInt16 = 0
    for i in 0..<count { flags |= burst[i].flags }
    return flags & Self.stripped == 0 ? burst : restore(burst, count)
  }

  @inline(never)
  private func restore(
    _ burst: UnsafeMutablePointer<martlet_packet>, _ count: Int
  ) -> UnsafeMutablePointer<martlet_packet> {
    for i in 0..<count {
      packets[i] = burst[i]
      if burst[i].flags & Self.stripped != 0 { restore(packets + i, bytes + i * Self.room) }
    }
    return packets
  }

  /// | destination, source | outer tag | inner tag | what stood behind the addresses |
  private func restore(
    _ packet: UnsafeMutablePointer<martlet_packet>, _ room: UnsafeMutablePointer<UInt8>
  ) {
    guard let data = packet.pointee.data, packet.pointee.captured_length >= 14 else { return }
    let isDouble = packet.pointee.flags & UInt16(MARTLET_PACKET_QINQ_STRIPPED) != 0
    room.update(from: data, count: 12)
    var end = 12
    if isDouble { end = Self.put(0x88a8, packet.pointee.vlan_tci_outer, room, end) }
    end = Self.put(0x8100, packet.pointee.vlan_tci, room, end)
    let added = end - 12
    let rest = min(Int(packet.pointee.captured_length) - 12, Self.room - end)
    (room + end).update(from: data + 12, count: rest)
    packet.pointee.data = UnsafePointer(room)
    packet.pointee.captured_length = UInt32(end + rest)
    packet.pointee.wire_length &+= UInt32(added)
    packet.pointee.flags &= ~Self.stripped
  }

  private static func put(
    _ type: UInt16, _ tag: UInt16, _ room: UnsafeMutablePointer<UInt8>, _ offset: Int
  ) -> Int {
    room[offset] = UInt8(truncatingIfNeeded: type >> 8)
    room[offset + 1] = UInt8(truncatingIfNeeded: type)
    room[offset + 2] = UInt8(truncatingIfNeeded: tag >> 8)
    room[offset + 3] = UInt8(truncatingIfNeeded: tag)
    return offset + 4
  }
}
