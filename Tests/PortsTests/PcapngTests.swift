import Testing

@testable import Ports

/// The block format.
@Suite struct PcapngTests {
  static let seconds: UInt64 = 1_700_000_000
  static var micros: UInt64 { seconds * 1_000_000 }
  static var nanos: UInt64 { seconds * 1_000_000_000 }

  @Test(arguments: [false, true], Way.allCases)
  func everyTypeOfBlock(_ isBigEndian: Bool, _ way: Way) throws {
    var file = PcapngBuilder(isBigEndian: isBigEndian)
    file.section([(1, Array("a comment".utf8)), (4, Array("someone's program".utf8))])
    file.interface(snapLength: 6, [(1, Array("the first".utf8)), (2, Array("eth0".utf8))])
    file.interface(linkType: 113, resolution: 9)
    file.block(4, [1, 0, 6, 0, 10, 0, 0, 1, 0x61, 0, 0, 0, 0, 0, 0, 0])  // name resolution
    file.enhanced(
      0, Self.micros, [1, 2, 3], wire: 60, [(1, Array("odd".utf8)), (2, [1, 0, 0, 0])])
    file.block(0x0a, [0x4b, 0x53, 0x4c, 0x54, 4, 0, 0, 0, 0x61, 0x62, 0x63, 0x64])  // secrets
    file.simple([4, 5, 6, 7, 8, 9], wire: 1000)
    file.simple([4, 5])
    file.obsolete(1, Self.nanos + 7, [10, 11, 12, 13, 14], drops: 0xffff)
    file.block(0x0bad, [0, 0, 0x9d, 1, 1, 2, 3, 4])  // custom
    file.block(0x4000_0bad, [])
    file.block(0x7777, [9, 9, 9])
    file.statistics(0, interfaceDrops: 5, systemDrops: 6)
    file.statistics(1, interfaceDrops: 1, systemDrops: 0)
    file.statistics(0, interfaceDrops: 50, systemDrops: 60)
    file.statistics(9, interfaceDrops: 1000, systemDrops: 1000)
    file.enhanced(1, Self.nanos + 8, [])
    let result = try read(file.bytes, way)
    #expect(result.problem == nil)
    #expect(
      result.packets == [
        ReadPacket(Self.nanos, [1, 2, 3], wire: 60),
        // No more than the interface's snap length; of the time of the packet before.
        ReadPacket(Self.nanos, [4, 5, 6, 7, 8, 9], wire: 1000), ReadPacket(Self.nanos, [4, 5]),
        ReadPacket(Self.nanos + 7, [10, 11, 12, 13, 14], linkType: 113),
        ReadPacket(Self.nanos + 8, [], linkType: 113),
      ])
    // A later block of an interface replaces an earlier one; an interface nobody described is left out.
    #expect(result.reportedDrops == 111)
  }

  @Test(arguments: Way.allCases)
  func sectionsOfBothByteOrders(_ way: Way) throws {
    var file = PcapngBuilder()
    var packets: [ReadPacket] = []
    for number in 0..<6 {
      file.isBigEndian = number % 2 == 1
      file.section()
      for interface in 0...number {
        file.interface(linkType: UInt16(100 + 10 * number + interface), resolution: 9)
      }
      for interface in 0...number {
        let data = [UInt8](repeating: UInt8(number), count: interface)
        file.enhanced(UInt32(interface), Self.nanos + UInt64(number), data)
        packets.append(
          ReadPacket(
            Self.nanos + UInt64(number), data, linkType: UInt32(100 + 10 * number + interface)))
      }
      file.statistics(0, interfaceDrops: 1, systemDrops: 0)
    }
    let result = try read(file.bytes, way)
    #expect(result.problem == nil)
    #expect(result.packets == packets)
    #expect(result.reportedDrops == 6)
    // An interface of one section is none of the next.
    file.section()
    file.enhanced(0, 0, [1])
    let other = try read(file.bytes, way)
    #expect(other.packets == packets)
    #expect(other.problem?.kind == .damaged)
    #expect(other.problem?.text.contains("interface 0") == true)
  }

  @Test(arguments: [PcapngBuilder.Padding.uncounted, .missing], Way.allCases)
  func paddingThatIsNotCountedOrNotThere(_ padding: PcapngBuilder.Padding, _ way: Way) throws {
    var file = PcapngBuilder(padding: padding)
    file.section()
    file.interface(resolution: 9)
    var packets: [ReadPacket] = []
    for count in 0..<9 {
      let data = [UInt8](repeating: 0xee, count: count)
      file.enhanced(0, Self.nanos + UInt64(count), data)
      packets.append(ReadPacket(Self.nanos + UInt64(count), data))
      file.block(0x7777, data)
    }
    let result = try read(file.bytes, way)
    #expect(result.problem == nil)
    #expect(result.packets == packets)
  }

  @Test func optionsThatLie() throws {
    var file = PcapngBuilder()
    file.section([(1, [])])
    // Its length leaves the block: what stands before it counts.
    file.block(1, [1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 14, 0, 0xff, 0xff, 1, 2, 3, 4])
    // A resolution without a value, an offset of four bytes, and no end of options.
    file.block(1, [1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 14, 0, 4, 0, 1, 0, 0, 0])
    file.enhanced(0, Self.nanos, [1])
    file.enhanced(1, Self.micros, [2])
    let result = try read(file.bytes, .mapped)
    #expect(result.problem == nil)
    #expect(result.packets == [ReadPacket(Self.nanos, [1]), ReadPacket(Self.nanos, [2])])
  }

  /// What is wrong with one block, in words that the problem has.
  struct Damage: Sendable, CustomTestStringConvertible {
    var says: String
    var make: @Sendable (inout PcapngBuilder) -> Void
    var testDescription: String { says }

    static func word(_ file: inout PcapngBuilder, fromEnd: Int, _ value: UInt32) {
      let at = file.bytes.count - fromEnd
      for i in 0..<4 { file.bytes[at + i] = UInt8(truncatingIfNeeded: value >> UInt32(8 * i)) }
    }

    static let all: [Damage] = [
      Damage(says: "two lengths differ") {
        $0.enhanced(0, 0, [1, 2, 3, 4])
        word(&$0, fromEnd: 4, 32)
      },
      Damage(says: "two lengths differ") {
        $0.block(0x7777, [1, 2, 3, 4])
        word(&$0, fromEnd: 4, 20)
      },
      Damage(says: "a block of 11 bytes") {
        $0.block(0x7777, [])
        word(&$0, fromEnd: 8, 11)
      },
      Damage(says: "a block of 0 bytes") { $0.bytes += [UInt8](repeating: 0, count: 64) },
      Damage(says: "which no packet fills") {
        $0.enhanced(0, 0, [1, 2, 3, 4])
        word(&$0, fromEnd: 32, 0x7fff_fff0)
      },
      Damage(says: "interface 2, of which") { $0.enhanced(2, 0, [1]) },
      Damage(says: "a packet of 9 bytes in a block of 40") {
        $0.enhanced(0, 0, [1, 2, 3, 4, 5, 6, 7, 8])
        word(&$0, fromEnd: 20, 9)
      },
      Damage(says: "a packet of 262148 bytes") {
        $0.enhanced(0, 0, [UInt8](repeating: 0, count: 262_148))
      },
      Damage(says: "a packet of 262148 bytes") {
        $0.simple([UInt8](repeating: 0, count: 262_148))
      },
      Damage(says: "without a byte-order mark") {
        $0.section()
        word(&$0, fromEnd: 20, 0x1234_5678)
      },
      Damage(says: "another version") {
        $0.section()
        word(&$0, fromEnd: 16, 2)
      },
      Damage(says: "a section header of 24 bytes") {
        $0.block(0x0a0d_0d0a, [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0, 0, 0, 0])
      },
      Damage(says: "an interface block of 16 bytes") { $0.block(1, [1, 0, 0, 0]) },
      Damage(says: "a packet block of 28 bytes") { $0.block(6, [UInt8](repeating: 0, count: 16)) },
      Damage(says: "a packet block of 12 bytes") { $0.block(3, []) },
    ]
  }

  @Test(arguments: Damage.all, Way.allCases)
  func damageIsNamedWithItsPlace(_ damage: Damage, _ way: Way) throws {
    var file = PcapngBuilder()
    file.section()
    file.interface(resolution: 9)
    file.interface(resolution: 9)
    file.enhanced(0, 1, [1])
    file.enhanced(1, 2, [2])
    let place = file.bytes.count
    damage.make(&file)
    file.enhanced(0, 3, [3])
    let result = try read(file.bytes, way)
    #expect(result.packets == [ReadPacket(1, [1]), ReadPacket(2, [2])])
    let problem = try #require(result.problem)
    #expect(problem.kind == .damaged)
    #expect(problem.text.contains(damage.says))
    let offset = try #require(problem.byteOffset)
    // A block that is passed over is found wrong at its end.
    #expect(offset >= UInt64(place) && offset <= UInt64(place + 20))
  }

  @Test func aSimplePacketNeedsAnInterface() throws {
    var file = PcapngBuilder()
    file.section()
    file.simple([1, 2, 3, 4])
    #expect(try read(file.bytes, .mapped).problem?.text.contains("without an interface") == true)
  }

  @Test func interfacesAreBounded() throws {
    var file = PcapngBuilder()
    file.section()
    for _ in 0..<65_537 {
      file.bytes += [1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0]
    }
    let problem = try #require(try read(file.bytes, .mapped).problem)
    #expect(problem.text.contains("more than 65536 interfaces"))
  }

  /// Longer than all the memory a pipe is read into.
  @Test(arguments: [Way.mapped, .piped], [UInt32(0x7777), 10])
  func blocksOfManyMegabytesArePassedOver(_ way: Way, _ type: UInt32) throws {
    var file = PcapngBuilder()
    file.section()
    file.interface(resolution: 9)
    file.block(type, [UInt8](repeating: 1, count: 20 << 20))
    file.enhanced(0, 1, [1])
    file.block(type, [UInt8](repeating: 2, count: 3 << 20))
    file.enhanced(0, 2, [2])
    let result = try read(file.bytes, way)
    #expect(result.problem == nil)
    #expect(result.packets == [ReadPacket(1, [1]), ReadPacket(2, [2])])
    // And where the file ends within one.
    let cut = try read(Array(file.bytes.dropLast(1 << 20)), way)
    #expect(cut.packets == [ReadPacket(1, [1])])
    #expect(cut.problem?.kind == .cut)
  }
}

