// A flow in the table: a hot part of two cache lines that a packet touches, and a cold part of two
// that only the first packet, an answer or the export does.
//
//   hot   line 0 | key 44 | timer links 8 | TCP flags 2 | state, flags 2 | last seen 8 |
//         line 1 | side A: packets bytes ipBytes nextSeq window history | side B: the same |
//   cold  line 2 | first seen, first answer, active deadline, ordinal | history 16 | misc 16 |
//         line 3 | what the last flow_update said, 36 | MACs 12 | VLANs 4 | starts 8 | detail 4 |

/// One direction's counters, named by the key's canonical end point and not by who began: 32 bytes.
@usableFromInline @frozen
package struct FlowSide: BitwiseCopyable, Sendable {
  package var packets: UInt64 = 0
  /// Whole frames on the wire, link-layer header included.
  package var bytes: UInt64 = 0
  /// From the first byte of the IP header on, as the IP header tells, clamped to the frame.
  package var ipBytes: UInt64 = 0
  /// TCP: the sequence number expected next.
  package var nextSequence: UInt32 = 0
  /// TCP: the last window seen, unscaled; after a RST of this side the low half of its sequence number. Of
  /// datagrams it says nothing.
  package var window: UInt16 = 0
  /// ``HistoryBits`` already written to the history.
  package var history: UInt16 = 0

  @inlinable package init() {}
}

/// Letters of Zeek's `history` that a direction has earned (lower case for the responder). The raw
/// values' order is that in which letters of one packet are written.
@usableFromInline
package enum HistoryBits {
  @inlinable package static var syn: UInt16 { 1 << 0 }  // S: SYN without ACK
  @inlinable package static var synAck: UInt16 { 1 << 1 }  // H: SYN with ACK
  @inlinable package static var ack: UInt16 { 1 << 2 }  // A: pure ACK
  @inlinable package static var data: UInt16 { 1 << 3 }  // D: payload
  @inlinable package static var fin: UInt16 { 1 << 4 }  // F
  @inlinable package static var rst: UInt16 { 1 << 5 }  // R
  @inlinable package static var badChecksum: UInt16 { 1 << 6 }  // C
  @inlinable package static var inconsistent: UInt16 { 1 << 7 }  // I: FIN with RST
  @inlinable package static var retransmission: UInt16 { 1 << 8 }  // T
  @inlinable package static var zeroWindow: UInt16 { 1 << 9 }  // W
  @inlinable package static var gap: UInt16 { 1 << 10 }  // G
  @inlinable package static var multipleFlags: UInt16 { 1 << 11 }  // Q: SYN with FIN or RST
  /// No letter: the flow's detail has holes in what this side sent.
  @inlinable package static var holes: UInt16 { 1 << 15 }
  /// No letter: the other side has acknowledged more of this side than has been seen.
  @inlinable package static var ahead: UInt16 { 1 << 14 }
}

/// Where a flow is in its life; the EVE field `flow.state` is made of it.
@usableFromInline
package enum FlowState {
  /// Traffic in one direction only (TCP: no handshake yet).
  @inlinable package static var new: UInt8 { 0 }
  /// Traffic in both directions (TCP: handshake done, or data both ways in the middle).
  @inlinable package static var established: UInt8 { 1 }
  /// TCP: FIN from both sides, or RST.
  @inlinable package static var closed: UInt8 { 2 }
}

/// Bits of ``FlowHot/flags``.
@usableFromInline
package enum FlowFlags {
  /// The originator is end point B of the key.
  @inlinable package static var originatorIsB: UInt8 { 1 << 0 }
  /// TCP: a SYN (or SYN/ACK) settled who the originator is.
  @inlinable package static var directionBySyn: UInt8 { 1 << 1 }
  /// TCP: first seen in the middle, without SYN.
  @inlinable package static var midstream: UInt8 { 1 << 2 }
  /// Some packet of it was a fragment.
  @inlinable package static var fragmented: UInt8 { 1 << 3 }
  /// End point B sent the first packet.
  @inlinable package static var firstSideIsB: UInt8 { 1 << 4 }
  /// A filter rule says that its records go to nobody.
  @inlinable package static var unpublished: UInt8 { 1 << 5 }
  /// Dissection wants to see its payload.
  @inlinable package static var payloadWanted: UInt8 { 1 << 6 }
  /// The slot is in use.
  @inlinable package static var live: UInt8 { 1 << 7 }
}

/// The part of a flow that every packet touches: 128 bytes, two cache lines, aligned to 128.
@usableFromInline @frozen
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
  @usableFromInline package var flags: UInt8
  /// Time of the latest packet, nanoseconds since 1970.
  package var lastSeen: Int64
  package var sideA: FlowSide
  package var sideB: FlowSide
}

