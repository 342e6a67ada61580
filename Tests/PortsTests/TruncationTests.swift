import Testing

@testable import Ports

/// Small files cut at every byte: what stands before the cut is delivered, the problem names the place,
/// and nothing behind the cut is looked at.
@Suite struct TruncationTests {
  /// A file, the end of each of its packets, and all ends of records.
  struct Whole: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var bytes: [UInt8]
    /// How many bytes there have to be for so many packets.
    var packetEnds: [Int]
    /// A file that ends here is whole.
    var boundaries: Set<Int>
  }

  static let files: [Whole] = {
    var files: [Whole] = []
    for isBigEndian in [false, true] {
      var pcap = PcapBuilder(isBigEndian: isBigEndian)
      var boundaries: Set<Int> = [pcap.bytes.count]
      var ends: [Int] = []
      for count in [0, 1, 17, 64] {
        pcap.add(UInt32(count), 0, [UInt8](repeating: 0xee, count: count))
        ends.append(pcap.bytes.count)
        boundaries.insert(pcap.bytes.count)
      }
      files.append(
        Whole(
          testDescription: "pcap, \(isBigEndian ? "big" : "little")-endian", bytes: pcap.bytes,
          packetEnds: ends, boundaries: boundaries))

      var file = PcapngBuilder(isBigEndian: isBigEndian)
      boundaries = []
      ends = []
      func mark() { boundaries.insert(file.bytes.count) }
      for _ in 0..<2 {
        file.section([(1, Array("text".utf8))])
        mark()
        file.interface(resolution: 9)
        mark()
        file.block(0x7777, [1, 2, 3, 4, 5])
        mark()
        for count in [0, 1, 17] {
          file.enhanced(0, UInt64(count), [UInt8](repeating: 0xee, count: count))
          mark()
          ends.append(file.bytes.count)
        }
        file.simple([1, 2, 3])
        mark()
        ends.append(file.bytes.count)
        file.obsolete(0, 1, [1, 2, 3])
        mark()
        ends.append(file.bytes.count)
        file.statistics(0, interfaceDrops: 1, systemDrops: 1)
        mark()
      }
      files.append(
        Whole(
          testDescription: "pcapng, \(isBigEndian ? "big" : "little")-endian", bytes: file.bytes,
          packetEnds: ends, boundaries: boundaries))
    }
    return files
  }()

  @Test(arguments: files, Way.allCases)
  func atEveryByte(_ whole: Whole, _ way: Way) throws {
    let all = try read(whole.bytes, way)
    #expect(all.problem == nil)
    #expect(all.packets.count == whole.packetEnds.count)
    for length in 0..<whole.bytes.count {
      let result = try read(Array(whole.bytes[..<length]), way)
      let count = whole.packetEnds.count { $0 <= length }
      guard result.packets == Array(all.packets[..<count]) else {
        Issue.record("\(result.packets.count) packets instead of \(count) in \(length) bytes")
        continue
      }
      let start = whole.boundaries.filter { $0 <= length }.max()
      switch (result.problem?.kind, length) {
      case (nil, _): #expect(whole.boundaries.contains(length), "at \(length)")
      case (.notACapture, 0): #expect(result.problem?.text == "is empty")
      // Less than the four bytes by which it is known.
      case (.notACapture, ..<4): break
      case (.cut, _):
        #expect(!whole.boundaries.contains(length))
        let place = try #require(result.problem?.byteOffset, "at \(length)")
        // Where the record begins that is not whole, or where the file ends within its header.
        #expect(place <= UInt64(length) && place >= UInt64(start ?? 0), "at \(length)")
      default: Issue.record("\(String(describing: result.problem)) in \(length) bytes")
      }
    }
  }

  /// Bytes changed at random: an end with or without a problem, and each packet within the file.
  @Test(arguments: files, 0..<60)
  func afterDamage(_ whole: Whole, _ seed: Int) throws {
    var generator = SeededGenerator(state: UInt64(seed))
    var bytes = whole.bytes
    for _ in 0...Int.random(in: 0..<4, using: &generator) {
      bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8(
        truncatingIfNeeded: generator.next())
    }
    let mapped = try read(bytes, .mapped)
    for packet in mapped.packets {
      #expect(packet.offset + UInt64(packet.data.count) <= UInt64(bytes.count))
    }
    // A pipe gives the same.
    for way in [Way.piped, .dripped] {
      let other = try read(bytes, way)
      #expect(other.packets == mapped.packets)
      #expect(other.problem?.description == mapped.problem?.description)
    }
  }
}
