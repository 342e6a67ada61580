/// What an instruction does once it is decoded: a dense number, so that the executor's switch is one
/// jump through a table.
package enum FilterOpcode: UInt8, BitwiseCopyable, Sendable {
  case returnK, returnA
  // Loads from the packet, bounded by the captured length; they reject beyond it.
  case loadWord, loadHalf, loadByte
  case loadWordIndirect, loadHalfIndirect, loadByteIndirect
  case loadHeaderLengthX
  // Loads and stores that cannot fail.
  case loadK, loadLength, loadMemory
  case loadKX, loadLengthX, loadMemoryX
  case storeA, storeX
  case moveAToX, moveXToA
  // Arithmetic on A, modulo 2^32.
  case addK, subtractK, multiplyK, divideK, moduloK, andK, orK, xorK, shiftLeftK, shiftRightK
  case addX, subtractX, multiplyX, divideX, moduloX, andX, orX, xorX, shiftLeftX, shiftRightX
  case negate
  // Jumps.
  case jump, jumpBack
  case jumpEqualK, jumpGreaterK, jumpGreaterEqualK, jumpSetK
  case jumpEqualX, jumpGreaterX, jumpGreaterEqualX, jumpSetX
  // A load, perhaps a mask, and a jump on what was loaded, in one step: see FilterInstruction.
  case test
  // Not of BPF: jt where the packet begins with an address family in network byte order, else jf.
  case chooseByteOrder
}

/// A decoded instruction: 32 bytes, two to a cache line. Jump targets are absolute.
///
///     0        2     4   8    12   16     20       24         28         32
///     | opcode | end | k | jt | jf | mask | select | indirect | reserved |
@frozen
package struct FilterInstruction: BitwiseCopyable, Sendable {
  package var opcode: FilterOpcode
  /// Of `test`: the octet behind what it loads, counted from the packet's first or from X.
  package var end: UInt16 = 0
  package var k: UInt32 = 0
  package var jt: UInt32 = 0
  package var jf: UInt32 = 0
  /// Of `test`: A becomes the four octets before `end` under this mask.
  package var mask: UInt32 = 0
  /// Of `test`: jt where A under this mask is `k`, else jf.
  package var select: UInt32 = 0
  /// Of `test`: all ones where `end` counts from X, else 0.
  package var indirect: UInt32 = 0
  private var reserved: UInt32 = 0

  package init(_ opcode: FilterOpcode, k: UInt32 = 0, jt: UInt32 = 0, jf: UInt32 = 0) {
    self.opcode = opcode
    self.k = k
    self.jt = jt
    self.jf = jf
  }
}
