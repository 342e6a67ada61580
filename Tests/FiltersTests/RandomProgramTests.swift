import FlowEngine
import Testing

/// Valid programs made at random, over random packets: both executors return the same number.
@Suite struct RandomProgramTests {
  private typealias C = BPFCode

  private static let loads = [C.w, C.h, C.b].flatMap { [C.ld | $0 | C.abs, C.ld | $0 | C.ind] }
  private static let arithmetic = [
    C.add, C.sub, C.mul, C.div, C.mod, C.and, C.or, C.xor, C.lsh, C.rsh,
  ].flatMap { [C.alu | $0 | C.k, C.alu | $0 | C.x] }
  private static let jumps = [C.jeq, C.jgt, C.jge, C.jset].flatMap {
    [C.jmp | $0 | C.k, C.jmp | $0 | C.x]
  }
  private static let others: [UInt16] = [
    C.ld | C.imm, C.ld | C.len, C.ld | C.mem, C.ldx | C.imm, C.ldx | C.len, C.ldx | C.mem,
    C.ldx | C.b | C.msh, C.st, C.stx, C.misc | C.tax, C.misc | C.txa, C.alu | C.neg,
    C.jmp | C.ja, C.ret | C.k, C.ret | C.a,
  ]

  private struct Maker {
    var generator: SeededGenerator

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }
    mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }

    /// Operands as they matter: small, at an edge, any.
    mutating func constant() -> UInt32 {
      switch below(4) {
      case 0: UInt32(below(4))
      case 1: UInt32(below(256))
      case 2: pick([0xff, 0xffff, 0x0800, 0x7fff_ffff, 0x8000_0000, .max, .max - 1, 0xffff_ff00])
      default: UInt32(truncatingIfNeeded: generator.next())
      }
    }

    /// Mostly within the packet.
    mutating func offset() -> UInt32 { below(40) == 0 ? constant() : UInt32(below(56)) }

    mutating func instruction(_ code: UInt16, room: Int) -> BPFInstruction {
      var made = BPFInstruction(code)
      switch code & 7 {
      case C.ld, C.ldx:
        switch code & 0xe0 {
        case C.abs, C.ind, C.msh: made.k = offset()
        case C.mem: made.k = UInt32(below(C.memoryWords))
        default: made.k = below(2) == 0 ? UInt32(below(32)) : constant()
        }
      case C.st, C.stx: made.k = UInt32(below(C.memoryWords))
      case C.alu:
        switch code {
        // A constant shift by 32 or more is undefined in libpcap before 1.11.
        case C.alu | C.lsh | C.k, C.alu | C.rsh | C.k: made.k = UInt32(below(32))
        case C.alu | C.div | C.k, C.alu | C.mod | C.k: made.k = max(1, constant())
        default: made.k = constant()
        }
      case C.jmp:
        if code == C.jmp | C.ja {
          made.k = UInt32(below(min(room, 4)))
        } else {
          made.k = constant()
          made.jt = UInt8(below(min(room, 256)))
          made.jf = UInt8(below(min(room, 256)))
        }
      default: made.k = constant()
      }
      return made
    }

    mutating func program() -> [BPFInstruction] {
      // Half of the programs read memory. There every slot is stored to first: libpcap leaves them
      // undefined. The others begin with what libpcap's own begin with.
      let readsMemory = below(2) == 0
      var program: [BPFInstruction] = []
      if readsMemory {
        program.append(BPFInstruction(C.ld | C.imm, constant()))
        program += (0..<UInt32(C.memoryWords)).map { BPFInstruction(C.st, $0) }
      } else {
        program.append(instruction(pick(RandomProgramTests.loads), room: 1))
      }
      let length = program.count + 2 + below(40)
      while program.count < length - 1 {
        let code: UInt16
        switch (below(10), program.last!.code & 7) {
        // Loads with comparisons behind them, as libpcap writes them, and as they are joined.
        case (0..<3, _): code = pick(RandomProgramTests.loads)
        case (3..<6, C.ld), (3..<6, C.jmp): code = pick(RandomProgramTests.jumps)
        case (6, C.ld): code = C.alu | C.and | C.k
        case (7, _): code = pick(RandomProgramTests.arithmetic)
        case (8, _): code = pick(RandomProgramTests.jumps)
        default: code = pick(RandomProgramTests.others)
        }
        if code & 0xe6 == C.mem && !readsMemory { continue }
        // A return in the middle is rare, or programs would be short.
        if code & 7 == C.ret && below(4) > 0 { continue }
        program.append(instruction(code, room: length - 1 - program.count))
      }
      program.append(
        below(2) == 0 ? BPFInstruction(C.ret | C.a) : BPFInstruction(C.ret, constant()))
      return program
    }

    mutating func packet() -> [UInt8] {
      // Few values, so that comparisons hold now and then.
      (0..<below(64)).map { _ in
        below(3) == 0 ? UInt8.random(in: 0...255, using: &generator) : UInt8(below(4))
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4])
  func `verdicts are the same`(seed: UInt64) throws {
    var maker = Maker(generator: SeededGenerator(state: seed))
    let page = GuardedPage()
    var accepted = 0
    var rejected = 0
    var codes: Set<UInt16> = []
    for _ in 0..<1000 {
      let program = maker.program()
      try #require(Reference.isValid(program))
      let joined = PacketFilterStorage([(1, try FilterProgram(program))])
      let plain = PacketFilterStorage([(1, try FilterProgram(program, fused: false))])
      codes.formUnion(program.map(\.code))
      for _ in 0..<8 {
        let packet = maker.packet()
        let wire = packet.count + maker.below(3) * 500
        let expected = Reference.verdict(program, packet, wire: wire)
        let found =
          page.verdicts(joined.filter, packet, wire: wire)
          + page.verdicts(plain.filter, packet, wire: wire)
        if found.contains(where: { $0 != expected }) {
          Issue.record("\(program) over \(packet): \(found), libpcap \(expected)")
          return
        }
        if expected == 0 { rejected += 1 } else { accepted += 1 }
      }
    }
    // The programs say both, and hold every instruction.
    #expect(accepted > 1000 && rejected > 1000)
    let all = Set(Self.loads + Self.arithmetic + Self.jumps + Self.others)
    #expect(codes == all, "not made: \(all.subtracting(codes)); unknown: \(codes.subtracting(all))")
  }
}
