import CSHA1

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

  /// Whether the processor has instructions of its own for it.
  static let hasInstructions = martlet_sha1_is_available() != 0

  /// Takes in one block of 64 bytes.
  @inline(__always)
  static func absorb(_ block: UnsafeRawPointer, into state: inout Digest) {
    if hasInstructions {
      withUnsafeMutableBytes(of: &state) { words in
        // Five words of 32 bits, as the function wants them.
        martlet_sha1_absorb(
          words.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt32.self), block)
      }
    } else {
      absorbWithoutInstructions(block, into: &state)
    }
  }

  /// The same in Swift, for other processors.
  static func absorbWithoutInstructions(_ block: UnsafeRawPointer, into state: inout Digest) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { memory in
      let words = memory.baseAddress.unsafelyUnwrapped
      for index in 0..<16 {
        words[index] = UInt32(
          bigEndian: block.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self))
      }
      for index in 16..<20 { words[index] = scheduled(words + index) }
      compress(words, into: &state)
    }
  }

  /// A word of the message schedule from those before it.
  @inline(__always)
  private static func scheduled(_ word: UnsafePointer<UInt32>) -> UInt32 {
    rotate(word[-3] ^ word[-8] ^ word[-14] ^ word[-16], 1)
  }

  /// The 80 rounds. The first 20 words are there; later ones are made in the rounds that need them,
  /// while the processor waits for the sums.
  @inline(__always)
  private static func compress(_ words: UnsafeMutablePointer<UInt32>, into state: inout Digest) {
    var a = state[0]
    var b = state[1]
    var c = state[2]
    var d = state[3]
    var e = state[4]

    // Five rounds at a time, each with the names moved on by one, so that nothing is copied round.
    @inline(__always)
    func rounds(
      _ range: Range<Int>, _ constant: UInt32, _ mix: (UInt32, UInt32, UInt32) -> UInt32
    ) {
      for index in stride(from: range.lowerBound, to: range.upperBound, by: 5) {
        let word = words + index
        if range.lowerBound >= 20 {
          for next in 0..<5 { word[next] = scheduled(word + next) }
        }
        // Sums are modulo 2^32 (FIPS 180-4, section 2.2.2).
        e = rotate(a, 5) &+ (mix(b, c, d) &+ (constant &+ e &+ word[0]))
        b = rotate(b, 30)
        d = rotate(e, 5) &+ (mix(a, b, c) &+ (constant &+ d &+ word[1]))
        a = rotate(a, 30)
        c = rotate(d, 5) &+ (mix(e, a, b) &+ (constant &+ c &+ word[2]))
        e = rotate(e, 30)
        b = rotate(c, 5) &+ (mix(d, e, a) &+ (constant &+ b &+ word[3]))
        d = rotate(d, 30)
        a = rotate(b, 5) &+ (mix(c, d, e) &+ (constant &+ a &+ word[4]))
        c = rotate(c, 30)
      }
    }
    rounds(0..<20, 0x5a82_7999) { $2 ^ ($0 & ($1 ^ $2)) }
    rounds(20..<40, 0x6ed9_eba1) { $0 ^ $1 ^ $2 }
    rounds(40..<60, 0x8f1b_bcdc) { ($0 & $1) | ($2 & ($0 | $1)) }
    rounds(60..<80, 0xca62_c1d6) { $0 ^ $1 ^ $2 }

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
