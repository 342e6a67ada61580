/// In front of each message of a worker to whoever keeps payloads: 40 bytes, then what ``Kind`` says.
package struct PayloadHead: BitwiseCopyable, Sendable {
  package enum Kind: UInt8, BitwiseCopyable, Sendable {
    /// A TCP segment: its bytes, as far as they were captured.
    case segment = 1
    /// A datagram: the same.
    case datagram
    /// A body or an attachment begins; what came before it on this side, under this name, is nothing.
    case fileBegins
    /// Bytes of it, decoded.
    case fileBytes
    /// So many of its bytes (`number`) were not seen.
    case fileGap
    /// It is over: an event's message follows, as on the ring of protocol records. It has no name but what
    /// ``fileNamed`` has said before it.
    case fileEnds
    /// The name of the file of this side that is over next; without it 0.
    case fileNamed
  }

  /// Ordinal of the flow's first packet, which no two flows of a source share.
  package var flow: UInt64
  /// Of the packet, nanoseconds since 1970.
  package var time: Int64
  /// Segment: its first byte's sequence number, and that of the direction's first byte. File: the first one is
  /// its name among those that its side sends at a time.
  package var sequence: UInt32
  package var start: UInt32
  /// Bytes of payload that were sent.
  package var length: UInt32
  package var kind: Kind
  /// Who sent it: 0 the key's A, 1 its B.
  package var side: UInt8
  /// ``Flags``
  package var flags: UInt8
  private var reserved: UInt8 = 0
  /// File: bytes that were not seen.
  package var number: UInt64

  package enum Flags {
    /// The direction's first bytes were not seen.
    package static var midstream: UInt8 { 1 << 0 }
    /// The sender sends nothing after this segment.
    package static var fin: UInt8 { 1 << 1 }
  }

  init(_ kind: Kind, flow: UInt64, time: Int64, side: UInt8) {
    self.kind = kind
    self.flow = flow
    self.time = time
    self.side = side
    sequence = 0
    start = 0
    length = 0
    flags = 0
    number = 0
  }
}
