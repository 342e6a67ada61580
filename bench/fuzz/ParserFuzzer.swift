// The parser: a frame of any link type, whole and cut anywhere.
//
// | link type 2 | packet flags 1 | choice 1 | frame |

import CBurst
import FuzzDriver

@testable import FlowEngine

enum ParserFuzzer {
  private static let hash = FlowHash(seed: (11, 23, 0xdead_beef, 41, 0x1234_5678_9abc, 61))

  static func run(_ bytes: UnsafeBufferPointer<UInt8>) {
    var input = FuzzInput(bytes)
    // All that are registered lie below 512.
    let linkType = UInt32(input.word() & 0x1ff)
    let flags = UInt16(input.byte())
    let choice = input.byte()
    let frame = input.take(bytes.count)
    let parser = PacketParser(
      vlanInKey: choice & 1 == 0, decapsulation: [8, 8, 1, 0][Int(choice >> 1 & 3)], hash: hash)
    // Twice over memory with different leavings, once with the short way for usual frames and once
    // without: what the parser says must not be what it found there, nor depend on the way.
    var wire = UInt32(frame.count)
    if choice & 8 != 0 { wire = .max }
    if choice & 16 != 0 { wire = wire / 2 }
    let whole = parse(parser, frame[...], linkType, flags, wire)
    // And cut: in the middle, and somewhere that the input says.
    _ = parse(parser, frame.prefix(frame.count / 2), linkType, flags, wire)
    let cut = frame.isEmpty ? 0 : Int(frame[frame.count - 1]) % (frame.count + 1)
    let short = parse(parser, frame.prefix(cut), linkType, flags, wire)
    if cut == frame.count && wire >= UInt32(cut) { precondition(short == whole) }
  }

  private static func parse(
    _ parser: PacketParser, _ frame: ArraySlice<UInt8>, _ linkType: UInt32, _ flags: UInt16,
    _ wire: UInt32
  ) -> String {
    let data = UnsafeMutablePointer<UInt8>.allocate(capacity: max(frame.count, 1))
    defer { data.deallocate() }
    for (place, byte) in frame.enumerated() { data[place] = byte }
    var packet = martlet_packet()
    packet.data = UnsafePointer(data)
    packet.captured_length = UInt32(frame.count)
    packet.wire_length = wire
    packet.flags = flags
    packet.vlan_tci = 7
    packet.vlan_tci_outer = 8
    packet.link_type = linkType
    packet.timestamp_ns = 1 << 60
    let first = parse(parser, &packet, leavings: 0)
    let second = parse(parser, &packet, leavings: 0xa5)
    if first != second { complain("over 00: \(first)\nover a5: \(second)\n") }
    precondition(first == second, "what is said comes from the frame alone")
    return first
  }

  private static func parse(
    _ parser: PacketParser, _ packet: inout martlet_packet, leavings: UInt8
  ) -> String {
    let out = UnsafeMutablePointer<ParsedPacket>.allocate(capacity: 1)
    defer { out.deallocate() }
    UnsafeMutableRawPointer(out).initializeMemory(
      as: UInt8.self, repeating: leavings, count: MemoryLayout<ParsedPacket>.stride)
    let verdict =
      leavings == 0
      ? parser.parse(&packet, into: out, now: 1) : parser.parseUnusual(&packet, into: out, now: 1)
    let p = out.pointee
    if PacketVerdict.isCause(verdict) {
      let counter = Counter(rawValue: PacketVerdict.counterIndex(verdict))
      precondition(
        counter.map { $0.group == .nonIP || $0.group == .discard } ?? false, "a cause with a name")
      return "\(verdict) \(p.vlanOuter) \(p.vlanInner)"
    }
    precondition(
      verdict == PacketVerdict.flow || verdict == PacketVerdict.laterFragment, "a verdict")
    let isFragment = p.flags & ParsedPacket.Flags.fragment != 0
    let isFirst = p.flags & ParsedPacket.Flags.firstFragment != 0
    if verdict == PacketVerdict.laterFragment { precondition(isFragment && !isFirst) }
    // `data` may stand behind an outer frame; what is captured counts from it.
    precondition(UInt32(p.frameOffset) + p.captured <= packet.captured_length, "within the frame")
    precondition(UInt32(p.networkOffset) + 20 <= p.captured, "the IP header is here")
    precondition(UInt32(p.transportOffset) <= p.captured, "its extensions are here")
    precondition(p.networkOffset < p.transportOffset)
    precondition(p.ipLength <= p.wireLength, "IP is part of the frame")
    precondition(p.payloadLength <= p.ipLength, "payload is part of IP")
    precondition(p.side <= 1)
    precondition(p.tunnelDepth <= parser.decapsulation, "no deeper than was asked for")
    var said =
      "\(verdict) \(p.key) \(p.side) \(p.wireLength) \(p.ipLength) \(p.payloadLength) \(p.ttl)"
      + " \(p.trafficClass) \(p.flags) \(p.vlanOuter) \(p.vlanInner) \(p.frameOffset)"
      + " \(p.networkOffset) \(p.transportOffset) \(p.tunnelKind) \(p.tunnelDepth) \(p.tcpFlags)"
    if verdict == PacketVerdict.flow {
      precondition(p.hash == hash(p.key) || isFragment, "the hash is the key's")
    }
    if isFragment { said += " \(p.fragmentID) \(p.fragmentOffset)" }
    if p.tunnelKind != 0 {
      precondition(p.tunnelDepth > 0, "a tunnel has a depth")
      said += " \(p.tunnelOffset) \(p.tunnelNetworkOffset)"
      // Reads the frame again, at the offsets that the parser has left.
      said += Tunnel(out).map { " \($0)" } ?? ""
    }
    guard verdict == PacketVerdict.flow else { return said }
    let proto = p.key.proto
    if proto == IPProtocol.icmp || proto == IPProtocol.icmpv6 {
      said += " \(p.icmpType) \(p.icmpCode)"
    }
    if proto == IPProtocol.tcp && p.flags & ParsedPacket.Flags.badTransportHeader == 0 {
      said += " \(p.sequence) \(p.acknowledgement) \(p.window) \(p.payloadOffset)"
      said += " \(TCPOptions.ofSyn(out))"
    }
    return said
  }
}
