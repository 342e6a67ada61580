// The fragment cache: fragments with headers that hold, of few datagrams, in any order.
//
// | shape 1 | then for each: who 1, id and time 1, offset 2, units 1, ports and oddities 1 |
//
//     who       bits 0-1 end points, 2 IPv6, 3 the other direction, 4-5 protocol, 6 VLAN, 7 tunnel
//     id, time  bits 0-2 of the id, 3-5 how time goes on, 6 more fragments follow, 7 no fragment at all
//     oddities  bits 0-1 ports, 2 cut behind the IP header, 3 cut within the payload, 4 a length that lies,
//               5 a wrong header checksum, 6 no multiple of eight bytes, 7 an atomic fragment (RFC 6946)

import FlowEngine

enum FragmentFuzzer {
  static let bytesPerFragment = 6

  static func run(_ bytes: UnsafeBufferPointer<UInt8>) {
    var input = FuzzInput(bytes)
    let shape = FuzzShape(input.byte())
    var frames: [FuzzFrame] = []
    var time: UInt64 = 1 << 60
    while !input.isAtEnd && frames.count < 600 {
      let who = input.byte()
      let what = input.byte()
      let offset = Int(input.word() & 0x1fff)
      let units = Int(input.byte())
      let odd = input.byte()
      time = Wire.step(time, what >> 3 & 7)
      frames.append(frame(who, what, offset, units, odd, time))
    }
    FuzzBed.run(frames, shape)
  }

  private static func frame(
    _ who: UInt8, _ what: UInt8, _ offset: Int, _ units: Int, _ odd: UInt8, _ time: UInt64
  ) -> FuzzFrame {
    let isIPv6 = who & 4 != 0
    let isBack = who & 8 != 0
    let proto: UInt8 = [17, 6, 1, 132][Int(who >> 4 & 3)]
    let id = Int(what & 7)
    var length = units * 8
    if odd & 0x40 != 0 { length += 3 }
    var payload = [UInt8](repeating: odd, count: length)
    let isAtomic = odd & 0x80 != 0
    let place = isAtomic ? 0 : offset
    if place == 0 && payload.count >= 8 {
      let ports = [Wire.be16(1000 + Int(odd & 3)), Wire.be16(53)]
      payload.replaceSubrange(0..<4, with: isBack ? ports[1] + ports[0] : ports[0] + ports[1])
      payload.replaceSubrange(4..<8, with: Wire.be16(length) + [0, 0])
    }
    let more = what & 0x40 != 0 && !isAtomic ? 1 : 0
    let other = who & 3
    var packet: [UInt8]
    if isIPv6 {
      let a: [UInt8] = [0, 0, 0, 1]
      let b: [UInt8] = [0, 0, 0, other == 3 ? 1 : 2 + other]
      let header = [proto, 0] + Wire.be16(place << 3 | more) + Wire.be32(UInt32(id))
      let isWhole = what & 0x80 != 0
      packet = Wire.ipv6(
        isWhole ? proto : 44, isWhole ? payload : header + payload,
        source: isBack ? b : a, destination: isBack ? a : b)
    } else {
      let a: [UInt8] = [10, 0, 0, 1]
      // The last one sends to itself, where the direction is nobody's.
      let b: [UInt8] = [10, 0, 0, other == 3 ? 1 : 2 + other]
      packet = Wire.ipv4(
        proto, payload, source: isBack ? b : a, destination: isBack ? a : b, id: id,
        fragment: what & 0x80 != 0 ? 0 : place | more << 13)
    }
    if odd & 0x10 != 0 { packet[isIPv6 ? 4 : 2] ^= 0x40 }
    if odd & 0x20 != 0 { packet[isIPv6 ? 7 : 10] ^= 1 }
    var type = isIPv6 ? 0x86dd : 0x0800
    if who & 0x80 != 0 {
      packet = Wire.tunnelled(type, packet, key: UInt32(id))
      type = 0x0800
    }
    let bytes = Wire.ethernet(type, packet, tag: who & 0x40 != 0 ? 5 : nil)
    var frame = FuzzFrame(bytes, at: time)
    if odd & 4 != 0 { frame.bytes.removeLast(min(length, frame.bytes.count)) }
    if odd & 8 != 0 { frame.bytes.removeLast(min(length / 2, frame.bytes.count)) }
    return frame
  }
}
