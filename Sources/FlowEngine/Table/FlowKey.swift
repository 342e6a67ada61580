/// An IP address as 16 bytes in network order; IPv4 stands in the last four as `::ffff:a.b.c.d`.
///
/// Held as two big-endian words, so that comparing the words compares the addresses.
@usableFromInline @frozen
package struct IPAddress: BitwiseCopyable, Hashable, Sendable {
  @usableFromInline package var high: UInt64
  @usableFromInline package var low: UInt64

  @inlinable @inline(__always)
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// An IPv4 address given in host byte order: 10.0.0.1 is `0x0a00_0001`.
  @inlinable @inline(__always)
  package init(v4 address: UInt32) {
    high = 0
    low = 0x0000_ffff_0000_0000 | UInt64(address)
  }

  /// The IPv4 address in host byte order; meaningful only for a key of `ipVersion` 4.
  @inlinable @inline(__always)
  package var v4: UInt32 { UInt32(truncatingIfNeeded: low) }

  @inlinable @inline(__always)
  package static func < (a: IPAddress, b: IPAddress) -> Bool {
    a.high != b.high ? a.high < b.high : a.low < b.low
  }
}

/// What makes two packets one flow, the same for both directions: 44 bytes.
///
/// The two end points are ordered (lower address first, then lower port), so a packet and its
/// answer give the same key; ``FlowSide`` `.a` is the lower end point. For ICMP and ICMPv6 the
/// ports carry type and counterpart type (echo 8 and 0), or type and code where a message has no
/// counterpart, as in the Community ID specification; such one-way flows keep their direction
/// in `flags`.
@usableFromInline @frozen
package struct FlowKey: BitwiseCopyable, Hashable, Sendable {
  @usableFromInline package var addressA: IPAddress
  @usableFromInline package var addressB: IPAddress
  @usableFromInline package var portA: UInt16
  @usableFromInline package var portB: UInt16
  /// IANA protocol number: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6, 132 SCTP, 50 ESP …
  @usableFromInline package var proto: UInt8
  /// ``FlowKey/Flags``
  @usableFromInline package var flags: UInt8
  /// VLAN ids, outermost first; 0 where there is none or VLANs are left out of the key.
  @usableFromInline package var vlanOuter: UInt16
  @usableFromInline package var vlanInner: UInt16
  /// What else keeps two networks apart that use the same addresses; 0 for now.
  @usableFromInline package var domain: UInt16

  @inlinable @inline(__always)
  package init(
    addressA: IPAddress, addressB: IPAddress, portA: UInt16, portB: UInt16, proto: UInt8,
    flags: UInt8, vlanOuter: UInt16 = 0, vlanInner: UInt16 = 0
  ) {
    self.addressA = addressA
    self.addressB = addressB
    self.portA = portA
    self.portB = portB
    self.proto = proto
    self.flags = flags
    self.vlanOuter = vlanOuter
    self.vlanInner = vlanInner
    self.domain = 0
  }

  /// Compares two keys where they lie, without a branch: 44 bytes in three loads of 16, of which the
  /// last begins within the second.
  @inline(__always)
  package static func areEqual(_ a: UnsafePointer<FlowKey>, _ b: UnsafePointer<FlowKey>) -> Bool {
    typealias Words = SIMD2<UInt64>
    let a = UnsafeRawPointer(a)
    let b = UnsafeRawPointer(b)
    let first = a.loadUnaligned(as: Words.self) ^ b.loadUnaligned(as: Words.self)
    let second =
      a.loadUnaligned(fromByteOffset: 16, as: Words.self)
      ^ b.loadUnaligned(fromByteOffset: 16, as: Words.self)
    let third =
      a.loadUnaligned(fromByteOffset: 28, as: Words.self)
      ^ b.loadUnaligned(fromByteOffset: 28, as: Words.self)
    let all = first | second | third
    return all[0] | all[1] == 0
  }

  @usableFromInline
  package enum Flags {
    /// The addresses are IPv6.
    @inlinable package static var ipv6: UInt8 { 1 << 0 }
    /// ICMP without a counterpart type: the two directions are two flows.
    @inlinable package static var oneWay: UInt8 { 1 << 1 }
    /// A one-way message that went from the higher to the lower address.
    @inlinable package static var oneWayFromB: UInt8 { 1 << 2 }
  }

  /// 4 or 6.
  @inlinable @inline(__always)
  package var ipVersion: UInt8 { flags & Flags.ipv6 != 0 ? 6 : 4 }
}

/// IANA protocol numbers that the engine names.
@usableFromInline
package enum IPProtocol {
  @inlinable package static var icmp: UInt8 { 1 }
  @inlinable package static var igmp: UInt8 { 2 }
  @inlinable package static var tcp: UInt8 { 6 }
  @inlinable package static var udp: UInt8 { 17 }
  @inlinable package static var ipv6: UInt8 { 41 }
  @inlinable package static var gre: UInt8 { 47 }
  @inlinable package static var esp: UInt8 { 50 }
  @inlinable package static var ah: UInt8 { 51 }
  @inlinable package static var icmpv6: UInt8 { 58 }
  @inlinable package static var sctp: UInt8 { 132 }
}
