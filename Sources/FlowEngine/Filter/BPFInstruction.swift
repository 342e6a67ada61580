/// One instruction of classic BPF in its interchange form, bpf(4)'s `struct bpf_insn`: 8 bytes.
@frozen
package struct BPFInstruction: BitwiseCopyable, Hashable, Sendable {
  /// Class, size and mode, or class, operation and source; see ``BPFCode``.
  package var code: UInt16
  /// Instructions to skip where a conditional jump's condition holds.
  package var jt: UInt8
  /// Instructions to skip where it does not.
  package var jf: UInt8
  /// The constant: offset, operand, memory slot, return value or distance, by `code`.
  package var k: UInt32

  package init(_ code: UInt16, _ k: UInt32 = 0, jt: UInt8 = 0, jf: UInt8 = 0) {
    self.code = code
    self.jt = jt
    self.jf = jf
    self.k = k
  }
}

/// The parts an instruction's code is made of, as pcap/bpf.h names and numbers them.
package enum BPFCode {
  // Classes.
  package static let ld: UInt16 = 0x00
  package static let ldx: UInt16 = 0x01
  package static let st: UInt16 = 0x02
  package static let stx: UInt16 = 0x03
  package static let alu: UInt16 = 0x04
  package static let jmp: UInt16 = 0x05
  package static let ret: UInt16 = 0x06
  package static let misc: UInt16 = 0x07

  // Sizes of ld and ldx.
  package static let w: UInt16 = 0x00
  package static let h: UInt16 = 0x08
  package static let b: UInt16 = 0x10

  // Modes of ld and ldx.
  package static let imm: UInt16 = 0x00
  package static let abs: UInt16 = 0x20
  package static let ind: UInt16 = 0x40
  package static let mem: UInt16 = 0x60
  package static let len: UInt16 = 0x80
  package static let msh: UInt16 = 0xa0

  // Operations of alu.
  package static let add: UInt16 = 0x00
  package static let sub: UInt16 = 0x10
  package static let mul: UInt16 = 0x20
  package static let div: UInt16 = 0x30
  package static let or: UInt16 = 0x40
  package static let and: UInt16 = 0x50
  package static let lsh: UInt16 = 0x60
  package static let rsh: UInt16 = 0x70
  package static let neg: UInt16 = 0x80
  package static let mod: UInt16 = 0x90
  package static let xor: UInt16 = 0xa0

  // Operations of jmp.
  package static let ja: UInt16 = 0x00
  package static let jeq: UInt16 = 0x10
  package static let jgt: UInt16 = 0x20
  package static let jge: UInt16 = 0x30
  package static let jset: UInt16 = 0x40

  // Sources of alu and jmp, and of ret with `a`.
  package static let k: UInt16 = 0x00
  package static let x: UInt16 = 0x08
  package static let a: UInt16 = 0x10

  // Operations of misc.
  package static let tax: UInt16 = 0x00
  package static let txa: UInt16 = 0x80

  /// Words of scratch memory: slots 0 to 15.
  package static let memoryWords = 16
}
