import CBurst
import FlowEngine

/// Which worker a packet of a capture file goes to: by its innermost addresses alone, so that both
/// directions of a flow and all fragments of its datagrams meet.
struct PacketSpreader {
  private let workers: UInt64
  /// For what is not plain IP in Ethernet.
  private let parser: PacketParser
  private let scratch = UnsafeMutablePointer<ParsedPacket>.allocate(capacity: 1)

  /// `decapsulation`: as ``PacketParser/decapsulation``, the same as the workers'.
  init(workers: Int, decapsulation: UInt8 = PacketParser.maximumTunnels) {
    self.workers = UInt64(workers)
    var generator = SystemRandomNumberGenerator()
    parser = PacketParser(
      vlanInKey: false, decapsulation: decapsulation, hash: FlowHash(using: &generator))
    UnsafeMutableRawPointer(scratch).initializeMemory(
      as: UInt8.self, repeating: 0, count: MemoryLayout<ParsedPacket>.stride)
  }

  func deallocate() { scratch.deallocate() }

  @inline(__always)
  func worker(_ packet: UnsafePointer<martlet_packet>) -> Int {
    let captured = packet.pointee.captured_length
    if packet.pointee.link_type == 1, captured >= 54,
      let data = UnsafeRawPointer(packet.pointee.data)
    {
      // 54 bytes: an Ethernet and an IPv6 header. What may carry another packet is looked into.
      let type = data.loadUnaligned(fromByteOffset: 12, as: UInt16.self)
      if type == 0x0008, Self.isPlain(data.load(fromByteOffset: 23, as: UInt8.self)) {
        let both = data.loadUnaligned(fromByteOffset: 26, as: UInt64.self)
        return place(UInt64(UInt32(truncatingIfNeeded: both ^ both >> 32)))
      }
      if type == 0xdd86, Self.isPlain(data.load(fromByteOffset: 20, as: UInt8.self)) {
        let high =
          data.loadUnaligned(fromByteOffset: 22, as: UInt64.self)
          ^ data.loadUnaligned(fromByteOffset: 38, as: UInt64.self)
        let low =
          data.loadUnaligned(fromByteOffset: 30, as: UInt64.self)
          ^ data.loadUnaligned(fromByteOffset: 46, as: UInt64.self)
        return place(high ^ low)
      }
    }
    return unusual(packet)
  }

  /// TCP, ICMP and ICMPv6 carry nothing else; the ports of UDP would have to be looked at.
  @inline(__always)
  private static func isPlain(_ proto: UInt8) -> Bool {
    proto == IPProtocol.tcp || proto == IPProtocol.icmp || proto == IPProtocol.icmpv6
  }

  /// The high bits of a product: what differs anywhere in `word` moves them.
  @inline(__always)
  private func place(_ word: UInt64) -> Int {
    let mixed = (word &* 0x9e37_79b9_7f4a_7c15) ^ (word &* 0x9e37_79b9_7f4a_7c15) >> 29
    return Int(
      truncatingIfNeeded: (mixed &* 0xbf58_476d_1ce4_e5b9).multipliedFullWidth(by: workers).high)
  }

  /// Tags, labels and whatever else the engine's own parser finds its way through.
  @inline(never)
  private func unusual(_ packet: UnsafePointer<martlet_packet>) -> Int {
    let verdict = parser.parse(packet, into: scratch, now: 0)
    guard !PacketVerdict.isCause(verdict) else { return 0 }
    let key = scratch.pointee.key
    // In the frame's byte order, as above.
    if key.ipVersion == 4 {
      return place(
        UInt64(
          UInt32(truncatingIfNeeded: (key.addressA.low ^ key.addressB.low).bigEndian >> 32)))
    }
    return place(
      (key.addressA.high ^ key.addressB.high ^ key.addressA.low ^ key.addressB.low).bigEndian)
  }
}
