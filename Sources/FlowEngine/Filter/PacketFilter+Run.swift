extension PacketFilter {
  /// Runs a program over a packet's bytes; 0 rejects.
  ///
  /// The rules are those of libpcap's `bpf_filter`: loads are big-endian and bounded by what was
  /// captured, and one beyond it rejects, as a division by 0 does; `len` is the length on the wire;
  /// arithmetic is on 32 bits without sign and wraps; a shift by 32 or more gives 0.
  ///
  /// ``FilterProgram`` has checked every jump and slot, so only the packet's bounds are left. `data`
  /// may be nil where nothing was captured.
  ///
  /// Most programs are tests, the length of the IPv4 header and a return: those are done here, and
  /// at the first other instruction ``runAll`` goes on. Its frame and its dispatch cost as much as
  /// some five tests.
  @inline(never)
  @usableFromInline
  static func run(
    _ code: UnsafePointer<FilterInstruction>, _ data: UnsafePointer<UInt8>?, captured: Int,
    wire: UInt32
  ) -> UInt32 {
    var a: UInt32 = 0
    var x: UInt32 = 0
    var next = code
    while true {
      switch next.pointee.opcode {
      case .test:
        // Offsets are sums of a 16-bit and a 32-bit value in 64 bits: they cannot overflow. `end`
        // is at least 4, and within `captured`, so the four octets before it are there.
        let end = Int(next.pointee.end) &+ Int(x & next.pointee.indirect)
        guard end <= captured else { return 0 }
        a = data.unsafelyUnwrapped.be32(end &- 4) & next.pointee.mask
        next = code + jump(next, a & next.pointee.select == next.pointee.k)
      case .returnK: return next.pointee.k
      case .loadHeaderLengthX:
        let offset = Int(next.pointee.k)
        guard offset < captured else { return 0 }
        x = UInt32(data.unsafelyUnwrapped.u8(offset) & 0x0f) &<< 2
        next += 1
      default:
        return runAll(code, from: next, a, x, data, captured: captured, wire: wire)
      }
    }
  }

  /// The index that a conditional jump goes to. Said to be likely so that it becomes a branch, which
  /// the processor predicts, and not a selection, which the next instruction would wait for: a
  /// quarter of a filter's time.
  @inline(__always)
  private static func jump(_ step: UnsafePointer<FilterInstruction>, _ holds: Bool) -> Int {
    if _fastPath(holds) { Int(step.pointee.jt) } else { Int(step.pointee.jf) }
  }

  /// Runs a program from `next` on, with A and X as they stand: every instruction there is.
  @inline(never)
  private static func runAll(
    _ code: UnsafePointer<FilterInstruction>, from next: UnsafePointer<FilterInstruction>,
    _ a: UInt32, _ x: UInt32, _ data: UnsafePointer<UInt8>?, captured: Int, wire: UInt32
  ) -> UInt32 {
    var a = a
    var x = x
    var memory = ScratchMemory()
    var jumpsBack = 0
    var next = next
    // Offsets are sums of two 32-bit values and a size in 64 bits: they cannot overflow. A load is
    // done only where its end is within `captured`, so `data` is there and holds it.
    while true {
      let step = next
      next += 1
      switch step.pointee.opcode {
      case .returnK: return step.pointee.k
      case .returnA: return a

      case .loadWord:
        let offset = Int(step.pointee.k)
        guard offset &+ 4 <= captured else { return 0 }
        a = data.unsafelyUnwrapped.be32(offset)
      case .loadHalf:
        let offset = Int(step.pointee.k)
        guard offset &+ 2 <= captured else { return 0 }
        a = UInt32(data.unsafelyUnwrapped.be16(offset))
      case .loadByte:
        let offset = Int(step.pointee.k)
        guard offset < captured else { return 0 }
        a = UInt32(data.unsafelyUnwrapped.u8(offset))
      case .loadWordIndirect:
        let offset = Int(x) &+ Int(step.pointee.k)
        guard offset &+ 4 <= captured else { return 0 }
        a = data.unsafelyUnwrapped.be32(offset)
      case .loadHalfIndirect:
        let offset = Int(x) &+ Int(step.pointee.k)
        guard offset &+ 2 <= captured else { return 0 }
        a = UInt32(data.unsafelyUnwrapped.be16(offset))
      case .loadByteIndirect:
        let offset = Int(x) &+ Int(step.pointee.k)
        guard offset < captured else { return 0 }
        a = UInt32(data.unsafelyUnwrapped.u8(offset))
      case .loadHeaderLengthX:
        let offset = Int(step.pointee.k)
        guard offset < captured else { return 0 }
        x = UInt32(data.unsafelyUnwrapped.u8(offset) & 0x0f) &<< 2

      case .loadK: a = step.pointee.k
      case .loadLength: a = wire
      case .loadMemory: a = memory[step.pointee.k]
      case .loadKX: x = step.pointee.k
      case .loadLengthX: x = wire
      case .loadMemoryX: x = memory[step.pointee.k]
      case .storeA: memory[step.pointee.k] = a
      case .storeX: memory[step.pointee.k] = x
      case .moveAToX: x = a
      case .moveXToA: a = x

      // Wrapping is what BPF asks for.
      case .addK: a &+= step.pointee.k
      case .subtractK: a &-= step.pointee.k
      case .multiplyK: a &*= step.pointee.k
      case .divideK: a /= step.pointee.k
      case .moduloK: a %= step.pointee.k
      case .andK: a &= step.pointee.k
      case .orK: a |= step.pointee.k
      case .xorK: a ^= step.pointee.k
      case .shiftLeftK: a = a << step.pointee.k
      case .shiftRightK: a = a >> step.pointee.k
      case .addX: a &+= x
      case .subtractX: a &-= x
      case .multiplyX: a &*= x
      case .divideX:
        guard x != 0 else { return 0 }
        a /= x
      case .moduloX:
        guard x != 0 else { return 0 }
        a %= x
      case .andX: a &= x
      case .orX: a |= x
      case .xorX: a ^= x
      case .shiftLeftX: a = a << x
      case .shiftRightX: a = a >> x
      case .negate: a = 0 &- a

      case .jump: next = code + Int(step.pointee.jt)
      case .jumpBack:
        // `ip6 protochain` moves on by at least 8 octets a round, so this never ends one early; it
        // ends what would run for ever.
        guard jumpsBack <= captured else { return 0 }
        jumpsBack &+= 1
        next = code + Int(step.pointee.jt)
      case .jumpEqualK: next = code + jump(step, a == step.pointee.k)
      case .jumpGreaterK: next = code + jump(step, a > step.pointee.k)
      case .jumpGreaterEqualK: next = code + jump(step, a >= step.pointee.k)
      case .jumpSetK: next = code + jump(step, a & step.pointee.k != 0)
      case .jumpEqualX: next = code + jump(step, a == x)
      case .jumpGreaterX: next = code + jump(step, a > x)
      case .jumpGreaterEqualX: next = code + jump(step, a >= x)
      case .jumpSetX: next = code + jump(step, a & x != 0)

      case .test:
        // `end` is at least 4.
        let end = Int(step.pointee.end) &+ Int(x & step.pointee.indirect)
        guard end <= captured else { return 0 }
        a = data.unsafelyUnwrapped.be32(end &- 4) & step.pointee.mask
        next = code + jump(step, a & step.pointee.select == step.pointee.k)

      case .chooseByteOrder:
        // A packet too short for its header goes either way: both programs see the same of it.
        let isNetworkOrder = captured < 4 || data.unsafelyUnwrapped.be32(0) < 0x1_0000
        next = code + jump(step, isNetworkOrder)
      }
    }
  }
}

/// The 16 words of scratch memory, on the executor's stack. BPF leaves them undefined until they are
/// stored to; here they begin as 0.
private struct ScratchMemory {
  private var words: InlineArray<16, UInt32>
  @inline(__always) init() { words = InlineArray(repeating: 0) }
  @inline(__always) subscript(_ slot: UInt32) -> UInt32 {
    get { words[Int(slot & 15)] }
    set { words[Int(slot & 15)] = newValue }
  }
}
