// A flow in the table: a hot part of two cache lines that a packet touches, and a cold part of two
// that only the first packet, an answer or the export does.
//
//   hot   line 0 | key 44 | timer links 8 | TCP flags 2 | state, flags 2 | last seen 8 |
//         line 1 | side A: packets bytes ipBytes nextSeq window history | side B: the same |
//   cold  line 2 | first seen, first answer, active deadline, ordinal | history 16 | misc 16 |
//         line 3 | what the last flow_update said, 48 | MACs 12 | VLANs 4 |

/// One direction's counters, named by the key's canonical end point and not by who began: 32 bytes.
@frozen
package struct FlowSide: BitwiseCopyable, Sendable {
  package var packets: UInt64 = 0
  /// Whole frames on the wire, link-layer header included.
  package var bytes: UInt64 = 0
  /// From the first byte of the IP header on, as the IP header tells, clamped to the frame.
  package var ipBytes: UInt64 = 0
  /// TCP: the sequence number expected next.
  package var nextSequence: UInt32 = 0
  /// TCP: the last window seen, unscaled.
  package var window: UInt16 = 0
  /// ``HistoryBits`` already written to the history.
  package var history: UInt16 = 0

  @inlinable package init() {}
}

/// Letters of Zeek's `history` that a direction has earned (lower case for the responder).
package enum HistoryBits {
  @inlinable package static var syn: UInt16 { 1 << 0 }  // S: SYN without ACK
  @inlinable package static var synAck: UInt16 { 1 << 1 }  // H: SYN with ACK
  @inlinable package static var ack: UInt16 { 1 << 2 }  // A: pure ACK
  @inlinable package static var data: UInt16 { 1 << 3 }  // D: payload
  @inlinable package static var fin: UInt16 { 1 << 4 }  // F
  @inlinable package static var rst: UInt16 { 1 << 5 }  // R
  @inlinable package static var badChecksum: UInt16 { 1 << 6 }  // C
  @inlinable package static var inconsistent: UInt16 { 1 << 7 }  // I: SYN with FIN or RST
  @inlinable package static var retransmission: UInt16 { 1 << 8 }  // T
  @inlinable package static var zeroWindow: UInt16 { 1 << 9 }  // W
  @inlinable package static var gap: UInt16 { 1 << 10 }  // G
}

/// Where a flow is in its life; the EVE field `flow.state` is made of it.
package enum FlowState {
  /// Traffic in one direction only (TCP: no handshake yet).
  @inlinable package static var new: UInt8 { 0 }
  /// Traffic in both directions (TCP: handshake done, or data both ways in the middle).
  @inlinable package static var established: UInt8 { 1 }
  /// TCP: FIN from both sides, or RST.
  @inlinable package static var closed: UInt8 { 2 }
}

/// Bits of ``FlowHot/flags``.
package enum FlowFlags {
  /// The originator is end point B of the key.
  @inlinable package static var originatorIsB: UInt8 { 1 << 0 }
  /// TCP: a SYN (or SYN/ACK) settled who the originator is.
  @inlinable package static var directionBySyn: UInt8 { 1 << 1 }
  /// TCP: first seen in the middle, without SYN.
  @inlinable package static var midstream: UInt8 { 1 << 2 }
  /// Some packet of it was a fragment.
  @inlinable package static var fragmented: UInt8 { 1 << 3 }
  /// TCP: a FIN of end point A, of B, has been seen.
  @inlinable package static var finA: UInt8 { 1 << 4 }
  @inlinable package static var finB: UInt8 { 1 << 5 }
  @inlinable package static var rst: UInt8 { 1 << 6 }
  /// The slot is in use.
  @inlinable package static var live: UInt8 { 1 << 7 }
}

/// The part of a flow that every packet touches: 128 bytes, two cache lines, aligned to 128.
@frozen
package struct FlowHot: BitwiseCopyable, Sendable {
  package var key: FlowKey
  /// Timer wheel: neighbours in the slot's list. `UInt32.max` ends it; the first entry of a list
  /// has the slot's number with the top bit set as its previous one.
  package var timerNext: UInt32
  package var timerPrevious: UInt32
  /// TCP flags of all packets, or-ed, of each side.
  package var tcpFlagsA: UInt8
  package var tcpFlagsB: UInt8
  /// ``FlowState``
  package var state: UInt8
  /// ``FlowFlags``
  package var flags: UInt8
  /// Time of the latest packet, nanoseconds since 1970.
  package var lastSeen: Int64
  package var sideA: FlowSide
  package var sideB: FlowSide
}

/// The part of a flow that is written when it begins, answers, or is reported: 128 bytes.
@frozen
package struct FlowCold: BitwiseCopyable, Sendable {
  /// Time of the first packet, nanoseconds since 1970.
  package var firstSeen: Int64
  /// Time of the first packet of the side that did not send the first one; 0 until then.
  package var firstReply: Int64
  /// When the next `flow_update` is due; 0 where the active timeout is off.
  package var activeDeadline: Int64
  /// Ordinal of the flow's first packet in its source.
  package var ordinal: UInt64

  /// Zeek's history, as far as it fits.
  package var historyText: (UInt64, UInt64)
  package var historyLength: UInt8
  /// TTL or hop limit, and traffic class byte (DSCP and ECN), of each side's first packet.
  package var ttlA: UInt8
  package var ttlB: UInt8
  package var tosA: UInt8
  package var tosB: UInt8
  package var icmpType: UInt8
  package var icmpCode: UInt8
  /// ``FlowSide`` letter that sent the first packet: 0 A, 1 B.
  package var firstSide: UInt8
  /// How many `flow_update` records there have been.
  package var updates: UInt32
  /// Port the first packet came in at.
  package var portIndex: UInt16
  package var spare: UInt16

  /// Totals in the last `flow_update`, from which the next one's deltas are made.
  package var reportedPacketsA: UInt64
  package var reportedPacketsB: UInt64
  package var reportedBytesA: UInt64
  package var reportedBytesB: UInt64
  package var reportedIPBytesA: UInt64
  package var reportedIPBytesB: UInt64
  /// Ethernet addresses that end points A and B had in the first packet, as six bytes in the order
  /// of the frame (three words loaded as they stand there); all zero where there was no Ethernet.
  package var macA: (UInt16, UInt16, UInt16)
  package var macB: (UInt16, UInt16, UInt16)
  /// VLAN ids of the first packet, outermost first; 0xffff where there is none.
  package var vlanOuter: UInt16
  package var vlanInner: UInt16
}
