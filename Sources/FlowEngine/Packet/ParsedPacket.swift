/// What the parser found in one packet: everything the flow table needs, so that the packet's bytes
/// are read once. 144 bytes, held in the worker's scratch array or on a hand-off ring.
@frozen
package struct ParsedPacket: BitwiseCopyable, @unchecked Sendable {
  package var key: FlowKey
  /// Bytes on the wire, clamped to ``PacketParser/maximumWireLength``.
  package var wireLength: UInt32
  /// The flow table's seeded hash of `key`.
  package var hash: UInt64
  /// Nanoseconds since 1970.
  package var time: Int64
  /// First byte of the frame; valid while `handle` is held.
  package var data: UnsafePointer<UInt8>?
  package var handle: UnsafeMutableRawPointer?
  /// Ordinal of the packet in its source.
  package var ordinal: UInt64
  /// Bytes from the IP header on, as the header tells, clamped to the frame on the wire.
  package var ipLength: UInt32
  /// Bytes behind the transport header, as the IP header tells.
  package var payloadLength: UInt32
  package var sequence: UInt32
  package var acknowledgement: UInt32
  /// IP identification; of an IPv6 fragment all 32 bits.
  package var fragmentID: UInt32
  package var window: UInt16
  /// VLAN ids in the frame, outermost first; 0xffff where there is none.
  package var vlanOuter: UInt16
  package var vlanInner: UInt16
  /// Offset of the payload behind the transport header, within the captured bytes.
  package var payloadOffset: UInt16
  /// Offsets of the IP header and of what follows it and its extensions.
  package var networkOffset: UInt16
  package var transportOffset: UInt16
  package var port: UInt16
  package var tcpFlags: UInt8
  package var ttl: UInt8
  package var trafficClass: UInt8
  /// Which end point of the key sent it: 0 A, 1 B.
  package var side: UInt8
  package var icmpType: UInt8
  package var icmpCode: UInt8
  /// ``Flags``
  package var flags: UInt8
  /// ``PacketVerdict`` while the burst is worked on.
  package var verdict: UInt8
  package var candidate: UInt32

  package enum Flags {
    /// The NIC can have hashed this packet as its flow is hashed: no tunnel, no fragment, no label.
    package static let plain: UInt8 = 1 << 0
    /// A fragment that carries the transport header.
    package static let firstFragment: UInt8 = 1 << 1
    package static let fragment: UInt8 = 1 << 2
    package static let ethernet: UInt8 = 1 << 3
    package static let badTransportHeader: UInt8 = 1 << 4
    /// The IP header tells more bytes than the frame has on the wire.
    package static let lengthBeyondFrame: UInt8 = 1 << 5
    /// The port calls a checksum wrong.
    package static let badChecksum: UInt8 = 1 << 6
  }
}

/// What becomes of a packet after parsing. Raw values from ``firstCause`` on are ``Counter`` indexes.
package enum PacketVerdict {
  /// Complete key: to the flow table.
  package static let flow: UInt8 = 0
  /// A later fragment: its ports are in another packet.
  package static let laterFragment: UInt8 = 1
  /// Dealt with (handed out, held, discarded and counted).
  package static let done: UInt8 = 2

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
  package static let fin: UInt8 = 0x01
  package static let syn: UInt8 = 0x02
  package static let rst: UInt8 = 0x04
  package static let psh: UInt8 = 0x08
  package static let ack: UInt8 = 0x10
  package static let urg: UInt8 = 0x20
  package static let ece: UInt8 = 0x40
  package static let cwr: UInt8 = 0x80
}
