/// Which flows there are: everything that stands in a flow's headers follows from its number, so that
/// a record can be held against what was sent without a list of tuples.
///
///     IPv4  10.n₂₃₋₁₆.n₁₅₋₈.n₇₋₀ : port  →  198.18.n₂₉₋₂₄.x : 5001     (RFC 2544's addresses)
///     IPv6  2001:2::n            : port  →  2001:2:0:1::x   : 5001     (RFC 5180's)
struct FlowPlan {
  /// Of 65,536 flows so many are TCP, and so many IPv6; UDP and IPv4 are the rest.
  let tcpOf65536: UInt64
  let ipv6Of65536: UInt64

  /// Flow numbers that IPv4's tuples can tell apart.
  static let limit: UInt32 = 1 << 30
  static let serverPort: UInt16 = 5001

  init(tcpShare: Double, ipv6Share: Double) {
    tcpOf65536 = UInt64((tcpShare * 65_536).rounded())
    ipv6Of65536 = UInt64((ipv6Share * 65_536).rounded())
  }

  /// Bits that a flow's properties are taken from: a Weyl sequence through one round of a mixer, so
  /// that neighbours share none of them.
  @inline(__always)
  static func bits(_ flow: UInt32) -> UInt64 {
    let weyl = UInt64(flow) &* 0x9e37_79b9_7f4a_7c15
    return (weyl ^ weyl >> 32) &* 0xd6e8_feb8_6659_fd93
  }

  @inline(__always)
  func isTCP(_ bits: UInt64) -> Bool { bits >> 48 < tcpOf65536 }

  @inline(__always)
  func isIPv6(_ bits: UInt64) -> Bool { bits >> 32 & 0xffff < ipv6Of65536 }

  /// 53,248 to 57,343: no service is known there, so that nothing takes the client for the server.
  @inline(__always)
  static func clientPort(_ bits: UInt64) -> UInt16 {
    UInt16(truncatingIfNeeded: bits >> 17) & 0x0fff | 0xd000
  }

  /// The part of each side's address that differs from flow to flow: of IPv4 all, of IPv6 the last 32
  /// bits.
  @inline(__always)
  static func clientAddress(_ flow: UInt32, isIPv6: Bool) -> UInt32 {
    isIPv6 ? flow : 0x0a00_0000 | flow & 0xff_ffff
  }

  @inline(__always)
  static func serverAddress(_ flow: UInt32, _ bits: UInt64, isIPv6: Bool) -> UInt32 {
    let low = UInt32(truncatingIfNeeded: bits)
    return isIPv6 ? low : 0xc612_0000 | (flow >> 24) << 8 | low & 0xff
  }

  /// Initial sequence numbers.
  @inline(__always)
  static func clientSequence(_ bits: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: bits >> 9) }

  @inline(__always)
  static func serverSequence(_ bits: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: bits >> 23) }
}
