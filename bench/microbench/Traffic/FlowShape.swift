import FlowEngine

/// What flow number `id` is, worked out from the number alone: nothing is stored of it.
///
/// Of 64 flows one is ICMP echo; of the others seven in ten are TCP and the rest UDP, and one in five is
/// IPv6. Which end point is the lower one differs from flow to flow.
struct FlowShape {
  let isIPv6: Bool
  let proto: UInt8
  let client: IPAddress
  let server: IPAddress
  let clientPort: UInt16
  let serverPort: UInt16
  /// Initial sequence numbers (RFC 9293, section 3.4.1).
  let clientStart: UInt32
  let serverStart: UInt32

  @inline(__always)
  init(_ id: Int, kinds: Kinds = .all) {
    let mix = Random.mix(UInt64(id))
    let isICMP = kinds == .all && mix & 63 == 0
    isIPv6 = !isICMP && (mix >> 6) & 0xff < 51
    let isTCP = kinds == .tcp || (mix >> 14) & 0xff < 179
    proto = isICMP ? IPProtocol.icmp : isTCP ? IPProtocol.tcp : IPProtocol.udp
    let serverIsLower = (mix >> 22) & 1 == 0
    let number = UInt64(id)
    // 24 bits of the number in the client's address, the next ones in its port.
    clientPort = UInt16(truncatingIfNeeded: 32_768 &+ (number >> 24) & 0x7fff)
    serverPort = isTCP ? 443 : 53
    if isIPv6 {
      client = IPAddress(high: 0x2600_0db8_0000_0001, low: number | 0x1_0000_0000)
      server = IPAddress(
        high: serverIsLower ? 0x2001_0db8_0000_0000 : 0x2a00_0db8_0000_0000,
        low: mix >> 24 & 0xffff)
    } else {
      client = IPAddress(v4: 0x0a00_0000 | UInt32(truncatingIfNeeded: number & 0xff_ffff))
      let host = UInt32(truncatingIfNeeded: mix >> 24) & 0xffff
      server = IPAddress(v4: (serverIsLower ? 0x0404_0000 : 0xc612_0000) | host)
    }
    clientStart = UInt32(truncatingIfNeeded: mix >> 32)
    serverStart = UInt32(truncatingIfNeeded: mix >> 16)
  }

  enum Kinds {
    case all, tcp
  }
}
