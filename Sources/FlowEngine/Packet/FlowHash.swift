/// The two hashes of a flow, with different duties.
///
/// ``FlowHash`` places a flow in its table: seeded at random at start and multiplied, so that nobody
/// can aim at a bucket. ``OwnerHash`` says which worker a packet belongs to: it is what a NIC with
/// the symmetric key computes, known to everyone and the same on every port.
package struct FlowHash: BitwiseCopyable, Sendable {
  @usableFromInline var seed: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  /// Six words from the system's random source; every worker of an engine has the same ones, because
  /// hashes travel with packets from worker to worker.
  package init(seed: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)) { self.seed = seed }

  package init(using generator: inout some RandomNumberGenerator) {
    seed = (
      generator.next(), generator.next(), generator.next(), generator.next(), generator.next(),
      generator.next()
    )
  }

  /// Both halves of a 128-bit product folded: the mixing step of wyhash.
  @inline(__always)
  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  /// 64 bits; about 5 cycles where the key is in registers.
  @inline(__always)
  package func callAsFunction(_ key: FlowKey) -> UInt64 {
    let ports = UInt64(key.portA) << 48 | UInt64(key.portB) << 32
    let kind = UInt64(key.proto) << 8 | UInt64(key.flags)
    let vlans = UInt64(key.vlanOuter) << 32 | UInt64(key.vlanInner) << 16 | UInt64(key.domain)
    let a = Self.fold(key.addressA.high ^ seed.0, key.addressA.low ^ seed.1)
    let b = Self.fold(key.addressB.high ^ seed.2, key.addressB.low ^ seed.3)
    let c = Self.fold(ports ^ kind ^ seed.4, vlans ^ seed.5)
    return Self.fold(a ^ c ^ seed.2, b ^ seed.4)
  }
}

/// Toeplitz (Microsoft RSS) with the 16-bit key 0x6D5A repeated, which makes it symmetric.
///
/// With that key every 16-bit word of the input meets the same 32 key bits, so the hash of a packet is
/// the hash of the exclusive or of its words: two table look-ups instead of a bit loop. A test holds
/// it against DPDK's `rte_softrss` with the key as the NIC gets it.
package struct OwnerHash: BitwiseCopyable, @unchecked Sendable {
  package static let keyWord: UInt16 = 0x6d5a
  /// Bytes of the two tables.
  package static let tableBytes = 2 * 256 * 4

  @usableFromInline let low: UnsafePointer<UInt32>
  @usableFromInline let high: UnsafePointer<UInt32>

  /// Fills `memory`, `tableBytes` long; it outlives the hash.
  package init(memory: UnsafeMutableRawPointer) {
    let table = memory.bindMemory(to: UInt32.self, capacity: 512)
    for byte in 0..<256 {
      table[byte] = Self.toeplitz(UInt16(byte))
      table[256 + byte] = Self.toeplitz(UInt16(byte) << 8)
    }
    low = UnsafePointer(table)
    high = UnsafePointer(table + 256)
  }

  /// The definition, bit by bit, for one word: bit i of it adds the key's 32 bits from bit i on.
  package static func toeplitz(_ word: UInt16) -> UInt32 {
    let key = UInt64(keyWord)
    let window = key << 48 | key << 32 | key << 16 | key
    var hash: UInt32 = 0
    for bit in 0..<16 where word & (0x8000 >> UInt16(bit)) != 0 {
      hash ^= UInt32(truncatingIfNeeded: (window << UInt64(bit)) >> 32)
    }
    return hash
  }

  @inline(__always)
  private func hash(folded: UInt16) -> UInt32 {
    low[Int(folded & 0xff)] ^ high[Int(folded >> 8)]
  }

  @inline(__always)
  private static func fold(_ value: UInt64) -> UInt16 {
    let half = UInt32(truncatingIfNeeded: value ^ value >> 32)
    return UInt16(truncatingIfNeeded: half ^ half >> 16)
  }

  /// As the NIC hashes: addresses and ports for TCP, UDP and SCTP, addresses for all else.
  @inline(__always)
  package func callAsFunction(_ key: FlowKey) -> UInt32 {
    // The prefix of a mapped IPv4 address is the same on both sides and falls out.
    var word = Self.fold(
      key.addressA.high ^ key.addressA.low ^ key.addressB.high ^ key.addressB.low)
    if key.proto == IPProtocol.tcp || key.proto == IPProtocol.udp || key.proto == IPProtocol.sctp {
      word ^= key.portA ^ key.portB
    }
    return hash(folded: word)
  }

  /// For fragments, until their ports are known: addresses and identification.
  @inline(__always)
  package func fragment(_ key: FlowKey, id: UInt32) -> UInt32 {
    let word = Self.fold(
      key.addressA.high ^ key.addressA.low ^ key.addressB.high ^ key.addressB.low ^ UInt64(id))
    return hash(folded: word)
  }
}
