import CPcap
import Foundation

/// How long frames are: packet k of a flow has the length that stands at its place in a table which
/// every flow walks from a place of its own. So a flow's sequence numbers follow from its number and
/// k alone, by sums over the table.
final class FrameSizes {
  /// Bytes before TCP's payload, by IP version: Ethernet, IP, TCP without options.
  static let tcpHeaders = (ipv4: 54, ipv6: 74)
  static let longestFrame = 1514
  static let shortestFrame = 60
  /// What a segment carries at the least, so that every one moves the sequence numbers on: a TCP frame
  /// over IPv4 is filled to 60 bytes by it, one over IPv6 has 80.
  static let leastPayload = 6

  let name: String
  /// Of a table of 2, that is of one length, everything follows without a look-up.
  let isFixed: Bool
  /// Frame lengths by place; a power of two of them.
  let lengths: UnsafeMutablePointer<UInt16>
  let mask: UInt32
  /// By IP version and place p: payload of the even places below p and of the odd ones, in turn:
  /// even sum of p at 2p, odd sum at 2p + 1; the whole table's stands behind its last place.
  let sums: (ipv4: UnsafeMutablePointer<UInt32>, ipv6: UnsafeMutablePointer<UInt32>)
  let shift: UInt32

  init(name: String, lengths list: [Int]) {
    self.name = name
    var count = 2
    while count < list.count && count < 4096 { count *= 2 }
    isFixed = Set(list).count == 1
    lengths = .allocate(capacity: count)
    mask = UInt32(count - 1)
    shift = UInt32(count.trailingZeroBitCount)
    for i in 0..<count {
      let length = list[i * list.count / count]
      lengths[i] = UInt16(min(max(length, Self.shortestFrame), Self.longestFrame))
    }
    sums = (
      Self.sums(lengths, count, headers: Self.tcpHeaders.ipv4),
      Self.sums(lengths, count, headers: Self.tcpHeaders.ipv6)
    )
  }

  private static func sums(
    _ lengths: UnsafeMutablePointer<UInt16>, _ count: Int, headers: Int
  ) -> UnsafeMutablePointer<UInt32> {
    let table = UnsafeMutablePointer<UInt32>.allocate(capacity: 2 * count + 2)
    table[0] = 0
    table[1] = 0
    for i in 0..<count {
      let payload = UInt32(max(Int(lengths[i]) - headers, leastPayload))
      table[2 * i + 2] = table[2 * i] + (i & 1 == 0 ? payload : 0)
      table[2 * i + 3] = table[2 * i + 1] + (i & 1 == 1 ? payload : 0)
    }
    return table
  }

  deinit {
    lengths.deallocate()
    sums.ipv4.deallocate()
    sums.ipv6.deallocate()
  }

  /// A length in bytes without the checksum, `imix`, or a capture file.
  convenience init(named text: String) throws {
    if let length = Int(text) {
      guard (Self.shortestFrame...Self.longestFrame).contains(length) else {
        throw BenchError(
          "frames of \(length) bytes: give \(Self.shortestFrame) to \(Self.longestFrame)")
      }
      self.init(name: "\(length) bytes", lengths: [length])
    } else if text == "imix" {
      // Seven of 64, four of 594 and one of 1,518 bytes on the wire, checksum included.
      let dozen = [60, 590, 60, 60, 590, 60, 1514, 60, 590, 60, 60, 590]
      self.init(name: "IMIX", lengths: Self.shuffled((0..<4096).map { dozen[$0 % 12] }))
    } else {
      self.init(name: (text as NSString).lastPathComponent, lengths: try Self.read(text))
    }
  }

  /// Place of a flow's packet 0: even, so that a packet's place is even where its number is.
  @inline(__always)
  static func begin(_ bits: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: bits >> 40) & 0xfffe }

  /// Sum of the payloads of a TCP flow's even packets 2 ..< k and of its odd ones. Wrapping, as
  /// sequence numbers do.
  @inline(__always)
  func payload(before k: UInt32, _ bits: UInt64, isIPv6: Bool) -> (even: UInt32, odd: UInt32) {
    let table = isIPv6 ? sums.ipv6 : sums.ipv4
    if isFixed {
      let one = table[2]
      return ((k &- 1) >> 1 &* one, (k &- 2) >> 1 &* one)
    }
    let first = Self.begin(bits) &+ 2
    let (even, odd) = upTo(first &+ k &- 2, table)
    let (evenBefore, oddBefore) = upTo(first, table)
    return (even &- evenBefore, odd &- oddBefore)
  }

  @inline(__always)
  private func upTo(_ place: UInt32, _ table: UnsafeMutablePointer<UInt32>) -> (UInt32, UInt32) {
    let laps = place >> shift
    let within = Int(place & mask) * 2
    let whole = Int(mask + 1) * 2
    return (laps &* table[whole] &+ table[within], laps &* table[whole + 1] &+ table[within + 1])
  }

  /// The frame's length that packet k is to have, at the least its headers' own.
  @inline(__always)
  func length(of k: UInt32, _ bits: UInt64) -> Int {
    Int(lengths[Int((Self.begin(bits) &+ k) & mask)])
  }

  private static func shuffled(_ list: [Int]) -> [Int] {
    var list = list
    var state: UInt64 = 1
    for i in stride(from: list.count - 1, to: 0, by: -1) {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      list.swapAt(i, Int((state >> 33) % UInt64(i + 1)))
    }
    return list
  }

  /// Wire lengths of a capture's frames.
  private static func read(_ path: String) throws -> [Int] {
    var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    guard let file = pcap_open_offline(path, &message) else {
      let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw BenchError(
        "\(String(decoding: text, as: UTF8.self)); frame sizes are a number, imix or a capture")
    }
    defer { pcap_close(file) }
    var lengths: [Int] = []
    var header: UnsafeMutablePointer<pcap_pkthdr>?
    var data: UnsafePointer<UInt8>?
    while lengths.count < 1 << 20, pcap_next_ex(file, &header, &data) == 1, let header {
      lengths.append(Int(header.pointee.len))
    }
    guard !lengths.isEmpty else { throw BenchError("\(path): no packets to take lengths from") }
    return shuffled(lengths)
  }
}

/// What the bench cannot do, in one line.
struct BenchError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
