import Foundation
import Testing

@testable import Runtime

/// Records that wait for their flow's end come back in order, from memory and from the file.
struct EventShelfTests {
  private func message(_ flow: Int, _ number: Int) -> [UInt8] {
    Array("flow \(flow), record \(number)".utf8)
      + [UInt8](repeating: UInt8(number & 255), count: (flow * 37 + number * 101) % 900)
  }

  private func name(_ flow: Int) -> EventShelf.FlowName {
    EventShelf.FlowName(firstSeen: Int64(flow / 3), ordinal: UInt64(flow))
  }

  private func put(_ shelf: inout EventShelf, _ flow: Int, _ number: Int) {
    message(flow, number).withUnsafeBytes { shelf.put($0, of: name(flow)) }
  }

  private func taken(_ shelf: inout EventShelf, _ flow: Int) -> [[UInt8]] {
    var all: [[UInt8]] = []
    shelf.take(name(flow), isWanted: true) { all.append(Array($0)) }
    return all
  }

  @Test(arguments: [0, 1000, 20_000, 1 << 20])
  func eachFlowGetsItsOwnInOrder(memoryLimit: Int) {
    var shelf = EventShelf(memoryLimit: memoryLimit)
    for number in 0..<50 {
      for flow in 0..<20 { put(&shelf, flow, number) }
      #expect(shelf.bytesInMemory <= memoryLimit)
    }
    #expect(shelf.bytesOnDisk > 0 || memoryLimit == 1 << 20)
    for flow in (0..<20).reversed() {
      if flow % 4 == 0 {
        shelf.take(name(flow), isWanted: false) { _ in Issue.record("not wanted") }
      } else {
        #expect(taken(&shelf, flow) == (0..<50).map { message(flow, $0) })
      }
      #expect(taken(&shelf, flow).isEmpty)
    }
    #expect(shelf.isEmpty && shelf.bytesInMemory == 0 && shelf.bytesOnDisk == 0)
    // And again, behind an emptied file.
    for number in 0..<20 { put(&shelf, 1, number) }
    #expect(taken(&shelf, 1) == (0..<20).map { message(1, $0) })
  }

  @Test func withoutAFolderMemoryIsTaken() {
    var shelf = EventShelf(memoryLimit: 1000, folder: "/nonexistent/folder")
    for number in 0..<50 { put(&shelf, 7, number) }
    #expect(shelf.bytesOnDisk == 0 && shelf.bytesInMemory > 1000)
    #expect(taken(&shelf, 7) == (0..<50).map { message(7, $0) })
  }

  @Test(arguments: [0, 3000])
  func whereTheDiskIsFullOrderHolds(memoryLimit: Int) {
    var shelf = EventShelf(memoryLimit: memoryLimit, fileLimit: 9000)
    for number in 0..<200 {
      for flow in 0..<3 { put(&shelf, flow, number) }
    }
    for flow in 0..<3 {
      #expect(taken(&shelf, flow) == (0..<200).map { message(flow, $0) })
    }
    #expect(shelf.isEmpty && shelf.bytesInMemory == 0 && shelf.bytesOnDisk == 0)
  }
}
