import CBurst
import FlowEngine
import Testing

private typealias I = BPFInstruction
private typealias C = BPFCode

@Suite struct ProgramTests {
  /// What is not valid is refused with the instruction's number and what is wrong with it; where
  /// `bpf_validate` looks at the same thing, it refuses it too.
  @Test func `invalid programs`() {
    func check(
      _ program: [BPFInstruction], _ text: String, alsoLibpcap: Bool = true,
      _ location: SourceLocation = #_sourceLocation
    ) {
      if alsoLibpcap {
        #expect(!Reference.isValid(program), "libpcap takes it", sourceLocation: location)
      }
      do {
        _ = try FilterProgram(program)
        Issue.record("taken", sourceLocation: location)
      } catch {
        #expect(error.description == "invalid BPF program: \(text)", sourceLocation: location)
      }
    }
    let ret = I(C.ret, 1)
    check([], "it has no instructions")
    check([I(C.ld | C.imm, 1)], "instruction 0: the last instruction does not return")
    check([ret, I(C.jmp | C.ja, 0)], "instruction 1: it jumps to 2, outside of 0 to 1")
    check([I(C.jmp | C.ja, 1), ret], "instruction 0: it jumps to 2, outside of 0 to 1")
    check(
      [ret, I(C.jmp | C.ja, UInt32(bitPattern: -3)), ret],
      "instruction 1: it jumps to -1, outside of 0 to 2")
    check(
      [I(C.jmp | C.ja, 0x7fff_ffff), ret],
      "instruction 0: it jumps to 2147483648, outside of 0 to 1")
    check(
      [I(C.jmp | C.jeq | C.k, 0, jt: 1, jf: 0), ret],
      "instruction 0: it jumps to 2, outside of 0 to 1")
    check(
      [I(C.jmp | C.jset | C.x, 0, jt: 0, jf: 255), ret],
      "instruction 0: it jumps to 256, outside of 0 to 1")
    check([ret, I(C.ld | C.mem, 16), ret], "instruction 1: memory slot 16; slots are 0 to 15")
    check(
      [I(C.ldx | C.mem, .max), ret], "instruction 0: memory slot 4294967295; slots are 0 to 15")
    check([I(C.st, 16), ret], "instruction 0: memory slot 16; slots are 0 to 15")
    check([I(C.stx, 99), ret], "instruction 0: memory slot 99; slots are 0 to 15")
    check([I(C.alu | C.div | C.k, 0), ret], "instruction 0: division by 0")
    check([I(C.alu | C.mod | C.k, 0), ret], "instruction 0: division by 0")
    check([I(C.alu | 0xb0, 0), ret], "instruction 0: unknown code 0xb4")
    check([I(C.jmp | 0x50, 0), ret], "instruction 0: unknown code 0x55")
    check([I(C.ld | 0xc0, 0), ret], "instruction 0: unknown code 0xc0")
    // bpf_validate looks no closer at these; bpf_filter aborts the process.
    check([I(C.misc | 0x40), ret], "instruction 0: unknown code 0x47", alsoLibpcap: false)
    check([I(C.ret | C.x)], "instruction 0: unknown code 0xe", alsoLibpcap: false)
    check([I(0x8000), ret], "instruction 0: unknown code 0x8000", alsoLibpcap: false)
    check([I(C.ld | 0x18 | C.abs), ret], "instruction 0: unknown code 0x38", alsoLibpcap: false)
  }

  @Test func `a program may be of any length up to the limit`() throws {
    let ret = I(C.ret, 1)
    var long = Array(repeating: I(C.alu | C.add | C.k, 1), count: 70_000)
    long[0] = I(C.jmp | C.ja, 69_998)
    long.append(I(C.ret | C.a))
    #expect(try verdict(FilterProgram(long), [1, 2]) == Reference.verdict(long, [1, 2]))
    #expect(throws: FilterProgramError.self) {
      try FilterProgram(Array(repeating: ret, count: FilterProgram.limit + 1))
    }
  }

  @Test func `an instruction is half a cache line`() {
    #expect(MemoryLayout<FilterInstruction>.size == 32)
    #expect(MemoryLayout<FilterInstruction>.stride == 32)
    #expect(MemoryLayout<BPFInstruction>.stride == 8)
    #expect(MemoryLayout<PacketFilter>.size == 24)
  }

  /// Copies of comparisons are bounded, so a long chain of them cannot blow a program up.
  @Test func `joining adds few instructions`() throws {
    // Every second instruction loads something else, and every jump goes into the next chain.
    var program: [BPFInstruction] = []
    for i in 0..<2000 as Range<UInt32> {
      program.append(I(C.ld | C.w | C.abs, i % 60))
      program.append(I(C.jmp | C.jeq | C.k, i, jt: 200, jf: 1))
    }
    program += Array(repeating: I(C.jmp | C.jeq | C.k, 5, jt: 3, jf: 2), count: 4000)
    program += Array(repeating: I(C.ret, 3), count: 300)
    let decoded = try FilterProgram(program)
    #expect(decoded.code.count <= program.count * 4)
    var generator = SeededGenerator(state: 5)
    for _ in 0..<100 {
      let packet = (0..<64).map { _ in UInt8.random(in: 0...1, using: &generator) }
      #expect(verdict(decoded, packet) == Reference.verdict(program, packet))
    }
  }

  @Test func `a filter has one program a link type`() throws {
    let storage = PacketFilterStorage([
      (1, try FilterProgram([I(C.ret, 11)])), (101, try FilterProgram([I(C.ret, 22)])),
      (1, try FilterProgram([I(C.ret, 33)])),
    ])
    #expect(storage.linkTypes == [1, 101, 1])
    #expect(storage.byteCount == 3 * 32 + 3 * 8)
    withExtendedLifetime(storage) {
      #expect(storage.filter.handles(linkType: 1))
      #expect(storage.filter.handles(linkType: 101))
      #expect(!storage.filter.handles(linkType: 0))
      #expect(verdict(storage.filter, [], linkType: 1) == 11)
      #expect(verdict(storage.filter, [], linkType: 101) == 22)
      #expect(verdict(storage.filter, [], linkType: 0) == 0)
      var packet = martlet_packet()
      packet.link_type = 101
      #expect(storage.filter.accepts(&packet))
      packet.link_type = 113
      #expect(!storage.filter.accepts(&packet))
    }
  }

  @Test func `a filter without programs passes nothing`() {
    let storage = PacketFilterStorage([])
    withExtendedLifetime(storage) {
      #expect(!storage.filter.handles(linkType: 1))
      #expect(verdict(storage.filter, [1, 2, 3]) == 0)
    }
  }
}
