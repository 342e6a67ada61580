extension FilterProgram {
  /// Joins each load with the mask and the conditional jump that follow it into one `test`, and lets
  /// a chain of comparisons of one loaded value run as tests throughout.
  ///
  ///     ldh [12]; jeq #0x86dd, 2, 8  →  test [12] == 0x86dd, 2, 8'     the load and its branch
  ///     8: jeq #0x800, 9, 19         →  8': test [12] == 0x800, 9, 19  8 as reached from there
  ///
  /// Instructions that are joined stay where they are, for whatever else jumps to them. A test
  /// leaves A as the instructions it stands for do, and rejects where their load does.
  mutating func fuse() {
    for index in code.indices {
      guard let test = test(at: index) else { continue }
      code[index] = test
    }
    // Copies are tests too, so their own targets are looked at when the walk reaches them.
    var copies: [Copy: UInt32] = [:]
    let limit = code.count * 4
    var index = 0
    while index < code.count {
      if code[index].opcode == .test {
        code[index].jt = testing(code[index].jt, after: code[index], &copies, limit)
        code[index].jf = testing(code[index].jf, after: code[index], &copies, limit)
      }
      index += 1
    }
  }

  /// A comparison as reached from a test: what that had loaded, and where the comparison stands.
  private struct Copy: Hashable {
    var end: UInt16
    var indirect: UInt32
    var mask: UInt32
    var comparison: UInt32
  }

  /// Where a test jumps instead of to `target`: to a test that loads the same value again, if
  /// `target` compares it; behind a `ja`, if it is one; else there.
  private mutating func testing(
    _ target: UInt32, after test: FilterInstruction, _ copies: inout [Copy: UInt32], _ limit: Int
  ) -> UInt32 {
    var target = target
    // Forward only, so this ends.
    while code[Int(target)].opcode == .jump { target = code[Int(target)].jt }
    let key = Copy(
      end: test.end, indirect: test.indirect, mask: test.mask, comparison: target)
    if let copy = copies[key] { return copy }
    guard code.count < limit, let copy = test.comparing(as: code[Int(target)]) else {
      return target
    }
    let place = UInt32(code.count)
    code.append(copy)
    copies[key] = place
    return place
  }

  /// The test that the load at `index` and what follows it are; nil where they are none.
  private func test(at index: Int) -> FilterInstruction? {
    let load = code[index]
    var test = FilterInstruction(.test)
    let size: UInt32
    switch load.opcode {
    case .loadWord, .loadWordIndirect: (size, test.mask) = (4, 0xffff_ffff)
    case .loadHalf, .loadHalfIndirect: (size, test.mask) = (2, 0xffff)
    case .loadByte, .loadByteIndirect: (size, test.mask) = (1, 0xff)
    default: return nil
    }
    switch load.opcode {
    case .loadWordIndirect, .loadHalfIndirect, .loadByteIndirect: test.indirect = .max
    default: break
    }
    // Four octets are read that end where the load ends, so there have to be as many before.
    guard load.k <= UInt32(UInt16.max) - size, load.k + size >= 4 else { return nil }
    test.end = UInt16(load.k + size)

    // The last instruction returns, so something follows a load, and something an `and`.
    var next = index + 1
    if code[next].opcode == .andK {
      test.mask &= code[next].k
      next += 1
    }
    return test.comparing(as: code[next])
  }
}

extension FilterInstruction {
  /// This test with the comparison and the targets of a conditional jump; nil if it is another
  /// instruction.
  fileprivate func comparing(as jump: FilterInstruction) -> FilterInstruction? {
    var test = self
    switch jump.opcode {
    case .jumpEqualK: (test.select, test.k, test.jt, test.jf) = (.max, jump.k, jump.jt, jump.jf)
    // Any bit of the selected ones set: not all of them clear.
    case .jumpSetK: (test.select, test.k, test.jt, test.jf) = (jump.k, 0, jump.jf, jump.jt)
    default: return nil
    }
    return test
  }
}
