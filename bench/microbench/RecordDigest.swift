import FlowEngine

/// What a stream of records says, byte for byte and in order, in one number: all of a record but the table's
/// own links and what is not written of a flow's record.
struct RecordDigest: Equatable {
  private(set) var records = 0
  private(set) var packets: UInt64 = 0
  private var value: UInt64 = 0

  mutating func add(_ record: UnsafePointer<FlowRecord>) {
    records += 1
    packets &+= record.pointee.hot.sideA.packets &+ record.pointee.hot.sideB.packets
    // Links of the timer wheel stand in the key's last word and the one behind it.
    let raw = UnsafeRawPointer(record)
    for word in 0..<36 where word != Self.packetOrdinal {
      var bits = raw.load(fromByteOffset: word * 8, as: UInt64.self)
      switch word {
      case 5: bits &= 0x0000_0000_ffff_ffff
      case 6: bits &= 0xffff_ffff_0000_0000
      case 35: bits &= 0xff00_ffff_ffff_ffff
      default: break
      }
      value = Random.mix(value ^ bits)
    }
  }

  /// Of anomalies only.
  private static let packetOrdinal = 34
}
