import FlowEngine
import Foundation
import Testing

@testable import Dissection

struct BlockPoolTests {
  private static func pool(spans: Int) -> (BlockPool, UnsafeMutableRawPointer) {
    var sum = MemoryPlan()
    _ = BlockPool(capacity: spans << 16, plan: &sum, touch: false)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: sum.total, alignment: 128)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: sum.total)
    var plan = MemoryPlan(memory: memory)
    return (BlockPool(capacity: spans << 16, plan: &plan, touch: true), memory)
  }

  @Test func blocksOfAllSizesShareTheMemoryAndNoByte() {
    var (pool, memory) = Self.pool(spans: 8)
    defer { memory.deallocate() }
    var generator = SplitMix(state: 7)
    var held: [(number: UInt32, size: UInt8, mark: UInt8)] = []
    for round in 0..<20_000 {
      if Bool.random(using: &generator) || held.isEmpty {
        let size = UInt8.random(in: 0..<4, using: &generator)
        let number = pool.take(size)
        guard number != 0 else { continue }
        let mark = UInt8(truncatingIfNeeded: round)
        memset(pool.at(number), Int32(mark), BlockPool.byteCount(size))
        held.append((number, size, mark))
      } else {
        let block = held.remove(at: Int.random(in: 0..<held.count, using: &generator))
        let bytes = UnsafeRawBufferPointer(
          start: pool.at(block.number), count: BlockPool.byteCount(block.size))
        #expect(bytes.allSatisfy { $0 == block.mark })
        pool.giveBack(block.number, block.size)
      }
      #expect(pool.usedBytes == held.reduce(0) { $0 + BlockPool.byteCount($1.size) })
    }
    for block in held { pool.giveBack(block.number, block.size) }
    #expect(pool.usedBytes == 0)
    // All is one again.
    #expect((0..<8).allSatisfy { _ in pool.take(3) != 0 })
    #expect(pool.take(0) == 0)
  }
}
