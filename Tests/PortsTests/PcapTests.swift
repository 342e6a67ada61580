import Testing

@testable import Ports

/// The classic format.
@Suite struct PcapTests {
  struct Variant: Sendable, CustomTestStringConvertible {
    var magic: UInt32
    var isBigEndian: Bool
    var testDescription: String {
      "\(String(magic, radix: 16)) \(isBigEndian ? "big" : "little")-endian"
    }

    static let all = [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34].flatMap { magic in
      [false, true].map { Variant(magic: magic, isBigEndian: $0) }
    }
  }

  /// A file with packets of 0, 1, 60 and 1,500 bytes, one of them cut, and what they should be.
  static func sample(_ variant: Variant) -> (bytes: [UInt8], packets: [ReadPacket]) {
    var file = PcapBuilder(magic: variant.magic, isBigEndian: variant.isBigEndian)
    let unit: UInt64 = variant.magic == 0xa1b2_3c4d ? 1 : 1000
    let most = UInt32(999_999_999 / unit)
    var generator = SeededGenerator(state: 1)
    var packets: [ReadPacket] = []
    let rows: [(UInt32, UInt32, Int, UInt32?)] = [
      (1_700_000_000, 0, 60, nil), (1_700_000_000, most, 0, nil), (0, 1, 1, nil),
      (.max, most, 1500, 9000), (1_700_000_001, 123_456, 61, nil),
    ]
    for (seconds, fraction, count, wire) in rows {
      let data = generator.bytes(count)
      file.add(seconds, fraction, data, wire: wire)
      packets.append(
        ReadPacket(UInt64(seconds) * 1_000_000_000 + UInt64(fraction) * unit, data, wire: wire))
    }
    return (file.bytes, packets)
  }

  @Test(arguments: Variant.all, Way.allCases)
  func everyVariant(_ variant: Variant, _ way: Way) throws {
    let (bytes, packets) = Self.sample(variant)
    let result = try read(bytes, way)
    #expect(result.packets == packets)
    #expect(result.problem == nil)
    // Each packet's place is where its bytes stand.
    for packet in result.packets {
      #expect(Array(bytes[Int(packet.offset)...].prefix(packet.data.count)) == packet.data)
    }
  }

  @Test func linkTypeLeavesOutTheBitsAboveIt() throws {
    // Four bytes of frame check sequence, said so in the top bits.
    var file = PcapBuilder(linkType: 0x4400_0000 | 113)
    file.add(1, 0, [1, 2, 3])
    #expect(
      try read(file.bytes, .mapped).packets == [
        ReadPacket(1_000_000_000, [1, 2, 3], linkType: 113)
      ])
  }

  @Test(arguments: [(UInt16(2), UInt16(2)), (2, 3)])
  func oldWritersGaveTheWireLengthFirst(_ major: UInt16, _ minor: UInt16) throws {
    var file = PcapBuilder(major: major, minor: minor)
    file.add(1, 0, first: 100, second: 3, [1, 2, 3])
    if minor == 3 { file.add(2, 0, first: 2, second: 200, [4, 5]) }
    let packets = try read(file.bytes, .mapped).packets
    #expect(packets.first == ReadPacket(1_000_000_000, [1, 2, 3], wire: 100))
    if minor == 3 { #expect(packets.last == ReadPacket(2_000_000_000, [4, 5], wire: 200)) }
  }

  @Test(arguments: Way.allCases)
  func aLengthThatNoPacketHasEndsTheFile(_ way: Way) throws {
    var file = PcapBuilder()
    file.add(1, 0, [1, 2, 3])
    let place = file.bytes.count
    file.add(2, 0, first: 262_145, second: 262_145, [4, 5, 6])
    file.add(3, 0, [7, 8, 9])
    let result = try read(file.bytes, way)
    #expect(result.packets == [ReadPacket(1_000_000_000, [1, 2, 3])])
    let problem = try #require(result.problem)
    #expect(problem.kind == .damaged)
    #expect(problem.byteOffset == UInt64(place))
    #expect("\(problem)".contains("262145 bytes"))
    #expect("\(problem)".contains("behind packet 1, at byte \(place)"))
  }

  @Test(arguments: Way.allCases)
  func packetsAsLongAsTheLinkTypeAllows(_ way: Way) throws {
    guard way != .dripped else { return }
    var generator = SeededGenerator(state: 2)
    let long = generator.bytes(262_144)
    var file = PcapBuilder()
    for second in 0..<8 { file.add(UInt32(second), 0, long) }
    let result = try read(file.bytes, way)
    #expect(result.problem == nil)
    #expect(result.packets.count == 8)
    #expect(result.packets.allSatisfy { $0.data == long })
  }

  /// Longer than the pieces that a pipe is read in, and than what is kept before them.
  @Test(arguments: [Way.mapped, .piped])
  func messagesOfManyMegabytes(_ way: Way) throws {
    var generator = SeededGenerator(state: 3)
    var file = PcapBuilder(linkType: 231)
    var packets: [ReadPacket] = []
    for (second, count) in [10, 9_000_001, 400_000, 0, 3_000_000, 1 << 20, 77].enumerated() {
      // Different in each, and quickly made.
      var long = [UInt8](repeating: UInt8(second), count: count)
      for _ in 0..<min(count, 100) { long[Int.random(in: 0..<count, using: &generator)] = 0xee }
      file.add(UInt32(second), 0, long)
      packets.append(ReadPacket(UInt64(second) * 1_000_000_000, long, linkType: 231))
    }
    let result = try read(file.bytes, way, burst: 3)
    #expect(result.problem == nil)
    #expect(result.packets == packets)
  }
}
