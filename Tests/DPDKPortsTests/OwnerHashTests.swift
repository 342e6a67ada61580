import CDPDK
import FlowEngine
import Testing

/// The owner's hash against DPDK's own software RSS with the key as a NIC gets it.
@Suite struct OwnerHashTests {
  struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }

  /// Calls `body` with the hash over memory that lives as long.
  private func withHash(_ body: (OwnerHash) -> Void) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: OwnerHash.tableBytes, alignment: 64)
    body(OwnerHash(memory: memory))
    memory.deallocate()
  }

  @Test func keyIsTheRepeatedWord() {
    var key = [UInt8](repeating: 0, count: 52)
    cdpdk_symmetric_key(&key, 52)
    #expect((0..<52).allSatisfy { key[$0] == ($0 % 2 == 0 ? 0x6d : 0x5a) })
  }

  @Test func equalsSoftRSSForIPv4() {
    var generator = Generator(state: 11)
    withHash { hash in
      for _ in 0..<2000 {
        let a = UInt32(truncatingIfNeeded: generator.next())
        let b = UInt32(truncatingIfNeeded: generator.next())
        let portA = UInt16(truncatingIfNeeded: generator.next())
        let portB = UInt16(truncatingIfNeeded: generator.next())
        for (proto, ports) in [(UInt8(6), true), (17, true), (1, false), (50, false)] {
          let key = FlowKey(
            addressA: IPAddress(v4: a), addressB: IPAddress(v4: b), portA: portA, portB: portB,
            proto: proto, flags: 0)
          #expect(hash(key) == cdpdk_softrss_v4(a, b, portA, portB, ports))
          #expect(hash(key) == cdpdk_softrss_v4(b, a, portB, portA, ports))
        }
      }
    }
  }

  @Test func equalsSoftRSSForIPv6() {
    var generator = Generator(state: 12)
    let bytes = { (high: UInt64, low: UInt64) -> [UInt8] in
      [high, low].flatMap { word in
        (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
      }
    }
    withHash { hash in
      for _ in 0..<2000 {
        let w = (0..<4).map { _ in generator.next() }
        let portA = UInt16(truncatingIfNeeded: generator.next())
        let portB = UInt16(truncatingIfNeeded: generator.next())
        for (proto, ports) in [(UInt8(6), true), (17, true), (58, false)] {
          let key = FlowKey(
            addressA: IPAddress(high: w[0], low: w[1]), addressB: IPAddress(high: w[2], low: w[3]),
            portA: portA, portB: portB, proto: proto, flags: FlowKey.Flags.ipv6)
          #expect(
            hash(key)
              == cdpdk_softrss_v6(bytes(w[0], w[1]), bytes(w[2], w[3]), portA, portB, ports))
        }
      }
    }
  }
}
