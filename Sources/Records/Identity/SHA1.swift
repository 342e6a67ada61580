/// SHA-1 (FIPS 180-4, section 6.1), which Community ID is defined with. Not for anything secret.
enum SHA1 {
  /// Five words, the first being the digest's first four bytes in network order.
  typealias Digest = InlineArray<5, UInt32>

  static var initial: Digest {
    [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
  }

  /// The digest of a whole message of any length.
  static func digest(_ message: UnsafeRawBufferPointer) -> Digest {
    var state = initial
    var offset = 0
    while message.count - offset >= 64 {
      absorb(message.baseAddress.unsafelyUnwrapped + offset, into: &state)
      offset += 64
    }
    // The rest, a one bit, zeros, and the length in bits: one block, or two where it does not fit.
    let rest = message.count - offset
    let size = rest < 56 ? 64 : 128
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { tail in
      tail.initializeMemory(as: UInt8.self, repeating: 0)
      if rest > 0 { tail.copyMemory(from: UnsafeRawBufferPointer(rebasing: message[offset...])) }
      tail[rest] = 0x80
      tail.storeBytes(
        of: UInt64(message.count * 8).bigEndian, toByteOffset: size - 8, as: UInt64.self)
      let start = UnsafeRawPointer(tail.baseAddress.unsafelyUnwrapped)
      absorb(start, into: &state)
      if size == 128 { absorb(start + 64, into: &state) }
    }
    return state
  }

  /// Takes in one block of 64 bytes.
  static func absorb(_ block: UnsafeRawPointer, into state: inout Digest) {
    var schedule = InlineArray<16, UInt32>(repeating: 0)
    for index in 0..<16 {
      schedule[index] = UInt32(
        bigEndian: block.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self))
    }
    var a = state[0]
    var b = state[1]
    var c = state[2]
    var d = state[3]
    var e = state[4]

    @inline(__always)
    func round(_ index: Int, _ mix: UInt32, _ constant: UInt32) {
      let slot = index & 15
      if index >= 16 {
        schedule[slot] = rotate(
          schedule[(slot &+ 13) & 15] ^ schedule[(slot &+ 8) & 15] ^ schedule[(slot &+ 2) & 15]
            ^ schedule[slot], 1)
      }
      // Sums are modulo 2^32 (FIPS 180-4, section 2.2.2).
      let sum = rotate(a, 5) &+ mix &+ e &+ constant &+ schedule[slot]
      e = d
      d = c
      c = rotate(b, 30)
      b = a
      a = sum
    }
    for index in 0..<20 { round(index, d ^ (b & (c ^ d)), 0x5a82_7999) }
    for index in 20..<40 { round(index, b ^ c ^ d, 0x6ed9_eba1) }
    for index in 40..<60 { round(index, (b & c) | (d & (b | c)), 0x8f1b_bcdc) }
    for index in 60..<80 { round(index, b ^ c ^ d, 0xca62_c1d6) }

    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
    state[4] &+= e
  }

  @inline(__always)
  private static func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 {
    value &<< bits | value &>> (32 &- bits)
  }
}
