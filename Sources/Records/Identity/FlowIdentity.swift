package import FlowEngine

/// `flow_id`: 51 bits that tie every record of a flow together, the same wherever and whenever the
/// flow is read.
///
/// They are a hash with fixed constants of sensor, key, VLANs, and the first packet's time and
/// ordinal, so two readings of one capture agree, and two sensors on one link do not. Each step is
/// wyhash's: both factors are mixed with secrets, multiplied to 128 bits, and the halves xor-ed.
/// With 51 bits, a million flows alive together have one chance in 4,500 of any two sharing an ID.
/// Nothing is looked up by it in the engine: its constants are known to everybody.
package struct FlowIdentity: Sendable {
  /// `flow_id` is below two to this: integers beyond 2^53 do not survive most JSON readers.
  package static let bits = 51

  private let seed: UInt64

  package init(sensorName: String) {
    var hash = Self.secrets.0
    var word: UInt64 = 0
    var count: UInt64 = 0
    for byte in sensorName.utf8 {
      word = word << 8 | UInt64(byte)
      count += 1
      if count & 7 == 0 {
        hash = Self.fold(hash ^ word, Self.secrets.1)
        word = 0
      }
    }
    seed = Self.fold(hash ^ word, Self.secrets.2 ^ count)
  }

  /// The `flow_id` of a flow by its key and what its first packet left behind.
  package func flowID(key: FlowKey, cold: FlowCold) -> UInt64 {
    flowID(
      key: key, firstSeen: cold.firstSeen, ordinal: cold.ordinal,
      vlans: (cold.vlanOuter, cold.vlanInner))
  }

  /// The same of those values alone: time and ordinal of the first packet, its VLAN ids.
  package func flowID(
    key: FlowKey, firstSeen: Int64, ordinal: UInt64, vlans: (UInt16, UInt16)
  ) -> UInt64 {
    Self.flowID(of: hash(key: key, firstSeen: firstSeen, ordinal: ordinal, vlans: vlans))
  }

  /// Bits of ``connectionID(key:cold:)`` beside those of the `flow_id`.
  static let extraBits = 45

  /// The 96 bits that a Zeek `uid` is written from: the `flow_id`, and 45 more of the same hash.
  func connectionID(key: FlowKey, cold: FlowCold) -> (flowID: UInt64, extra: UInt64) {
    connectionID(
      key: key, firstSeen: cold.firstSeen, ordinal: cold.ordinal,
      vlans: (cold.vlanOuter, cold.vlanInner))
  }

  func connectionID(
    key: FlowKey, firstSeen: Int64, ordinal: UInt64, vlans: (UInt16, UInt16)
  ) -> (flowID: UInt64, extra: UInt64) {
    let hash = hash(key: key, firstSeen: firstSeen, ordinal: ordinal, vlans: vlans)
    let extra = Self.fold(hash ^ Self.secrets.2, Self.secrets.3)
    return (Self.flowID(of: hash), extra >> (64 - UInt64(Self.extraBits)))
  }

  @inline(__always)
  private static func flowID(of hash: UInt64) -> UInt64 {
    fold(hash ^ secrets.0, secrets.1) >> (64 - UInt64(bits))
  }

  @inline(__always)
  private func hash(
    key: FlowKey, firstSeen: Int64, ordinal: UInt64, vlans: (UInt16, UInt16)
  ) -> UInt64 {
    let secrets = Self.secrets
    let ports =
      UInt64(key.portA) << 48 | UInt64(key.portB) << 32 | UInt64(key.proto) << 8
      | UInt64(key.flags)
    let vlans = UInt64(vlans.0) << 16 | UInt64(vlans.1)
    var hash = seed
    hash = Self.fold(key.addressA.high ^ secrets.0, key.addressA.low ^ hash)
    hash = Self.fold(key.addressB.high ^ secrets.1, key.addressB.low ^ hash)
    hash = Self.fold(ports ^ secrets.2, vlans ^ hash)
    return Self.fold(UInt64(bitPattern: firstSeen) ^ secrets.3, ordinal ^ hash)
  }

  @inline(__always)
  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  /// wyhash's default secrets.
  @inline(__always)
  private static var secrets: (UInt64, UInt64, UInt64, UInt64) {
    (0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3)
  }
}
