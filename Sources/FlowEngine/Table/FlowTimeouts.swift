/// How long a flow may be silent before it ends, in nanoseconds, by kind.
package struct FlowTimeouts: BitwiseCopyable, Sendable {
  /// A live flow is reported each time this has passed; 0: never.
  package var active: Int64
  package var tcp: Int64
  package var udp: Int64
  package var icmp: Int64
  package var other: Int64
  /// TCP whose handshake is not complete.
  package var halfOpen: Int64
  /// TCP after FIN from both sides, or RST: late segments still find their flow.
  package var closed: Int64

  /// Seconds; the defaults are the configuration's.
  package init(
    active: Double = 300, tcp: Double = 300, udp: Double = 30, icmp: Double = 10,
    other: Double = 30, halfOpen: Double = 10, closed: Double = 2
  ) {
    self.active = Int64(active * 1e9)
    self.tcp = Int64(tcp * 1e9)
    self.udp = Int64(udp * 1e9)
    self.icmp = Int64(icmp * 1e9)
    self.other = Int64(other * 1e9)
    self.halfOpen = Int64(halfOpen * 1e9)
    self.closed = Int64(closed * 1e9)
  }

  /// Nothing ends by time, and nothing is reported before its end.
  package static var never: FlowTimeouts {
    var never = FlowTimeouts(active: 0)
    // 146 years, which added to any time of a packet does not overflow.
    let long = Int64.max / 2
    (never.tcp, never.udp, never.icmp, never.other) = (long, long, long, long)
    (never.halfOpen, never.closed) = (long, long)
    return never
  }

  /// The shortest of all but the active one.
  package var shortest: Int64 { min(tcp, udp, icmp, other, halfOpen, closed) }

  @inline(__always)
  func inactive(proto: UInt8, state: UInt8, flags: UInt8) -> Int64 {
    switch proto {
    case IPProtocol.tcp:
      if state == FlowState.closed { return closed }
      if state == FlowState.new && flags & FlowFlags.midstream == 0 { return halfOpen }
      return tcp
    case IPProtocol.udp: return udp
    case IPProtocol.icmp, IPProtocol.icmpv6: return icmp
    default: return other
    }
  }
}
