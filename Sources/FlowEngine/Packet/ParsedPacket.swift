/// What the parser found in one packet: everything the flow table needs, so that the packet's bytes
/// are read once. 160 bytes, held in the worker's scratch array or on a hand-off ring.
@frozen
package struct ParsedPacket: BitwiseCopyable, @unchecked Sendable {
  package var key: FlowKey
  /// Bytes on the wire, clamped to ``PacketParser/maximumWireLength``.
  package var wireLength: UInt32
  /// The flow table's seeded hash of `key`.
  package var hash: UInt64
  /// Nanoseconds since 1970.
  package var time: Int64

  /// Bytes from the IP header on, as the header tells, clamped to the frame on the wire.
  package var ipLength: UInt32
  /// Bytes behind the transport header, as the IP header tells.
  package var payloadLength: UInt32
  package var sequence: UInt32
  package var acknowledgement: UInt32
  package var window: UInt16
  package var tcpFlags: UInt8
  /// Which end point of the key sent it: 0 A, 1 B.
  package var side: UInt8
  package var candidate: UInt32
  /// First byte of the frame; valid while `handle` is held.
  package var data: UnsafePointer<UInt8>?
  package var handle: UnsafeMutableRawPointer?
  /// Ordinal of the packet in its source.
  package var ordinal: UInt64
  package var ttl: UInt8
  package var trafficClass: UInt8
  package var port: UInt16
  /// Captured bytes from `data` on: the bound of every load.
  package var captured: UInt32

  /// ``Flags``
  package var flags: UInt16
  /// Offsets of the IP header and of what follows it and its extensions.
  package var networkOffset: UInt16
  package var transportOffset: UInt16
  /// Offset of the payload behind the transport header, within the captured bytes.
  package var payloadOffset: UInt16
  /// VLAN ids in the frame, outermost first; 0xffff where there is none.
  package var vlanOuter: UInt16
  package var vlanInner: UInt16
  /// Where `data` lies within the frame: behind an Ethernet header within a tunnel's.
  package var frameOffset: UInt16
  /// ``TunnelKind``; 0 where the packet is in none, or what was in the tunnel made no sense.
  package var tunnelKind: UInt8
  /// Tunnels around the packet.
  package var tunnelDepth: UInt8
  /// Offsets of the innermost tunnel's own header and of the IP header before it, within the frame.
  package var tunnelOffset: UInt16
  package var tunnelNetworkOffset: UInt16
  /// IP identification; of an IPv6 fragment all 32 bits.
  package var fragmentID: UInt32
  /// Of a fragment: its place in the datagram in units of eight bytes; of the first one, whose place is 0,
  /// how many of them it has. The top bit says more follow.
  package var fragmentOffset: UInt16
  package var icmpType: UInt8
  package var icmpCode: UInt8
  /// ``PacketVerdict`` while the burst is worked on.
  package var verdict: UInt8
  /// Of the flags of a TCP segment those of ``controlFlags``. A UDP datagram behind the usual headers
  /// looks like one that acknowledges: number, acknowledgement 0 and 0, window 1. All else has 0.
  package var control: UInt8
  /// Where `control` is not 0, the letter that the packet writes in the history: ``HistoryBits/data`` or
  /// ``HistoryBits/ack``.
  package var letter: UInt8
  /// With ``Flags/marked``: the slot of the rule whose sample it is in, where its flow is not known yet.
  package var ruleSlot: UInt8
  /// And by how much it moves its side on: the payload of TCP; 0.
  package var advance: UInt32
  /// With ``Flags/marked``: what filter rules leave on its flow.
  package var marks: FlowMarks
  /// With ``Flags/marked``: its flow's records go to nobody.
  package var isUnpublished: Bool

  /// A segment or datagram that can follow in order.
  @inline(__always)
  mutating func setOrder(control: UInt8, letter: UInt16, advance: UInt32) {
    self.control = control
    self.letter = UInt8(truncatingIfNeeded: letter)
    self.advance = advance
  }

  /// What of TCP's flags begins and ends a connection, or must be there in between.
  @inlinable
  package static var controlFlags: UInt8 {
    TCPFlags.syn | TCPFlags.fin | TCPFlags.rst | TCPFlags.ack
  }

  package enum Flags {
    /// The NIC can have hashed this packet as its flow is hashed: no tunnel, no fragment, no label.
    @inlinable package static var plain: UInt16 { 1 << 0 }
    /// A fragment that carries the transport header.
    @inlinable package static var firstFragment: UInt16 { 1 << 1 }
    @inlinable package static var fragment: UInt16 { 1 << 2 }
    @inlinable package static var ethernet: UInt16 { 1 << 3 }
    @inlinable package static var badTransportHeader: UInt16 { 1 << 4 }
    /// The IP header tells more bytes than the frame has on the wire.
    @inlinable package static var lengthBeyondFrame: UInt16 { 1 << 5 }
    /// The port calls a checksum wrong.
    @inlinable package static var portSaysBadChecksum: UInt16 { 1 << 6 }
    /// The IPv4 header's checksum is wrong; the transport's is.
    @inlinable package static var badIPChecksum: UInt16 { 1 << 8 }
    @inlinable package static var badTransportChecksum: UInt16 { 1 << 11 }
    /// IP in IP whose inner header is of another version than the protocol says.
    @inlinable package static var badInnerVersion: UInt16 { 1 << 12 }
    /// Filter rules have something to say to its flow: `marks`, `isUnpublished`, `ruleSlot`.
    @inlinable package static var marked: UInt16 { 1 << 13 }
    /// IPv4 options that cannot be read (RFC 791, section 3.1).
    @inlinable package static var badOptions: UInt16 { 1 << 7 }
    /// The fragment shares bytes with one before it.
    @inlinable package static var overlap: UInt16 { 1 << 9 }
    /// The fragment ends beyond what a datagram can hold.
    @inlinable package static var tooLong: UInt16 { 1 << 10 }
  }
}

