import FlowEngine
import Testing

private typealias I = BPFInstruction
private typealias C = BPFCode

/// Each instruction and each edge of it, against libpcap's `bpf_filter` on the same bytes.
@Suite struct InstructionTests {
  private let packet: [UInt8] = (0..<40).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 129) }

  /// The verdict of both executors, and of Martlet's with and without joined tests, is `expected`.
  private func check(
    _ program: [BPFInstruction], gives expected: UInt32, bytes: [UInt8]? = nil, wire: Int? = nil,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let bytes = bytes ?? packet
    #expect(
      Reference.verdict(program, bytes, wire: wire) == expected, "libpcap", sourceLocation: location
    )
    for fused in [true, false] {
      let decoded = try FilterProgram(program, fused: fused)
      #expect(
        verdict(decoded, bytes, wire: wire) == expected, "Martlet, fused: \(fused)",
        sourceLocation: location)
    }
  }

  @Test func returns() throws {
    try check([I(C.ret, 7)], gives: 7)
    try check([I(C.ret, .max)], gives: .max)
    try check([I(C.ret | C.a)], gives: 0)
    try check([I(C.ld | C.imm, 9), I(C.ret | C.a)], gives: 9)
    try check([I(C.ret, 7)], gives: 7, bytes: [])
  }

  @Test func `loads are big-endian and end with what was captured`() throws {
    let last = UInt32(packet.count)
    func octets(_ at: Int, _ count: Int) -> UInt32 {
      packet[at..<at + count].reduce(0) { $0 << 8 | UInt32($1) }
    }
    for (size, count) in [(C.w, 4), (C.h, 2), (C.b, 1)] {
      for mode in [C.abs, C.ind] {
        let load = C.ld | size | mode
        let end = last - UInt32(count)
        try check([I(load, 0), I(C.ret | C.a)], gives: octets(0, count))
        try check([I(load, 5), I(C.ret | C.a)], gives: octets(5, count))
        try check([I(load, end), I(C.ret | C.a)], gives: octets(Int(end), count))
        // One further, at the end, and where 32 bits would wrap: rejected, whatever comes next.
        for beyond in [end + 1, last, last + 1, 0x7fff_ffff, .max - 4, .max - 3, .max - 1, .max] {
          try check([I(load, beyond), I(C.ret, 1)], gives: 0)
        }
        try check([I(load, 0), I(C.ret, 1)], gives: 0, bytes: [])
        // What was on the wire and not captured is not there.
        try check([I(load, end + 1), I(C.ret, 1)], gives: 0, wire: 1500)
      }
    }
  }

  @Test func `an indirect load adds X without wrapping`() throws {
    for (size, count) in [(C.w, 4), (C.h, 2), (C.b, 1)] {
      let load = C.ld | size | C.ind
      func program(_ x: UInt32, _ k: UInt32) -> [BPFInstruction] {
        [I(C.ldx | C.imm, x), I(load, k), I(C.ret, 1)]
      }
      let end = UInt32(packet.count - count)
      try check(program(3, 4), gives: 1)
      try check(program(end, 0), gives: 1)
      try check(program(0, end), gives: 1)
      try check(program(end - 6, 6), gives: 1)
      try check(program(end - 6, 7), gives: 0)
      try check(program(end, 1), gives: 0)
      try check(program(UInt32(packet.count), 0), gives: 0)
      // Sums that would come back into the packet.
      try check(program(8, .max - 3), gives: 0)
      try check(program(.max - 3, 8), gives: 0)
      try check(program(.max, .max), gives: 0)
      try check(program(1 << 31, 1 << 31), gives: 0)
    }
  }

  @Test func `the IPv4 header length`() throws {
    let load = I(C.ldx | C.b | C.msh, 2)
    let txa = I(C.misc | C.txa)
    try check([load, txa, I(C.ret | C.a)], gives: UInt32(packet[2] & 15) * 4)
    try check([load, txa, I(C.ret | C.a)], gives: 60, bytes: [0, 0, 0xff])
    try check([load, I(C.ret, 1)], gives: 0, bytes: [0, 0])
    try check([I(C.ldx | C.b | C.msh, .max), I(C.ret, 1)], gives: 0)
  }

  @Test func `len is the length on the wire`() throws {
    try check([I(C.ld | C.len), I(C.ret | C.a)], gives: 1500, wire: 1500)
    try check(
      [I(C.ldx | C.len), I(C.misc | C.txa), I(C.ret | C.a)], gives: 1500, wire: 1500)
    try check([I(C.ld | C.len), I(C.ret | C.a)], gives: 3, wire: 3)
  }

  @Test func memory() throws {
    for slot in 0..<UInt32(C.memoryWords) {
      try check(
        [
          I(C.ld | C.imm, 77), I(C.st, slot), I(C.ld | C.imm, 1), I(C.ld | C.mem, slot),
          I(C.ret | C.a),
        ], gives: 77)
      try check(
        [
          I(C.ldx | C.imm, 78), I(C.stx, slot), I(C.ldx | C.imm, 1), I(C.ldx | C.mem, slot),
          I(C.misc | C.txa), I(C.ret | C.a),
        ], gives: 78)
    }
    // libpcap leaves a slot that was never stored to undefined; here it is 0.
    #expect(try verdict(FilterProgram([I(C.ld | C.mem, 3), I(C.ret | C.a)]), packet) == 0)
  }

  @Test func `tax and txa`() throws {
    try check(
      [
        I(C.ld | C.imm, 5), I(C.misc | C.tax), I(C.ld | C.imm, 9), I(C.misc | C.txa),
        I(C.ret | C.a),
      ], gives: 5)
  }

  @Test(
    arguments: [
      (BPFCode.add, 7, 3, 10), (BPFCode.add, .max, 2, 1), (BPFCode.sub, 7, 3, 4),
      (BPFCode.sub, 3, 7, .max - 3), (BPFCode.mul, 7, 3, 21),
      (BPFCode.mul, 0x8000_0001, 2, 2), (BPFCode.div, 7, 3, 2), (BPFCode.div, .max, 1, .max),
      (BPFCode.div, 0x8000_0000, .max, 0), (BPFCode.mod, 7, 3, 1), (BPFCode.mod, .max, 10, 5),
      (BPFCode.and, 0xff0f, 0x0ff0, 0x0f00), (BPFCode.or, 0xff0f, 0x0ff0, 0xffff),
      (BPFCode.xor, 0xff0f, 0x0ff0, 0xf0ff), (BPFCode.lsh, 1, 31, 0x8000_0000),
      (BPFCode.lsh, 3, 31, 0x8000_0000), (BPFCode.lsh, 5, 0, 5), (BPFCode.rsh, .max, 31, 1),
      (BPFCode.rsh, .max, 0, .max), (BPFCode.rsh, 0x8000_0000, 4, 0x0800_0000),
    ] as [(UInt16, UInt32, UInt32, UInt32)])
  func arithmetic(operation: UInt16, a: UInt32, operand: UInt32, result: UInt32) throws {
    try check(
      [I(C.ld | C.imm, a), I(C.alu | operation | C.k, operand), I(C.ret | C.a)], gives: result)
    try check(
      [
        I(C.ldx | C.imm, operand), I(C.ld | C.imm, a), I(C.alu | operation | C.x), I(C.ret | C.a),
      ], gives: result)
  }

  @Test func negation() throws {
    for (a, result) in [(0, 0), (1, .max), (.max, 1), (0x8000_0000, 0x8000_0000)]
      as [(UInt32, UInt32)]
    {
      try check([I(C.ld | C.imm, a), I(C.alu | C.neg), I(C.ret | C.a)], gives: result)
    }
  }

  @Test func `division by X of 0 rejects`() throws {
    for operation in [C.div, C.mod] {
      try check([I(C.ld | C.imm, 5), I(C.alu | operation | C.x), I(C.ret, 1)], gives: 0)
    }
  }

  @Test func `a shift by 32 or more gives 0`() throws {
    for operation in [C.lsh, C.rsh] {
      for distance in [32, 33, 63, 64, 255, 256, 0x8000_0000, .max] as [UInt32] {
        try check(
          [
            I(C.ldx | C.imm, distance), I(C.ld | C.imm, .max), I(C.alu | operation | C.x),
            I(C.ret | C.a),
          ], gives: 0)
        // By a constant, C leaves it undefined, and so does libpcap before 1.11: no comparison.
        let program = [
          I(C.ld | C.imm, .max), I(C.alu | operation | C.k, distance), I(C.ret | C.a),
        ]
        #expect(try verdict(FilterProgram(program), packet) == 0)
      }
    }
  }

  @Test func `conditional jumps compare without sign`() throws {
    let values: [UInt32] = [0, 1, 2, 5, 0x7fff_ffff, 0x8000_0000, .max]
    for a in values {
      for b in values {
        for (operation, holds) in [
          (C.jeq, a == b), (C.jgt, a > b), (C.jge, a >= b), (C.jset, a & b != 0),
        ] {
          let verdict: UInt32 = holds ? 11 : 22
          let ends = [I(C.ret, 22), I(C.ret, 33), I(C.ret, 11)]
          try check(
            [I(C.ld | C.imm, a), I(C.jmp | operation | C.k, b, jt: 2, jf: 0)] + ends,
            gives: verdict)
          try check(
            [
              I(C.ldx | C.imm, b), I(C.ld | C.imm, a), I(C.jmp | operation | C.x, jt: 2, jf: 0),
            ] + ends, gives: verdict)
        }
      }
    }
  }

  @Test func `unconditional jumps`() throws {
    try check([I(C.jmp | C.ja, 0), I(C.ret, 1)], gives: 1)
    try check([I(C.jmp | C.ja, 1), I(C.ret, 1), I(C.ret, 2)], gives: 2)
    let far = Array(repeating: I(C.ret, 1), count: 1000) + [I(C.ret, 2)]
    try check([I(C.jmp | C.ja, 1000)] + far, gives: 2)
    // As far as a conditional jump reaches.
    let near = Array(repeating: I(C.ret, 1), count: 255) + [I(C.ret, 2)]
    try check([I(C.jmp | C.jeq | C.k, 0, jt: 255, jf: 0)] + near, gives: 2)
    try check([I(C.jmp | C.jeq | C.k, 1, jt: 0, jf: 255)] + near, gives: 2)
  }

  /// Walks the packet as a list of lengths, with jumps back: the shape of `ip6 protochain`.
  @Test func `a loop that moves on`() throws {
    let walk = [
      I(C.ld | C.b | C.ind, 0),
      I(C.jmp | C.jeq | C.k, 0xee, jt: 4, jf: 0),
      I(C.alu | C.add | C.x), I(C.misc | C.tax),
      I(C.ld | C.imm, 1),
      I(C.jmp | C.ja, UInt32(bitPattern: -6)),
      I(C.ret, 1),
    ]
    try check(walk, gives: 1, bytes: [2, 0, 3, 0, 0, 1, 0xee])
    try check(walk, gives: 0, bytes: [2, 0, 3, 0, 0, 1, 1])
    // A round an octet.
    try check(walk, gives: 1, bytes: Array(repeating: 1, count: 5000) + [0xee])
  }

  @Test func `a loop that does not move on is ended`() throws {
    let program = try FilterProgram([I(C.jmp | C.ja, UInt32(bitPattern: -1)), I(C.ret, 1)])
    #expect(verdict(program, packet) == 0)
    #expect(verdict(program, []) == 0)
  }

  /// Jumps to the middle of what is joined: the comparison is then of another value.
  @Test func `joined instructions keep their places`() throws {
    for value in [0x15, 0x81, 0xa6, 0x77] as [UInt32] {
      try check(
        [
          I(C.ld | C.len), I(C.jmp | C.jgt | C.k, 100, jt: 1, jf: 0),
          I(C.ld | C.b | C.abs, 4),
          I(C.jmp | C.jeq | C.k, value, jt: 0, jf: 1), I(C.ret, 1), I(C.ret, 2),
        ], gives: value == 0x15 ? 1 : 2)
      try check(
        [
          I(C.ld | C.len), I(C.jmp | C.jgt | C.k, 100, jt: 1, jf: 0),
          I(C.ld | C.b | C.abs, 4),
          I(C.jmp | C.jeq | C.k, value, jt: 0, jf: 1), I(C.ret, 1), I(C.ret, 2),
        ], gives: 1, wire: Int(value))
    }
  }

  /// One comparison that is reached with a word, a half word, an octet of the same place, and with
  /// each from X: every way there compares its own value.
  @Test func `a comparison is reached from several loads`() throws {
    let end = 10 as UInt32
    func octets(_ count: UInt32) -> UInt32 {
      packet[Int(end - count)..<Int(end)].reduce(0) { $0 << 8 | UInt32($1) }
    }
    let never = 0x0102_0304 as UInt32
    for value in [octets(4), octets(2), octets(1), octets(4) & 0xffff_0000, 0] {
      var program: [BPFInstruction] = [I(C.ldx | C.imm, 3), I(C.ld | C.len)]
      let loads = [
        I(C.ld | C.w | C.abs, end - 4), I(C.ld | C.h | C.abs, end - 2),
        I(C.ld | C.b | C.abs, end - 1), I(C.ld | C.h | C.ind, end - 5),
        I(C.ld | C.b | C.ind, end - 4), I(C.ld | C.b | C.ind, end - 1),
      ]
      // len = 1000 + n chooses the load n; masked at n + 6.
      let masks = [.max, 0xffff_0000] as [UInt32]
      let count = UInt8(loads.count * masks.count)
      for n in 0..<count {
        let rest = count - 1 - n
        program.append(I(C.jmp | C.jeq | C.k, 1000 + UInt32(n), jt: rest + n * 3, jf: 0))
      }
      for n in 0..<count {
        let rest = (count - 1 - n) * 3
        program.append(loads[Int(n) % loads.count])
        program.append(I(C.alu | C.and | C.k, masks[Int(n) / loads.count]))
        program.append(I(C.jmp | C.jeq | C.k, never, jt: rest, jf: rest))
      }
      program += [I(C.jmp | C.jeq | C.k, value, jt: 0, jf: 1), I(C.ret, 1), I(C.ret | C.a)]
      for n in 0..<Int(count) {
        let expected = Reference.verdict(program, packet, wire: 1000 + n)
        try check(program, gives: expected, wire: 1000 + n)
      }
    }
  }

  /// A test leaves A masked as its instructions do, for comparisons and returns behind it.
  @Test func `a joined test leaves A as it was`() throws {
    for load in [C.ld | C.w | C.abs, C.ld | C.h | C.abs, C.ld | C.h | C.ind] {
      for mask in [.max, 0xff00, 0x0ff0, 0xff00_ff00, 0] as [UInt32] {
        let program = [
          I(load, 8), I(C.alu | C.and | C.k, mask),
          I(C.jmp | C.jeq | C.k, 0x1234, jt: 3, jf: 0),
          I(C.jmp | C.jset | C.k, 0x8000, jt: 0, jf: 1), I(C.ret | C.a),
          I(C.alu | C.add | C.k, 5), I(C.ret | C.a),
        ]
        try check(program, gives: Reference.verdict(program, packet))
      }
    }
  }
}
