package import FlowEngine

/// How a protocol record's fields lie in memory between a worker and the publisher: tokens one behind the
/// other, unaligned, all numbers little endian.
///
///     | field 2 | kind 1 | …                    | bytes
///     | field   | string, hex…  | length 2      | its bytes
///     | field   | integer, …    | value 8       |
///     | field   | literal       | address 8     | length 2   (of a StaticString)
///     | field   | object, array |
///     | 0       | end           |
///
/// An element of an array has the array's field or any: nobody reads it.
@usableFromInline
package enum EventToken {
  @usableFromInline
  package enum Kind: UInt8, Sendable {
    case end
    case object
    case array
    case string
    /// Bytes as lower-case hexadecimal digits; with colons between.
    case hex
    case hexColons
    case unsigned
    case signed
    case boolean
    /// Nanoseconds since 1970, as EVE writes a time.
    case time
    /// Nanoseconds as seconds with six digits behind the point.
    case seconds
    case ipv4
    case ipv6
    /// A text of the program's own.
    case literal
    /// Seconds since 1970 as ISO 8601 without a zone or fraction, which is how EVE has a certificate's
    /// validity: `2026-11-21T05:36:00`.
    case dateTime
  }

  /// Bytes before a token's value.
  @inlinable package static var head: Int { 3 }
}

/// What stands before a protocol record's tokens: which flow it belongs to, and when. 128 bytes.
package struct EventHead: BitwiseCopyable, Sendable {
  package var key: FlowKey
  /// Place of ``EventType`` among all cases.
  package var type: UInt8 = 0
  /// Who is shown as `src_ip`: 0 end point A of the key, 1 B.
  package var side: UInt8 = 0
  package var worker: UInt16 = 0
  /// Nanoseconds since 1970: the packet that completed it.
  package var time: Int64 = 0
  /// Of the flow's first packet: with the key they make the `flow_id`.
  package var firstSeen: Int64 = 0
  package var flowOrdinal: UInt64 = 0
  /// Of the packet that completed it, in its source.
  package var ordinal: UInt64 = 0
  package var sequence: UInt64 = 0
  package var portIndex: UInt16 = 0
  package var vlanOuter: UInt16 = 0xffff
  package var vlanInner: UInt16 = 0xffff
  /// EVE's `tx_id`: counts the flow's transactions from 0; 0xffff_ffff: it has none.
  package var transaction: UInt32 = .max
  package var tags: UInt16 = 0
  /// ``Flags``
  package var flags: UInt8 = 0
  /// ``AppProtocol`` that the flow speaks.
  package var proto: UInt8 = 0

  package init(key: FlowKey) { self.key = key }

  package enum Flags {
    /// For forms other than EVE alone (a Zeek log's line).
    package static let notEVE: UInt8 = 1 << 0
    /// There was no room for all of it.
    package static let truncated: UInt8 = 1 << 1
    /// The originator is end point B.
    package static let originatorIsB: UInt8 = 1 << 2
  }
}
