import CBurst
import FlowEngine

/// Frames made byte by byte, so that a test says what is on the wire.
enum Frames {
  static func be16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }
  static func be32(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 0xff), UInt8(value >> 8 & 0xff), UInt8(value & 0xff)]
  }

  static let macA: [UInt8] = [2, 0, 0, 0, 0, 0xa]
  static let macB: [UInt8] = [2, 0, 0, 0, 0, 0xb]

  static func ethernet(_ type: Int, _ payload: [UInt8], tags: [(Int, Int)] = []) -> [UInt8] {
    var frame = macB + macA
    for (tpid, tci) in tags { frame += be16(tpid) + be16(tci) }
    return frame + be16(type) + payload
  }

  static func ipv4(
    _ proto: UInt8, _ payload: [UInt8], src: UInt32 = 0x0a00_0001, dst: UInt32 = 0x0a00_0002,
    id: Int = 1, fragment: Int = 0, options: [UInt8] = [], ttl: UInt8 = 64, tos: UInt8 = 0,
    totalLength: Int? = nil
  ) -> [UInt8] {
    let words = 5 + options.count / 4
    let total = totalLength ?? (words * 4 + payload.count)
    var header: [UInt8] = [UInt8(0x40 | words), tos]
    header += be16(total)
    header += be16(id)
    header += be16(fragment)
    header += [ttl, proto, 0, 0]
    header += be32(src)
    header += be32(dst)
    return header + options + payload
  }

  static let v6A: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
  static let v6B: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [2]

  static func ipv6(
    _ next: UInt8, _ payload: [UInt8], src: [UInt8] = v6A, dst: [UInt8] = v6B,
    hopLimit: UInt8 = 64, trafficClass: UInt8 = 0, payloadLength: Int? = nil
  ) -> [UInt8] {
    var header: [UInt8] = [0x60 | trafficClass >> 4, trafficClass << 4, 0, 0]
    header += be16(payloadLength ?? payload.count)
    header += [next, hopLimit]
    return header + src + dst + payload
  }

  static func tcp(
    _ sport: Int, _ dport: Int, seq: UInt32 = 0, ack: UInt32 = 0, flags: UInt8 = TCPFlags.ack,
    window: Int = 1000, options: [UInt8] = [], payload: [UInt8] = [], dataOffset: Int? = nil
  ) -> [UInt8] {
    var header = be16(sport) + be16(dport)
    header += be32(seq)
    header += be32(ack)
    header += [UInt8((dataOffset ?? 5 + options.count / 4) << 4), flags]
    header += be16(window)
    header += [0, 0, 0, 0]
    return header + options + payload
  }

  static func udp(_ sport: Int, _ dport: Int, payload: [UInt8] = []) -> [UInt8] {
    be16(sport) + be16(dport) + be16(8 + payload.count) + [0, 0] + payload
  }

  static func icmp(_ type: UInt8, _ code: UInt8 = 0) -> [UInt8] {
    [type, code, 0, 0, 0, 0, 0, 0]
  }
}

/// What a parse gave, with the frame's memory gone.
struct Parsed {
  var verdict: UInt8
  var packet: ParsedPacket

  /// The counter that the packet ends in; nil where it goes on.
  var cause: Counter? {
    PacketVerdict.isCause(verdict)
      ? Counter(rawValue: PacketVerdict.counterIndex(verdict)) : nil
  }
}

/// Parses a frame of which `captured` bytes are there, in memory that ends with them: the address
/// sanitizer sees any read behind.
func parse(
  _ frame: [UInt8], captured: Int? = nil, wire: Int? = nil, flags: UInt16 = 0,
  vlan: UInt16 = 0, outer: UInt16 = 0, vlanInKey: Bool = true, linkType: UInt32 = 1,
  decapsulation: UInt8 = PacketParser.maximumTunnels
) -> Parsed {
  let count = captured ?? frame.count
  let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: max(count, 1))
  defer { bytes.deallocate() }
  for i in 0..<count { bytes[i] = frame[i] }
  var descriptor = martlet_packet()
  descriptor.data = UnsafePointer(bytes)
  descriptor.captured_length = UInt32(count)
  descriptor.wire_length = UInt32(wire ?? frame.count)
  descriptor.flags = flags
  descriptor.vlan_tci = vlan
  descriptor.vlan_tci_outer = outer
  descriptor.link_type = linkType
  let out = UnsafeMutablePointer<ParsedPacket>.allocate(capacity: 1)
  defer { out.deallocate() }
  UnsafeMutableRawPointer(out).initializeMemory(
    as: UInt8.self, repeating: 0xee, count: MemoryLayout<ParsedPacket>.stride)
  var generator = SplitMix(state: 1)
  let parser = PacketParser(
    vlanInKey: vlanInKey, decapsulation: decapsulation, hash: FlowHash(using: &generator))
  let verdict = parser.parse(&descriptor, into: out, now: 1000)
  var packet = out.pointee
  packet.data = nil
  return Parsed(verdict: verdict, packet: packet)
}
