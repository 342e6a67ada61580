import CBurst
import FlowEngine
import Testing

@testable import Ports

/// Frames of one flow, however they are wrapped, go to one worker; flows go to all of them.
@Suite struct PacketSpreaderTests {
  static func be16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }

  static func ethernet(_ type: Int, _ payload: [UInt8]) -> [UInt8] {
    [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2] + be16(type) + payload
  }

  /// `fragment`: flags and offset, as in the header.
  static func ipv4(
    _ source: [UInt8], _ destination: [UInt8], fragment: Int = 0, payload: [UInt8], options: Int = 0
  ) -> [UInt8] {
    let words = 5 + options
    var header: [UInt8] = [UInt8(0x40 | words), 0]
    header += be16(words * 4 + payload.count) + be16(7) + be16(fragment) + [64, 17, 0, 0]
    return header + source + destination + [UInt8](repeating: 1, count: options * 4) + payload
  }

  static func ipv6(
    _ source: [UInt8], _ destination: [UInt8], next: UInt8 = 17, payload: [UInt8]
  ) -> [UInt8] {
    [0x60, 0, 0, 0] + be16(payload.count) + [next, 64] + source + destination + payload
  }

  static func udp(_ source: Int, _ destination: Int, _ bytes: Int = 20) -> [UInt8] {
    be16(source) + be16(destination) + be16(8 + bytes) + [0, 0]
      + [UInt8](repeating: 0, count: bytes)
  }

  /// Every way there is to carry an IP packet in Ethernet.
  static func wrappings(_ ip: [UInt8]) -> [(name: String, frame: [UInt8])] {
    let type = ip[0] >> 4 == 4 ? 0x0800 : 0x86dd
    let ppp = ip[0] >> 4 == 4 ? 0x0021 : 0x0057
    let pppoe: [UInt8] = [0x11, 0, 0, 1] + be16(ip.count + 2) + be16(ppp)
    let snap: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0] + be16(type)
    return [
      ("plain", ethernet(type, ip)),
      ("padded", ethernet(type, ip + [UInt8](repeating: 0, count: 9))),
      ("VLAN 5", ethernet(0x8100, be16(5) + be16(type) + ip)),
      ("VLAN 6", ethernet(0x8100, be16(0xe006) + be16(type) + ip)),
      ("QinQ", ethernet(0x88a8, be16(5) + be16(0x8100) + be16(6) + be16(type) + ip)),
      ("MPLS", ethernet(0x8847, [0, 1, 0x01, 64] + ip)),
      ("two labels", ethernet(0x8847, [0, 1, 0x00, 64, 0, 2, 0x01, 64] + ip)),
      ("PPPoE", ethernet(0x8864, pppoe + ip)),
      ("PPPoE in a VLAN", ethernet(0x8100, be16(9) + be16(0x8864) + pppoe + ip)),
      ("SNAP", ethernet(snap.count + ip.count, snap + ip)),
    ]
  }

  /// The worker of a frame in memory that ends with it.
  static func worker(_ spreader: PacketSpreader, _ frame: [UInt8], linkType: UInt32 = 1) -> Int {
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: max(frame.count, 1))
    defer { bytes.deallocate() }
    bytes.initialize(from: frame, count: frame.count)
    var packet = martlet_packet()
    packet.data = UnsafePointer(bytes)
    packet.captured_length = UInt32(frame.count)
    packet.wire_length = UInt32(frame.count)
    packet.link_type = linkType
    return spreader.worker(&packet)
  }

  @Test(arguments: [1, 2, 3, 4, 7, 16, 64])
  func oneFlowOneWorker(_ workers: Int) {
    let spreader = PacketSpreader(workers: workers)
    defer { spreader.deallocate() }
    var generator = SeededGenerator(state: UInt64(workers))
    var met: Set<Int> = []
    for round in 0..<100 {
      let isV6 = round % 2 == 1
      let a = generator.bytes(isV6 ? 16 : 4)
      let b = generator.bytes(isV6 ? 16 : 4)
      func ip(_ source: [UInt8], _ destination: [UInt8]) -> [[UInt8]] {
        if isV6 {
          let fragment: [UInt8] = [17, 0, 0, 1, 0, 0, 0, 9]
          let later: [UInt8] = [17, 0, 0, 8, 0, 0, 0, 9]
          return [
            Self.ipv6(source, destination, payload: Self.udp(1000, 53)),
            Self.ipv6(source, destination, payload: Self.udp(1000, 53, 0)),
            Self.ipv6(source, destination, next: 44, payload: fragment + Self.udp(1000, 53)),
            Self.ipv6(source, destination, next: 44, payload: later + [1, 2, 3, 4, 5, 6, 7, 8]),
          ]
        }
        return [
          Self.ipv4(source, destination, payload: Self.udp(1000, 53)),
          Self.ipv4(source, destination, payload: Self.udp(1000, 53, 0)),
          Self.ipv4(source, destination, payload: Self.udp(1000, 53), options: 3),
          Self.ipv4(source, destination, fragment: 0x2000, payload: Self.udp(1000, 53)),
          Self.ipv4(source, destination, fragment: 2, payload: [1, 2, 3, 4, 5, 6, 7, 8]),
        ]
      }
      var seen: [Int: String] = [:]
      for packet in ip(a, b) + ip(b, a) {
        for (name, frame) in Self.wrappings(packet) {
          seen[Self.worker(spreader, frame)] = name
        }
      }
      #expect(seen.count == 1, "\(seen)")
      #expect(seen.keys.allSatisfy { (0..<workers).contains($0) })
      met.formUnion(seen.keys)
    }
    #expect(met.count >= min(workers, 40))
  }

  /// Frames cut at any byte, and bytes of any kind: a worker that exists, and nothing read behind them.
  @Test func whateverComes() {
    let spreader = PacketSpreader(workers: 5)
    defer { spreader.deallocate() }
    var generator = SeededGenerator(state: 9)
    let v4 = Self.ipv4([10, 0, 0, 1], [10, 0, 0, 2], payload: Self.udp(1, 2))
    let v6 = Self.ipv6(generator.bytes(16), generator.bytes(16), payload: Self.udp(1, 2))
    for (_, frame) in Self.wrappings(v4) + Self.wrappings(v6) {
      for length in 0...frame.count {
        #expect((0..<5).contains(Self.worker(spreader, Array(frame[..<length]))))
      }
    }
    for _ in 0..<2000 {
      let frame = generator.bytes(Int.random(in: 0..<90, using: &generator))
      #expect((0..<5).contains(Self.worker(spreader, frame)))
      #expect(Self.worker(spreader, frame, linkType: 147) == 0)
    }
  }

  /// A whole header behind the cut says as much as a whole packet.
  @Test func aShortSnapLengthChangesNothing() {
    let spreader = PacketSpreader(workers: 64)
    defer { spreader.deallocate() }
    var generator = SeededGenerator(state: 10)
    for _ in 0..<50 {
      let ip = Self.ipv4(generator.bytes(4), generator.bytes(4), payload: Self.udp(1, 2, 100))
      let frame = Self.ethernet(0x0800, ip)
      // Ethernet, IPv4 and UDP are 42 bytes.
      let cut = Self.worker(spreader, Array(frame[..<42]))
      #expect(cut == Self.worker(spreader, frame))
    }
  }

  @Test(arguments: [2, 3, 4, 8, 16], [4, 16])
  func balanced(_ workers: Int, _ addressBytes: Int) {
    let spreader = PacketSpreader(workers: workers)
    defer { spreader.deallocate() }
    var generator = SeededGenerator(state: UInt64(workers))
    // Random addresses, and one network's against one server.
    for isNetwork in [false, true] {
      var counts = [Int](repeating: 0, count: workers)
      let total = 16_000
      for number in 0..<total {
        var a = generator.bytes(addressBytes)
        var b = generator.bytes(addressBytes)
        if isNetwork {
          a = [UInt8](repeating: 10, count: addressBytes - 2) + Self.be16(number)
          b = [UInt8](repeating: 9, count: addressBytes)
        }
        let ip =
          addressBytes == 4
          ? Self.ipv4(a, b, payload: Self.udp(1, 2)) : Self.ipv6(a, b, payload: Self.udp(1, 2))
        counts[Self.worker(spreader, Self.ethernet(addressBytes == 4 ? 0x0800 : 0x86dd, ip))] += 1
      }
      let fair = Double(total) / Double(workers)
      // Six standard deviations of a fair die, and no worker without work.
      let slack = 6 * (fair * (1 - 1 / Double(workers))).squareRoot()
      #expect(counts.allSatisfy { abs(Double($0) - fair) < slack }, "\(isNetwork): \(counts)")
    }
  }
}