/// Time stamps of every resolution, exact to the nanosecond.
@Suite struct InterfaceClockTests {
  private func nanoseconds(_ resolution: UInt8, _ value: UInt64, offset: Int64 = 0) -> UInt64 {
    InterfaceClock(resolution: resolution, offsetSeconds: offset).nanoseconds(value)
  }

  /// floor(value × 10^9 / unit) in arithmetic of any width.
  private func exact(_ value: UInt64, unitLog10: Int) -> UInt64 {
    // Decimal digits do it: move the point.
    let digits = String(value)
    let shift = 9 - unitLog10
    let moved =
      shift >= 0 ? digits + String(repeating: "0", count: shift) : String(digits.dropLast(-shift))
    return min(UInt64(moved.isEmpty ? "0" : moved) ?? .max, PacketClock.latest)
  }

  @Test(arguments: 0...127)
  func powersOfTen(_ exponent: Int) {
    var generator = SeededGenerator(state: UInt64(exponent))
    var values: [UInt64] = [0, 1, 9, 10, 999_999_999, 1_000_000_000, .max, .max - 1, 1 << 63]
    for _ in 0..<200 {
      values.append(generator.next() >> UInt64.random(in: 0..<64, using: &generator))
    }
    let wrong = values.filter {
      nanoseconds(UInt8(exponent), $0) != exact($0, unitLog10: exponent)
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: 0...127)
  func powersOfTwo(_ exponent: Int) {
    var generator = SeededGenerator(state: UInt64(exponent))
    var values: [UInt64] = [0, 1, 2, 3, .max, .max - 1, 1 << 63, 1 << 62]
    for _ in 0..<200 {
      values.append(generator.next() >> UInt64.random(in: 0..<64, using: &generator))
    }
    let wrong = values.filter { value in
      // value × 10^9 in 128 bits, moved right.
      let product = UInt128(value) * 1_000_000_000
      let expected = min(product >> UInt128(exponent), UInt128(PacketClock.latest))
      return nanoseconds(0x80 | UInt8(exponent), value) != UInt64(expected)
    }
    #expect(wrong.isEmpty)
  }

  @Test func offsets() {
    let second: UInt64 = 1_000_000_000
    #expect(nanoseconds(6, 5_000_001, offset: 10) == 15 * second + 1000)
    #expect(nanoseconds(9, 5 * second + 1, offset: 1_700_000_000) == 1_700_000_005 * second + 1)
    #expect(nanoseconds(6, 5_000_001, offset: -3) == 2 * second + 1000)
    // Before 1970 there is no time, and none after 2106.
    #expect(nanoseconds(6, 5_000_001, offset: -6) == 0)
    #expect(nanoseconds(6, 0, offset: .min) == 0)
    #expect(nanoseconds(6, 0, offset: .max) == PacketClock.latest)
    #expect(nanoseconds(0, .max, offset: .max) == PacketClock.latest)
    #expect(nanoseconds(0, .max, offset: .min) == 0)
    // Beyond what a time can be, and brought back by the offset.
    #expect(nanoseconds(0, 1 << 40, offset: -(1 << 40) + 7) == 7 * second)
    #expect(nanoseconds(0x80, 1 << 62, offset: -(1 << 62) + 9) == 9 * second)
  }

  @Test func inAFile() throws {
    for isBigEndian in [false, true] {
      var file = PcapngBuilder(isBigEndian: isBigEndian)
      file.section()
      for exponent in 0...19 {
        file.interface(resolution: UInt8(exponent))
        file.interface(resolution: 0x80 | UInt8(3 * exponent), offsetSeconds: 1_600_000_000)
      }
      var expected: [UInt64] = []
      for exponent in 0...19 {
        var value: UInt64 = 1
        for _ in 0..<exponent { value *= 10 }
        file.enhanced(UInt32(2 * exponent), value, [])
        file.enhanced(UInt32(2 * exponent + 1), 1 << UInt64(3 * exponent), [])
        expected += [1_000_000_000, 1_600_000_001_000_000_000]
      }
      #expect(try read(file.bytes, .mapped).packets.map(\.time) == expected)
    }
  }
}
