/// Why a program of classic BPF is refused.
package struct FilterProgramError: Error, Equatable, CustomStringConvertible {
  /// The instruction's number from 0; nil where the whole program is meant.
  package var instruction: Int?
  /// What is wrong with it.
  package var reason: String

  package init(instruction: Int?, reason: String) {
    self.instruction = instruction
    self.reason = reason
  }

  package var description: String {
    guard let instruction else { return "invalid BPF program: \(reason)" }
    return "invalid BPF program: instruction \(instruction): \(reason)"
  }
}

/// A program of classic BPF, checked and decoded once: what the executor relies on holds here.
///
/// - Every jump lands in the program, and the last instruction returns: the executor never leaves it.
/// - Only `ja` may jump back, as libpcap's `ip6 protochain` does; the executor bounds how often.
/// - Memory slots are 0 to 15, no constant divisor is 0, and no instruction is unknown.
package struct FilterProgram: Sendable {
  /// The longest program taken, in instructions.
  package static let limit = 1 << 22

  /// Decoded instructions; jumps count from the first.
  package internal(set) var code: [FilterInstruction]

  /// Checks and decodes `program`. Throws ``FilterProgramError`` where it is not valid.
  ///
  /// `fused` joins loads with the branches that follow them; without it each instruction is a step
  /// of its own, for comparison.
  package init(_ program: [BPFInstruction], fused: Bool = true) throws(FilterProgramError) {
    guard let last = program.last else {
      throw FilterProgramError(instruction: nil, reason: "it has no instructions")
    }
    guard program.count <= Self.limit else {
      throw FilterProgramError(
        instruction: nil, reason: "it has \(program.count) instructions; the limit is \(Self.limit)"
      )
    }
    code = []
    code.reserveCapacity(program.count)
    for (index, instruction) in program.enumerated() {
      code.append(try Self.decode(instruction, at: index, count: program.count))
    }
    guard last.code & 0x07 == BPFCode.ret else {
      throw FilterProgramError(
        instruction: program.count - 1, reason: "the last instruction does not return")
    }
    if fused { fuse() }
  }

  /// One program of two for the link types whose header is an address family in the byte order of
  /// the machine that captured (LINKTYPE_NULL, LINKTYPE_ENC): each packet's own header says which
  /// holds. A family is below 65,536, so the octets that are 0 tell the order.
  package init(networkOrder: FilterProgram, reverseOrder: FilterProgram) {
    let second = UInt32(1 + networkOrder.code.count)
    code = [FilterInstruction(.chooseByteOrder, jt: 1, jf: second)]
    code += networkOrder.code.map { $0.moved(by: 1) }
    code += reverseOrder.code.map { $0.moved(by: second) }
  }

  private static func decode(
    _ instruction: BPFInstruction, at index: Int, count: Int
  ) throws(FilterProgramError) -> FilterInstruction {
    guard let opcode = opcode(of: instruction.code) else {
      let code = String(instruction.code, radix: 16)
      throw FilterProgramError(instruction: index, reason: "unknown code 0x\(code)")
    }
    var decoded = FilterInstruction(opcode, k: instruction.k)

    /// The absolute index of what is `distance` behind the next instruction.
    func target(_ distance: Int) throws(FilterProgramError) -> UInt32 {
      let target = index + 1 + distance
      guard target >= 0 && target < count else {
        throw FilterProgramError(
          instruction: index, reason: "it jumps to \(target), outside of 0 to \(count - 1)")
      }
      return UInt32(target)
    }

    switch opcode {
    case .jump:
      // The distance is signed: libpcap writes `ip6 protochain` with jumps back.
      let distance = Int(Int32(bitPattern: instruction.k))
      decoded.jt = try target(distance)
      if distance < 0 { decoded.opcode = .jumpBack }
    case .jumpEqualK, .jumpGreaterK, .jumpGreaterEqualK, .jumpSetK, .jumpEqualX, .jumpGreaterX,
      .jumpGreaterEqualX, .jumpSetX:
      decoded.jt = try target(Int(instruction.jt))
      decoded.jf = try target(Int(instruction.jf))
    case .loadMemory, .loadMemoryX, .storeA, .storeX:
      guard instruction.k < BPFCode.memoryWords else {
        throw FilterProgramError(
          instruction: index, reason: "memory slot \(instruction.k); slots are 0 to 15")
      }
    case .divideK, .moduloK:
      guard instruction.k != 0 else {
        throw FilterProgramError(instruction: index, reason: "division by 0")
      }
    default: break
    }
    return decoded
  }

  /// The step that a code stands for; nil for codes that `bpf_filter` does not know either.
  private static func opcode(of code: UInt16) -> FilterOpcode? {
    switch code {
    case BPFCode.ret | BPFCode.k: .returnK
    case BPFCode.ret | BPFCode.a: .returnA
    case BPFCode.ld | BPFCode.w | BPFCode.abs: .loadWord
    case BPFCode.ld | BPFCode.h | BPFCode.abs: .loadHalf
    case BPFCode.ld | BPFCode.b | BPFCode.abs: .loadByte
    case BPFCode.ld | BPFCode.w | BPFCode.ind: .loadWordIndirect
    case BPFCode.ld | BPFCode.h | BPFCode.ind: .loadHalfIndirect
    case BPFCode.ld | BPFCode.b | BPFCode.ind: .loadByteIndirect
    case BPFCode.ldx | BPFCode.b | BPFCode.msh: .loadHeaderLengthX
    case BPFCode.ld | BPFCode.imm: .loadK
    case BPFCode.ld | BPFCode.len: .loadLength
    case BPFCode.ld | BPFCode.mem: .loadMemory
    case BPFCode.ldx | BPFCode.imm: .loadKX
    case BPFCode.ldx | BPFCode.len: .loadLengthX
    case BPFCode.ldx | BPFCode.mem: .loadMemoryX
    case BPFCode.st: .storeA
    case BPFCode.stx: .storeX
    case BPFCode.misc | BPFCode.tax: .moveAToX
    case BPFCode.misc | BPFCode.txa: .moveXToA
    default:
      switch code & 0x07 {
      case BPFCode.alu: arithmetic(code)
      case BPFCode.jmp: jump(code)
      default: nil
      }
    }
  }

  private static func arithmetic(_ code: UInt16) -> FilterOpcode? {
    switch code {
    case BPFCode.alu | BPFCode.add | BPFCode.k: .addK
    case BPFCode.alu | BPFCode.sub | BPFCode.k: .subtractK
    case BPFCode.alu | BPFCode.mul | BPFCode.k: .multiplyK
    case BPFCode.alu | BPFCode.div | BPFCode.k: .divideK
    case BPFCode.alu | BPFCode.mod | BPFCode.k: .moduloK
    case BPFCode.alu | BPFCode.and | BPFCode.k: .andK
    case BPFCode.alu | BPFCode.or | BPFCode.k: .orK
    case BPFCode.alu | BPFCode.xor | BPFCode.k: .xorK
    case BPFCode.alu | BPFCode.lsh | BPFCode.k: .shiftLeftK
    case BPFCode.alu | BPFCode.rsh | BPFCode.k: .shiftRightK
    case BPFCode.alu | BPFCode.add | BPFCode.x: .addX
    case BPFCode.alu | BPFCode.sub | BPFCode.x: .subtractX
    case BPFCode.alu | BPFCode.mul | BPFCode.x: .multiplyX
    case BPFCode.alu | BPFCode.div | BPFCode.x: .divideX
    case BPFCode.alu | BPFCode.mod | BPFCode.x: .moduloX
    case BPFCode.alu | BPFCode.and | BPFCode.x: .andX
    case BPFCode.alu | BPFCode.or | BPFCode.x: .orX
    case BPFCode.alu | BPFCode.xor | BPFCode.x: .xorX
    case BPFCode.alu | BPFCode.lsh | BPFCode.x: .shiftLeftX
    case BPFCode.alu | BPFCode.rsh | BPFCode.x: .shiftRightX
    case BPFCode.alu | BPFCode.neg: .negate
    default: nil
    }
  }

  private static func jump(_ code: UInt16) -> FilterOpcode? {
    switch code {
    case BPFCode.jmp | BPFCode.ja: .jump
    case BPFCode.jmp | BPFCode.jeq | BPFCode.k: .jumpEqualK
    case BPFCode.jmp | BPFCode.jgt | BPFCode.k: .jumpGreaterK
    case BPFCode.jmp | BPFCode.jge | BPFCode.k: .jumpGreaterEqualK
    case BPFCode.jmp | BPFCode.jset | BPFCode.k: .jumpSetK
    case BPFCode.jmp | BPFCode.jeq | BPFCode.x: .jumpEqualX
    case BPFCode.jmp | BPFCode.jgt | BPFCode.x: .jumpGreaterX
    case BPFCode.jmp | BPFCode.jge | BPFCode.x: .jumpGreaterEqualX
    case BPFCode.jmp | BPFCode.jset | BPFCode.x: .jumpSetX
    default: nil
    }
  }
}

extension FilterInstruction {
  /// The same instruction in a program that begins `distance` later. Targets that are not used are
  /// moved as well, which nothing sees.
  fileprivate func moved(by distance: UInt32) -> FilterInstruction {
    var moved = self
    moved.jt += distance
    moved.jf += distance
    return moved
  }
}