/// The part of a flow that is written when it begins, answers, or is reported: 128 bytes.
@usableFromInline @frozen
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
  /// ICMP: type and code of the first packet, code of the first answer. TCP: states of the end points,
  /// those before, window scales; see ``TCPEndpointState``.
  @usableFromInline package var kind: (UInt8, UInt8, UInt8)
  /// How many `flow_update` records there have been; from the 65,535th on it stays.
  package var updates: UInt16
  /// What filter rules have left on it.
  package var marks: FlowMarks
  /// Port the first packet came in at.
  package var portIndex: UInt16
  /// In the worker's ``TunnelTable``; 0: none.
  package var tunnel: UInt16

  /// Totals in the last `flow_update`, from which the next one's deltas are made.
  package var reportedPacketsA: UInt48
  package var reportedPacketsB: UInt48
  package var reportedBytesA: UInt48
  package var reportedBytesB: UInt48
  package var reportedIPBytesA: UInt48
  package var reportedIPBytesB: UInt48
  /// Ethernet addresses that end points A and B had in the first packet, as six bytes in the order
  /// of the frame (three words loaded as they stand there); all zero where there was no Ethernet.
  package var macA: (UInt16, UInt16, UInt16)
  package var macB: (UInt16, UInt16, UInt16)
  /// VLAN ids of the first packet, outermost first; 0xffff where there is none.
  package var vlanOuter: UInt16
  package var vlanInner: UInt16
  /// TCP: the sequence number that a side began with. UDP and ICMP: bytes of IP and transport headers
  /// beyond the usual 28 or 48 a packet, modulo 2^32.
  package var startA: UInt32
  package var startB: UInt32
  /// In the worker's ``FlowDetailPool``; 0: none.
  package var detail: UInt32
}

/// The low 48 bits of a total: enough for the difference of two that are a `flow_update` apart.
@usableFromInline @frozen
package struct UInt48: BitwiseCopyable, Sendable {
  @usableFromInline
  var words: (UInt16, UInt16, UInt16)

  @inlinable
  package init(_ value: UInt64) {
    words = (
      UInt16(truncatingIfNeeded: value), UInt16(truncatingIfNeeded: value >> 16),
      UInt16(truncatingIfNeeded: value >> 32)
    )
  }

  /// How much `total` is beyond it; less than 2^48.
  @inlinable
  package func distance(to total: UInt64) -> UInt64 {
    let value = UInt64(words.0) | UInt64(words.1) << 16 | UInt64(words.2) << 32
    return (total &- value) & 0xffff_ffff_ffff
  }
}

extension FlowCold {
  @inlinable
  package var icmpType: UInt8 {
    get { kind.0 }
    set { kind.0 = newValue }
  }
  @inlinable
  package var icmpCode: UInt8 {
    get { kind.1 }
    set { kind.1 = newValue }
  }
  @inlinable
  package var responseICMPCode: UInt8 {
    get { kind.2 }
    set { kind.2 = newValue }
  }
}

/// Where one end point of a TCP connection is, seen from outside. The states and what leads from one to
/// the next are Zeek's, whose `conn_state` is told from the last ones.
@usableFromInline
package enum TCPEndpointState: UInt8, Sendable {
  /// Nothing seen of it.
  case inactive
  case synSent
  case synAckSent
  /// Met in the middle of a connection.
  case partial
  case established
  /// It has sent its FIN.
  case closed
  case reset
}

extension FlowCold {
  @inlinable @inline(__always)
  package func tcpState(_ side: UInt8) -> TCPEndpointState {
    TCPEndpointState(rawValue: kind.0 &>> (side &* 4) & 0x0f).unsafelyUnwrapped
  }

  /// Both end points are established, or were met in the middle of a connection.
  @inline(__always)
  var isOpenBothWays: Bool {
    // Partial and established are 3 and 4, a test asserts it: one less leaves 2 or 3 in each nibble.
    let reduced = kind.0 &- 0x11
    return kind.0 & 0x0f != 0 && reduced & 0xee == 0x22
  }

  /// The state before the present one.
  @inlinable @inline(__always)
  package func tcpStateBefore(_ side: UInt8) -> TCPEndpointState {
    TCPEndpointState(rawValue: kind.1 &>> (side &* 4) & 0x0f).unsafelyUnwrapped
  }

  @inline(__always)
  package mutating func setTCPState(_ side: UInt8, _ state: TCPEndpointState) {
    let old = tcpState(side)
    guard old != state else { return }
    let shift = side &* 4
    kind.1 = kind.1 & ~(0x0f &<< shift) | old.rawValue &<< shift
    kind.0 = kind.0 & ~(0x0f &<< shift) | state.rawValue &<< shift
  }

  /// Shift count of the side's windows (RFC 7323, section 2.2): 0 to 14.
  @inline(__always)
  func windowScale(_ side: UInt8) -> UInt32 { UInt32(kind.2 &>> (side &* 4) & 0x0f) }

  @inline(__always)
  mutating func setWindowScale(_ side: UInt8, _ scale: UInt8) {
    let shift = side &* 4
    kind.2 = kind.2 & ~(0x0f &<< shift) | min(scale, 14) &<< shift
  }

  @inline(__always)
  package func start(_ side: UInt8) -> UInt32 { side == 0 ? startA : startB }

  @inline(__always)
  mutating func setStart(_ side: UInt8, _ value: UInt32) {
    if side == 0 { startA = value } else { startB = value }
  }
}