/// What becomes of a packet after parsing. Raw values from ``firstCause`` on are ``Counter`` indexes.
package enum PacketVerdict {
  /// Complete key: to the flow table.
  @inlinable package static var flow: UInt8 { 0 }
  /// A later fragment: its ports are in another packet.
  @inlinable package static var laterFragment: UInt8 { 1 }
  /// Dealt with (handed out, held, discarded and counted).
  @inlinable package static var done: UInt8 { 2 }
  /// No packet: the port says what the packets' time is.
  @inlinable package static var clock: UInt8 { 3 }
  /// Discarded for its checksum, and counted as that: its flow is told when its turn comes.
  @inlinable package static var discarded: UInt8 { 4 }

  @inlinable @inline(__always)
  package static func cause(_ counter: Counter) -> UInt8 {
    // Counters are fewer than 240; a test asserts it.
    UInt8(truncatingIfNeeded: counter.rawValue) &+ 16
  }

  @inlinable @inline(__always)
  package static func isCause(_ verdict: UInt8) -> Bool { verdict >= 16 }

  @inlinable @inline(__always)
  package static func counterIndex(_ verdict: UInt8) -> Int { Int(verdict) &- 16 }
}

/// TCP header flags (RFC 9293, section 3.1).
package enum TCPFlags {
  @inlinable package static var fin: UInt8 { 0x01 }
  @inlinable package static var syn: UInt8 { 0x02 }
  @inlinable package static var rst: UInt8 { 0x04 }
  @inlinable package static var psh: UInt8 { 0x08 }
  @inlinable package static var ack: UInt8 { 0x10 }
  @inlinable package static var urg: UInt8 { 0x20 }
  @inlinable package static var ece: UInt8 { 0x40 }
  @inlinable package static var cwr: UInt8 { 0x80 }
}
